# Texts that the command reads: from its options, its configuration, its PKI's folder.
foreach(name peer_rule config)
  escertke_fuzz(${name} PARTS cli)
endforeach()
escertke_fuzz(pki_db PARTS cli SOURCES mutate_json.c)
escertke_fuzz(registrar PARTS cli SOURCES mutate_json.c)
target_link_options(fuzz_registrar PRIVATE -Wl,--wrap=esc_hops_send,--wrap=out_words,--wrap=out_event)
