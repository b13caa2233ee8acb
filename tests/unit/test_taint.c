/*
 * Does our own code branch on a key, or look something up by it? Here each octet of a secret is told to valgrind's memcheck as
 * undefined: keys as they leave the TLS exporter or come out of SQLite, private keys in PEM. It then reports every branch and
 * every address that depends on one. Where a library takes a secret over, it gets a copy that is defined: what it does is its
 * own affair. Without valgrind this is a plain run. tests/integration/taint runs it, and plants two faults that must be reported.
 *
 * A PIN is left out: it is a C string, whose end must be looked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <gnutls/abstract.h>
#include <openssl/bio.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef WITH_MEMCHECK
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_MAKE_MEM_UNDEFINED(at, len) ((void)(at), (void)(len))
#define VALGRIND_MAKE_MEM_DEFINED(at, len) ((void)(at), (void)(len))
#define VALGRIND_GET_VBITS(at, bits, len) ((void)(at), (void)(len), 0)
#endif
#ifdef WITH_MBEDTLS
#include <mbedtls/pk.h>
#endif

#include "fixture.h"
#include "keys/sqlite.h"

/* ---- tainting ---------------------------------------------------------------------------------------------------------- */

static long tainted_keys, handed_over;

static void taint(void *at, size_t len)
{
    VALGRIND_MAKE_MEM_UNDEFINED(at, len);
}

static void reveal(void *at, size_t len)
{
    VALGRIND_MAKE_MEM_DEFINED(at, len);
}

static bool has_taint(const void *at, size_t len)
{
    static const uint8_t none[16384];
    static uint8_t bits[sizeof none];

    assert_true(len <= sizeof bits);
    return VALGRIND_GET_VBITS(at, bits, len) == 1 && memcmp(bits, none, len) != 0;
}

/* All of it is secret still: nothing on the way has made it known, and nothing but valgrind is why the test is silent. */
static void assert_secret(const void *at, size_t len)
{
    if (RUNNING_ON_VALGRIND)
        assert_true(has_taint(at, len));
}

/* What a library gets in place of a secret. */
static const void *for_library(const void *at, size_t len)
{
    static uint8_t copy[16384];

    if (!at || !has_taint(at, len))
        return at;
    memcpy(copy, at, len);
    reveal(copy, len);
    handed_over++;
    return copy;
}

/* ---- where libraries take over: each of these is linked in the place of the one that it calls ------------------------ */

int __real_sqlite3_bind_blob(sqlite3_stmt *st, int at, const void *octets, int len, void (*done)(void *));
int __wrap_sqlite3_bind_blob(sqlite3_stmt *st, int at, const void *octets, int len, void (*done)(void *));
int __wrap_sqlite3_bind_blob(sqlite3_stmt *st, int at, const void *octets, int len, void (*done)(void *))
{
    const void *shown = for_library(octets, (size_t)len);

    return __real_sqlite3_bind_blob(st, at, shown, len, shown == octets ? done : SQLITE_TRANSIENT);
}

const void *__real_sqlite3_column_blob(sqlite3_stmt *st, int at);
const void *__wrap_sqlite3_column_blob(sqlite3_stmt *st, int at);
const void *__wrap_sqlite3_column_blob(sqlite3_stmt *st, int at)
{
    static uint8_t key[ESCERTKE_KEY_LEN];
    const void *octets = __real_sqlite3_column_blob(st, at);

    if (at != ESC_COL_KEY || !octets || sqlite3_column_bytes(st, at) != sizeof key)
        return octets;
    memcpy(key, octets, sizeof key);
    taint(key, sizeof key);
    tainted_keys++;
    return key;
}

BIO *__real_BIO_new_mem_buf(const void *text, int len);
BIO *__wrap_BIO_new_mem_buf(const void *text, int len);
BIO *__wrap_BIO_new_mem_buf(const void *text, int len)
{
    return __real_BIO_new_mem_buf(len < 0 ? text : for_library(text, (size_t)len), len);
}

static gnutls_datum_t datum_for_library(const gnutls_datum_t *in)
{
    return (gnutls_datum_t){ (unsigned char *)(uintptr_t)for_library(in->data, in->size), in->size };
}

int __real_gnutls_x509_privkey_import2(gnutls_x509_privkey_t k, const gnutls_datum_t *in, gnutls_x509_crt_fmt_t format, const char *password,
                                       unsigned flags);
int __wrap_gnutls_x509_privkey_import2(gnutls_x509_privkey_t k, const gnutls_datum_t *in, gnutls_x509_crt_fmt_t format, const char *password,
                                       unsigned flags);
int __wrap_gnutls_x509_privkey_import2(gnutls_x509_privkey_t k, const gnutls_datum_t *in, gnutls_x509_crt_fmt_t format, const char *password,
                                       unsigned flags)
{
    gnutls_datum_t shown = datum_for_library(in);

    return __real_gnutls_x509_privkey_import2(k, &shown, format, password, flags);
}

