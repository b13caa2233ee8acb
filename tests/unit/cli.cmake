foreach(name options config peers target files out)
  escertke_unit(cli_${name} PARTS cli)
endforeach()

# The built command: scripts that drive it with an empty folder, real processes and real HTTP on loopback.
foreach(name pki keys establish relay)
  add_test(NAME cli_${name}_command COMMAND python3 -B ${PROJECT_SOURCE_DIR}/tests/integration/cli_${name} $<TARGET_FILE:escertke>)
  set_tests_properties(cli_${name}_command PROPERTIES LABELS integration TIMEOUT 600)
endforeach()
