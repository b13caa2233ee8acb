/* The status of the certificates of a path, and of certificates remembered: which CRL counts, what it says, and in which words. */
#include <pthread.h>

#include "crl_support.h"

struct world {
    struct chain c;         /* leaf, CA, root */
    struct pki_cert twin;   /* another key under the CA's name, also of the root */
    struct chain mute;      /* a path whose CA has keyUsage without cRLSign */
    struct chain plain;     /* a path whose CA has no keyUsage */
    char *issuers, *twins;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    const struct pki_params ca = { .is_ca = true };

    w->c = chain_make((struct pki_params){ .cn = "leaf" }, ca, ca);
    w->twin = pki_make(&(struct pki_params){ .cn = "CA", .issuer = &w->c.cert[2], .is_ca = true, .base_s = NOW });
    w->mute = chain_make((struct pki_params){ .cn = "leaf" }, (struct pki_params){ .is_ca = true, .key_usage = 0x8400 }, ca);
    w->plain = chain_make((struct pki_params){ .cn = "leaf" }, (struct pki_params){ .is_ca = true, .no_key_usage = true }, ca);
    w->issuers = pki_chain_pem((const struct pki_cert *const[]){ &w->c.cert[2], &w->c.cert[1] }, 2);
    w->twins = pki_chain_pem((const struct pki_cert *const[]){ &w->c.cert[2], &w->c.cert[1], &w->twin }, 3);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    chain_free(&w->c);
    chain_free(&w->mute);
    chain_free(&w->plain);
    pki_cert_free(&w->twin);
    free(w->issuers);
    free(w->twins);
    free(w);
    return 0;
}

enum whose { NOBODY, OF_CA, OF_ROOT, OF_TWIN, OF_CA_BY_TWIN };
enum what { NOTHING, LEAF, CA, LEAF_HELD, OTHERS };

/* One CRL of a set. */
struct one {
    enum whose whose;
    enum what revoked;
    long this_update_s, next_update_s; /* both 0 = the maker's */
};

static void add_crl(struct files *f, const struct world *w, const struct one *one)
{
    struct pki_revoked entries[] = { { .number = 3 }, { .number = 1000000 }, { .at_s = -DAY }, { .number = 70000 } };
    struct pki_crl_params p = { .issuer = &w->c.cert[1], .this_update_s = one->this_update_s, .next_update_s = one->next_update_s,
                                .revoked = entries, .revoked_count = COUNT(entries) };

    if (one->whose == OF_ROOT)
        p.issuer = &w->c.cert[2];
    else if (one->whose == OF_TWIN)
        p.issuer = &w->twin;
    if (one->whose == OF_CA_BY_TWIN)
        p.signer = &w->twin, p.no_key_id = true;
    switch (one->revoked) {
    case NOTHING: p.revoked_count = 0; break;
    case LEAF: entries[2].cert = &w->c.cert[0], entries[2].reason = PKI_REASON(1); break;
    case LEAF_HELD: entries[2].cert = &w->c.cert[0], entries[2].reason = PKI_REASON(6); break;
    case CA: entries[2].cert = &w->c.cert[1]; break;
    case OTHERS: entries[2].number = 4; break;
    }
    files_crl(f, p);
}

/* ---- the verdict --------------------------------------------------------------------------------------------- */

/* At load everything is known, or nothing: then the path's own issuers tell. */
enum known { KNOWN = 1, UNKNOWN = 2, EITHER = 3 };

