# cmake --install: command, libraries, public headers, man page, pkg-config file, CMake package.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/escertke)
set(ESCERTKE_REQUIRES_PRIVATE "openssl >= 3.0, jansson >= 2.13, sqlite3, libmicrohttpd >= 0.9.70, libcurl >= 7.85, gnutls >= 3.7")
if(ESCERTKE_MQTT)
  string(APPEND ESCERTKE_REQUIRES_PRIVATE ", libmosquitto >= 2.0")
endif()
if(ESCERTKE_WS)
  string(APPEND ESCERTKE_REQUIRES_PRIVATE ", libwebsockets >= 4.1")
endif()
if(ESCERTKE_XML)
  string(APPEND ESCERTKE_REQUIRES_PRIVATE ", libxml-2.0 >= 2.9")
endif()
if(ESCERTKE_CBOR)
  string(APPEND ESCERTKE_REQUIRES_PRIVATE ", libcbor >= 0.8")
endif()
if(ESCERTKE_MBEDTLS)
  set(ESCERTKE_LIBS_PRIVATE "-lmbedtls -lmbedx509 -lmbedcrypto ") # no pkg-config file comes with them
endif()

install(TARGETS escertke_shared EXPORT escertkeTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS escertke_static EXPORT escertkeStaticTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS escertke RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/escertke DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
if(ESCERTKE_MAN_PAGES)
  install(FILES ${ESCERTKE_MAN_PAGES} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

configure_file(${PROJECT_SOURCE_DIR}/contrib/escertke-serve.service.in ${CMAKE_BINARY_DIR}/escertke-serve.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/escertke-serve.service DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The prefix is known at installation only; paths under it stay relative to the file, so that the tree can be moved.
file(RELATIVE_PATH pc_to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" pc_to_prefix ${pc_to_prefix})
configure_file(${PROJECT_SOURCE_DIR}/cmake/escertke.pc.in ${CMAKE_BINARY_DIR}/escertke.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/escertke.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/escertkeConfig.cmake.in ${CMAKE_BINARY_DIR}/escertkeConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/escertkeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/escertkeConfig.cmake ${CMAKE_BINARY_DIR}/escertkeConfigVersion.cmake DESTINATION ${package_dir})
install(EXPORT escertkeTargets NAMESPACE escertke:: DESTINATION ${package_dir})
install(EXPORT escertkeStaticTargets NAMESPACE escertke:: DESTINATION ${package_dir})
