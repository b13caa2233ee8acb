escertke_fuzz(inspect PARTS cli)
escertke_fuzz(csr PARTS cli)
