/* CRLs taken apart: what a good one says, and every way to be malformed or of a kind that cannot be judged. */
#include <stdio.h>

#include "cert_case.h"
#include "cert/crl.h"
#include "pki_crl.h"

#define HOUR 3600L

static struct pki_cert ca; /* one for all cases: it is the CRLs that differ */

static int setup(void **state)
{
    (void)state;
    ca = pki_make(&(struct pki_params){ .cn = "CA", .is_ca = true, .base_s = NOW });
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pki_cert_free(&ca);
    return 0;
}

static uint8_t *make(struct pki_crl_params p, size_t *len)
{
    if (!p.issuer)
        p.issuer = &ca;
    p.base_s = NOW;
    return pki_crl(&p, len);
}

static escertke_err parse(const char *name, const uint8_t *der, size_t len, const char *reason)
{
    escertke_detail d;
    escertke_crl crl;
    uint8_t *exact = malloc(len ? len : 1); /* a sanitizer sees one octet too many */

    escertke_detail_init(&d);
    assert_non_null(exact);
    memcpy(exact, der, len);
    escertke_err err = escertke_crl_parse((escertke_span){ exact, len }, &crl, &d);
    free(exact);
    if (d.err != err || (err != ESCERTKE_OK && !*d.reason))
        fail_msg("%s: %s without a reason", name, escertke_err_name(err));
    if (err != ESCERTKE_OK && reason && !strstr(d.reason, reason))
        fail_msg("%s: expected \"%s\" in \"%s\"", name, reason, d.reason);
    return err;
}

static void a_good_one(void **state)
{
    static const uint8_t serial[] = { 0x7F, 0xFF }, leading[] = { 0x00, 0x80 };
    const struct pki_revoked revoked[] = {
        { .octets = serial, .len = 2, .reason = PKI_REASON(1), .at_s = -86400 },
        { .octets = leading, .len = 2 },
        { .number = 5, .reason = PKI_REASON(6), .raw_at = "G20500101000000Z" },
    };
    struct esc_crl_entry e;
    escertke_crl crl;
    size_t len;

    (void)state;
    uint8_t *der = make((struct pki_crl_params){ .revoked = revoked, .revoked_count = 3, .number = 300, .this_update_s = -HOUR, .next_update_s = HOUR }, &len);
    assert_int_equal(escertke_crl_parse((escertke_span){ der, len }, &crl, NULL), ESCERTKE_OK);
    assert_int_equal(crl.this_update, NOW - HOUR);
    assert_int_equal(crl.next_update, NOW + HOUR);
    assert_int_equal(crl.revoked_count, 3);
    assert_int_equal(crl.key_id.len, 20);
    assert_int_equal(crl.number.len, 2);
    assert_memory_equal(crl.number.ptr, "\x01\x2C", 2);
    assert_true(crl.tbs.ptr > der && crl.tbs.ptr + crl.tbs.len < der + len);
    assert_ptr_equal(crl.signature.ptr + crl.signature.len, der + len);
    unsigned char *name = NULL;
    int name_len = i2d_X509_NAME(X509_get_subject_name(ca.x509), &name);
    assert_true(escertke_span_equal(crl.issuer, (escertke_span){ name, (size_t)name_len }));
    OPENSSL_free(name);

    struct der r = esc_der_init(crl.revoked);
    assert_null(esc_crl_entry_read(&r, &e));
    assert_true(escertke_span_equal(e.serial, (escertke_span){ serial, 2 }));
    assert_int_equal(e.revoked_s, NOW - 86400);
    assert_string_equal(esc_crl_reason_name(e.reason), "keyCompromise");
    assert_null(esc_crl_entry_read(&r, &e));
    assert_int_equal(e.revoked_s, NOW - HOUR);
    assert_string_equal(esc_crl_reason_name(e.reason), "no reason given");
    assert_null(esc_crl_entry_read(&r, &e));
    assert_int_equal(e.revoked_s, INT64_C(2524608000));
    assert_string_equal(esc_crl_reason_name(e.reason), "certificateHold");
    assert_true(esc_der_done(&r));
    free(der);
}

/* ---- forms --------------------------------------------------------------------------------------------------- */