int __real_gnutls_privkey_import_x509_raw(gnutls_privkey_t k, const gnutls_datum_t *in, gnutls_x509_crt_fmt_t format, const char *password,
                                          unsigned flags);
int __wrap_gnutls_privkey_import_x509_raw(gnutls_privkey_t k, const gnutls_datum_t *in, gnutls_x509_crt_fmt_t format, const char *password,
                                          unsigned flags);
int __wrap_gnutls_privkey_import_x509_raw(gnutls_privkey_t k, const gnutls_datum_t *in, gnutls_x509_crt_fmt_t format, const char *password,
                                          unsigned flags)
{
    gnutls_datum_t shown = datum_for_library(in);

    return __real_gnutls_privkey_import_x509_raw(k, &shown, format, password, flags);
}

#ifdef WITH_MBEDTLS
int __real_mbedtls_pk_parse_key(mbedtls_pk_context *k, const unsigned char *in, size_t len, const unsigned char *password, size_t plen);
int __wrap_mbedtls_pk_parse_key(mbedtls_pk_context *k, const unsigned char *in, size_t len, const unsigned char *password, size_t plen);
int __wrap_mbedtls_pk_parse_key(mbedtls_pk_context *k, const unsigned char *in, size_t len, const unsigned char *password, size_t plen)
{
    return __real_mbedtls_pk_parse_key(k, for_library(in, len), len, password, plen);
}
#endif

/* ---- two ends ------------------------------------------------------------------------------------------------------------ */

static const escertke_tls_ops *real;

/* The first 16 octets name the key and are not secret (R-KX-2). */
static escertke_err export_tainted(void *conn, const char *label, escertke_span context, uint8_t *out, size_t len)
{
    escertke_err err = real->export_key(conn, label, context, out, len);

    if (err == ESCERTKE_OK && len > ESCERTKE_KEY_ID_LEN) {
        taint(out + ESCERTKE_KEY_ID_LEN, len - ESCERTKE_KEY_ID_LEN);
        tainted_keys++;
    }
    return err;
}

struct end {
    void *credential;
    escertke_store store;
    escertke_identity identity;
    escertke_peer peer;
    char pin[72], path[64]; /* pin: of its own raw key */
};

struct world {
    struct fixture *f;
    escertke_tls_ops tls;
    struct end meter, panel;
    escertke_terminator *t;
    escertke_now now;
};

static void read_log(void *ctx, escertke_level level, const char *event, const char *text)
{
    static char last[1024];

    (void)ctx, (void)level;
    snprintf(last, sizeof last, "%s %s", event, text); /* looks at every character */
}

static void zero_in_events(void *ctx, const escertke_event *event)
{
    static const uint8_t zero[ESCERTKE_KEY_LEN];

    (void)ctx;
    if (event->entry)
        assert_memory_equal(event->entry->key.key, zero, sizeof zero);
}

static void open_end(struct world *w, struct end *e, const struct party *who, bool raw)
{
    size_t len = strlen(who->key);
    char *key = malloc(len);
    escertke_credential_source src = { .raw = raw, .key = { (const uint8_t *)key, len }, .unix_s = w->now.unix_s, .path_cache = raw ? 0 : 65536 };
    uint8_t digest[32];
    long before = handed_over;

    if (!raw) {
        src.chain = escertke_span_str(who->chain);
        src.trust = escertke_span_str(w->f->trust);
    }
    memcpy(key, who->key, len);
    taint(key, len);
    assert_int_equal(real->credential_new(&src, &e->credential, NULL), ESCERTKE_OK);
    if (RUNNING_ON_VALGRIND)
        assert_true(handed_over > before);
    escertke_wipe(key, len);
    assert_false(has_taint(key, len));
    free(key);
    if (raw) {
        assert_int_equal(real->sha256(real->credential_cert(e->credential), digest), ESCERTKE_OK);
        assert_int_equal(escertke_key_identifier(digest, 256, e->pin), ESCERTKE_OK);
    }
}

static void open_store(struct end *e, const char *scheme, const char *folder, const char *name)
{
    char uri[96];

    snprintf(e->path, sizeof e->path, "%s/%s", folder, name);
    snprintf(uri, sizeof uri, "%s%s", scheme, strcmp(scheme, "memory:") == 0 ? "" : e->path);
    assert_int_equal(escertke_store_open(uri, &e->store, NULL), ESCERTKE_OK);
}

