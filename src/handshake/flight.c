/*
 * flight.c - the record framing of an ESCertKE message, checked before any TLS library sees a byte (R-HS-21...23).
 * A message is whole TLS records, one after the other; nothing else of TLS is looked at here but the first handshake octet.
 */
#include "handshake/flight.h"

#include "base/fail.h"
#include "base/reader.h"

enum { CCS = 20, ALERT = 21, HANDSHAKE = 22 };

/* RFC 5246 6.2.3: 2^14 of content and up to 2048 of protection. */
#define RECORD_MAX (16384u + 2048u)

#define CLAUSE "TS-0003 8.7.2.2; RFC 5246 6.2"

struct shape {
    size_t records, ccs, alerts;
    uint8_t first_type; /* content type of the first record */
    uint8_t last_type;
    uint8_t first_octet; /* of the first record's body: the handshake type while nothing is encrypted */
    escertke_span last_body;
};

static escertke_err read_record(struct rd *r, struct shape *s, escertke_detail *d)
{
    uint8_t type, major, minor;
    escertke_span body;

    if (rd_u8(r, &type) != ESCERTKE_OK || rd_u8(r, &major) != ESCERTKE_OK || rd_u8(r, &minor) != ESCERTKE_OK ||
        rd_vec16(r, &body) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_FORMAT, CLAUSE, "record %zu is not whole", s->records + 1);
    if (major != 3)
        return esc_fail(d, ESCERTKE_ERR_FORMAT, CLAUSE, "record %zu has version %u.%u, expected 3.x", s->records + 1, major,
                        minor);
    if (type != CCS && type != ALERT && type != HANDSHAKE)
        return esc_fail(d, ESCERTKE_ERR_FORMAT, CLAUSE, "record %zu has content type %u, expected 20, 21 or 22", s->records + 1,
                        type);
    if (!body.len || body.len > RECORD_MAX)
        return esc_fail(d, ESCERTKE_ERR_FORMAT, CLAUSE, "record %zu has %zu octets, expected 1 to %u", s->records + 1, body.len,
                        RECORD_MAX);
    if (type == CCS && (body.len != 1 || body.ptr[0] != 1))
        return esc_fail(d, ESCERTKE_ERR_FORMAT, CLAUSE, "ChangeCipherSpec is not the one octet 01");
    if (s->records++ == 0) {
        s->first_type = type;
        s->first_octet = body.ptr[0];
    }
    s->ccs += type == CCS;
    s->alerts += type == ALERT;
    s->last_type = type;
    s->last_body = body;
    return ESCERTKE_OK;
}

static escertke_flight name_of(const struct shape *s)
{
    if (s->first_type == CCS)
        return ESCERTKE_FLIGHT_M4;
    if (s->ccs)
        return ESCERTKE_FLIGHT_M3;
    if (s->first_octet == 1)
        return ESCERTKE_FLIGHT_M1;
    return s->first_octet == 2 ? ESCERTKE_FLIGHT_M2 : ESCERTKE_FLIGHT_OTHER;
}

escertke_err escertke_flight_classify(escertke_span message, escertke_flight *out, int *alert, escertke_detail *d)
{
    struct rd r = rd_init(message);
    struct shape s = { 0 };

    *alert = -1;
    if (!message.len)
        return esc_fail(d, ESCERTKE_ERR_FORMAT, CLAUSE, "message is empty");
    if (message.len > ESCERTKE_MESSAGE_MAX)
        return esc_fail(d, ESCERTKE_ERR_TOO_LARGE, "A-78", "message has %zu octets, limit %u", message.len, ESCERTKE_MESSAGE_MAX);
    while (rd_left(&r)) {
        escertke_err err = read_record(&r, &s, d);
        if (err != ESCERTKE_OK)
            return err;
    }
    if (s.alerts) {
        if (s.records != 1 || s.last_body.len != 2)
            return esc_fail(d, ESCERTKE_ERR_FORMAT, CLAUSE, "an alert must be one plaintext alert record alone");
        *alert = s.last_body.ptr[1];
        *out = ESCERTKE_FLIGHT_ALERT;
        return ESCERTKE_OK;
    }
    if (s.ccs > 1)
        return esc_fail(d, ESCERTKE_ERR_FORMAT, CLAUSE, "%zu ChangeCipherSpec records, expected at most 1", s.ccs);
    if (s.last_type == CCS)
        return esc_fail(d, ESCERTKE_ERR_FORMAT, CLAUSE, "nothing follows ChangeCipherSpec");
    *out = name_of(&s);
    return ESCERTKE_OK;
}

const char *esc_flight_name(escertke_flight f)
{
    static const char *const names[] = {
        "M1 (ClientHello)", "M2 (ServerHello...)",      "M3 (Certificate...Finished)", "M4 (ChangeCipherSpec, Finished)",
        "an alert",         "another handshake message"
    };
    return f >= ESCERTKE_FLIGHT_M1 && f <= ESCERTKE_FLIGHT_OTHER ? names[f - 1] : "?";
}