static const struct {
    const char *name;
    struct one crls[3];
    enum known known;
    bool require;
    long now_s;
    escertke_err err;
    const char *where, *reason, *advice;
} cases[] = {
    { "no CRL", { { .whose = NOBODY } }, EITHER, false, 0, ESCERTKE_OK, NULL, NULL, NULL },
    { "no CRL, required", { { .whose = NOBODY } }, EITHER, true, 0, ESCERTKE_ERR_STATUS, "intermediate 1, subject CN=CA, ", "there is no CRL of CN=root, and a CRL is required", "configure" },
    { "nothing revoked", { { OF_CA, NOTHING, 0, 0 }, { OF_ROOT, NOTHING, 0, 0 } }, EITHER, true, 0, ESCERTKE_OK, NULL, NULL, NULL },
    { "others revoked", { { OF_CA, OTHERS, 0, 0 }, { OF_ROOT, OTHERS, 0, 0 } }, EITHER, true, 0, ESCERTKE_OK, NULL, NULL, NULL },
    { "the CA's alone", { { OF_CA, OTHERS, 0, 0 } }, EITHER, false, 0, ESCERTKE_OK, NULL, NULL, NULL },
    { "the CA's alone, required", { { OF_CA, OTHERS, 0, 0 } }, EITHER, true, 0, ESCERTKE_ERR_STATUS, "intermediate 1", "there is no CRL of CN=root", "configure" },
    { "the root's alone, required", { { OF_ROOT, OTHERS, 0, 0 } }, EITHER, true, 0, ESCERTKE_ERR_STATUS, "leaf, subject CN=leaf, ", "there is no CRL of CN=CA", "configure" },

    { "leaf revoked", { { OF_CA, LEAF, 0, 0 } }, EITHER, false, 0, ESCERTKE_ERR_REVOKED, "leaf, subject CN=leaf, serial ", "was revoked at 2027-01-14T08:00:00Z, 24 hours ago: keyCompromise (CRL of CN=CA)", "new certificate" },
    { "leaf on hold", { { OF_CA, LEAF_HELD, 0, 0 } }, EITHER, false, 0, ESCERTKE_ERR_REVOKED, "leaf", "certificateHold (CRL of CN=CA)", "on hold" },
    { "CA revoked", { { OF_ROOT, CA, 0, 0 } }, EITHER, false, 0, ESCERTKE_ERR_REVOKED, "intermediate 1, subject CN=CA, ", "no reason given (CRL of CN=root)", "new certificate" },
    { "both revoked: the CA first", { { OF_CA, LEAF, 0, 0 }, { OF_ROOT, CA, 0, 0 } }, EITHER, false, 0, ESCERTKE_ERR_REVOKED, "intermediate 1", "(CRL of CN=root)", NULL },
    { "the leaf's number on the root's CRL", { { OF_ROOT, LEAF, 0, 0 } }, EITHER, false, 0, ESCERTKE_OK, NULL, NULL, NULL },
    { "the CA's number on its own CRL", { { OF_CA, CA, 0, 0 } }, EITHER, false, 0, ESCERTKE_OK, NULL, NULL, NULL },

    { "expires in a second", { { OF_CA, NOTHING, -HOUR, HOUR } }, EITHER, false, HOUR - 1, ESCERTKE_OK, NULL, NULL, NULL },
    { "expired since it was loaded", { { OF_CA, NOTHING, -HOUR, HOUR } }, EITHER, false, HOUR, ESCERTKE_ERR_STATUS, "leaf", "CRL of CN=CA expired at 2027-01-15T09:00:00Z", "get a new CRL" },
    { "expired long ago", { { OF_CA, NOTHING, -HOUR, HOUR } }, EITHER, false, 3 * DAY, ESCERTKE_ERR_STATUS, "leaf", "CRL of CN=CA expired at 2027-01-15T09:00:00Z, 2 days ago; get a new one and reload", "get a new CRL" },
    { "expired, leaf on it", { { OF_CA, LEAF, -HOUR, HOUR } }, EITHER, false, DAY, ESCERTKE_ERR_STATUS, "leaf", "expired", NULL },
    { "the root's has expired", { { OF_CA, NOTHING, 0, 0 }, { OF_ROOT, NOTHING, -HOUR, HOUR } }, EITHER, false, 2 * HOUR, ESCERTKE_ERR_STATUS, "intermediate 1", "CRL of CN=root expired", NULL },
    { "from now on", { { OF_CA, NOTHING, HOUR, 2 * HOUR } }, EITHER, false, HOUR, ESCERTKE_OK, NULL, NULL, NULL },
    { "not yet valid", { { OF_CA, NOTHING, HOUR, 2 * HOUR } }, EITHER, false, HOUR - 1, ESCERTKE_ERR_STATUS, "leaf", "CRL of CN=CA is not valid before 2027-01-15T09:00:00Z, in 1 second", "clock" },

    { "of another key under the name", { { OF_TWIN, NOTHING, 0, 0 } }, EITHER, false, 0, ESCERTKE_ERR_STATUS, "leaf", "the CRL of CN=CA is not signed by the key that issued the certificate", "this key" },
    { "the same, leaf on it", { { OF_TWIN, LEAF, 0, 0 } }, EITHER, false, 0, ESCERTKE_ERR_STATUS, "leaf", "not signed by the key", NULL },
    { "signed by somebody else", { { OF_CA_BY_TWIN, LEAF, 0, 0 } }, UNKNOWN, false, 0, ESCERTKE_ERR_STATUS, "leaf", "not signed by the key", NULL },
    { "both keys' CRLs", { { OF_TWIN, LEAF, 0, 0 }, { OF_CA, OTHERS, 0, 0 } }, EITHER, false, 0, ESCERTKE_OK, NULL, NULL, NULL },
    { "both keys' CRLs, the other way round", { { OF_CA, OTHERS, 0, 0 }, { OF_TWIN, LEAF, 0, 0 } }, EITHER, false, 0, ESCERTKE_OK, NULL, NULL, NULL },
    { "both keys' CRLs, revoked on the right one", { { OF_CA, LEAF, 0, 0 }, { OF_TWIN, OTHERS, 0, 0 } }, EITHER, false, 0, ESCERTKE_ERR_REVOKED, "leaf", "keyCompromise", NULL },

    { "revoked on the later one", { { OF_CA, OTHERS, -2 * HOUR, DAY }, { OF_CA, LEAF, -HOUR, DAY } }, EITHER, false, 0, ESCERTKE_ERR_REVOKED, "leaf", "keyCompromise", NULL },
    { "the same, later one first", { { OF_CA, LEAF, -HOUR, DAY }, { OF_CA, OTHERS, -2 * HOUR, DAY } }, EITHER, false, 0, ESCERTKE_ERR_REVOKED, "leaf", "keyCompromise", NULL },
    { "revoked on the earlier one", { { OF_CA, LEAF_HELD, -2 * HOUR, DAY }, { OF_CA, OTHERS, -HOUR, DAY } }, EITHER, false, 0, ESCERTKE_OK, NULL, NULL, NULL },
    { "two at one time: the last", { { OF_CA, LEAF_HELD, -HOUR, DAY }, { OF_CA, OTHERS, -HOUR, DAY } }, EITHER, false, 0, ESCERTKE_OK, NULL, NULL, NULL },
};

