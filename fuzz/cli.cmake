escertke_fuzz(inspect PARTS cli)
