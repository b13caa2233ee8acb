/* The record of a PKI: what is appended is there after the next opening, a cut end goes, and what is none of ours stops everything. */
#include "cli_support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "pki_db.h"

static char folder[64], path[96];

static struct pki_db open_db(escertke_err expected)
{
    struct pki_db db;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = pki_db_open(folder, &db, &d);
    if (err != expected)
        fail_msg("expected %s, got %s: %s", escertke_err_name(expected), escertke_err_name(err), d.reason);
    assert_int_equal(d.err, expected);
    return db;
}

/* A certificate with this serial number, as far as the record looks at it. */
static X509 *cert_of(const char *serial)
{
    X509 *x = X509_new();
    BIGNUM *n = NULL;

    assert_true(BN_hex2bn(&n, serial) > 0);
    assert_non_null(BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x), 1900000000));
    BN_free(n);
    return x;
}

static void issue(struct pki_db *db, enum pki_ca ca, const char *serial, const char *name)
{
    X509 *x = cert_of(serial);

    assert_int_equal(pki_db_add_issued(db, ca, x, name, NULL), ESCERTKE_OK);
    X509_free(x);
}

static off_t size_of(void)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static int fresh(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void serial_numbers(void **state)
{
    static const struct {
        const char *serial, *text; /* NULL: refused */
    } rows[] = {
        { "0", "0" }, { "1", "1" }, { "0A", "A" }, { "00FF", "FF" }, { "680F06CADAA3D03594A3AA0A7F814981", "680F06CADAA3D03594A3AA0A7F814981" },
        { "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" },
        { "1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", NULL }, { "-1", NULL },
    };
    char text[PKI_SERIAL_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        X509 *x = cert_of(rows[i].serial);
        assert_int_equal(pki_serial_text(x, text), rows[i].text != NULL);
        if (rows[i].text)
            assert_string_equal(text, rows[i].text);
        X509_free(x);
    }
}

static void a_new_record(void **state)
{
    struct pki_db db = open_db(ESCERTKE_OK);
    struct stat st;

    (void)state;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(json_object_size(db.certs), 0);
    assert_null(pki_db_find(&db, PKI_ISSUING, "1"));
    assert_false(pki_db_is_revoked(NULL));
    pki_db_close(&db);
    pki_db_close(&db); /* as after an opening that failed */
}

/* Each event, with what the next opening makes of it. */
static void what_happens_to_a_certificate(void **state)
{
    struct pki_db db = open_db(ESCERTKE_OK);
    json_t *entry;

    (void)state;
    issue(&db, PKI_ISSUING, "AB", "//m2m.example.org/in1/Cmeter");
    issue(&db, PKI_NODES, "AB", "urn:x:\"y\"\n");
    pki_db_close(&db);

    db = open_db(ESCERTKE_OK);
    entry = pki_db_find(&db, PKI_ISSUING, "AB");
    assert_int_equal(pki_db_time(entry, "expires"), 1900000000);
    assert_string_equal(json_string_value(json_object_get(entry, "name")), "//m2m.example.org/in1/Cmeter");
    assert_string_equal(json_string_value(json_object_get(pki_db_find(&db, PKI_NODES, "AB"), "name")), "urn:x:\"y\"\n");
    assert_false(pki_db_is_revoked(entry));
    assert_false(db.crls[PKI_ISSUING].changed);
    assert_int_equal(pki_db_add_revoked(&db, PKI_ISSUING, "AB", "certificateHold", entry, NULL), ESCERTKE_OK);
    pki_db_close(&db);

    db = open_db(ESCERTKE_OK);
    entry = pki_db_find(&db, PKI_ISSUING, "AB");
    assert_true(pki_db_is_revoked(entry));
    assert_false(pki_db_is_revoked(pki_db_find(&db, PKI_NODES, "AB"))); /* another CA's of that number */
    assert_string_equal(json_string_value(json_object_get(entry, "reason")), "certificateHold");
    assert_int_equal(pki_db_time(entry, "expires"), 1900000000);
    assert_true(db.crls[PKI_ISSUING].changed);
    assert_false(db.crls[PKI_NODES].changed);
    assert_int_equal(pki_db_add_released(&db, PKI_ISSUING, "AB", NULL), ESCERTKE_OK);
    pki_db_close(&db);

    db = open_db(ESCERTKE_OK);
    entry = pki_db_find(&db, PKI_ISSUING, "AB");
    assert_false(pki_db_is_revoked(entry));
    assert_null(json_object_get(entry, "reason"));
    assert_int_equal(pki_db_time(entry, "expires"), 1900000000);
    assert_string_equal(json_string_value(json_object_get(entry, "name")), "//m2m.example.org/in1/Cmeter");
    assert_true(db.crls[PKI_ISSUING].changed); /* the last list has it */
    pki_db_close(&db);
}

/* Issued before there was a record. */
static void revoked_without_having_been_issued(void **state)
{
    struct pki_db db = open_db(ESCERTKE_OK);
    X509 *x = cert_of("7");
    json_t *entry = pki_db_new_entry(x, "somebody");

    (void)state;
    assert_int_equal(pki_db_add_revoked(&db, PKI_ROOT, "7", "cACompromise", entry, NULL), ESCERTKE_OK);
    pki_db_close(&db);
    db = open_db(ESCERTKE_OK);
    assert_true(pki_db_is_revoked(pki_db_find(&db, PKI_ROOT, "7")));
    assert_string_equal(json_string_value(json_object_get(pki_db_find(&db, PKI_ROOT, "7"), "name")), "somebody");
    pki_db_close(&db);
    json_decref(entry);
    X509_free(x);
}

static void numbers_of_lists(void **state)
{
    struct pki_db db = open_db(ESCERTKE_OK);
    json_int_t number;

    (void)state;
    assert_int_equal(pki_db_next_crl(&db, PKI_ISSUING, 1800000000, &number, NULL), ESCERTKE_OK);
    assert_int_equal(number, 1);
    pki_db_close(&db);
    db = open_db(ESCERTKE_OK);
    assert_int_equal(db.crls[PKI_ISSUING].number, 1);
    assert_int_equal(db.crls[PKI_ISSUING].at, 1800000000);
    assert_int_equal(db.crls[PKI_ROOT].number, 0);
    assert_int_equal(pki_db_next_crl(&db, PKI_ISSUING, 1800000001, &number, NULL), ESCERTKE_OK);
    assert_int_equal(number, 2);
    assert_int_equal(pki_db_next_crl(&db, PKI_ROOT, 1800000001, &number, NULL), ESCERTKE_OK);
    assert_int_equal(number, 1);
    pki_db_close(&db);
    db = open_db(ESCERTKE_OK);
    assert_int_equal(db.crls[PKI_ISSUING].number, 2);
    pki_db_close(&db);
}

static void keys_taken_apart(void **state)
{
    static const struct {
        const char *key;
        enum pki_ca ca;
        const char *serial; /* NULL: another CA's */
    } rows[] = { { "ca AB", PKI_ISSUING, "AB" }, { "root 1", PKI_ROOT, "1" }, { "ca AB", PKI_ROOT, NULL }, { "nodes 1", PKI_NODES, "1" }, { "cab 1", PKI_ISSUING, NULL } };
    const char *serial;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(pki_db_key(rows[i].key, rows[i].ca, &serial), rows[i].serial != NULL);
        if (rows[i].serial)
            assert_string_equal(serial, rows[i].serial);
    }
}

