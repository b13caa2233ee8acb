/*
 * inspect_tls.c - an ESCertKE message: which of M1 to M4, its records, handshake messages and certificates. What follows
 * ChangeCipherSpec is encrypted and stays so.
 */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "handshake/flight.h"
#include "handshake/wire.h"
#include "inspect.h"
#include "out.h"

#define RECORDS_MAX 64u
#define MESSAGES_MAX 64u

static const char *record_name(uint8_t type)
{
    return type == WIRE_CCS         ? "ChangeCipherSpec"
           : type == WIRE_ALERT     ? "alert"
           : type == WIRE_HANDSHAKE ? "handshake"
           : type == 23             ? "application data"
                                    : "unknown";
}

/* ---- bodies of handshake messages ----------------------------------------------------------------------------- */

static void client_hello(escertke_span body, json_t *thing, struct inspect_certs *certs)
{
    (void)certs;
    inspect_hello(body, true, thing);
}

static void server_hello(escertke_span body, json_t *thing, struct inspect_certs *certs)
{
    (void)certs;
    inspect_hello(body, false, thing);
}

/* A list of certificates, or one SubjectPublicKeyInfo (RFC 7250 3); the latter begins with a SEQUENCE that ends the message. */
static void certificate(escertke_span body, json_t *thing, struct inspect_certs *certs)
{
    struct rd r = rd_init(body);
    uint32_t len;
    escertke_cert cert;

    if (rd_u24(&r, &len) != ESCERTKE_OK || len != rd_left(&r)) {
        out_text(thing, "malformed", "its length is not that of its content");
        return;
    }
    if (!len) {
        out_text(thing, "certificates", "none");
        return;
    }
    certs->count = esc_wire_certificate_list(body, certs->der, INSPECT_CERTS_MAX);
    if (!certs->count && r.at[0] == 0x30) {
        char ni[72];
        inspect_ni((escertke_span){ r.at, len }, 256, ni);
        out_text(thing, "raw_public_key", ni);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < certs->count; i++) {
        char who[512] = "malformed";
        if (escertke_cert_parse(certs->der[i], &cert, NULL) == ESCERTKE_OK)
            escertke_cert_describe(&cert, who, sizeof who);
        inspect_add(list, "%s (%zu octets)", who, certs->der[i].len);
    }
    json_object_set_new(thing, "certificates", list);
    if (!certs->count)
        out_text(thing, "malformed", "neither a list of certificates nor a public key");
}

static void signature_of(struct rd *r, json_t *thing)
{
    uint16_t algorithm;
    escertke_span signature;
    char room[16];

    if (rd_u16(r, &algorithm) != ESCERTKE_OK || rd_vec16(r, &signature) != ESCERTKE_OK || rd_left(r)) {
        out_text(thing, "malformed", "no algorithm and signature where they belong");
        return;
    }
    out_text(thing, "signature_algorithm", inspect_signature(algorithm, room));
    out_number(thing, "signature_octets", (json_int_t)signature.len);
}

static void server_key_exchange(escertke_span body, json_t *thing, struct inspect_certs *certs)
{
    struct rd r = rd_init(body);
    uint8_t curve_type, len;
    uint16_t group;
    escertke_span point;
    char room[16];

    (void)certs;
    if (rd_u8(&r, &curve_type) != ESCERTKE_OK || curve_type != 3 || rd_u16(&r, &group) != ESCERTKE_OK ||
        rd_u8(&r, &len) != ESCERTKE_OK || rd_bytes(&r, len, &point) != ESCERTKE_OK) {
        out_text(thing, "malformed", "no named curve and point where they belong");
        return;
    }
    out_text(thing, "group", inspect_group(group, room));
    out_number(thing, "point_octets", (json_int_t)point.len);
    signature_of(&r, thing);
}

static void certificate_request(escertke_span body, json_t *thing, struct inspect_certs *certs)
{
    struct rd r = rd_init(body);
    uint8_t len;
    uint16_t algorithm;
    escertke_span types, list, names;
    char room[16];
    json_t *algorithms = json_array();

    (void)certs;
    bool ok = rd_u8(&r, &len) == ESCERTKE_OK && rd_bytes(&r, len, &types) == ESCERTKE_OK && rd_vec16(&r, &list) == ESCERTKE_OK &&
              rd_vec16(&r, &names) == ESCERTKE_OK && !rd_left(&r);
    for (struct rd a = rd_init(ok ? list : (escertke_span){ NULL, 0 }); rd_u16(&a, &algorithm) == ESCERTKE_OK;)
        inspect_add(algorithms, "%s", inspect_signature(algorithm, room));
    json_object_set_new(thing, "signature_algorithms", algorithms);
    if (!ok)
        out_text(thing, "malformed", "its octets are not those of a CertificateRequest");
    else
        json_object_set_new(thing, "ecdsa_sign", json_boolean(types.len && memchr(types.ptr, 64, types.len) != NULL));
}

static void client_key_exchange(escertke_span body, json_t *thing, struct inspect_certs *certs)
{
    struct rd r = rd_init(body);
    uint8_t len;

    (void)certs;
    if (rd_u8(&r, &len) != ESCERTKE_OK || len != rd_left(&r))
        out_text(thing, "malformed", "its octets are not those of a point");
    else
        out_number(thing, "point_octets", len);
}

static void certificate_verify(escertke_span body, json_t *thing, struct inspect_certs *certs)
{
    struct rd r = rd_init(body);

    (void)certs;
    signature_of(&r, thing);
}

