# man/*.scd -> build/man/*, by scdoc. Target: man.
find_program(SCDOC scdoc)
set(ESCERTKE_MAN_PAGES)
if(SCDOC)
  foreach(page escertke.1)
    set(out ${CMAKE_BINARY_DIR}/man/${page})
    add_custom_command(OUTPUT ${out} DEPENDS ${PROJECT_SOURCE_DIR}/man/${page}.scd
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
      COMMAND ${SCDOC} < ${PROJECT_SOURCE_DIR}/man/${page}.scd > ${out} VERBATIM)
    list(APPEND ESCERTKE_MAN_PAGES ${out})
  endforeach()
else()
  message(WARNING "scdoc is not there: no man pages will be built")
endif()
add_custom_target(man ALL DEPENDS ${ESCERTKE_MAN_PAGES})
