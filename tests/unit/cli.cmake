foreach(name options config peers target files out pki_crl pki_db pki_name pki_request inspect_tls rate event_book status privileges register_keep)
  escertke_unit(cli_${name} PARTS cli)
endforeach()
escertke_unit(cli_pki_key PARTS cli LIBS escertke_softhsm)
