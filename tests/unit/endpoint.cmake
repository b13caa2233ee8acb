escertke_unit(terminator PARTS endpoint LIBS escertke_fixture)
escertke_unit(initiator PARTS endpoint LIBS escertke_fixture)
escertke_unit(peers PARTS endpoint LIBS escertke_fixture)
escertke_unit(refusal PARTS endpoint)
