# escertke demo as a whole, and its search of memory by itself.
if(TARGET escertke)
  add_test(NAME demo COMMAND ${CMAKE_CURRENT_LIST_DIR}/demo $<TARGET_FILE:escertke>)
  set_tests_properties(demo PROPERTIES LABELS integration TIMEOUT 1500)
endif()
add_executable(test_demo_scan ${CMAKE_CURRENT_LIST_DIR}/demo_scan.c ${PROJECT_SOURCE_DIR}/cli/demo_scan.c)
target_link_libraries(test_demo_scan PRIVATE PkgConfig::CMOCKA escertke_base)
target_include_directories(test_demo_scan PRIVATE ${PROJECT_SOURCE_DIR}/cli)
add_test(NAME demo_scan COMMAND test_demo_scan)
set(patience 120)
escertke_patience(patience) # a sanitizer's own memory is searched too
set_tests_properties(demo_scan PROPERTIES LABELS unit TIMEOUT ${patience})
