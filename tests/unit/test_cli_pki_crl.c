/* CRLs of a PKI, read back by the library's own reader: whose entries, which reasons, numbers, dates, and a signature that holds. */
#include "cli_support.h"

#include <escertke/crl.h>
#include <escertke/tls.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <time.h>

#include "cert/crl.h"
/* not the header of that name in tests/support */
#include "../../cli/pki_crl.h"

static char folder[64];
static struct pki_pair ca;

static struct pki_db open_db(void)
{
    struct pki_db db;

    assert_int_equal(pki_db_open(folder, &db, NULL), ESCERTKE_OK);
    return db;
}

/* As if it had been read: revoked at @p at, good until @p expires. */
static void put(struct pki_db *db, const char *key, const char *event, const char *reason, int64_t at, int64_t expires)
{
    json_t *entry = json_pack("{s:s, s:I, s:I}", "event", event, "at", (json_int_t)at, "expires", (json_int_t)expires);

    if (reason)
        assert_int_equal(json_object_set_new(entry, "reason", json_string(reason)), 0);
    assert_int_equal(json_object_set_new(db->certs, key, entry), 0);
}

/* Makes a list, and reads it back from its octets. */
struct made {
    struct pki_crl crl;
    uint8_t *der;
    escertke_crl read;
};

static struct made make(struct pki_db *db, enum pki_ca place, long days)
{
    struct made m = { .der = NULL };
    escertke_detail d;

    escertke_detail_init(&d);
    if (pki_crl_make(&ca, place, db, days, &m.crl, &d) != ESCERTKE_OK)
        fail_msg("%s", d.reason);
    int len = i2d_X509_CRL(m.crl.list, &m.der);
    assert_true(len > 0);
    if (escertke_crl_parse((escertke_span){ m.der, (size_t)len }, &m.read, &d) != ESCERTKE_OK)
        fail_msg("%s", d.reason);
    return m;
}

static void drop(struct made *m)
{
    X509_CRL_free(m->crl.list);
    OPENSSL_free(m->der);
}