#define ISSUED "{\"event\":\"issued\",\"at\":1,\"ca\":\"ca\",\"serial\":\"AB\",\"expires\":9,\"name\":\"x\"}\n"

static void records_that_are_none(void **state)
{
    static const struct {
        const char *name, *text, *words;
    } rows[] = {
        { "another text", "something else", "the end is no event of this PKI" },
        { "another text, a whole line", "something else\n", "line 1" },
        { "no event", ISSUED "{}\n", "line 2" },
        { "no object", "[]\n", "line 1" },
        { "NULs", "\1\1\n", "line 1" },
        { "an empty line", ISSUED "\n", "line 2" },
        { "two events in a line", "{\"event\":\"crl\",\"at\":1,\"ca\":\"ca\",\"number\":1}{}\n", "line 1" },
        { "a member twice", "{\"event\":\"crl\",\"at\":1,\"ca\":\"ca\",\"number\":1,\"number\":2}\n", "line 1" },
        { "an unknown event", "{\"event\":\"sold\",\"at\":1,\"ca\":\"ca\",\"serial\":\"1\"}\n", "line 1" },
        { "an unknown CA", "{\"event\":\"issued\",\"at\":1,\"ca\":\"its\",\"serial\":\"1\"}\n", "line 1" },
        { "no time", "{\"event\":\"issued\",\"ca\":\"ca\",\"serial\":\"1\"}\n", "line 1" },
        { "no serial number", "{\"event\":\"issued\",\"at\":1,\"ca\":\"ca\"}\n", "line 1" },
        { "a serial number too long", "{\"event\":\"issued\",\"at\":1,\"ca\":\"ca\",\"serial\":\"12345678901234567890123456789012345678901\"}\n", "line 1" },
        { "issued twice", ISSUED ISSUED, "line 2" },
        { "revoked for no reason", ISSUED "{\"event\":\"revoked\",\"at\":2,\"ca\":\"ca\",\"serial\":\"AB\"}\n", "line 2" },
        { "released, never issued", "{\"event\":\"released\",\"at\":2,\"ca\":\"ca\",\"serial\":\"AB\"}\n", "line 1" },
        { "list number 0", "{\"event\":\"crl\",\"at\":1,\"ca\":\"ca\",\"number\":0}\n", "line 1" },
        { "list number twice", "{\"event\":\"crl\",\"at\":1,\"ca\":\"ca\",\"number\":4}\n{\"event\":\"crl\",\"at\":2,\"ca\":\"ca\",\"number\":4}\n", "line 2" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pki_db db;
        escertke_detail d;
        write_text(path, rows[i].text);
        escertke_detail_init(&d);
        if (pki_db_open(folder, &db, &d) != ESCERTKE_ERR_STORE)
            fail_msg("%s: %s", rows[i].name, escertke_err_name(d.err));
        expect_words(rows[i].name, d.reason, rows[i].words);
        assert_int_equal(size_of(), (off_t)strlen(rows[i].text)); /* left as it is */
        pki_db_close(&db);
    }
}

/* A crash may leave any beginning of a line; it is as if that had not happened. */
static void cut_at_every_length(void **state)
{
    static const char line[] = "{\"event\":\"revoked\",\"at\":2,\"ca\":\"ca\",\"serial\":\"AB\",\"reason\":\"superseded\",\"expires\":9,\"name\":\"x\"}\n";
    char text[sizeof ISSUED + sizeof line];

    (void)state;
    for (size_t len = 1; len < sizeof line - 1; len++) {
        snprintf(text, sizeof text, "%s%.*s", ISSUED, (int)len, line);
        write_text(path, text);
        struct pki_db db = open_db(ESCERTKE_OK);
        assert_int_equal(size_of(), sizeof ISSUED - 1);
        assert_false(pki_db_is_revoked(pki_db_find(&db, PKI_ISSUING, "AB")));
        pki_db_close(&db);
    }
    snprintf(text, sizeof text, "%s%s", ISSUED, line);
    write_text(path, text);
    struct pki_db db = open_db(ESCERTKE_OK);
    assert_true(pki_db_is_revoked(pki_db_find(&db, PKI_ISSUING, "AB")));
    pki_db_close(&db);
}

/* More than any event needs, and no end: it is not ours to cut. */
static void a_long_end(void **state)
{
    char text[6000];

    (void)state;
    memset(text, '{', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    write_text(path, text);
    struct pki_db db = open_db(ESCERTKE_ERR_STORE);
    pki_db_close(&db);
    assert_int_equal(size_of(), sizeof text - 1);
}

static void a_disk_that_is_full(void **state)
{
    struct pki_db db = open_db(ESCERTKE_OK);
    struct rlimit before, full;
    json_int_t number;

    (void)state;
    issue(&db, PKI_ISSUING, "AB", "x");
    off_t size = size_of();
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (rlim_t room = 0; room < 20; room += 10) { /* nothing of the line fits, and a part of it */
        full = (struct rlimit){ (rlim_t)size + room, before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
        escertke_err err = pki_db_next_crl(&db, PKI_ISSUING, 1, &number, NULL);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(err, ESCERTKE_ERR_IO);
        assert_int_equal(size_of(), size);
    }
    assert_int_equal(pki_db_next_crl(&db, PKI_ISSUING, 1, &number, NULL), ESCERTKE_OK);
    pki_db_close(&db);
    db = open_db(ESCERTKE_OK);
    assert_int_equal(db.crls[PKI_ISSUING].number, 1);
    pki_db_close(&db);
}

/* Who comes second waits, and sees what the first has written. */
static void one_at_a_time(void **state)
{
    int ready[2];
    char octet = 0;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct pki_db db;
        bool ok = pki_db_open(folder, &db, NULL) == ESCERTKE_OK && write(ready[1], &octet, 1) == 1;
        usleep(300000);
        X509 *x = cert_of("AB");
        ok = ok && pki_db_add_issued(&db, PKI_ISSUING, x, "x", NULL) == ESCERTKE_OK;
        X509_free(x);
        pki_db_close(&db);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &octet, 1), 1);
    struct pki_db db = open_db(ESCERTKE_OK);
    assert_non_null(pki_db_find(&db, PKI_ISSUING, "AB"));
    pki_db_close(&db);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ready[0]);
    close(ready[1]);
}

