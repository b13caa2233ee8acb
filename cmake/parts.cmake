# How this project is cut for the build: a part is one folder of src/, an OBJECT library that may be linked alone.
include_guard()

set(ESCERTKE_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
    -Wformat=2 -Wundef -Wcast-align)

add_library(escertke_flags INTERFACE)
target_compile_options(escertke_flags INTERFACE ${ESCERTKE_WARNINGS} $<$<BOOL:${ESCERTKE_WERROR}>:-Werror>)
target_compile_definitions(escertke_flags INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE
    ESCERTKE_VERSION="${PROJECT_VERSION}" $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
target_compile_options(escertke_flags INTERFACE -fstack-protector-strong)
target_include_directories(escertke_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
if(ESCERTKE_SANITIZE)
  target_compile_options(escertke_flags INTERFACE -fsanitize=${ESCERTKE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(escertke_flags INTERFACE -fsanitize=${ESCERTKE_SANITIZE})
endif()
if(ESCERTKE_FUZZ)
  target_compile_options(escertke_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# escertke_part(NAME SOURCES ... [PARTS lower parts ...] [LIBS external targets ...])
# Makes escertke_<NAME>_objects and the static library escertke_<NAME>, which brings its lower parts along.
function(escertke_part name)
  cmake_parse_arguments(P "" "" "SOURCES;PARTS;LIBS" ${ARGN})
  add_library(escertke_${name}_objects OBJECT ${P_SOURCES})
  target_link_libraries(escertke_${name}_objects PUBLIC escertke_flags ${P_LIBS})
  add_library(escertke_${name} STATIC $<TARGET_OBJECTS:escertke_${name}_objects>)
  target_link_libraries(escertke_${name} PUBLIC escertke_flags ${P_LIBS})
  foreach(part ${P_PARTS})
    target_link_libraries(escertke_${name} PUBLIC escertke_${part})
  endforeach()
endfunction()

# escertke_unit(NAME PARTS... [LIBS ...]): tests/unit/test_<NAME>.c as a cmocka program and a CTest case.
function(escertke_unit name)
  cmake_parse_arguments(U "" "TIMEOUT" "PARTS;LIBS;SOURCES" ${ARGN})
  add_executable(test_${name} test_${name}.c ${U_SOURCES})
  target_link_libraries(test_${name} PRIVATE PkgConfig::CMOCKA ${U_LIBS})
  foreach(part ${U_PARTS})
    target_link_libraries(test_${name} PRIVATE escertke_${part})
  endforeach()
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
  target_compile_definitions(test_${name} PRIVATE TEST_DATA_DIR="${PROJECT_SOURCE_DIR}/tests/data")
  add_test(NAME ${name} COMMAND test_${name})
  if(NOT U_TIMEOUT)
    set(U_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${U_TIMEOUT} LABELS unit)
endfunction()
