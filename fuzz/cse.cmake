escertke_fuzz(cse PARTS cse SOURCES mutate_json.c)