static const struct {
    uint8_t type;
    const char *name;
    void (*explain)(escertke_span body, json_t *thing, struct inspect_certs *certs); /* NULL: nothing more to say */
} messages[] = {
    { WIRE_HELLO_REQUEST, "HelloRequest", NULL },
    { WIRE_CLIENT_HELLO, "ClientHello", client_hello },
    { WIRE_SERVER_HELLO, "ServerHello", server_hello },
    { 4, "NewSessionTicket", NULL },
    { WIRE_CERTIFICATE, "Certificate", certificate },
    { WIRE_SERVER_KEY_EXCHANGE, "ServerKeyExchange", server_key_exchange },
    { WIRE_CERTIFICATE_REQUEST, "CertificateRequest", certificate_request },
    { WIRE_SERVER_HELLO_DONE, "ServerHelloDone", NULL },
    { WIRE_CERTIFICATE_VERIFY, "CertificateVerify", certificate_verify },
    { WIRE_CLIENT_KEY_EXCHANGE, "ClientKeyExchange", client_key_exchange },
    { WIRE_FINISHED, "Finished", NULL },
    { 22, "CertificateStatus", NULL },
};

static json_t *handshake_message(const struct esc_handshake *m, struct inspect_certs *certs)
{
    json_t *thing = json_object();

    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (messages[i].type != m->type)
            continue;
        out_text(thing, "type", messages[i].name);
        out_number(thing, "octets", (json_int_t)m->body.len);
        if (messages[i].explain)
            messages[i].explain(m->body, thing, certs);
        return thing;
    }
    char name[32];
    snprintf(name, sizeof name, "unknown type %u", m->type);
    out_text(thing, "type", name);
    out_number(thing, "octets", (json_int_t)m->body.len);
    return thing;
}

/* ---- records --------------------------------------------------------------------------------------------------- */

/* Records in their order; the bodies of the handshake records that are not encrypted are joined in @p flight. */
static escertke_err read_records(escertke_span message, json_t *records, escertke_buf *flight)
{
    struct rd r = rd_init(message);
    struct esc_record rec;
    bool encrypted = false;

    for (size_t n = 0; rd_left(&r) && n < RECORDS_MAX; n++) {
        if (esc_wire_record(&r, &rec) != ESCERTKE_OK) {
            inspect_add(records, "%zu octets that are no whole record", rd_left(&r));
            return ESCERTKE_OK;
        }
        inspect_add(records, "%s%s, version %u.%u, %zu octets", encrypted ? "encrypted " : "", record_name(rec.type),
                    (unsigned)rec.version >> 8, rec.version & 0xFFu, rec.body.len);
        if (rec.type == WIRE_ALERT && !encrypted && rec.body.len == 2) {
            const char *name = escertke_alert_name(rec.body.ptr[1]);
            inspect_add(records, "%s alert %u (%s)", rec.body.ptr[0] == 2 ? "fatal" : "warning", rec.body.ptr[1],
                        name ? name : "unknown");
        }
        if (rec.type == WIRE_HANDSHAKE && !encrypted) {
            escertke_err err = escertke_buf_append(flight, rec.body.ptr, rec.body.len);
            if (err != ESCERTKE_OK)
                return err;
        }
        encrypted = encrypted || rec.type == WIRE_CCS;
    }
    if (rd_left(&r))
        inspect_add(records, "and %zu octets more", rd_left(&r));
    return ESCERTKE_OK;
}

static json_t *read_handshake(escertke_span joined, struct inspect_certs *certs)
{
    struct rd r = rd_init(joined);
    struct esc_handshake m;
    json_t *list = json_array();

    for (size_t n = 0; rd_left(&r) && n < MESSAGES_MAX; n++) {
        if (esc_wire_handshake(&r, &m) != ESCERTKE_OK)
            break;
        json_array_append_new(list, handshake_message(&m, certs));
    }
    if (rd_left(&r)) {
        json_t *rest = json_object();
        out_text(rest, "type", "octets that are no whole handshake message");
        out_number(rest, "octets", (json_int_t)rd_left(&r));
        json_array_append_new(list, rest);
    }
    return list;
}

json_t *inspect_message_object(escertke_span message, escertke_buf *flight, struct inspect_certs *certs, escertke_detail *d)
{
    json_t *thing = out_new_event("message"), *records = json_array();
    escertke_flight kind;
    int alert;
    escertke_err err = escertke_flight_classify(message, &kind, &alert, d);

    certs->count = certs->left_off = 0;
    out_text(thing, "message", err == ESCERTKE_OK ? esc_flight_name(kind) : "not acceptable");
    out_number(thing, "octets", (json_int_t)message.len);
    if (read_records(message, records, flight) != ESCERTKE_OK && d->err == ESCERTKE_OK)
        esc_fail(d, ESCERTKE_ERR_NOMEM, "", "out of memory");
    json_object_set_new(thing, "records", records);
    json_t *handshake = read_handshake(escertke_buf_span(flight), certs);
    if (json_array_size(handshake))
        json_object_set(thing, "handshake", handshake);
    json_decref(handshake);
    if (err != ESCERTKE_OK)
        inspect_refusal(thing, d);
    return thing;
}

escertke_err inspect_message(struct inspect *in, escertke_span message, escertke_detail *d)
{
    struct inspect_certs certs;
    escertke_buf flight;

    escertke_buf_init(&flight, INSPECT_MAX);
    inspect_say(in, inspect_message_object(message, &flight, &certs, d), "ESCertKE message");
    escertke_err err = d->err;
    if (err == ESCERTKE_OK && certs.count)
        err = inspect_certificates(in, &certs, d);
    escertke_buf_free(&flight);
    return err;
}
