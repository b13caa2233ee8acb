escertke_unit(profile PARTS cert testpki)
escertke_unit(san PARTS cert testpki)
