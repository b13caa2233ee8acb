escertke_fuzz(cert PARTS cert)
escertke_fuzz(san PARTS cert)
escertke_fuzz(constraints PARTS cert)
escertke_fuzz(identifier PARTS cert)
