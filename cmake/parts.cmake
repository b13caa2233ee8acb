# How this project is cut for the build: a part is one folder of src/, an OBJECT library that may be linked alone.
include_guard()
include(CheckIncludeFile)

set(ESCERTKE_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
    -Wformat=2 -Wundef -Wcast-align)

add_library(escertke_flags INTERFACE)
target_compile_options(escertke_flags INTERFACE ${ESCERTKE_WARNINGS} $<$<BOOL:${ESCERTKE_WERROR}>:-Werror>)
target_compile_definitions(escertke_flags INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE
    ESCERTKE_VERSION="${PROJECT_VERSION}" $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
target_compile_options(escertke_flags INTERFACE -fstack-protector-strong)
target_link_options(escertke_flags INTERFACE -Wl,-z,relro -Wl,-z,now)
target_include_directories(escertke_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
if(ESCERTKE_SANITIZE)
  target_compile_options(escertke_flags INTERFACE -fsanitize=${ESCERTKE_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(escertke_flags INTERFACE -fsanitize=${ESCERTKE_SANITIZE})
endif()
if(ESCERTKE_FUZZ)
  target_compile_options(escertke_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# escertke_need(PREFIX MODULE): a library by pkg-config, as PkgConfig::PREFIX, or a word on how to get it.
macro(escertke_need prefix module)
  pkg_check_modules(${prefix} QUIET IMPORTED_TARGET "${module}")
  if(NOT ${prefix}_FOUND)
    message(FATAL_ERROR "${module} is not there. On Debian 12, tools/install-deps installs all that is needed; "
      "elsewhere see docs/dependencies.md.")
  endif()
endmacro()

# escertke_optional(OPTION PREFIX MODULE WORDS): an option that is on unless it is set, where its library is there.
macro(escertke_optional option prefix module words)
  pkg_check_modules(${prefix} QUIET IMPORTED_TARGET "${module}")
  if(${prefix}_FOUND)
    option(${option} "${words}" ON)
  else()
    option(${option} "${words}" OFF)
  endif()
  if(${option})
    escertke_need(${prefix} "${module}")
  endif()
endmacro()

# escertke_need_header(PREFIX HEADER NAME): a library that has no pkg-config file.
function(escertke_need_header prefix header name)
  check_include_file(${header} ${prefix}_FOUND)
  if(NOT ${prefix}_FOUND)
    message(FATAL_ERROR "${name} (${header}) is not there. On Debian 12, tools/install-deps installs all that is needed; "
      "elsewhere see docs/dependencies.md.")
  endif()
endfunction()

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

# escertke_patience(VARIABLE): a time limit ends a test that hangs; it must not decide about one that is slow under a tool.
macro(escertke_patience variable)
  if(ESCERTKE_TEST_WRAPPER OR ESCERTKE_SANITIZE)
    math(EXPR ${variable} "${${variable}} * 10")
  endif()
endmacro()

# escertke_unit(NAME PARTS... [LIBS ...]): tests/unit/test_<NAME>.c as a cmocka program and a CTest case.
function(escertke_unit name)
  cmake_parse_arguments(U "" "TIMEOUT" "PARTS;LIBS;SOURCES" ${ARGN})
  add_executable(test_${name} test_${name}.c ${U_SOURCES})
  target_link_libraries(test_${name} PRIVATE PkgConfig::CMOCKA ${U_LIBS})
  foreach(part ${U_PARTS})
    target_link_libraries(test_${name} PRIVATE escertke_${part})
  endforeach()
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
  target_compile_definitions(test_${name} PRIVATE TEST_DATA_DIR="${PROJECT_SOURCE_DIR}/tests/data"
    $<$<BOOL:${ESCERTKE_XML}>:ESCERTKE_XML> $<$<BOOL:${ESCERTKE_CBOR}>:ESCERTKE_CBOR>)
  add_test(NAME ${name} COMMAND ${ESCERTKE_TEST_WRAPPER} $<TARGET_FILE:test_${name}>)
  if(NOT U_TIMEOUT)
    set(U_TIMEOUT 600) # for what hangs: on a loaded machine a test may take many times its usual time
  endif()
  escertke_patience(U_TIMEOUT)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${U_TIMEOUT} LABELS unit)
endfunction()

# escertke_unit_engines(NAME ...): the same program once per TLS back end.
function(escertke_unit_engines name)
  escertke_unit(${name} ${ARGN})
  get_test_property(${name} TIMEOUT timeout)
  foreach(engine gnutls mbedtls)
    string(TOUPPER ESCERTKE_${engine} built)
    if(${built})
      add_test(NAME ${name}_${engine} COMMAND ${ESCERTKE_TEST_WRAPPER} $<TARGET_FILE:test_${name}>)
      set_tests_properties(${name}_${engine} PROPERTIES TIMEOUT ${timeout} LABELS unit ENVIRONMENT ENGINE=${engine})
    endif()
  endforeach()
endfunction()

# escertke_fuzz(NAME PARTS ... [SOURCES ...]): fuzz/fuzz_<NAME>.c and others beside it. With ESCERTKE_FUZZ (clang) a libFuzzer
# program; otherwise a program that replays files and changed copies of them. Either way CTest runs it over fuzz/corpus/<NAME>.
function(escertke_fuzz name)
  cmake_parse_arguments(F "" "" "PARTS;LIBS;SOURCES" ${ARGN})
  list(TRANSFORM F_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/fuzz/)
  add_executable(fuzz_${name} ${PROJECT_SOURCE_DIR}/fuzz/fuzz_${name}.c ${PROJECT_SOURCE_DIR}/fuzz/mutate.c ${F_SOURCES})
  foreach(part ${F_PARTS})
    target_link_libraries(fuzz_${name} PRIVATE escertke_${part})
  endforeach()
  target_link_libraries(fuzz_${name} PRIVATE ${F_LIBS})
  set_property(GLOBAL APPEND PROPERTY ESCERTKE_FUZZERS fuzz_${name})
  set(corpus ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
  if(ESCERTKE_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME fuzz_${name} COMMAND fuzz_${name} -runs=20000 -max_total_time=10 -artifact_prefix=${CMAKE_BINARY_DIR}/
      ${CMAKE_BINARY_DIR}/corpus_${name} ${corpus})
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/corpus_${name})
  else()
    target_sources(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR}/fuzz/replay.c)
    add_test(NAME fuzz_${name} COMMAND fuzz_${name} ${corpus})
    set_tests_properties(fuzz_${name} PROPERTIES ENVIRONMENT REPLAY_FOLDER=${CMAKE_BINARY_DIR})
  endif()
  set_tests_properties(fuzz_${name} PROPERTIES TIMEOUT 300 LABELS fuzz)
endfunction()
