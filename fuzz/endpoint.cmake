escertke_fuzz(terminator PARTS endpoint LIBS escertke_testpki
  SOURCES terminator_model.c mutate_script.c mutate_tls.c world.c)
escertke_fuzz(attempt PARTS endpoint LIBS escertke_testpki SOURCES mutate_script.c mutate_tls.c world.c)
