/* Serial numbers in order: every one is found, no other is, however the list was written. */
#include <time.h>

#include "crl_support.h"
#include "cert/crl.h"
#include "base/memory.h"

static void numbers(void **state)
{
    static const struct {
        const char *a, *b;
        size_t a_len, b_len;
        int order;
    } cases[] = {
        { "", "", 0, 0, 0 },         { "", "\0", 0, 1, -1 },         { "\0", "\1", 1, 1, -1 },         { "\x7F", "\0\x80", 1, 2, -1 },
        { "\1\0", "\xFF", 2, 1, 1 }, { "\1\0", "\1\0", 2, 2, 0 }, { "\0\x80", "\0\x81", 2, 2, -1 }, { "\2\0", "\1\xFF", 2, 2, 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int got = esc_number_compare((escertke_span){ (const uint8_t *)cases[i].a, cases[i].a_len },
                                     (escertke_span){ (const uint8_t *)cases[i].b, cases[i].b_len });
        if ((got > 0) - (got < 0) != cases[i].order)
            fail_msg("case %zu: %d", i, got);
    }
}

/* ---- lists in every order ------------------------------------------------------------------------------------ */

static uint64_t ascending(size_t i, size_t n)
{
    (void)n;
    return 2 * i + 2;
}

static uint64_t descending(size_t i, size_t n)
{
    return 2 * (n - i);
}

static uint64_t scattered(size_t i, size_t n)
{
    return 2 * (i * 7919 % n) + 2; /* n is no multiple of this prime: each number once */
}

static uint64_t organ_pipe(size_t i, size_t n)
{
    return i < n / 2 ? 4 * i + 2 : 4 * (n - i);
}

static bool find(const escertke_crl *crl, const uint32_t *index, uint64_t number, struct esc_crl_entry *e)
{
    uint8_t b[9] = { 0 };
    size_t first = 0;

    for (size_t i = 0; i < 8; i++)
        b[8 - i] = (uint8_t)(number >> (8 * i));
    while (first < 8 && b[first] == 0 && b[first + 1] < 0x80)
        first++;
    return esc_crl_find(crl, index, (escertke_span){ b + first, sizeof b - first }, e);
}

static void look_for_all(const char *name, uint64_t (*order)(size_t i, size_t n), size_t n)
{
    struct pki_revoked *revoked = calloc(n, sizeof *revoked);
    struct pki_cert ca = pki_make(&(struct pki_params){ .cn = "CA", .is_ca = true });
    struct esc_crl_entry e;
    escertke_crl crl;
    uint32_t *index;
    size_t len;

    for (size_t i = 0; i < n; i++)
        revoked[i] = (struct pki_revoked){ .number = order(i, n), .reason = i % 3 ? PKI_REASON(1) : PKI_NO_REASON };
    uint8_t *der = pki_crl(&(struct pki_crl_params){ .issuer = &ca, .revoked = revoked, .revoked_count = n }, &len);
    clock_t start = clock();
    assert_int_equal(escertke_crl_parse((escertke_span){ der, len }, &crl, NULL), ESCERTKE_OK);
    clock_t parsed = clock();
    assert_int_equal(esc_crl_index(&crl, &index), ESCERTKE_OK);
    clock_t sorted = clock();
    for (size_t i = 0; i < n; i++) {
        if (!find(&crl, index, revoked[i].number, &e) || e.reason != (i % 3 ? 1 : ESC_REASON_NONE))
            fail_msg("%s: %zu of %zu is not found", name, i, n);
        if (find(&crl, index, revoked[i].number + 1, &e))
            fail_msg("%s: one that is not there is found beside %zu of %zu", name, i, n);
    }
    assert_false(find(&crl, index, 0, &e));
    if (n >= 100000)
        printf("%s: %zu entries, %zu octets: read in %ld ms, put in order in %ld ms, each looked for twice in %ld ms\n", name, n, len,
               (long)((parsed - start) * 1000 / CLOCKS_PER_SEC), (long)((sorted - parsed) * 1000 / CLOCKS_PER_SEC),
               (long)((clock() - sorted) * 1000 / CLOCKS_PER_SEC));
    esc_release(index);
    free(der);
    free(revoked);
    pki_cert_free(&ca);
}

static void all_are_found(void **state)
{
    static const struct {
        const char *name;
        uint64_t (*order)(size_t i, size_t n);
    } orders[] = { { "ascending", ascending }, { "descending", descending }, { "scattered", scattered }, { "organ pipe", organ_pipe } };
    static const size_t counts[] = { 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 1000, 100000 };

    (void)state;
    for (size_t i = 0; i < COUNT(orders); i++)
        for (size_t k = 0; k < COUNT(counts); k++)
            look_for_all(orders[i].name, orders[i].order, counts[k]);
}

static void nothing_revoked(void **state)
{
    struct pki_cert ca = pki_make(&(struct pki_params){ .cn = "CA", .is_ca = true });
    struct esc_crl_entry e;
    escertke_crl crl;
    uint32_t *index;
    size_t len;
    uint8_t *der = pki_crl(&(struct pki_crl_params){ .issuer = &ca }, &len);

    (void)state;
    assert_int_equal(escertke_crl_parse((escertke_span){ der, len }, &crl, NULL), ESCERTKE_OK);
    assert_int_equal(esc_crl_index(&crl, &index), ESCERTKE_OK);
    assert_null(index);
    assert_false(find(&crl, index, 1, &e));
    free(der);
    pki_cert_free(&ca);
}

/* The same number twice, one of 20 octets, an entry whose length takes more octets than one. */
static void odd_ones(void **state)
{
    static const uint8_t twenty[20] = { 0x7F, 1, 2, 3 };
    static const uint8_t long_value[300] = { 0 };
    const struct pki_extension further = { "1.3.6.1.4.1.99999.1", false, long_value, sizeof long_value };
    const struct pki_revoked revoked[] = { { .octets = twenty, .len = 20 }, { .number = 9, .reason = PKI_REASON(3) }, { .number = 7, .further = &further, .further_count = 1 },
                                           { .number = 9, .reason = PKI_REASON(4) }, { .number = 8 } };
    struct pki_cert ca = pki_make(&(struct pki_params){ .cn = "CA", .is_ca = true });
    struct esc_crl_entry e;
    escertke_crl crl;
    uint32_t *index;
    size_t len;
    uint8_t *der = pki_crl(&(struct pki_crl_params){ .issuer = &ca, .revoked = revoked, .revoked_count = COUNT(revoked) }, &len);

    (void)state;
    assert_int_equal(escertke_crl_parse((escertke_span){ der, len }, &crl, NULL), ESCERTKE_OK);
    assert_int_equal(esc_crl_index(&crl, &index), ESCERTKE_OK);
    assert_true(esc_crl_find(&crl, index, (escertke_span){ twenty, 20 }, &e));
    assert_false(esc_crl_find(&crl, index, (escertke_span){ twenty, 19 }, &e));
    assert_true(find(&crl, index, 7, &e) && find(&crl, index, 8, &e) && find(&crl, index, 9, &e));
    assert_false(find(&crl, index, 6, &e) || find(&crl, index, 10, &e));
    esc_release(index);
    free(der);
    pki_cert_free(&ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(numbers), cmocka_unit_test(all_are_found), cmocka_unit_test(nothing_revoked),
                                        cmocka_unit_test(odd_ones) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
