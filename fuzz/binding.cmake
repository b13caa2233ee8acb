escertke_fuzz(http PARTS binding)
