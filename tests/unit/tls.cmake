escertke_unit(credential PARTS handshake LIBS escertke_fixture)
escertke_unit(interop PARTS handshake LIBS escertke_fixture escertke_rawpeer)
escertke_unit(wrong_peer PARTS handshake LIBS escertke_fixture escertke_rawpeer)
escertke_unit(own_chain PARTS handshake LIBS escertke_fixture)
