# The CSE: one test for each file of src/cse, all in the world of cse_support.c.
foreach(name access acp ae behaviour channel check container hop journal kind new notify operation originator outbox pending register registrar remote represent resource schema state
        subscribe transit virtual)
  escertke_unit(cse_${name} PARTS cse SOURCES cse_support.c)
endforeach()
escertke_unit(cse PARTS cse LIBS escertke_fixture PkgConfig::JANSSON SOURCES cse_support.c)
if(ESCERTKE_XML AND ESCERTKE_CBOR)
  escertke_unit(cse_formats PARTS cse SOURCES cse_support.c)
endif()
