escertke_fuzz(base64 PARTS base)
