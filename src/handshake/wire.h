/*
 * wire.h - the part of an ESCertKE message that is not encrypted, read for people: its records, handshake messages and
 * certificates. Nothing is decided by it: the message may be anything, and the TLS library judges it.
 */
#ifndef ESCERTKE_HANDSHAKE_WIRE_H
#define ESCERTKE_HANDSHAKE_WIRE_H

#include <escertke/handshake.h>

#include "base/reader.h"

/** Content types of records, and types of handshake messages that ESCertKE knows (RFC 5246 A.1, A.4). */
enum { WIRE_CCS = 20, WIRE_ALERT = 21, WIRE_HANDSHAKE = 22 };
enum {
    WIRE_HELLO_REQUEST = 0,
    WIRE_CLIENT_HELLO = 1,
    WIRE_SERVER_HELLO = 2,
    WIRE_CERTIFICATE = 11,
    WIRE_SERVER_KEY_EXCHANGE = 12,
    WIRE_CERTIFICATE_REQUEST = 13,
    WIRE_SERVER_HELLO_DONE = 14,
    WIRE_CERTIFICATE_VERIFY = 15,
    WIRE_CLIENT_KEY_EXCHANGE = 16,
    WIRE_FINISHED = 20,
};

struct esc_record {
    uint8_t type;
    uint16_t version;
    escertke_span body;
};

struct esc_handshake {
    uint8_t type;
    escertke_span body;
};

/** Next record. @return OK, FORMAT (not whole) */
ESCERTKE_CHECKED escertke_err esc_wire_record(struct rd *r, struct esc_record *out);
/** Next handshake message out of the bodies of records. @return OK, FORMAT (not whole) */
ESCERTKE_CHECKED escertke_err esc_wire_handshake(struct rd *r, struct esc_handshake *out);
/** The certificates of the body of a Certificate message, leaf first. @return how many there are room for; 0 if it is malformed
 */
size_t esc_wire_certificate_list(escertke_span body, escertke_span *out, size_t max);
/** The certificates in a flight, if its Certificate message lies in one record, as those of all TLS libraries do. */
size_t esc_wire_certificates(escertke_span flight, escertke_span *out, size_t max);

#endif
