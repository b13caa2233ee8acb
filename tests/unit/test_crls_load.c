/* Sets of CRLs from files: forms of files, whose signature holds, which of two counts, what is refused and in which words. */
#include <time.h>

#include "crl_support.h"

#include "base/memory.h"

struct world {
    struct chain c;       /* leaf, CA, root */
    struct pki_cert twin; /* another key under the CA's name */
    struct pki_cert mute; /* a CA without cRLSign */
    char *issuers;        /* root and CA */
    char *all;            /* and the twin and the mute one */
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    w->c = chain_make((struct pki_params){ .cn = "leaf" }, (struct pki_params){ .is_ca = true }, (struct pki_params){ .is_ca = true });
    w->twin = pki_make(&(struct pki_params){ .cn = "CA", .issuer = &w->c.cert[2], .is_ca = true, .base_s = NOW });
    w->mute = pki_make(&(struct pki_params){ .cn = "mute", .issuer = &w->c.cert[2], .is_ca = true, .key_usage = 0x8400, .base_s = NOW });
    w->issuers = pki_chain_pem((const struct pki_cert *const[]){ &w->c.cert[2], &w->c.cert[1] }, 2);
    w->all = pki_chain_pem((const struct pki_cert *const[]){ &w->c.cert[2], &w->c.cert[1], &w->twin, &w->mute }, 4);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    chain_free(&w->c);
    pki_cert_free(&w->twin);
    pki_cert_free(&w->mute);
    free(w->issuers);
    free(w->all);
    free(w);
    return 0;
}

/* ---- files --------------------------------------------------------------------------------------------------- */

static char *text_of(const char *before, const struct files *crls, const char *between, const char *behind)
{
    char *text = calloc(1, 65536);

    strcat(text, before);
    for (size_t i = 0; i < crls->count; i++) {
        char *pem = pki_crl_pem(crls->span[i].ptr, crls->span[i].len);
        strcat(text, pem);
        strcat(text, i + 1 < crls->count ? between : behind);
        free(pem);
    }
    return text;
}

static void der_and_pem(void **state)
{
    const struct world *w = *state;
    struct files crls = { .count = 0 }, files = { .count = 0 };
    escertke_crls *set;
    escertke_detail d;

    files_crl(&crls, (struct pki_crl_params){ .issuer = &w->c.cert[1] });
    files_crl(&crls, (struct pki_crl_params){ .issuer = &w->c.cert[2] });
    assert_int_equal(set_new(&crls, w->issuers, false, &set, &d), ESCERTKE_OK);
    assert_int_equal(set->count, 2);
    assert_true(set->list[0].verified && set->list[1].verified);
    escertke_crls_free(set);

    char *text = text_of("0 The CRLs of this week:\n", &crls, "and\r\n", "that is all\n");
    files_add(&files, (uint8_t *)text, strlen(text));
    assert_int_equal(set_new(&files, w->issuers, false, &set, &d), ESCERTKE_OK);
    assert_int_equal(set->count, 2);
    assert_true(set->list[0].verified && set->list[1].verified);
    assert_true(escertke_span_equal(set->list[1].crl.der, crls.span[1]));
    escertke_crls_free(set);
    files_free(&files);
    files_free(&crls);

    assert_int_equal(set_new(&files, w->issuers, true, &set, &d), ESCERTKE_OK); /* none at all is a set too */
    assert_int_equal(set->count, 0);
    escertke_crls_free(set);
}