static void identify(struct world *w, struct end *e, const char *id, const struct end *other, const char *other_id, bool raw)
{
    e->peer = (escertke_peer){ .id = other_id, .flavour = ESCERTKE_FLAVOUR_RAW, .pin = other->pin };
    e->identity = (escertke_identity){ .tls = &w->tls, .credential = e->credential, .raw = raw, .id = id, .store = &e->store,
                                       .ctx = { "//m2m.example.org", "/in1" }, .peers = raw ? &e->peer : NULL, .peer_count = raw,
                                       .log = { .fn = read_log } };
}

static void world_open(struct world *w, struct fixture *f, const char *scheme, const char *folder, bool raw)
{
    memset(w, 0, sizeof *w);
    w->f = f;
    w->now = f->now;
    real = fixture_tls();
    w->tls = *real;
    w->tls.export_key = export_tainted;
    open_end(w, &w->meter, &f->meter, raw);
    open_end(w, &w->panel, &f->panel, raw);
    open_store(&w->meter, scheme, folder, "meter");
    open_store(&w->panel, scheme, folder, "panel");
    identify(w, &w->meter, METER, &w->panel, PANEL, raw);
    identify(w, &w->panel, PANEL, &w->meter, METER, raw);
    escertke_terminator_config cfg = { .identity = w->meter.identity, .on_event = zero_in_events };
    assert_int_equal(escertke_terminator_new(&cfg, &w->t, NULL), ESCERTKE_OK);
}

static void world_close(struct world *w)
{
    escertke_terminator_free(w->t);
    escertke_store_close(&w->meter.store);
    escertke_store_close(&w->panel.store);
    real->credential_free(w->meter.credential);
    real->credential_free(w->panel.credential);
}

/* ---- a run, and what is done with its key ------------------------------------------------------------------------------ */

static void exchange(struct world *w, escertke_attempt *a, const escertke_todo *todo)
{
    escertke_answer answer;

    for (int i = 0; i < 2; i++) { /* a repetition, too, gets its answer */
        escertke_answer_init(&answer);
        escertke_terminator_answer(w->t, escertke_span_str("Cpanel"), todo->message, 0, w->now, &answer);
        assert_int_equal(answer.rsc, ESCERTKE_RSC_OK);
        if (i == 0)
            escertke_answer_clear(&answer);
    }
    escertke_attempt_answered(a, escertke_buf_span(&answer.message), w->now);
    escertke_answer_clear(&answer);
}

static void run(struct world *w, escertke_key_entry *entry)
{
    escertke_attempt *a;
    escertke_todo todo;

    assert_int_equal(escertke_attempt_new(&w->panel.identity, METER, NULL, w->now, &a, NULL), ESCERTKE_OK);
    for (escertke_attempt_next(a, w->now, &todo); todo.kind == ESCERTKE_TODO_SEND; escertke_attempt_next(a, w->now, &todo))
        exchange(w, a, &todo);
    assert_int_equal(todo.kind, ESCERTKE_TODO_DONE);
    assert_int_equal(escertke_attempt_entry(a, entry), ESCERTKE_OK);
    escertke_attempt_free(a);
    assert_secret(entry->key.key, sizeof entry->key.key);
}

static bool zero_in_lists(void *ctx, const escertke_key_entry *entry)
{
    static const uint8_t zero[ESCERTKE_KEY_LEN];

    assert_memory_equal(entry->key.key, zero, sizeof zero);
    ++*(size_t *)ctx;
    return true;
}

static bool keep_all(void *ctx, const escertke_key_entry *entry)
{
    size_t count = 0;

    (void)ctx;
    (void)zero_in_lists(&count, entry);
    return false;
}

/* As `keys export` writes it: the same octets from both ends. */
static void written_out(const escertke_key_entry *ours, const escertke_key_entry *theirs)
{
    char a[2 * ESCERTKE_KEY_LEN + 1], b[sizeof a];
    bool same = escertke_ct_equal(ours->key.key, theirs->key.key, ESCERTKE_KEY_LEN);

    escertke_hex((escertke_span){ ours->key.key, ESCERTKE_KEY_LEN }, a);
    escertke_hex((escertke_span){ theirs->key.key, ESCERTKE_KEY_LEN }, b);
    assert_secret(a, sizeof a - 1);
    assert_secret(&same, sizeof same);
    reveal(&same, sizeof same);
    reveal(a, sizeof a);
    reveal(b, sizeof b);
    assert_true(same);
    assert_string_equal(a, b);
}