static escertke_crls *set_of_case(const struct world *w, size_t i, bool known)
{
    struct files f = { .count = 0 };
    escertke_crls *set;
    escertke_detail d;

    for (size_t k = 0; k < COUNT(cases[i].crls) && cases[i].crls[k].whose != NOBODY; k++)
        add_crl(&f, w, &cases[i].crls[k]);
    if (set_new(&f, known ? w->twins : NULL, cases[i].require, &set, &d) != ESCERTKE_OK)
        fail_msg("%s: %s", cases[i].name, d.reason);
    files_free(&f);
    return set;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void paths(void **state)
{
    const struct world *w = *state;

    for (size_t i = 0; i < COUNT(cases); i++)
        for (enum known k = KNOWN; k <= UNKNOWN; k++) {
            if (!(cases[i].known & k))
                continue;
            escertke_crls *set = set_of_case(w, i, k == KNOWN);
            escertke_detail d;
            int alert = -1;
            escertke_detail_init(&d);
            escertke_err err = set->check_path(set, w->c.path, 3, NOW + cases[i].now_s, &alert, &d);
            if (err != cases[i].err || d.err != err)
                fail_msg("%s (%d): %s, \"%s\"", cases[i].name, (int)k, escertke_err_name(err), d.reason);
            if (err != ESCERTKE_OK && alert != (err == ESCERTKE_ERR_REVOKED ? 44 : 46))
                fail_msg("%s: alert %d", cases[i].name, alert);
            if (cases[i].reason && (!strstr(d.reason, cases[i].reason) || !begins(d.certificate, cases[i].where) || !*d.expected || !*d.found || !*d.clause))
                fail_msg("%s: \"%s\" of \"%s\", expected \"%s\", found \"%s\"", cases[i].name, d.reason, d.certificate, d.expected, d.found);
            if (cases[i].advice && !strstr(d.advice, cases[i].advice))
                fail_msg("%s: \"%s\"", cases[i].name, d.advice);
            escertke_crls_free(set);
        }
}

/* What is remembered of the path has the same status, but for CRLs whose issuer was not known when they were loaded. */
static void issued(void **state)
{
    const struct world *w = *state;
    const escertke_issued both[] = { issued_of(&w->c, 0), issued_of(&w->c, 1) };

    for (size_t i = 0; i < COUNT(cases); i++)
        for (enum known k = KNOWN; k <= UNKNOWN; k++) {
            if (!(cases[i].known & k))
                continue;
            escertke_crls *set = set_of_case(w, i, k == KNOWN);
            escertke_err expected = cases[i].crls[0].whose == NOBODY || k == KNOWN ? cases[i].err : ESCERTKE_ERR_STATUS;
            escertke_detail d;
            escertke_detail_init(&d);
            escertke_err err = escertke_crls_check_issued(set, both, 2, NOW + cases[i].now_s, &d);
            if (err != expected || d.err != err)
                fail_msg("%s (%d): %s, \"%s\"", cases[i].name, (int)k, escertke_err_name(err), d.reason);
            size_t place = cases[i].where ? strcspn(cases[i].where, ",") : 0;
            if (k == KNOWN && place && (strncmp(d.certificate, cases[i].where, place) != 0 || d.certificate[place]))
                fail_msg("%s: \"%s\"", cases[i].name, d.certificate);
            if (k == KNOWN && err == ESCERTKE_ERR_REVOKED && !strstr(d.reason, cases[i].reason))
                fail_msg("%s: \"%s\"", cases[i].name, d.reason);
            escertke_crls_free(set);
        }
}

/* ---- issuers that may not, or need not say ------------------------------------------------------------------- */

static escertke_err ask(const struct chain *c, const struct pki_cert *issuer, escertke_detail *d)
{
    struct files f = { .count = 0 };
    escertke_crls *set;
    int alert;

    files_crl(&f, (struct pki_crl_params){ .issuer = issuer });
    assert_int_equal(set_new(&f, NULL, false, &set, d), ESCERTKE_OK);
    escertke_err err = escertke_crls_check_path(set, c->path, 3, NOW, &alert, d);
    escertke_crls_free(set);
    files_free(&f);
    return err;
}

static void key_usage_of_the_issuer(void **state)
{
    const struct world *w = *state;
    escertke_detail d;

    assert_int_equal(ask(&w->plain, &w->plain.cert[1], &d), ESCERTKE_OK);
    assert_int_equal(ask(&w->mute, &w->mute.cert[1], &d), ESCERTKE_ERR_STATUS);
    assert_non_null(strstr(d.reason, "without cRLSign"));
    assert_true(begins(d.certificate, "leaf"));
}

/* ---- what is asked ------------------------------------------------------------------------------------------- */

static void odd_questions(void **state)
{
    const struct world *w = *state;
    const escertke_span broken[] = { w->c.path[0], { w->c.path[1].ptr, w->c.path[1].len - 1 }, w->c.path[2] };
    const escertke_issued too_long = { .serial_len = 21 }, leaf = issued_of(&w->c, 0);
    struct files f = { .count = 0 };
    escertke_crls *set;
    escertke_detail d;
    int alert = -1;

    add_crl(&f, w, &(struct one){ OF_CA, LEAF, 0, 0 });
    assert_int_equal(set_new(&f, w->issuers, true, &set, &d), ESCERTKE_OK);
    assert_int_equal(escertke_crls_check_path(NULL, w->c.path, 3, NOW, &alert, &d), ESCERTKE_OK);
    assert_int_equal(escertke_crls_check_issued(NULL, &leaf, 1, NOW, &d), ESCERTKE_OK);
    assert_int_equal(escertke_crls_check_path(set, w->c.path, 1, NOW, &alert, &d), ESCERTKE_OK); /* the anchor alone */
    assert_int_equal(escertke_crls_check_issued(set, NULL, 0, NOW, &d), ESCERTKE_OK);
    assert_int_equal(escertke_crls_check_path(set, w->c.path, 2, NOW, &alert, NULL), ESCERTKE_ERR_REVOKED); /* the CA as anchor */
    assert_int_equal(escertke_crls_check_path(set, NULL, 0, NOW, &alert, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(alert, 80);
    assert_int_equal(escertke_crls_check_path(set, w->c.path, 3, NOW, NULL, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_crls_check_path(set, broken, 3, NOW, &alert, &d), ESCERTKE_ERR_STATUS);
    assert_non_null(strstr(d.reason, "cannot be read"));
    escertke_detail_init(&d);
    assert_int_equal(escertke_crls_check_issued(set, NULL, 1, NOW, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(escertke_crls_check_issued(set, &too_long, 1, NOW, NULL), ESCERTKE_ERR_ARG);
    assert_int_equal(d.err, ESCERTKE_OK);
    d.err = ESCERTKE_ERR_IO; /* the first failure wins */
    assert_int_equal(escertke_crls_check_path(set, w->c.path, 2, NOW, &alert, &d), ESCERTKE_ERR_REVOKED);
    assert_int_equal(d.err, ESCERTKE_ERR_IO);
    assert_string_equal(d.certificate, "");
    escertke_crls_free(set);
    files_free(&f);
}

/* Same key, another name; same name, another key; same both, another number: nothing of this is revoked. */
static void near_misses(void **state)
{
    const struct world *w = *state;
    escertke_issued one[4];
    struct files f = { .count = 0 };
    escertke_crls *set;
    escertke_detail d;

    for (size_t i = 0; i < COUNT(one); i++)
        one[i] = issued_of(&w->c, 0);
    one[1].issuer[31] ^= 1;
    one[2].key[31] ^= 1;
    one[3].serial[one[3].serial_len - 1] ^= 1;
    add_crl(&f, w, &(struct one){ OF_CA, LEAF, 0, 0 });
    static const escertke_err expected[2][4] = { { ESCERTKE_ERR_REVOKED, ESCERTKE_OK, ESCERTKE_ERR_STATUS, ESCERTKE_OK },
                                                 { ESCERTKE_ERR_REVOKED, ESCERTKE_ERR_STATUS, ESCERTKE_ERR_STATUS, ESCERTKE_OK } };
    for (size_t require = 0; require < 2; require++) {
        assert_int_equal(set_new(&f, w->issuers, require, &set, &d), ESCERTKE_OK);
        for (size_t i = 0; i < COUNT(one); i++)
            if (escertke_crls_check_issued(set, &one[i], 1, NOW, NULL) != expected[require][i])
                fail_msg("%zu of %zu", i, require);
        escertke_crls_free(set);
    }
    files_free(&f);
}

/* ---- holders ------------------------------------------------------------------------------------------------- */

struct job {
    const struct world *w;
    escertke_crls *set;
    int wrong;
};

static void *hold_ask_free(void *arg)
{
    struct job *j = arg;
    const escertke_issued leaf = issued_of(&j->w->c, 0);
    int alert;

    for (int i = 0; i < 200; i++) {
        escertke_crls *mine = escertke_crls_hold(j->set);
        j->wrong += escertke_crls_check_issued(mine, &leaf, 1, NOW, NULL) != ESCERTKE_ERR_REVOKED;
        j->wrong += escertke_crls_check_path(mine, j->w->c.path, 3, NOW, &alert, NULL) != ESCERTKE_ERR_REVOKED;
        escertke_crls_free(mine);
    }
    escertke_crls_free(j->set); /* the job's own hold; whoever is last releases the set */
    return NULL;
}

static void many_threads(void **state)
{
    const struct world *w = *state;
    struct job jobs[8];
    pthread_t threads[8];
    struct files f = { .count = 0 };
    escertke_crls *set;
    escertke_detail d;

    assert_null(escertke_crls_hold(NULL));
    escertke_crls_free(NULL);
    add_crl(&f, w, &(struct one){ OF_CA, LEAF, 0, 0 });
    assert_int_equal(set_new(&f, w->issuers, false, &set, &d), ESCERTKE_OK);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        jobs[i] = (struct job){ .w = w, .set = escertke_crls_hold(set) };
        assert_int_equal(pthread_create(&threads[i], NULL, hold_ask_free, &jobs[i]), 0);
    }
    escertke_crls_free(set);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(jobs[i].wrong, 0);
    }
    files_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),         cmocka_unit_test(issued),      cmocka_unit_test(key_usage_of_the_issuer),
        cmocka_unit_test(odd_questions), cmocka_unit_test(near_misses), cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
