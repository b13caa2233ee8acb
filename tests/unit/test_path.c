/* test_path.c - the verdict on a whole path: arguments, bounds, order of checks. Rules and names have tests of their own. */
#include "cert_case.h"

#include <escertke/base.h>

#define BAD 42
#define INTERNAL 80

static const struct pki_params ca = { .is_ca = true };

static void test_arguments(void **state)
{
    struct chain c = chain_make((struct pki_params){ 0 }, ca, ca);
    escertke_expect expect = { .id = AE_ID, .client = true }, nobody = { .client = true };
    int alert = 0;

    (void)state;
    expect_verdict("no path", NULL, 1, &expect, ESCERTKE_ERR_ARG, INTERNAL, NULL);
    expect_verdict("empty path", c.path, 0, &expect, ESCERTKE_ERR_ARG, INTERNAL, NULL);
    expect_verdict("no expectation", c.path, 3, NULL, ESCERTKE_ERR_ARG, INTERNAL, NULL);
    expect_verdict("no identity", c.path, 3, &nobody, ESCERTKE_ERR_ARG, INTERNAL, NULL);
    assert_int_equal(escertke_cert_check_path(c.path, 3, &expect, NOW, NULL, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_cert_check_path(c.path, 3, &expect, NOW, &alert, NULL), ESCERTKE_OK); /* detail NULL allowed */
    chain_free(&c);
}

static void test_length(void **state)
{
    struct pki_cert cert[6] = { { NULL, NULL } };
    escertke_span path[6];
    uint8_t *der[6];
    struct pki_name san = URI(AE_ID);
    escertke_expect expect = { .id = AE_ID, .client = true };

    (void)state;
    for (size_t i = 6; i-- > 0;) {
        struct pki_params p = { .base_s = NOW, .is_ca = i > 0, .issuer = i < 5 ? &cert[i + 1] : NULL };
        p.cn = (const char *const[]){ "leaf", "1", "2", "3", "4", "root" }[i];
        p.san = &san;
        p.san_count = i == 0;
        cert[i] = pki_make(&p);
        path[i].ptr = der[i] = pki_der(&cert[i], &path[i].len);
    }
    expect_verdict("five", path, 5, &expect, ESCERTKE_OK, 0, NULL);
    expect_verdict("six", path, 6, &expect, ESCERTKE_ERR_CERT, BAD, "6 certificates");
    for (size_t i = 0; i < 6; i++) {
        free(der[i]);
        pki_cert_free(&cert[i]);
    }
}

static void test_malformed_anywhere(void **state)
{
    struct chain c = chain_make((struct pki_params){ 0 }, ca, ca);
    escertke_expect expect = { .id = AE_ID, .client = true };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        c.path[i].len--;
        expect_verdict("cut", c.path, 3, &expect, ESCERTKE_ERR_CERT, BAD, "malformed certificate");
        c.path[i].len++;
    }
    chain_free(&c);
}

/* A certificate that is no good is refused for that, before it is asked for its name. */
static void test_order(void **state)
{
    const struct pki_params expired = { .not_before_s = -10, .not_after_s = -1 };
    const struct pki_params constrained = { .is_ca = true, NAMES(permitted, URI("other.org")) };
    escertke_expect other = { .id = "//m2m.example.org/in1/Cother", .client = true };
    struct chain c = chain_make(expired, ca, ca);

    (void)state;
    expect_verdict("expired and another", c.path, 3, &other, ESCERTKE_ERR_VALIDITY, 45, NULL);
    chain_free(&c);
    c = chain_make((struct pki_params){ 0 }, constrained, ca);
    expect_verdict("not permitted and another", c.path, 3, &other, ESCERTKE_ERR_CERT, BAD, "not permitted");
    chain_free(&c);
    c = chain_make((struct pki_params){ 0 }, ca, ca);
    expect_verdict("another", c.path, 3, &other, ESCERTKE_ERR_IDENTITY, 49, NULL);
    chain_free(&c);
}

static void test_first_detail_wins(void **state)
{
    struct chain c = chain_make((struct pki_params){ 0 }, ca, ca);
    escertke_expect other = { .id = "//m2m.example.org/in1/Cother", .client = true };
    escertke_detail d = { .err = ESCERTKE_ERR_IO, .reason = "before" };
    int alert;

    (void)state;
    assert_int_equal(escertke_cert_check_path(c.path, 3, &other, NOW, &alert, &d), ESCERTKE_ERR_IDENTITY);
    assert_string_equal(d.reason, "before");
    chain_free(&c);
}

static void *refuse_memory(size_t size)
{
    fail_msg("asked for %zu octets", size);
    return NULL;
}

static void *refuse_resize(void *p, size_t size)
{
    (void)p;
    return refuse_memory(size);
}

/* It runs in every handshake. */
static void test_no_memory_asked_for(void **state)
{
    static const escertke_memory none = { refuse_memory, refuse_resize, free };
    struct chain c = chain_make((struct pki_params){ 0 }, ca, ca);
    escertke_expect expect = { .id = AE_ID, .client = true }, other = { .id = "//m2m.example.org/in1", .client = true };

    (void)state;
    escertke_memory_set(&none);
    expect_verdict("good", c.path, 3, &expect, ESCERTKE_OK, 0, NULL);
    expect_verdict("another", c.path, 3, &other, ESCERTKE_ERR_IDENTITY, 49, NULL);
    escertke_memory_set(NULL);
    chain_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments), cmocka_unit_test(test_length),
        cmocka_unit_test(test_malformed_anywhere), cmocka_unit_test(test_order),
        cmocka_unit_test(test_first_detail_wins), cmocka_unit_test(test_no_memory_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
