/* inspect_hello.c - ClientHello and ServerHello in words, and what in them the other side would refuse (R-TL-1...6). */
#include <stdio.h>

#include "base/reader.h"
#include "inspect.h"
#include "out.h"

enum {
    EXT_SERVER_NAME = 0,
    EXT_GROUPS = 10,
    EXT_POINT_FORMATS = 11,
    EXT_SIGNATURES = 13,
    EXT_CLIENT_CERT_TYPE = 19,
    EXT_SERVER_CERT_TYPE = 20,
    EXT_EMS = 23,
    EXT_TICKET = 35,
};

struct number_name {
    unsigned number;
    const char *name;
};

static const char *name_of(const struct number_name *list, size_t count, unsigned number, char room[16])
{
    for (size_t i = 0; i < count; i++)
        if (list[i].number == number)
            return list[i].name;
    snprintf(room, 16, "0x%04X", number & 0xFFFFu);
    return room;
}

#define NAME_OF(list, number, room) name_of(list, sizeof list / sizeof *list, number, room)

static const struct number_name suites[] = {
    { 0x00FF, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV" },
    { 0x5600, "TLS_FALLBACK_SCSV" },
    { 0x1301, "TLS_AES_128_GCM_SHA256" },
    { 0x1302, "TLS_AES_256_GCM_SHA384" },
    { 0x1303, "TLS_CHACHA20_POLY1305_SHA256" },
    { 0xC009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA" },
    { 0xC00A, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA" },
    { 0xC023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256" },
    { 0xC024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384" },
    { 0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
    { 0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
    { 0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
    { 0xC0AC, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM" },
    { 0xC0AD, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM" },
    { 0xC0AE, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8" },
    { 0xC0AF, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8" },
    { 0xCCA9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" },
};

static const struct number_name groups[] = { { 23, "secp256r1" }, { 24, "secp384r1" }, { 25, "secp521r1" },
                                             { 22, "secp256k1" }, { 29, "x25519" },    { 30, "x448" } };

static const struct number_name signatures[] = {
    { 0x0201, "rsa_pkcs1_sha1" },
    { 0x0203, "ecdsa_sha1" },
    { 0x0401, "rsa_pkcs1_sha256" },
    { 0x0403, "ecdsa_sha256" },
    { 0x0501, "rsa_pkcs1_sha384" },
    { 0x0503, "ecdsa_sha384" },
    { 0x0601, "rsa_pkcs1_sha512" },
    { 0x0603, "ecdsa_sha512" },
    { 0x0804, "rsa_pss_sha256" },
    { 0x0805, "rsa_pss_sha384" },
    { 0x0806, "rsa_pss_sha512" },
    { 0x0807, "ed25519" },
    { 0x0808, "ed448" },
};

static const struct number_name point_formats[] = { { 0, "uncompressed" }, { 1, "compressed prime" }, { 2, "compressed char2" } };
static const struct number_name cert_types[] = { { 0, "X.509" }, { 1, "OpenPGP" }, { 2, "raw public key" } };
static const struct number_name versions[] = {
    { 0x0300, "SSL 3.0" }, { 0x0301, "TLS 1.0" }, { 0x0302, "TLS 1.1" }, { 0x0303, "TLS 1.2" }, { 0x0304, "TLS 1.3" }
};

static const struct number_name extensions[] = {
    { EXT_SERVER_NAME, "server_name" },
    { 1, "max_fragment_length" },
    { 5, "status_request" },
    { EXT_GROUPS, "supported_groups" },
    { EXT_POINT_FORMATS, "ec_point_formats" },
    { EXT_SIGNATURES, "signature_algorithms" },
    { 16, "application_layer_protocol_negotiation" },
    { EXT_CLIENT_CERT_TYPE, "client_certificate_type" },
    { EXT_SERVER_CERT_TYPE, "server_certificate_type" },
    { 21, "padding" },
    { 22, "encrypt_then_mac" },
    { EXT_EMS, "extended_master_secret" },
    { 28, "record_size_limit" },
    { EXT_TICKET, "session_ticket" },
    { 43, "supported_versions" },
    { 51, "key_share" },
    { 0xFF01, "renegotiation_info" },
};

const char *inspect_group(unsigned number, char room[16])
{
    return NAME_OF(groups, number, room);
}

const char *inspect_signature(unsigned number, char room[16])
{
    return NAME_OF(signatures, number, room);
}

static void put_version(json_t *thing, uint16_t version)
{
    char room[16];

    out_text(thing, "version", NAME_OF(versions, version, room));
}

/* A list with its length in front, in so many octets, of numbers of so many octets. */
struct list_form {
    size_t length_octets, octets;
    const struct number_name *names;
    size_t count;
};

static bool read_list(struct rd r, const struct list_form *form, json_t *out)
{
    uint8_t octet = 0;
    uint16_t number = 0;
    char room[16];

    if (form->length_octets == 1 ? rd_u8(&r, &octet) != ESCERTKE_OK || octet != rd_left(&r)
                                 : form->length_octets == 2 && (rd_u16(&r, &number) != ESCERTKE_OK || number != rd_left(&r)))
        return false;
    while (rd_left(&r)) {
        if (form->octets == 1 ? rd_u8(&r, &octet) != ESCERTKE_OK : rd_u16(&r, &number) != ESCERTKE_OK)
            return false;
        inspect_add(out, "%s", name_of(form->names, form->count, form->octets == 1 ? octet : number, room));
    }
    return true;
}

#define FORM(length_octets, octets, names)                                                                                       \
    {                                                                                                                            \
        length_octets, octets, names, sizeof names / sizeof *names                                                               \
    }

/* Extensions whose body is such a list; the types of certificates are a list from a client and one number from a server. */
static const struct {
    unsigned type;
    bool client, server;
    struct list_form form;
} listed[] = {
    { EXT_GROUPS, true, true, FORM(2, 2, groups) },
    { EXT_POINT_FORMATS, true, true, FORM(1, 1, point_formats) },
    { EXT_SIGNATURES, true, true, FORM(2, 2, signatures) },
    { EXT_CLIENT_CERT_TYPE, true, false, FORM(1, 1, cert_types) },
    { EXT_CLIENT_CERT_TYPE, false, true, FORM(0, 1, cert_types) },
    { EXT_SERVER_CERT_TYPE, true, false, FORM(1, 1, cert_types) },
    { EXT_SERVER_CERT_TYPE, false, true, FORM(0, 1, cert_types) },
};

/* The host name of a server_name list; a server's answer is empty. */
static bool server_name(struct rd r, json_t *out)
{
    escertke_span list, name;
    uint8_t type;

    if (!rd_left(&r))
        return true;
    if (rd_vec16(&r, &list) != ESCERTKE_OK || rd_left(&r))
        return false;
    r = rd_init(list);
    if (rd_u8(&r, &type) != ESCERTKE_OK || type != 0 || rd_vec16(&r, &name) != ESCERTKE_OK)
        return false;
    inspect_add(out, "%.*s", name.len > 255 ? 255 : (int)name.len, (const char *)name.ptr);
    return true;
}

static void explain_extension(unsigned type, escertke_span body, bool client, json_t *ext)
{
    json_t *values = json_array();
    bool ok = true;

    if (type == EXT_SERVER_NAME)
        ok = server_name(rd_init(body), values);
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        if (listed[i].type == type && (client ? listed[i].client : listed[i].server))
            ok = read_list(rd_init(body), &listed[i].form, values);
    if (!ok)
        out_text(ext, "malformed", "its octets are not those of this extension");
    if (json_array_size(values))
        json_object_set(ext, "values", values);
    json_decref(values);
    out_number(ext, "octets", (json_int_t)body.len);
}

/* What ESCertKE needs of the extensions of either side. */
struct seen {
    bool ems, ticket, malformed;
};

static json_t *read_extensions(struct rd *r, bool client, struct seen *seen)
{
    json_t *list = json_array();
    escertke_span all, body;
    uint16_t type;
    char room[16];

    if (!rd_left(r))
        return list; /* there need not be any */
    seen->malformed = rd_vec16(r, &all) != ESCERTKE_OK || rd_left(r);
    for (struct rd e = rd_init(seen->malformed ? (escertke_span){ NULL, 0 } : all); rd_left(&e);) {
        json_t *ext = json_object();
        if (rd_u16(&e, &type) != ESCERTKE_OK || rd_vec16(&e, &body) != ESCERTKE_OK) {
            seen->malformed = true;
            json_decref(ext);
            return list;
        }
        out_text(ext, "name", NAME_OF(extensions, type, room));
        explain_extension(type, body, client, ext);
        json_array_append_new(list, ext);
        seen->ems |= type == EXT_EMS;
        seen->ticket |= type == EXT_TICKET;
    }
    return list;
}

static bool read_suites(struct rd *r, bool client, json_t *out, bool *ours)
{
    escertke_span list;
    uint16_t suite;
    char room[16];

    if (client ? rd_vec16(r, &list) != ESCERTKE_OK : rd_bytes(r, 2, &list) != ESCERTKE_OK)
        return false;
    for (struct rd s = rd_init(list); rd_left(&s);) {
        if (rd_u16(&s, &suite) != ESCERTKE_OK)
            return false;
        inspect_add(out, "%s", NAME_OF(suites, suite, room));
        *ours |= suite == 0xC02B || suite == 0xC023 || suite == 0xC0AC;
    }
    return true;
}

/* What a peer with this library says to such a hello. */
static void judge(uint16_t version, bool suite, const struct seen *seen, size_t session_id, json_t *thing)
{
    json_t *notes = json_array();

    if (version != 0x0303)
        inspect_add(notes, "not TLS 1.2: refused (TS-0003 8.7.2.2)");
    if (!suite)
        inspect_add(notes,
                    "no cipher suite of ESCertKE (ECDHE_ECDSA with AES_128_GCM_SHA256, AES_128_CBC_SHA256 or AES_128_CCM): "
                    "refused (TS-0003 10.2.3)");
    if (!seen->ems)
        inspect_add(notes, "no extended_master_secret: refused (RFC 7627)");
    if (seen->ticket || session_id)
        inspect_add(notes, "%s: sessions of ESCertKE are never resumed (TS-0003 8.7.2.2)",
                    seen->ticket ? "session_ticket" : "a session identifier");
    if (seen->malformed)
        inspect_add(notes, "the extensions are malformed");
    if (json_array_size(notes))
        json_object_set(thing, "notes", notes);
    json_decref(notes);
}

void inspect_hello(escertke_span body, bool client, json_t *thing)
{
    struct rd r = rd_init(body);
    struct seen seen = { .malformed = false };
    uint16_t version;
    uint8_t len;
    bool ours = false;
    escertke_span random, session_id, compression;
    json_t *list = json_array();

    bool ok = rd_u16(&r, &version) == ESCERTKE_OK && rd_bytes(&r, 32, &random) == ESCERTKE_OK && rd_u8(&r, &len) == ESCERTKE_OK &&
              rd_bytes(&r, len, &session_id) == ESCERTKE_OK && read_suites(&r, client, list, &ours);
    if (ok && client)
        ok = rd_u8(&r, &len) == ESCERTKE_OK && rd_bytes(&r, len, &compression) == ESCERTKE_OK;
    else if (ok)
        ok = rd_bytes(&r, 1, &compression) == ESCERTKE_OK;
    if (!ok) {
        json_decref(list);
        out_text(thing, "malformed", "its octets are not those of a hello");
        return;
    }
    put_version(thing, version);
    json_object_set_new(thing, client ? "cipher_suites" : "cipher_suite", list);
    list = read_extensions(&r, client, &seen);
    if (json_array_size(list))
        json_object_set(thing, "extensions", list);
    json_decref(list);
    judge(version, ours, &seen, client ? session_id.len : 0, thing);
}
