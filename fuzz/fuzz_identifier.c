/*
 * fuzz_identifier.c - the texts of a configuration: public key identifiers, OIDs, what a certificate of each flavour must say.
 * Input: one octet for the flavour, then the text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <escertke/cert.h>

#include "cert/der.h"
#include "cert/oid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void try_pin(const char *text)
{
    static const int bits[] = { 256, 128, 120 };
    uint8_t digest[32] = { 0x5A, 1, 2, 3 };
    char right[80];
    bool equal = false;

    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        must(escertke_key_identifier(digest, bits[i], right) == ESCERTKE_OK);
        equal = equal || strcmp(text, right) == 0;
    }
    escertke_err err = escertke_key_identifier_match(text, digest);
    must((err == ESCERTKE_OK) == equal && (equal || err == ESCERTKE_ERR_ARG || err == ESCERTKE_ERR_IDENTITY));
}

/* A canonical text and nothing else comes back as it was. */
static void try_oid(const char *text)
{
    struct esc_oid oid;
    char back[2 * OID_MAX];

    if (esc_oid_parse(escertke_span_str(text), &oid)) {
        must(esc_der_oid_valid((escertke_span){ oid.octets, oid.len }));
        esc_oid_text((escertke_span){ oid.octets, oid.len }, false, back, sizeof back);
        must(!*back || strcmp(back, text) == 0);
    }
    oid.len = 0;
    if (esc_oid_add_arcs(&oid, escertke_span_str(text))) {
        must(esc_der_oid_valid((escertke_span){ oid.octets, oid.len }));
        esc_oid_text((escertke_span){ oid.octets, oid.len }, true, back, sizeof back);
        must(!*back || strcmp(back, text) == 0);
    }
}

static void try_expectation(uint8_t which, const char *text)
{
    static const escertke_flavour flavours[] = { ESCERTKE_FLAVOUR_BY_ID, ESCERTKE_FLAVOUR_RAW, ESCERTKE_FLAVOUR_DEVICE,
                                                 ESCERTKE_FLAVOUR_CSE,   ESCERTKE_FLAVOUR_AE,  ESCERTKE_FLAVOUR_NODE };
    escertke_expect expect = { .flavour = flavours[which % 6], .id = "//m2m.example.org/in1", .san = text, .pin = text };
    escertke_cert nobody = { .version = 3 };
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = escertke_expect_check(&expect, &d);
    must(err == d.err);
    if (err == ESCERTKE_OK && expect.flavour != ESCERTKE_FLAVOUR_RAW)
        must(escertke_cert_match_identity(&nobody, &expect, NULL) == ESCERTKE_ERR_IDENTITY);
    expect.id = text;
    expect.san = NULL;
    err = escertke_expect_check(&expect, NULL);
    (void)err; /* must only not do harm: the text is no longer what is known of it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[512];

    if (!size || size > sizeof text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    try_pin(text);
    try_oid(text);
    try_expectation(data[0], text);
    return 0;
}