static void files_that_cannot_be_opened(void **state)
{
    char long_name[5000];
    struct pki_db db;

    (void)state;
    assert_int_equal(pki_db_open("/nowhere", &db, NULL), ESCERTKE_ERR_IO);
    pki_db_close(&db);
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(pki_db_open(long_name, &db, NULL), ESCERTKE_ERR_IO);
    pki_db_close(&db);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(pki_db_open(folder, &db, NULL), ESCERTKE_ERR_IO);
    pki_db_close(&db);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serial_numbers),
        cmocka_unit_test_setup(a_new_record, fresh),
        cmocka_unit_test_setup(what_happens_to_a_certificate, fresh),
        cmocka_unit_test_setup(revoked_without_having_been_issued, fresh),
        cmocka_unit_test_setup(numbers_of_lists, fresh),
        cmocka_unit_test(keys_taken_apart),
        cmocka_unit_test_setup(records_that_are_none, fresh),
        cmocka_unit_test_setup(cut_at_every_length, fresh),
        cmocka_unit_test_setup(a_long_end, fresh),
        cmocka_unit_test_setup(a_disk_that_is_full, fresh),
        cmocka_unit_test_setup(one_at_a_time, fresh),
        cmocka_unit_test_setup(files_that_cannot_be_opened, fresh),
    };

    folder_make(folder);
    snprintf(path, sizeof path, "%s/issued", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    folder_remove(folder);
    return failed;
}
