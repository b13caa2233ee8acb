escertke_fuzz(notify PARTS carrier LIBS escertke_testpki SOURCES mutate_json.c world.c)
escertke_fuzz(letter PARTS carrier SOURCES mutate_json.c)
escertke_fuzz(polled PARTS carrier binding SOURCES mutate_json.c)
