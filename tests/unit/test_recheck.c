/* Keys whose certificates have been revoked since, with real CRLs; over each store. */
#include "keys_support.h"

#include <pthread.h>

#include "crl_support.h"

static char dir[256];
static struct chain chain; /* leaf, CA, root */
static char *issuers;

enum crl { NO_CRLS, NOBODY_REVOKED, LEAF_REVOKED, CA_REVOKED, ANOTHER_CA, REQUIRED };

static escertke_crls *crls_make(enum crl which)
{
    struct pki_revoked revoked = { .cert = &chain.cert[which == CA_REVOKED] };
    struct pki_crl_params p = { .issuer = &chain.cert[which == CA_REVOKED || which == ANOTHER_CA || which == REQUIRED ? 2 : 1],
                                .revoked = &revoked, .revoked_count = which == LEAF_REVOKED || which == CA_REVOKED };
    struct files f = { .count = 0 };
    escertke_crls *set = NULL;
    escertke_detail d;

    if (which == NO_CRLS)
        return NULL;
    files_crl(&f, p);
    if (set_new(&f, issuers, which == REQUIRED, &set, &d) != ESCERTKE_OK)
        fail_msg("%s", d.reason);
    files_free(&f);
    return set;
}

static escertke_key_entry key_of_chain(uint32_t n)
{
    escertke_key_entry e = entry_make(n, NOW - 100, NOW + 100 * DAY);

    e.issued[0] = issued_of(&chain, 0);
    e.issued[1] = issued_of(&chain, 1);
    e.issued_count = 2;
    return e;
}

static void make_old(escertke_key_entry *e) { e->issued_count = 0; }
static void make_raw(escertke_key_entry *e) { e->issued_count = 0, e->flavour = ESCERTKE_FLAVOUR_RAW; }
static void make_expired(escertke_key_entry *e) { e->expires_s = NOW; }
static void make_last_second(escertke_key_entry *e) { e->expires_s = NOW + 1; }
static void make_nothing(escertke_key_entry *e) { (void)e; }

