escertke_fuzz(flight PARTS handshake SOURCES mutate_tls.c)
escertke_fuzz(match PARTS handshake tls LIBS escertke_testpki SOURCES mutate_tls.c world.c)
escertke_fuzz(handshake PARTS handshake LIBS escertke_testpki SOURCES mutate_tls.c mutate_script.c world.c)