/* All that a store can do with an entry. */
static void through_store(struct world *w, struct end *end, const escertke_key_entry *e)
{
    escertke_store *s = &end->store;
    const char *own = end->identity.id, *peer = end == &w->meter ? PANEL : METER;
    escertke_key_entry found;
    size_t count = 0;

    assert_int_equal(s->ops->get(s->state, e->key.id, w->now.unix_s, &found, NULL), ESCERTKE_OK);
    assert_secret(found.key.key, sizeof found.key.key);
    written_out(e, &found);
    assert_int_equal(escertke_key_check(&found, NULL, w->now.unix_s, NULL), ESCERTKE_OK);
    escertke_key_entry_wipe(&found);
    assert_false(has_taint(&found, sizeof found));
    assert_int_equal(s->ops->find(s->state, own, peer, ESCERTKE_USAGE_ESPRIM, w->now.unix_s, &found, NULL), ESCERTKE_OK);
    assert_secret(found.key.key, sizeof found.key.key);
    assert_int_equal(s->ops->put(s->state, &found, NULL, NULL), ESCERTKE_OK); /* over itself */
    escertke_key_entry_wipe(&found);
    assert_int_equal(s->ops->confirm(s->state, e->key.id, own, NULL), ESCERTKE_OK);
    assert_int_equal(s->ops->list(s->state, zero_in_lists, &count, NULL), ESCERTKE_OK);
    assert_int_equal(count, 2);
    assert_int_equal(s->ops->sweep(s->state, keep_all, NULL, &count, NULL), ESCERTKE_OK);
    assert_int_equal(escertke_keys_recheck(s, NULL, w->now.unix_s, NULL, NULL, &count, NULL), ESCERTKE_OK);
    assert_int_equal(count, 0);
}

static void emptied(struct world *w, escertke_store *s, const escertke_key_entry *e)
{
    size_t count;

    assert_int_equal(s->ops->remove(s->state, e->key.id, NULL), ESCERTKE_OK);
    assert_int_equal(s->ops->prune(s->state, w->now.unix_s + 366 * 86400, &count, NULL), ESCERTKE_OK);
    assert_int_equal(count, 1);
}

static void whole(struct fixture *f, const char *scheme, const char *folder, bool raw)
{
    escertke_key_entry older, entry;
    struct world w;

    tainted_keys = 0;
    world_open(&w, f, scheme, folder, raw);
    run(&w, &older);
    w.now.unix_s += 10;
    run(&w, &entry); /* takes the older one's place */
    through_store(&w, &w.meter, &entry);
    through_store(&w, &w.panel, &entry);
    emptied(&w, &w.meter.store, &entry);
    emptied(&w, &w.panel.store, &older);
    escertke_key_entry_wipe(&older);
    escertke_key_entry_wipe(&entry);
    assert_false(has_taint(&entry, sizeof entry));
    world_close(&w);
    assert_true(tainted_keys >= 4);
}

static void store_in_memory(void **state)
{
    whole(*state, "memory:", "", false);
}

static void store_in_a_file(void **state)
{
    char folder[] = "/tmp/escertke-taint-XXXXXX", command[64];
    long before = handed_over;

    assert_non_null(mkdtemp(folder));
    whole(*state, "sqlite:", folder, false);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    if (RUNNING_ON_VALGRIND)
        assert_true(handed_over >= before + 6); /* two private keys, four keys */
}

static void raw_keys(void **state)
{
    if (!fixture_tls()->raw_keys)
        skip();
    whole(*state, "memory:", "", true);
}

/* ---- alone --------------------------------------------------------------------------------------------------------------- */

static void pieces(void **state)
{
    uint8_t exported[48];
    char text[2 * sizeof exported + 1], expected[3];
    escertke_key key;
    bool same;

    (void)state;
    for (size_t at = 0; at < 256; at += sizeof exported) { /* every octet there is */
        for (size_t i = 0; i < sizeof exported; i++)
            exported[i] = (uint8_t)(at + i);
        taint(exported, sizeof exported);
        escertke_key_split(exported, &key);
        escertke_hex((escertke_span){ (uint8_t *)&key, sizeof key }, text);
        same = escertke_ct_equal(exported, &key, sizeof key);
        reveal(&same, sizeof same);
        assert_true(same);
        reveal(text, sizeof text);
        for (size_t i = 0; i < sizeof exported; i++) {
            snprintf(expected, sizeof expected, "%02X", (unsigned)((at + i) & 255));
            assert_memory_equal(text + 2 * i, expected, 2);
        }
        escertke_wipe(&key, sizeof key);
        assert_false(has_taint(&key, sizeof key));
        key.key[31] = 1; /* and what is not equal */
        same = escertke_ct_equal(exported, &key, sizeof key);
        reveal(&same, sizeof same);
        assert_false(same);
    }
}

/* Two faults that valgrind must see. */
static int plant(const char *what)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t key[ESCERTKE_KEY_LEN] = { 0x5A };

    taint(key, sizeof key);
    if (strcmp(what, "branch") == 0 && key[0] == 0x5A)
        puts("branched");
    if (strcmp(what, "index") == 0)
        return ((volatile const char *)digits)[key[0] & 15] & 0x80;
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(pieces), cmocka_unit_test(store_in_memory), cmocka_unit_test(store_in_a_file),
                                        cmocka_unit_test(raw_keys) };

    if (argc > 1)
        return plant(argv[1]);
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
