escertke_fuzz(cse PARTS cse)
