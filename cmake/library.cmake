# libescertke, shared and static, of the objects of its parts. The small CSE (cse) belongs to the command alone.
set(ESCERTKE_LIBRARY_PARTS base m2m cert tls handshake keys endpoint carrier binding)

add_library(escertke_shared SHARED)
add_library(escertke_static STATIC)
foreach(part ${ESCERTKE_LIBRARY_PARTS})
  get_target_property(libs escertke_${part}_objects INTERFACE_LINK_LIBRARIES)
  list(REMOVE_ITEM libs escertke_flags)
  foreach(target escertke_shared escertke_static)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:escertke_${part}_objects>)
    target_link_libraries(${target} PRIVATE ${libs})
  endforeach()
endforeach()

foreach(target escertke_shared escertke_static)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME escertke LINKER_LANGUAGE C ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_link_libraries(${target} PRIVATE Threads::Threads)
  target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                 $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
set_target_properties(escertke_shared PROPERTIES EXPORT_NAME escertke
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS ${PROJECT_SOURCE_DIR}/src/escertke.map)
set_target_properties(escertke_static PROPERTIES EXPORT_NAME escertke_static)
target_link_options(escertke_shared PRIVATE -Wl,--version-script=${PROJECT_SOURCE_DIR}/src/escertke.map)
if(ESCERTKE_SANITIZE)
  # The sanitizer's runtime comes with the program, so its symbols stay open here.
  target_link_options(escertke_shared PRIVATE -fsanitize=${ESCERTKE_SANITIZE}
    INTERFACE $<BUILD_INTERFACE:-fsanitize=${ESCERTKE_SANITIZE}>)
else()
  target_link_options(escertke_shared PRIVATE -Wl,-z,defs -Wl,-z,relro -Wl,-z,now)
endif()

add_library(escertke::escertke ALIAS escertke_shared)
add_library(escertke::escertke_static ALIAS escertke_static)