static void reasons(void **state)
{
    static const struct {
        const char *word;
        int code;
    } rows[] = {
        { "unspecified", 0 }, { "keyCompromise", 1 }, { "cACompromise", 2 }, { "affiliationChanged", 3 }, { "superseded", 4 },
        { "cessationOfOperation", 5 }, { "certificateHold", 6 }, { "privilegeWithdrawn", 9 }, { "aACompromise", 10 },
        { "removeFromCRL", -1 }, { "KeyCompromise", -1 }, { "keyCompromise ", -1 }, { "", -1 }, { "1", -1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(pki_reason_parse(rows[i].word), rows[i].code);
        if (rows[i].code >= 0)
            expect_words("reason words", pki_reason_words(), rows[i].word);
    }
}

static void nothing_revoked(void **state)
{
    struct pki_db db = open_db();
    int64_t now = time(NULL);
    uint8_t *spki = NULL, *name = NULL;

    (void)state;
    put(&db, "ca 1", "issued", NULL, now, now + 1000);
    struct made m = make(&db, PKI_ISSUING, 30);
    int len = i2d_PUBKEY(ca.key, &spki), name_len = i2d_X509_NAME(X509_get_subject_name(ca.cert), &name);
    assert_int_equal(m.read.revoked_count, 0);
    assert_int_equal(m.crl.entries, 0);
    assert_true(escertke_span_equal(m.read.issuer, (escertke_span){ name, (size_t)name_len }));
    assert_in_range(m.crl.next_update, now + 30 * 86400, now + 30 * 86400 + 60);
    assert_int_equal(m.read.next_update, m.crl.next_update);
    assert_true(m.read.this_update <= now);
    assert_int_equal(escertke_tls_openssl()->ecdsa_verify((escertke_span){ spki, (size_t)len }, m.read.tbs, m.read.signature), ESCERTKE_OK);
    OPENSSL_free(spki);
    OPENSSL_free(name);
    drop(&m);
    pki_db_close(&db);
}

/* Only the CA's own, only what is revoked now, in the order of their numbers, each with its reason; "unspecified" is not said. */
static void entries(void **state)
{
    static const struct {
        uint8_t serial;
        int reason;
    } expected[] = { { 0x02, -1 }, { 0x0A, 6 }, { 0x7F, 1 } };
    struct pki_db db = open_db();
    int64_t now = time(NULL);
    struct esc_crl_entry e;
    size_t i = 0;

    (void)state;
    put(&db, "ca 7F", "revoked", "keyCompromise", now - 50, now + 1000);
    put(&db, "ca 2", "revoked", "unspecified", now - 40, now + 1000);
    put(&db, "ca A", "revoked", "certificateHold", now - 30, now + 1000);
    put(&db, "ca 3", "released", NULL, now - 20, now + 1000);
    put(&db, "ca 4", "issued", NULL, now - 20, now + 1000);
    put(&db, "root 5", "revoked", "cACompromise", now - 20, now + 1000);
    put(&db, "nodes 6", "revoked", "superseded", now - 20, now + 1000);
    struct made m = make(&db, PKI_ISSUING, 1);
    assert_int_equal(m.crl.entries, COUNT(expected));
    assert_int_equal(m.read.revoked_count, COUNT(expected));
    for (struct der r = esc_der_init(m.read.revoked); !esc_der_done(&r); i++) {
        assert_null(esc_crl_entry_read(&r, &e));
        assert_true(i < COUNT(expected) && e.serial.len == 1);
        assert_int_equal(e.serial.ptr[0], expected[i].serial);
        assert_int_equal(e.reason, expected[i].reason);
    }
    assert_int_equal(i, COUNT(expected));
    drop(&m);
    m = make(&db, PKI_ROOT, 1);
    assert_int_equal(m.read.revoked_count, 1);
    drop(&m);
    pki_db_close(&db);
}

/* What has expired is on one more list and then on none (RFC 5280 3.3). */
static void expired_ones(void **state)
{
    static const struct {
        const char *name;
        int64_t revoked, expires, last_list;
        size_t entries;
    } rows[] = {
        { "no list yet", 100, 200, 0, 1 },
        { "last list before it expired", 100, 200, 199, 1 },
        { "last list in that second", 100, 200, 200, 1 },
        { "last list after it expired", 100, 200, 201, 0 },
        { "revoked after it expired, not on a list yet", 300, 200, 250, 1 },
        { "revoked after it expired, in the second of a list", 300, 200, 300, 1 },
        { "revoked after it expired, on a list", 300, 200, 301, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pki_db db = open_db();
        db.crls[PKI_ISSUING].at = rows[i].last_list;
        put(&db, "ca 1", "revoked", "superseded", rows[i].revoked, rows[i].expires);
        struct made m = make(&db, PKI_ISSUING, 1);
        if (m.read.revoked_count != rows[i].entries)
            fail_msg("%s: %zu entries", rows[i].name, m.read.revoked_count);
        drop(&m);
        pki_db_close(&db);
    }
}

static void each_list_has_its_number(void **state)
{
    struct pki_db db = open_db();
    json_int_t first = db.crls[PKI_NODES].number;

    (void)state;
    pki_db_close(&db);
    for (json_int_t i = 1; i <= 3; i++) {
        db = open_db();
        struct made m = make(&db, PKI_NODES, 1);
        assert_int_equal(m.crl.number, first + i);
        assert_int_equal(m.read.number.len, 1);
        assert_int_equal(m.read.number.ptr[0], first + i);
        drop(&m);
        pki_db_close(&db);
    }
}

/* No list without a number that is written down. */
static void a_disk_that_is_full(void **state)
{
    struct pki_db db = open_db();
    struct rlimit before, full;
    struct pki_crl crl;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    full = (struct rlimit){ 1, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    escertke_err err = pki_crl_make(&ca, PKI_ROOT, &db, 1, &crl, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(err, ESCERTKE_ERR_IO);
    X509_CRL_free(crl.list);
    pki_db_close(&db);
}

static void files(void **state)
{
    struct pki_db db = open_db();
    struct made a = make(&db, PKI_ISSUING, 1), b = make(&db, PKI_ROOT, 1);
    X509_CRL *const both[] = { a.crl.list, b.crl.list, NULL }, *const one[] = { a.crl.list, NULL };
    char path[96], text[4096];
    struct stat st;

    (void)state;
    snprintf(path, sizeof path, "%s/crl.pem", folder);
    assert_int_equal(pki_crl_write(path, both, NULL), ESCERTKE_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    off_t size = st.st_size;
    assert_int_equal(pki_crl_write(path, one, NULL), ESCERTKE_OK); /* in place of what was there */
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size < size);
    FILE *f = fopen(path, "r");
    size_t len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[len] = '\0';
    assert_ptr_equal(strstr(text, "-----BEGIN X509 CRL-----"), text);
    assert_null(strstr(text + 1, "-----BEGIN"));
    assert_int_equal(pki_crl_write("/nowhere/crl.pem", one, NULL), ESCERTKE_ERR_IO);
    drop(&a);
    drop(&b);
    pki_db_close(&db);
}

int main(void)
{
    const struct pki_subject subject = { "CA of a test", NULL, 30 };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons),
        cmocka_unit_test(nothing_revoked),
        cmocka_unit_test(entries),
        cmocka_unit_test(expired_ones),
        cmocka_unit_test(each_list_has_its_number),
        cmocka_unit_test(a_disk_that_is_full),
        cmocka_unit_test(files),
    };

    folder_make(folder);
    if (pki_new_key(&ca, NULL) != ESCERTKE_OK || pki_new_cert(&subject, &ca, NULL) != ESCERTKE_OK ||
        pki_add_extension(ca.cert, NID_key_usage, "critical,keyCertSign,cRLSign", NULL) != ESCERTKE_OK ||
        pki_sign(ca.cert, ca.key, NULL) != ESCERTKE_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pki_pair_free(&ca);
    folder_remove(folder);
    return failed;
}
