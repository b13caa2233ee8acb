escertke_fuzz(flight PARTS handshake)
escertke_fuzz(handshake PARTS handshake LIBS escertke_fixture)
