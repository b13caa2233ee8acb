escertke_fuzz(base64 PARTS base)
escertke_fuzz(pem PARTS base)
