/* fuzz_cert.c - certificates one behind the other as a path: parse, verdict, lint, words; the first also as a raw public key. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <escertke/cert.h>

#include "cert/der.h"

#define NOW INT64_C(1800000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void count_finding(void *ctx, escertke_lint_level level, size_t position, const char *clause, const char *text)
{
    (void)position;
    must(*clause && *text && strlen(text) < 400);
    if (level == ESCERTKE_LINT_ERROR)
        ++*(size_t *)ctx;
}

static void look_at_one(escertke_span der)
{
    escertke_cert cert;
    escertke_detail d;
    char words[64];

    escertke_detail_init(&d);
    escertke_err err = escertke_cert_parse(der, &cert, &d);
    must(err == ESCERTKE_OK || (err == ESCERTKE_ERR_CERT && d.err == err && *d.reason));
    if (err != ESCERTKE_OK)
        return;
    escertke_cert_describe(&cert, words, sizeof words);
    must(strlen(words) < sizeof words && cert.version >= 1 && cert.version <= 3 && cert.path_len >= -1);
}

static void look_at_raw(escertke_span spki)
{
    static const uint8_t digest[32]; /* of the key that is expected: what matters here is the form */
    escertke_expect expect = { .flavour = ESCERTKE_FLAVOUR_RAW,
                               .id = "//m2m.example.org/in1",
                               .pin = "ni:///sha-256-120;AAAAAAAAAAAAAAAAAAAA" };
    int alert = -1;

    escertke_err err = escertke_cert_check_raw(spki, &expect, digest, &alert, NULL);
    must(err == ESCERTKE_OK ? spki.len == 91 : err == ESCERTKE_ERR_PROFILE && alert == 43);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const escertke_expect expect[] = {
        { .id = "//m2m.example.org/in1/Cmeter", .client = true },
        { .id = "//m2m.example.org/in1", .strict = true },
        { .id = "//m2m.example.org/S5f0e", .client = true },
        { .flavour = ESCERTKE_FLAVOUR_NODE, .id = "//m2m.example.org/in1", .san = "urn:x:1" },
        { .flavour = ESCERTKE_FLAVOUR_NODE, .id = "//m2m.example.org/in1", .san = "0.2.481.1.100.3030.10011", .client = true },
        { .flavour = ESCERTKE_FLAVOUR_DEVICE, .id = "//m2m.example.org/in1/Cmeter", .san = "0.2.481.1:100.3030.10011" },
    };
    struct der r = esc_der_init((escertke_span){ data, size });
    escertke_span path[8];
    struct der_tlv t;
    size_t count = 0, errors = 0;

    while (count < 7 && esc_der_next(&r, &t))
        path[count++] = t.whole;
    if (!esc_der_done(&r))
        path[count++] = (escertke_span){ r.at, (size_t)(r.end - r.at) };
    for (size_t i = 0; i < count; i++)
        look_at_one(path[i]);
    if (!count)
        return 0;

    escertke_err lint = escertke_cert_lint(path, count, NOW, false, count_finding, &errors);
    must((lint == ESCERTKE_OK) == (errors == 0));
    for (size_t i = 0; i < sizeof expect / sizeof *expect; i++) {
        escertke_detail d;
        int alert = -1;
        escertke_detail_init(&d);
        escertke_err err = escertke_cert_check_path(path, count, &expect[i], NOW, &alert, &d);
        must(err == ESCERTKE_OK || (d.err == err && alert > 0 && *d.reason));
        must(err == ESCERTKE_OK || escertke_err_class(err) == ESCERTKE_CLASS_AUTH);
    }
    look_at_raw(path[0]);
    return 0;
}
