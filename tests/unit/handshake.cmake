escertke_unit(flight PARTS handshake)
escertke_unit(key PARTS handshake LIBS escertke_rawpeer)
escertke_unit_engines(session PARTS handshake LIBS escertke_fixture)
escertke_unit_engines(match PARTS handshake LIBS escertke_fixture)
