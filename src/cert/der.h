/* der.h - strict DER over borrowed bytes: minimal definite lengths, low tag numbers, nothing past the end. Errors are false. */
#ifndef ESCERTKE_CERT_DER_H
#define ESCERTKE_CERT_DER_H

#include <escertke/base.h>

enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0A,
    DER_UTF8_STRING = 0x0C,
    DER_RELATIVE_OID = 0x0D,
    DER_PRINTABLE_STRING = 0x13,
    DER_T61_STRING = 0x14,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,             /* | number: primitive, [number] IMPLICIT */
    DER_CONTEXT_CONSTRUCTED = 0xA0, /* | number */
};

struct der {
    const uint8_t *at, *end;
};

struct der_tlv {
    uint8_t tag;
    escertke_span value, whole;
};

struct der esc_der_init(escertke_span in);
bool esc_der_done(const struct der *r);
/** Is the next tag this one? Reads nothing. */
bool esc_der_peek(const struct der *r, uint8_t tag);
/** Next element of any tag. */
ESCERTKE_CHECKED bool esc_der_next(struct der *r, struct der_tlv *t);
/** Next element, which must have this tag. */
ESCERTKE_CHECKED bool esc_der_take(struct der *r, uint8_t tag, struct der_tlv *t);
/** The one element that @p in consists of: this tag, nothing behind it. */
ESCERTKE_CHECKED bool esc_der_only(escertke_span in, uint8_t tag, struct der_tlv *t);

/** INTEGER content octets: at least one, no redundant sign octet. */
ESCERTKE_CHECKED bool esc_der_integer(struct der *r, escertke_span *octets);
/** INTEGER 0...2^31-1. */
ESCERTKE_CHECKED bool esc_der_small(struct der *r, int *v);
/** BOOLEAN with DEFAULT FALSE: absent, or TRUE as FF; an encoded FALSE is not DER. */
ESCERTKE_CHECKED bool esc_der_default_false(struct der *r, bool *v);
/** OBJECT IDENTIFIER content: not empty, each arc complete and minimal. */
ESCERTKE_CHECKED bool esc_der_oid_valid(escertke_span oid);
/** UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 allows them (seconds, Z), as seconds since 1970. */
ESCERTKE_CHECKED bool esc_der_time(struct der *r, int64_t *unix_s);

#endif
