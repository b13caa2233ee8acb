escertke_fuzz(cert PARTS cert)
escertke_fuzz(san PARTS cert)
