if(ESCERTKE_GNUTLS)
  escertke_fuzz(token_uri PARTS tls)
endif()
