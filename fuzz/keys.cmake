escertke_fuzz(key_store PARTS keys)
