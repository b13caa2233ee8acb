/* certificate_splice.h - a stock peer's flight with other octets in it than the library that made it would send. */
#ifndef TESTS_UNIT_CERTIFICATE_SPLICE_H
#define TESTS_UNIT_CERTIFICATE_SPLICE_H

#include <escertke/base.h>

/** Body of the first handshake message of this type that is not encrypted, borrowed from @p room; empty if there is none. */
escertke_span splice_find(escertke_span wire, uint8_t type, escertke_buf *room);
/** Puts @p body in its place; records and lengths around it are right. @return false: there is no such message */
bool splice_message(escertke_buf *wire, uint8_t type, escertke_span body);
/** Puts these in place of the certificates that the flight has. @return false: it has no Certificate message */
bool splice_certificates(escertke_buf *wire, const escertke_span *certs, size_t count);

#endif