static void verdict_on_a_key(void **state)
{
    static const struct {
        const char *name;
        void (*make)(escertke_key_entry *e);
        enum crl crls;
        long now_s;
        escertke_err expected;
        const char *reason;
    } rows[] = {
        { "no CRLs", make_nothing, NO_CRLS, 0, ESCERTKE_OK, "" },
        { "good", make_nothing, NOBODY_REVOKED, 0, ESCERTKE_OK, "" },
        { "leaf revoked", make_nothing, LEAF_REVOKED, 0, ESCERTKE_ERR_REVOKED, "revoked" },
        { "CA revoked", make_nothing, CA_REVOKED, 0, ESCERTKE_ERR_REVOKED, "revoked" },
        { "CRL has expired", make_nothing, NOBODY_REVOKED, 90 * DAY, ESCERTKE_ERR_STATUS, "" },
        { "only another CA's", make_nothing, ANOTHER_CA, 0, ESCERTKE_OK, "" },
        { "only another CA's, one is required", make_nothing, REQUIRED, 0, ESCERTKE_ERR_STATUS, "" },
        { "expired", make_expired, NO_CRLS, 0, ESCERTKE_ERR_VALIDITY, "has expired" },
        { "expired and revoked", make_expired, LEAF_REVOKED, 0, ESCERTKE_ERR_VALIDITY, "has expired" },
        { "last second", make_last_second, NOBODY_REVOKED, 0, ESCERTKE_OK, "" },
        { "of an old store", make_old, NOBODY_REVOKED, 0, ESCERTKE_ERR_STATUS, "before 0.2" },
        { "of an old store, no CRLs", make_old, NO_CRLS, 0, ESCERTKE_OK, "" },
        { "raw", make_raw, REQUIRED, 0, ESCERTKE_OK, "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        escertke_crls *crls = crls_make(rows[i].crls);
        escertke_key_entry e = key_of_chain(1);
        escertke_detail d = detail_new();
        rows[i].make(&e);
        escertke_err err = escertke_key_check(&e, crls, NOW + rows[i].now_s, &d);
        if (err != rows[i].expected || d.err != err || !strstr(d.reason, rows[i].reason))
            fail_msg("%s: %s, \"%s\"", rows[i].name, escertke_err_name(err), d.reason);
        assert_int_equal(escertke_key_check(&e, crls, NOW + rows[i].now_s, NULL), err);
        escertke_crls_free(crls);
    }
}

/* ---- a whole store ---------------------------------------------------------------------------------------------- */

struct told {
    size_t revoked, status;
};

static void note(void *ctx, const escertke_key_entry *entry, escertke_err verdict, const escertke_detail *d)
{
    static const uint8_t zero[ESCERTKE_KEY_LEN];
    struct told *t = ctx;

    assert_memory_equal(entry->key.key, zero, sizeof zero);
    assert_int_equal(d->err, verdict);
    assert_true(d->reason[0]);
    t->revoked += verdict == ESCERTKE_ERR_REVOKED;
    t->status += verdict == ESCERTKE_ERR_STATUS;
}

static bool has_key(escertke_store *s, uint32_t n)
{
    escertke_key_entry e = entry_make(n, 0, 0), out;

    return s->ops->get(s->state, e.key.id, 0, &out, NULL) == ESCERTKE_OK;
}

/* Keys 1 and 2 of the leaf, 3 of another leaf of the CA, 4 expired, 5 of an old store, 6 raw; the leaf's are revoked. */
static void fill(escertke_store *s)
{
    for (uint32_t n = 1; n <= 6; n++) {
        escertke_key_entry e = key_of_chain(n);
        if (n == 3)
            e.issued[0].serial[0] ^= 1;
        if (n == 4)
            make_expired(&e);
        if (n == 5)
            make_old(&e);
        if (n == 6)
            make_raw(&e);
        assert_ok(s->ops->put(s->state, &e, NULL, NULL));
    }
}

static void recheck_in(const char *uri)
{
    escertke_crls *crls = crls_make(LEAF_REVOKED), *good = crls_make(NOBODY_REVOKED);
    struct told told = { 0 };
    escertke_store s;
    size_t removed = 99;

    assert_ok(escertke_store_open(uri, &s, NULL));
    fill(&s);
    assert_ok(escertke_keys_recheck(&s, NULL, NOW, note, &told, &removed, NULL));
    assert_true(removed == 0 && told.revoked == 0 && told.status == 0);
    assert_ok(escertke_keys_recheck(&s, good, NOW, note, &told, &removed, NULL));
    assert_true(removed == 0 && told.revoked == 0 && told.status == 1);
    assert_ok(escertke_keys_recheck(&s, crls, NOW, note, &told, &removed, NULL));
    assert_int_equal(removed, 2);
    assert_true(told.revoked == 2 && told.status == 2);
    for (uint32_t n = 1; n <= 6; n++)
        assert_int_equal(has_key(&s, n), n > 2);
    assert_ok(escertke_keys_recheck(&s, crls, NOW + 90 * DAY, NULL, NULL, NULL, NULL)); /* expired CRL: nothing goes */
    assert_true(has_key(&s, 3) && has_key(&s, 5));
    assert_ok(s.ops->prune(s.state, INT64_MAX, NULL, NULL));
    escertke_store_close(&s);
    escertke_crls_free(crls);
    escertke_crls_free(good);
}

static void recheck_in_memory(void **state)
{
    (void)state;
    recheck_in("memory:");
}

static void recheck_in_sqlite(void **state)
{
    char uri[320];

    (void)state;
    snprintf(uri, sizeof uri, "sqlite:%s/keys.db", dir);
    recheck_in(uri);
}

/* Too little memory for the list of what is to go: nothing goes. */
static size_t allocations;

static void *first_only(void *p, size_t size)
{
    return allocations++ ? NULL : realloc(p, size);
}

static void recheck_is_all_or_nothing(void **state)
{
    const escertke_memory little = { malloc, first_only, free };
    escertke_crls *crls = crls_make(LEAF_REVOKED);
    escertke_detail d = detail_new();
    escertke_store s;
    char uri[320];
    size_t removed;

    (void)state;
    snprintf(uri, sizeof uri, "sqlite:%s/keys.db", dir);
    assert_ok(escertke_store_open(uri, &s, NULL));
    for (uint32_t n = 0; n < 100; n++) {
        escertke_key_entry e = key_of_chain(n);
        assert_ok(s.ops->put(s.state, &e, NULL, NULL));
    }
    escertke_memory_set(&little);
    allocations = 0;
    assert_int_equal(escertke_keys_recheck(&s, crls, NOW, NULL, NULL, &removed, &d), ESCERTKE_ERR_NOMEM);
    escertke_memory_set(NULL);
    assert_int_equal(removed, 0);
    assert_true(has_key(&s, 0) && has_key(&s, 99));
    assert_ok(escertke_keys_recheck(&s, crls, NOW, NULL, NULL, &removed, &d));
    assert_int_equal(removed, 100);
    escertke_store_close(&s);
    escertke_crls_free(crls);
}

static int set_up(void **state)
{
    const struct pki_params ca = { .is_ca = true };

    (void)state;
    chain = chain_make((struct pki_params){ .cn = "leaf" }, ca, ca);
    issuers = pki_chain_pem((const struct pki_cert *const[]){ &chain.cert[2], &chain.cert[1] }, 2);
    dir_make(dir, sizeof dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    chain_free(&chain);
    free(issuers);
    dir_remove(dir, (const char *const[]){ "keys.db", NULL });
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdict_on_a_key),
        cmocka_unit_test(recheck_in_memory),
        cmocka_unit_test(recheck_in_sqlite),
        cmocka_unit_test(recheck_is_all_or_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