static void files_that_are_none(void **state)
{
    const struct world *w = *state;
    struct files good = { .count = 0 };
    files_crl(&good, (struct pki_crl_params){ .issuer = &w->c.cert[1] });
    char *pem = text_of("", &good, "", ""), *twice_cut = text_of("", &good, "", "");
    strcat(twice_cut, "-----BEGIN X509 CRL-----\nMII");
    const struct {
        const char *name, *octets;
        size_t len;
        escertke_err err;
        const char *reason;
    } cases[] = {
        { "empty", "", 0, ESCERTKE_ERR_CREDENTIAL, "file 1 is no CRL" },
        { "one octet", "0", 1, ESCERTKE_ERR_CREDENTIAL, "file 1 is no CRL" },
        { "a text", "0 nothing here\n", 15, ESCERTKE_ERR_CREDENTIAL, "file 1 is no CRL" },
        { "certificates", w->issuers, strlen(w->issuers), ESCERTKE_ERR_CREDENTIAL, "file 1 is no CRL" },
        { "PEM cut", pem, strlen(pem) / 2, ESCERTKE_ERR_CREDENTIAL, "CRL 1 of file 1: broken PEM" },
        { "the second cut", twice_cut, strlen(twice_cut), ESCERTKE_ERR_CREDENTIAL, "CRL 2 of file 1: broken PEM" },
        { "DER that is no CRL", (const char *)w->c.path[0].ptr, w->c.path[0].len, ESCERTKE_ERR_CREDENTIAL, "CRL 1 of file 1: malformed CRL" },
        { "DER cut", (const char *)good.span[0].ptr, good.span[0].len - 1, ESCERTKE_ERR_CREDENTIAL, "CRL 1 of file 1: malformed CRL" },
        { "PEM of nothing", "-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n", 48, ESCERTKE_ERR_CREDENTIAL, "CRL 1 of file 1: malformed CRL" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct files f = { .count = 1, .span = { { (const uint8_t *)cases[i].octets, cases[i].len } } };
        escertke_crls *set = (escertke_crls *)w;
        escertke_detail d;
        escertke_err err = set_new(&f, w->issuers, false, &set, &d);
        if (err != cases[i].err || set || d.err != err || !strstr(d.reason, cases[i].reason))
            fail_msg("%s: %s, \"%s\"", cases[i].name, escertke_err_name(err), d.reason);
    }
    free(pem);
    free(twice_cut);
    files_free(&good);
}

/* ---- one CRL ------------------------------------------------------------------------------------------------- */

enum whose { OF_CA, OF_ROOT, OF_TWIN, OF_MUTE, OF_LEAF };

static const struct pki_cert *whose(const struct world *w, enum whose who)
{
    const struct pki_cert *const all[] = { &w->c.cert[1], &w->c.cert[2], &w->twin, &w->mute, &w->c.cert[0] };

    return all[who];
}

static void one_crl(void **state)
{
    const struct world *w = *state;
    const struct pki_extension delta = { "2.5.29.27", true, "\x02\x01\x01", 3 };
    const struct {
        const char *name;
        enum whose issuer, signer;
        bool twins; /* all four certificates are known, not only root and CA */
        struct pki_crl_params p;
        escertke_err err;
        bool verified;
        const char *reason;
    } cases[] = {
        { "good", OF_CA, OF_CA, false, { .number = 1 }, ESCERTKE_OK, true, NULL },
        { "good, no key identifier", OF_CA, OF_CA, false, { .no_key_id = true }, ESCERTKE_OK, true, NULL },
        { "good, the second of two of that name", OF_TWIN, OF_TWIN, true, { .number = 1 }, ESCERTKE_OK, true, NULL },
        { "the same without key identifier", OF_TWIN, OF_TWIN, true, { .no_key_id = true }, ESCERTKE_OK, true, NULL },
        { "good, the first of two", OF_CA, OF_CA, true, { .no_key_id = true }, ESCERTKE_OK, true, NULL },
        { "by a twin that is not known", OF_TWIN, OF_TWIN, false, { .number = 1 }, ESCERTKE_OK, false, NULL },
        { "the same without key identifier", OF_TWIN, OF_TWIN, false, { .no_key_id = true }, ESCERTKE_ERR_SIGNATURE, false, "none of the 1 certificates" },
        { "by nobody that is known", OF_LEAF, OF_LEAF, true, { .number = 1 }, ESCERTKE_OK, false, NULL },
        { "signed by another", OF_CA, OF_ROOT, false, { .number = 1 }, ESCERTKE_ERR_SIGNATURE, false, "the CRL of CN=CA (CRL 1 of file 1) is not signed by its issuer" },
        { "signed by another, no key identifier", OF_CA, OF_ROOT, true, { .no_key_id = true }, ESCERTKE_ERR_SIGNATURE, false, "none of the 2 certificates" },
        { "signed by the twin under the CA's key identifier", OF_CA, OF_TWIN, true, { .number = 1 }, ESCERTKE_ERR_SIGNATURE, false, "none of the 1 certificates" },
        { "signature corrupt", OF_CA, OF_CA, false, { .corrupt_signature = true }, ESCERTKE_ERR_SIGNATURE, false, "is not signed by its issuer" },
        { "by one who may not", OF_MUTE, OF_MUTE, true, { .number = 1 }, ESCERTKE_ERR_SIGNATURE, false, "without cRLSign" },

        { "expired a second ago", OF_CA, OF_CA, false, { .this_update_s = -HOUR, .next_update_s = -1 }, ESCERTKE_ERR_VALIDITY, false, "the CRL of CN=CA (CRL 1 of file 1) expired at 2027-01-15T07:59:59Z" },
        { "expires now", OF_CA, OF_CA, false, { .this_update_s = -HOUR, .next_update_s = 0 }, ESCERTKE_ERR_VALIDITY, false, "expired at 2027-01-15T08:00:00Z" },
        { "expires in a second", OF_CA, OF_CA, false, { .this_update_s = -HOUR, .next_update_s = 1 }, ESCERTKE_OK, true, NULL },
        { "expired, issuer not known", OF_LEAF, OF_LEAF, false, { .this_update_s = -HOUR, .next_update_s = -1 }, ESCERTKE_ERR_VALIDITY, false, "expired" },
        { "from tomorrow at this time", OF_CA, OF_CA, false, { .this_update_s = DAY, .next_update_s = 2 * DAY }, ESCERTKE_OK, true, NULL },
        { "from a second later", OF_CA, OF_CA, false, { .this_update_s = DAY + 1, .next_update_s = 2 * DAY }, ESCERTKE_ERR_VALIDITY, false, "begins to be valid at 2027-01-16T08:00:01Z" },

        { "delta", OF_CA, OF_CA, false, { .further = &delta, .further_count = 1 }, ESCERTKE_ERR_UNSUPPORTED, false, "CRL 1 of file 1: this CRL cannot be used: it is a delta CRL" },
        { "no nextUpdate", OF_CA, OF_CA, false, { .no_next_update = true }, ESCERTKE_ERR_UNSUPPORTED, false, "no nextUpdate" },
        { "SHA-384", OF_CA, OF_CA, false, { .sha384 = true }, ESCERTKE_ERR_UNSUPPORTED, false, "another algorithm" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pki_crl_params p = cases[i].p;
        struct files f = { .count = 0 };
        escertke_crls *set;
        escertke_detail d;

        p.issuer = whose(w, cases[i].issuer);
        p.signer = whose(w, cases[i].signer);
        files_crl(&f, p);
        escertke_err err = set_new(&f, cases[i].twins ? w->all : w->issuers, false, &set, &d);
        if (err != cases[i].err || (cases[i].reason && !strstr(d.reason, cases[i].reason)))
            fail_msg("%s: %s, \"%s\"", cases[i].name, escertke_err_name(err), d.reason);
        if (err == ESCERTKE_OK && (set->count != 1 || set->list[0].verified != cases[i].verified))
            fail_msg("%s: verified is %d", cases[i].name, set->list[0].verified);
        if (err != ESCERTKE_OK && !*d.advice)
            fail_msg("%s: no advice", cases[i].name);
        escertke_crls_free(set);
        files_free(&f);
    }
}

/* The CA's name once more, as PrintableString in other letters: the same name, other octets. */
static void name_spelt_otherwise(void **state)
{
    static const uint8_t name[] = { 0x30, 13, 0x31, 11, 0x30, 9, 6, 3, 0x55, 4, 3, 0x13, 2, 'c', 'a' };
    const struct world *w = *state;
    struct files f = { .count = 0 };
    escertke_crls *set;
    escertke_detail d;

    files_crl(&f, (struct pki_crl_params){ .issuer = &w->c.cert[1], .raw_issuer = name, .raw_issuer_len = sizeof name });
    assert_int_equal(set_new(&f, w->issuers, true, &set, &d), ESCERTKE_OK);
    assert_true(set->list[0].verified);
    assert_memory_not_equal(set->list[0].issuer, set->list[0].subject, 32);
    const escertke_issued leaf = issued_of(&w->c, 0);
    assert_int_equal(escertke_crls_check_issued(set, &leaf, 1, NOW, &d), ESCERTKE_OK);
    escertke_crls_free(set);
    files_free(&f);
}

/* ---- several ------------------------------------------------------------------------------------------------- */

/* Two of one issuer and key; which one counts is told by its number. */
static void the_later_counts(void **state)
{
    const struct world *w = *state;
    const struct {
        const char *name;
        long first_s, second_s;
        uint64_t first, second, counts;
    } cases[] = {
        { "the second is later", -2 * HOUR, -HOUR, 7, 8, 8 },
        { "the first is later", -HOUR, -2 * HOUR, 7, 8, 7 },
        { "the later has the lesser number", -HOUR, -2 * HOUR, 2, 9, 2 },
        { "at one time: by number", -HOUR, -HOUR, 300, 299, 300 },
        { "at one time: by number, the second", -HOUR, -HOUR, 255, 256, 256 },
        { "at one time: one has no number", -HOUR, -HOUR, 4, 0, 4 },
        { "at one time: the other has none", -HOUR, -HOUR, 0, 4, 4 },
        { "no difference: the second", -HOUR, -HOUR, 5, 5, 5 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct files f = { .count = 0 };
        escertke_crls *set;
        escertke_detail d;

        files_crl(&f, (struct pki_crl_params){ .issuer = &w->c.cert[1], .this_update_s = cases[i].first_s, .next_update_s = DAY,
                                               .number = cases[i].first, .no_number = !cases[i].first });
        files_crl(&f, (struct pki_crl_params){ .issuer = &w->c.cert[1], .this_update_s = cases[i].second_s, .next_update_s = DAY,
                                               .number = cases[i].second, .no_number = !cases[i].second });
        assert_int_equal(set_new(&f, w->issuers, false, &set, &d), ESCERTKE_OK);
        escertke_span n = set->list[0].crl.number;
        uint64_t number = 0;
        for (size_t k = 0; k < n.len; k++)
            number = number << 8 | n.ptr[k];
        if (set->count != 1 || number != cases[i].counts || (cases[i].first == cases[i].second && set->list[0].file != 2))
            fail_msg("%s: %zu left, number %d of file %zu", cases[i].name, set->count, (int)number, set->list[0].file);
        escertke_crls_free(set);
        files_free(&f);
    }
}

static void an_expired_one_beside_its_successor(void **state)
{
    const struct world *w = *state;
    struct files f = { .count = 0 };
    escertke_crls *set;
    escertke_detail d;

    files_crl(&f, (struct pki_crl_params){ .issuer = &w->c.cert[1], .this_update_s = -3 * DAY, .next_update_s = -2 * DAY });
    files_crl(&f, (struct pki_crl_params){ .issuer = &w->c.cert[1], .this_update_s = -2 * DAY, .next_update_s = DAY, .number = 2 });
    files_crl(&f, (struct pki_crl_params){ .issuer = &w->c.cert[1], .this_update_s = -4 * DAY, .next_update_s = -3 * DAY });
    assert_int_equal(set_new(&f, w->issuers, false, &set, &d), ESCERTKE_OK);
    assert_int_equal(set->count, 1);
    assert_int_equal(set->list[0].file, 2);
    escertke_crls_free(set);

    /* Of two keys none supersedes the other, nor does one of which nobody knows the key. */
    files_crl(&f, (struct pki_crl_params){ .issuer = &w->twin });
    files_crl(&f, (struct pki_crl_params){ .issuer = &w->c.cert[2] });
    assert_int_equal(set_new(&f, w->all, false, &set, &d), ESCERTKE_OK);
    assert_int_equal(set->count, 3);
    escertke_crls_free(set);
    assert_int_equal(set_new(&f, NULL, false, &set, &d), ESCERTKE_ERR_VALIDITY);
    files_free(&f);
}

static void one_bad_one_spoils_all(void **state)
{
    const struct world *w = *state;
    struct files f = { .count = 0 };
    escertke_crls *set;
    escertke_detail d;

    files_crl(&f, (struct pki_crl_params){ .issuer = &w->c.cert[1] });
    files_crl(&f, (struct pki_crl_params){ .issuer = &w->c.cert[2], .corrupt_signature = true });
    assert_int_equal(set_new(&f, w->issuers, false, &set, &d), ESCERTKE_ERR_SIGNATURE);
    assert_null(set);
    assert_non_null(strstr(d.reason, "CRL 1 of file 2"));
    files_free(&f);
}

static void limits(void **state)
{
    const struct world *w = *state;
    struct files f = { .count = 0 };
    escertke_crls *set;
    escertke_detail d;

    for (size_t i = 0; i < ESCERTKE_CRLS_MAX; i++)
        files_crl(&f, (struct pki_crl_params){ .issuer = &w->twin, .number = i + 1 });
    assert_int_equal(set_new(&f, NULL, false, &set, &d), ESCERTKE_OK);
    assert_int_equal(set->count, ESCERTKE_CRLS_MAX);
    escertke_crls_free(set);
    files_crl(&f, (struct pki_crl_params){ .issuer = &w->twin, .number = 1 });
    assert_int_equal(set_new(&f, NULL, false, &set, &d), ESCERTKE_ERR_LIMIT);
    assert_non_null(strstr(d.reason, "more than 64"));
    files_free(&f);

    uint8_t *octets = calloc(1, ESCERTKE_CRL_MAX + 1);
    memcpy(octets, "\x30\x83\xFF\xFF\xFF", 5);
    files_add(&f, octets, ESCERTKE_CRL_MAX + 1);
    assert_int_equal(set_new(&f, NULL, false, &set, &d), ESCERTKE_ERR_LIMIT);
    assert_non_null(strstr(d.reason, "larger than 16777216"));
    char *pem = pki_crl_pem(octets, ESCERTKE_CRL_MAX + 1);
    files_free(&f);
    files_add(&f, (uint8_t *)pem, strlen(pem));
    assert_int_equal(set_new(&f, NULL, false, &set, &d), ESCERTKE_ERR_LIMIT);
    files_free(&f);
}

static void a_large_one(void **state)
{
    const struct world *w = *state;
    struct pki_revoked *revoked = calloc(100000, sizeof *revoked);
    struct files f = { .count = 0 };
    escertke_crls *set;
    escertke_detail d;

    for (size_t i = 0; i < 100000; i++)
        revoked[i].number = i * 7919 % 100000 + 1;
    revoked[77777] = (struct pki_revoked){ .cert = &w->c.cert[0], .reason = PKI_REASON(4) };
    files_crl(&f, (struct pki_crl_params){ .issuer = &w->c.cert[1], .revoked = revoked, .revoked_count = 100000 });
    char *pem = pki_crl_pem(f.span[0].ptr, f.span[0].len);
    files_free(&f);
    files_add(&f, (uint8_t *)pem, strlen(pem));
    clock_t start = clock();
    assert_int_equal(set_new(&f, w->issuers, false, &set, &d), ESCERTKE_OK);
    clock_t loaded = clock();
    const escertke_issued leaf = issued_of(&w->c, 0);
    assert_int_equal(escertke_crls_check_issued(set, &leaf, 1, NOW, &d), ESCERTKE_ERR_REVOKED);
    printf("100,000 entries, PEM of %zu octets: loaded in %ld ms\n", f.span[0].len, (long)((loaded - start) * 1000 / CLOCKS_PER_SEC));
    escertke_crls_free(set);
    files_free(&f);
    free(revoked);
}

/* ---- certificates of issuers --------------------------------------------------------------------------------- */

static void certificates_of_issuers(void **state)
{
    const struct world *w = *state;
    struct pki_cert odd = pki_make(&(struct pki_params){ .cn = "odd", .repeat_san = true, NAMES(san, DNS("a.b")), .base_s = NOW });
    char *odd_pem = pki_chain_pem((const struct pki_cert *const[]){ &odd }, 1), *text = calloc(1, 65536);
    struct files f = { .count = 0 };
    escertke_crls *set;
    escertke_detail d;

    files_crl(&f, (struct pki_crl_params){ .issuer = &w->c.cert[1] });
    strcat(strcat(text, odd_pem), w->issuers);
    assert_int_equal(set_new(&f, text, false, &set, &d), ESCERTKE_OK); /* one that cannot be read is nobody's issuer */
    assert_true(set->list[0].verified);
    escertke_crls_free(set);
    text[strlen(text) - 10] = '\0';
    assert_int_equal(set_new(&f, text, false, &set, &d), ESCERTKE_ERR_CREDENTIAL);
    assert_non_null(strstr(d.reason, "certificates of the CRLs' issuers"));
    free(odd_pem);
    free(text);
    pki_cert_free(&odd);
    files_free(&f);
}

/* ---- octets -------------------------------------------------------------------------------------------------- */

static struct files small_crl(const struct world *w)
{
    const struct pki_revoked revoked = { .cert = &w->c.cert[0], .reason = PKI_REASON(1) };
    struct files f = { .count = 0 };

    files_crl(&f, (struct pki_crl_params){ .issuer = &w->c.cert[1], .revoked = &revoked, .revoked_count = 1 });
    return f;
}

/* What a changed CRL may do: not load, or load and say of every certificate of that path that its status is not known. */
static void expect_worthless(const struct world *w, const struct files *f, const char *what, size_t n, size_t *loaded)
{
    const escertke_issued leaf = issued_of(&w->c, 0);
    escertke_crls *set;
    escertke_detail d;
    int alert = -1;

    escertke_err err = set_new(f, w->issuers, true, &set, &d);
    if (err != ESCERTKE_OK && err != ESCERTKE_ERR_CREDENTIAL && err != ESCERTKE_ERR_SIGNATURE && err != ESCERTKE_ERR_UNSUPPORTED)
        fail_msg("%s %zu: %s", what, n, escertke_err_name(err));
    if (err != ESCERTKE_OK)
        return;
    ++*loaded;
    if (set->list[0].verified || escertke_crls_check_path(set, w->c.path, 2, NOW, &alert, NULL) != ESCERTKE_ERR_STATUS || alert != 46 ||
        escertke_crls_check_issued(set, &leaf, 1, NOW, NULL) != ESCERTKE_ERR_STATUS)
        fail_msg("%s %zu: a changed CRL counts", what, n);
    escertke_crls_free(set);
}

static void every_bit_flipped(void **state)
{
    const struct world *w = *state;
    struct files f = small_crl(w);
    uint8_t *octets = (uint8_t *)(uintptr_t)f.span[0].ptr;
    size_t loaded = 0;

    for (size_t bit = 0; bit < 8 * f.span[0].len; bit++) {
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_worthless(w, &f, "bit", bit, &loaded);
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    printf("%zu bits, %zu of the CRLs load as another issuer's or another key's\n", 8 * f.span[0].len, loaded);
    assert_in_range(loaded, 160, 400); /* all bits of a key identifier of 20 octets, some of the name */
    files_free(&f);
}

static void truncated_at_every_length(void **state)
{
    const struct world *w = *state;
    struct files f = small_crl(w);
    size_t loaded = 0;

    for (size_t whole = f.span[0].len; f.span[0].len-- > 0;)
        expect_worthless(w, &f, "length", whole, &loaded);
    assert_int_equal(loaded, 0);
    f.span[0].len = 0;
    files_free(&f);
}

/* ---- memory, arguments --------------------------------------------------------------------------------------- */

static long countdown; /* allocations until one fails; < 0 = never */

static void *failing_alloc(size_t size)
{
    return countdown >= 0 && countdown-- == 0 ? NULL : malloc(size);
}

static void *failing_resize(void *p, size_t size)
{
    return countdown >= 0 && countdown-- == 0 ? NULL : realloc(p, size);
}

static void nth_allocation_fails(void **state)
{
    static const escertke_memory memory = { failing_alloc, failing_resize, free };
    const struct world *w = *state;
    struct files f = small_crl(w), both = { .count = 0 };
    escertke_crls *set = NULL;
    escertke_detail d;
    long n = 0;

    char *pem = text_of("", &f, "", "");
    files_add(&both, (uint8_t *)pem, strlen(pem));
    files_crl(&both, (struct pki_crl_params){ .issuer = &w->c.cert[2] });
    files_crl(&both, (struct pki_crl_params){ .issuer = &w->c.cert[1], .this_update_s = -9 * HOUR, .next_update_s = DAY });
    escertke_memory_set(&memory);
    for (;; n++) {
        countdown = n;
        escertke_err err = set_new(&both, w->all, false, &set, &d);
        if (countdown >= 0) {
            assert_int_equal(err, ESCERTKE_OK);
            break;
        }
        if (err != ESCERTKE_ERR_NOMEM || set)
            fail_msg("allocation %ld: %s", n, escertke_err_name(err));
    }
    assert_in_range(n, 10, 100);
    escertke_crls_free(set);
    escertke_memory_set(NULL);
    files_free(&both);
    files_free(&f);
}

static escertke_err broken_verify(escertke_span spki, escertke_span data, escertke_span signature)
{
    (void)spki, (void)data, (void)signature;
    return ESCERTKE_ERR_BACKEND;
}

static escertke_err broken_sha256(escertke_span in, uint8_t out[32])
{
    (void)in, (void)out;
    return ESCERTKE_ERR_BACKEND;
}

static void arguments_and_back_ends(void **state)
{
    const struct world *w = *state;
    struct files f = small_crl(w);
    const escertke_crls_source good = { .files = f.span, .count = 1, .issuers = escertke_span_str(w->issuers), .unix_s = NOW,
                                        .verify = ops()->ecdsa_verify, .sha256 = ops()->sha256 };
    escertke_crls_source bad[6] = { good, good, good, good, good, good };
    static const escertke_err expected[6] = { ESCERTKE_OK, ESCERTKE_ERR_ARG, ESCERTKE_ERR_ARG, ESCERTKE_ERR_ARG, ESCERTKE_ERR_BACKEND, ESCERTKE_ERR_BACKEND };

    bad[1].files = NULL;
    bad[2].verify = NULL;
    bad[3].sha256 = NULL;
    bad[4].verify = broken_verify;
    bad[5].sha256 = broken_sha256;
    for (size_t i = 0; i < COUNT(bad); i++) {
        escertke_crls *set;
        assert_int_equal(escertke_crls_new(&bad[i], &set, NULL), expected[i]);
        assert_int_equal(set != NULL, expected[i] == ESCERTKE_OK);
        escertke_crls_free(set);
    }
    escertke_crls *set;
    assert_int_equal(escertke_crls_new(NULL, &set, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_crls_new(&good, NULL, NULL), ESCERTKE_ERR_ARG);
    files_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(der_and_pem),
        cmocka_unit_test(files_that_are_none),
        cmocka_unit_test(one_crl),
        cmocka_unit_test(name_spelt_otherwise),
        cmocka_unit_test(the_later_counts),
        cmocka_unit_test(an_expired_one_beside_its_successor),
        cmocka_unit_test(one_bad_one_spoils_all),
        cmocka_unit_test(limits),
        cmocka_unit_test(a_large_one),
        cmocka_unit_test(certificates_of_issuers),
        cmocka_unit_test(every_bit_flipped),
        cmocka_unit_test(truncated_at_every_length),
        cmocka_unit_test(nth_allocation_fails),
        cmocka_unit_test(arguments_and_back_ends),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