#define OCTETS(...) .value = (const uint8_t[]){ __VA_ARGS__ }, .len = sizeof((const uint8_t[]){ __VA_ARGS__ })
#define EXT(id, crit, ...) { .oid = id, .critical = crit, OCTETS(__VA_ARGS__) }
#define FURTHER(...)                                                                                                       \
    .further = (const struct pki_extension[]){ __VA_ARGS__ },                                                              \
    .further_count = sizeof((const struct pki_extension[]){ __VA_ARGS__ }) / sizeof(struct pki_extension)
#define ENTRIES(...)                                                                                                       \
    .revoked = (const struct pki_revoked[]){ __VA_ARGS__ },                                                                \
    .revoked_count = sizeof((const struct pki_revoked[]){ __VA_ARGS__ }) / sizeof(struct pki_revoked)
#define SERIAL(...) { .octets = (const uint8_t[]){ __VA_ARGS__ }, .len = sizeof((const uint8_t[]){ __VA_ARGS__ }) }
#define WHOLE(...) { .octets = (const uint8_t[]){ __VA_ARGS__ }, .len = sizeof((const uint8_t[]){ __VA_ARGS__ }), .whole = true }
#define ENTRY_EXT(...) { .number = 5, FURTHER(EXT(__VA_ARGS__)) }
#define DATE(text) { .number = 5, .raw_at = text }
#define T13 0x17, 13, '2', '6', '0', '1', '0', '1', '0', '0', '0', '0', '0', '0', 'Z'
#define TWENTY 0x7F, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19

#define REASON "2.5.29.21"
#define INVALIDITY "2.5.29.24"
#define UNKNOWN "1.3.6.1.4.1.99999.1"

static void forms(void **state)
{
    const struct {
        const char *name;
        struct pki_crl_params params;
        escertke_err err;
        const char *reason;
    } cases[] = {
        { "nothing revoked", { .number = 1 }, ESCERTKE_OK, NULL },
        { "no extension but an unknown one", { .no_key_id = true, .no_number = true, FURTHER(EXT(UNKNOWN, false, 5, 0)) }, ESCERTKE_OK, NULL },
        { "no extensions at all", { .no_extensions = true }, ESCERTKE_OK, NULL },
        { "list of no extensions", { .no_key_id = true, .no_number = true }, ESCERTKE_ERR_CERT, "extension list" },
        { "list of nothing revoked", { .empty_list = true }, ESCERTKE_ERR_CERT, "list of revoked certificates" },

        { "version 1", { .no_version = true, .no_extensions = true }, ESCERTKE_ERR_UNSUPPORTED, "version 1" },
        { "version 1 with an entry", { .no_version = true, .no_extensions = true, ENTRIES({ .number = 1 }) }, ESCERTKE_ERR_UNSUPPORTED, "version 1" },
        { "version 1 with extensions", { .no_version = true }, ESCERTKE_ERR_CERT, "extensions in a CRL of version 1" },
        { "version 1 with an entry's", { .no_version = true, .no_extensions = true, ENTRIES({ .number = 1, .reason = PKI_REASON(1) }) }, ESCERTKE_ERR_CERT, "extensions in a CRL of version 1" },
        { "version 1 written down", { .zero_version = true, .no_extensions = true }, ESCERTKE_ERR_CERT, "malformed CRL: version" },
        { "version 3", { .version = 2 }, ESCERTKE_ERR_CERT, "version" },
        { "version of nine octets", { .version = -1 }, ESCERTKE_ERR_CERT, "version" },

        { "SHA-384", { .sha384 = true }, ESCERTKE_ERR_UNSUPPORTED, "another algorithm" },
        { "two algorithms", { .two_algorithms = true }, ESCERTKE_ERR_CERT, "not the same in both places" },
        { "two algorithms, the outer one wrong", { .two_algorithms = true, .sha384 = true }, ESCERTKE_ERR_CERT, "not the same in both places" },

        { "issuer without a name", { .raw_issuer = "\x30", .raw_issuer_len = 2 }, ESCERTKE_ERR_CERT, "issuer" },
        { "issuer malformed", { .raw_issuer = "\x30\x02\x31", .raw_issuer_len = 4 }, ESCERTKE_ERR_CERT, "issuer" },

        { "no nextUpdate", { .no_next_update = true }, ESCERTKE_ERR_UNSUPPORTED, "no nextUpdate" },
        { "GeneralizedTime", { .raw_this_update = "G20260101000000Z", .raw_next_update = "G20510101000000Z" }, ESCERTKE_OK, NULL },
        { "thisUpdate with an offset", { .raw_this_update = "U260101000000+0000" }, ESCERTKE_ERR_CERT, "thisUpdate" },
        { "thisUpdate without seconds", { .raw_this_update = "U2601010000Z" }, ESCERTKE_ERR_CERT, "thisUpdate" },
        { "thisUpdate in month 13", { .raw_this_update = "U261301000000Z" }, ESCERTKE_ERR_CERT, "thisUpdate" },
        { "nextUpdate with a fraction", { .raw_next_update = "G20510101000000.5Z" }, ESCERTKE_ERR_CERT, "nextUpdate" },
        { "nextUpdate on 30 February", { .raw_next_update = "U270230000000Z" }, ESCERTKE_ERR_CERT, "nextUpdate" },

        { "serial of 20 octets", { ENTRIES(SERIAL(TWENTY)) }, ESCERTKE_OK, NULL },
        { "serial of 21 octets", { ENTRIES(SERIAL(TWENTY, 20)) }, ESCERTKE_ERR_CERT, "entry 1: serial number" },
        { "serial 0", { ENTRIES(SERIAL(0)) }, ESCERTKE_ERR_CERT, "entry 1: serial number" },
        { "serial negative", { ENTRIES({ .number = 1 }, SERIAL(0x80)) }, ESCERTKE_ERR_CERT, "entry 2: serial number" },
        { "serial not minimal", { ENTRIES(SERIAL(0, 1)) }, ESCERTKE_ERR_CERT, "entry 1: serial number" },
        { "serial without octets", { ENTRIES(WHOLE(0x30, 17, 2, 0, T13)) }, ESCERTKE_ERR_CERT, "entry 1: serial number" },
        { "serial of another type", { ENTRIES(WHOLE(0x30, 18, 10, 1, 5, T13)) }, ESCERTKE_ERR_CERT, "entry 1: serial number" },
        { "entry of another type", { ENTRIES(WHOLE(0x31, 18, 2, 1, 5, T13)) }, ESCERTKE_ERR_CERT, "entry 1: not a SEQUENCE" },
        { "entry without a date", { ENTRIES(WHOLE(0x30, 3, 2, 1, 5)) }, ESCERTKE_ERR_CERT, "entry 1: revocation date" },
        { "entry with a field more", { ENTRIES(WHOLE(0x30, 20, 2, 1, 5, T13, 5, 0)) }, ESCERTKE_ERR_CERT, "entry 1: field behind the date" },
        { "entry with a list and a field more", { ENTRIES(WHOLE(0x30, 22, 2, 1, 5, T13, 0x30, 0, 5, 0)) }, ESCERTKE_ERR_CERT, "entry 1: field behind the date" },
        { "entry with an empty list", { ENTRIES(WHOLE(0x30, 20, 2, 1, 5, T13, 0x30, 0)) }, ESCERTKE_ERR_CERT, "entry 1: extension list" },
        { "entry with a long form of length", { ENTRIES(WHOLE(0x30, 0x81, 18, 2, 1, 5, T13)) }, ESCERTKE_ERR_CERT, "entry 1: not a SEQUENCE" },
        { "entry of indefinite length", { ENTRIES(WHOLE(0x30, 0x80, 2, 1, 5, T13, 0, 0)) }, ESCERTKE_ERR_CERT, "entry 1: not a SEQUENCE" },
        { "revoked in summer time", { ENTRIES(DATE("U260101000000+0200")) }, ESCERTKE_ERR_CERT, "revocation date" },
        { "revoked at 24 o'clock", { ENTRIES(DATE("U260101240000Z")) }, ESCERTKE_ERR_CERT, "revocation date" },
        { "revoked on no day", { ENTRIES(DATE("U")) }, ESCERTKE_ERR_CERT, "revocation date" },

        { "reason 0", { ENTRIES(ENTRY_EXT(REASON, false, 10, 1, 0)) }, ESCERTKE_OK, NULL },
        { "reason 10", { ENTRIES(ENTRY_EXT(REASON, false, 10, 1, 10)) }, ESCERTKE_OK, NULL },
        { "reason critical", { ENTRIES(ENTRY_EXT(REASON, true, 10, 1, 4)) }, ESCERTKE_OK, NULL },
        { "reason 7", { ENTRIES(ENTRY_EXT(REASON, false, 10, 1, 7)) }, ESCERTKE_ERR_CERT, "reason code" },
        { "reason 11", { ENTRIES(ENTRY_EXT(REASON, false, 10, 1, 11)) }, ESCERTKE_ERR_CERT, "reason code" },
        { "reason -1", { ENTRIES(ENTRY_EXT(REASON, false, 10, 1, 0xFF)) }, ESCERTKE_ERR_CERT, "reason code" },
        { "reason of two octets", { ENTRIES(ENTRY_EXT(REASON, false, 10, 2, 0, 1)) }, ESCERTKE_ERR_CERT, "reason code" },
        { "reason as INTEGER", { ENTRIES(ENTRY_EXT(REASON, false, 2, 1, 1)) }, ESCERTKE_ERR_CERT, "reason code" },
        { "reason and an octet", { ENTRIES(ENTRY_EXT(REASON, false, 10, 1, 1, 0)) }, ESCERTKE_ERR_CERT, "reason code" },
        { "reason twice", { ENTRIES({ .number = 5, .reason = PKI_REASON(1), FURTHER(EXT(REASON, false, 10, 1, 1)) }) }, ESCERTKE_ERR_CERT, "the same extension twice" },
        { "removeFromCRL", { ENTRIES(ENTRY_EXT(REASON, false, 10, 1, 8)) }, ESCERTKE_ERR_UNSUPPORTED, "removeFromCRL" },
        { "invalidity date", { ENTRIES(ENTRY_EXT(INVALIDITY, false, 0x18, 15, '2', '0', '2', '6', '0', '1', '0', '1', '0', '0', '0', '0', '0', '0', 'Z')) }, ESCERTKE_OK, NULL },
        { "invalidity date as UTCTime", { ENTRIES(ENTRY_EXT(INVALIDITY, false, T13)) }, ESCERTKE_ERR_CERT, "invalidity date" },
        { "certificateIssuer", { ENTRIES(ENTRY_EXT("2.5.29.29", true, 0x30, 0)) }, ESCERTKE_ERR_UNSUPPORTED, "indirect" },
        { "certificateIssuer not critical", { ENTRIES(ENTRY_EXT("2.5.29.29", false, 0x30, 0)) }, ESCERTKE_ERR_UNSUPPORTED, "indirect" },
        { "unknown in an entry", { ENTRIES(ENTRY_EXT(UNKNOWN, false, 5, 0)) }, ESCERTKE_OK, NULL },
        { "unknown critical in an entry", { ENTRIES({ .number = 4 }, ENTRY_EXT(UNKNOWN, true, 5, 0)) }, ESCERTKE_ERR_UNSUPPORTED, "an entry has a critical extension" },

        { "unknown critical", { FURTHER(EXT(UNKNOWN, true, 5, 0)) }, ESCERTKE_ERR_UNSUPPORTED, "a critical extension that is not known" },
        { "issuerAltName critical", { FURTHER(EXT("2.5.29.18", true, 0x30, 0)) }, ESCERTKE_ERR_UNSUPPORTED, "a critical extension that is not known" },
        { "freshestCRL", { FURTHER(EXT("2.5.29.46", false, 0x30, 0)) }, ESCERTKE_OK, NULL },
        { "an entry's critical extension in the list's", { FURTHER(EXT(REASON, true, 10, 1, 1)) }, ESCERTKE_ERR_UNSUPPORTED, "a critical extension that is not known" },
        { "unknown twice", { FURTHER(EXT(UNKNOWN, false, 5, 0), EXT(UNKNOWN, false, 5, 0)) }, ESCERTKE_ERR_CERT, "the same extension twice" },
        { "number twice", { FURTHER(EXT("2.5.29.20", false, 2, 1, 1)) }, ESCERTKE_ERR_CERT, "the same extension twice" },
        { "delta", { FURTHER(EXT("2.5.29.27", true, 2, 1, 1)) }, ESCERTKE_ERR_UNSUPPORTED, "delta CRL" },
        { "delta not critical", { FURTHER(EXT("2.5.29.27", false, 2, 1, 1)) }, ESCERTKE_ERR_UNSUPPORTED, "delta CRL" },
        { "indirect", { FURTHER(EXT("2.5.29.28", true, 0x30, 3, 0x84, 1, 0xFF)) }, ESCERTKE_ERR_UNSUPPORTED, "issuing distribution point" },
        { "distribution point not critical", { FURTHER(EXT("2.5.29.28", false, 0x30, 0)) }, ESCERTKE_ERR_UNSUPPORTED, "issuing distribution point" },
        { "number 0", { .no_number = true, FURTHER(EXT("2.5.29.20", false, 2, 1, 0)) }, ESCERTKE_OK, NULL },
        { "number of 20 octets, critical", { .no_number = true, FURTHER(EXT("2.5.29.20", true, 2, 20, TWENTY)) }, ESCERTKE_OK, NULL },
        { "number of 21 octets", { .no_number = true, FURTHER(EXT("2.5.29.20", false, 2, 21, TWENTY, 20)) }, ESCERTKE_ERR_CERT, "CRL number" },
        { "number negative", { .no_number = true, FURTHER(EXT("2.5.29.20", false, 2, 1, 0xFF)) }, ESCERTKE_ERR_CERT, "CRL number" },
        { "number and an octet", { .no_number = true, FURTHER(EXT("2.5.29.20", false, 2, 1, 1, 0)) }, ESCERTKE_ERR_CERT, "CRL number" },
        { "key identifier empty", { .no_key_id = true, FURTHER(EXT("2.5.29.35", false, 0x30, 2, 0x80, 0)) }, ESCERTKE_ERR_CERT, "authority key identifier" },
        { "key identifier absent", { .no_key_id = true, FURTHER(EXT("2.5.29.35", false, 0x30, 0)) }, ESCERTKE_OK, NULL },
        { "key identifier, issuer and serial", { .no_key_id = true, FURTHER(EXT("2.5.29.35", true, 0x30, 8, 0x80, 1, 9, 0xA1, 0, 0x82, 1, 5)) }, ESCERTKE_OK, NULL },
        { "issuer without serial", { .no_key_id = true, FURTHER(EXT("2.5.29.35", false, 0x30, 2, 0xA1, 0)) }, ESCERTKE_ERR_CERT, "authority key identifier" },
        { "serial without issuer", { .no_key_id = true, FURTHER(EXT("2.5.29.35", false, 0x30, 3, 0x82, 1, 5)) }, ESCERTKE_ERR_CERT, "authority key identifier" },
        { "key identifier with a field more", { .no_key_id = true, FURTHER(EXT("2.5.29.35", false, 0x30, 3, 0x83, 1, 5)) }, ESCERTKE_ERR_CERT, "authority key identifier" },

        { "malformed counts before unsupported", { .sha384 = true, FURTHER(EXT("2.5.29.27", true, 2, 1, 1), EXT(UNKNOWN, false, 5, 0), EXT(UNKNOWN, false, 5, 0)) }, ESCERTKE_ERR_CERT, "twice" },
        { "the first that is unsupported is named", { .no_next_update = true, FURTHER(EXT("2.5.29.27", true, 2, 1, 1)) }, ESCERTKE_ERR_UNSUPPORTED, "no nextUpdate" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len;
        uint8_t *der = make(cases[i].params, &len);
        escertke_err err = parse(cases[i].name, der, len, cases[i].reason);
        if (err != cases[i].err)
            fail_msg("%s: expected %s, got %s", cases[i].name, escertke_err_name(cases[i].err), escertke_err_name(err));
        free(der);
    }
}

static void thirty_three_extensions(void **state)
{
    static char oids[31][32];
    struct pki_extension further[31];
    size_t len;

    (void)state;
    for (size_t i = 0; i < COUNT(further); i++) {
        snprintf(oids[i], sizeof oids[i], "1.3.6.1.4.1.99999.3.%zu", i);
        further[i] = (struct pki_extension){ oids[i], false, "\x05", 2 };
    }
    uint8_t *der = make((struct pki_crl_params){ .further = further, .further_count = 30 }, &len);
    assert_int_equal(parse("32 extensions", der, len, NULL), ESCERTKE_OK);
    free(der);
    der = make((struct pki_crl_params){ .further = further, .further_count = 31 }, &len);
    assert_int_equal(parse("33 extensions", der, len, "more than 32"), ESCERTKE_ERR_CERT);
    free(der);
}

/* ---- octets -------------------------------------------------------------------------------------------------- */

static void truncated_at_every_length(void **state)
{
    const struct pki_revoked revoked[] = { { .number = 5, .reason = PKI_REASON(1) }, { .number = 70000 } };
    size_t len;

    (void)state;
    uint8_t *der = make((struct pki_crl_params){ .revoked = revoked, .revoked_count = 2 }, &len);
    for (size_t cut = 0; cut < len; cut++)
        if (parse("truncated", der, cut, "malformed CRL") != ESCERTKE_ERR_CERT)
            fail_msg("cut to %zu of %zu octets", cut, len);
    assert_int_equal(parse("whole", der, len, NULL), ESCERTKE_OK);

    uint8_t *longer = calloc(1, len + 1);
    memcpy(longer, der, len);
    assert_int_equal(parse("an octet behind it", longer, len + 1, "malformed CRL"), ESCERTKE_ERR_CERT);
    free(longer);
    free(der);
}

/* A signature is whole octets: its bit string says that no bit of the last one is unused. */
static void unused_bits(void **state)
{
    escertke_crl crl;
    size_t len;
    uint8_t *der = make((struct pki_crl_params){ .number = 1 }, &len);

    (void)state;
    assert_int_equal(escertke_crl_parse((escertke_span){ der, len }, &crl, NULL), ESCERTKE_OK);
    der[len - crl.signature.len - 1] = 1;
    assert_int_equal(parse("an unused bit", der, len, "malformed CRL: not one DER SEQUENCE"), ESCERTKE_ERR_CERT);
    free(der);
}

/* The two lengths about the limit; nothing in between could be told apart by the DER reader. */
static void sixteen_mebibytes(void **state)
{
    size_t len;
    uint8_t *der = make((struct pki_crl_params){ .pad = 1 << 20 }, &len);
    size_t room = ESCERTKE_CRL_MAX - (len - (1 << 20)) - 20;

    (void)state;
    free(der);
    der = make((struct pki_crl_params){ .pad = room }, &len);
    assert_in_range(len, ESCERTKE_CRL_MAX - 64, ESCERTKE_CRL_MAX);
    assert_int_equal(parse("16 MiB", der, len, NULL), ESCERTKE_OK);
    free(der);

    der = calloc(1, ESCERTKE_CRL_MAX + 1);
    assert_int_equal(parse("16 MiB and an octet", der, ESCERTKE_CRL_MAX + 1, "16777217 octets"), ESCERTKE_ERR_TOO_LARGE);
    assert_int_equal(parse("16 MiB of zeros", der, ESCERTKE_CRL_MAX, "malformed CRL"), ESCERTKE_ERR_CERT);
    free(der);
}

static void arguments(void **state)
{
    escertke_crl crl;

    (void)state;
    assert_int_equal(escertke_crl_parse((escertke_span){ NULL, 0 }, NULL, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_crl_parse((escertke_span){ NULL, 1 }, &crl, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_crl_parse((escertke_span){ NULL, 0 }, &crl, NULL), ESCERTKE_ERR_CERT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one),
        cmocka_unit_test(forms),
        cmocka_unit_test(thirty_three_extensions),
        cmocka_unit_test(truncated_at_every_length),
        cmocka_unit_test(unused_bits),
        cmocka_unit_test(sixteen_mebibytes),
        cmocka_unit_test(arguments),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
