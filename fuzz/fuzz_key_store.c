/*
 * fuzz_key_store.c - a key store's file that others have written to. Input: changes {column or 255, row and type, length,
 * octets}; column 255 puts octets into the file itself, at the place that the first four say. The file is opened or refused with
 * a reason, and no entry is given out that the store would not have taken.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <escertke/keys.h>

#include "keys/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1800000000)
#define FILE_MAX (256u * 1024u)

static char folder[64], path[80];
static uint8_t made[FILE_MAX], file[FILE_MAX]; /* a good store, and a copy to be changed */
static size_t made_len;

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void remove_file(void)
{
    char more[96];

    unlink(path);
    snprintf(more, sizeof more, "%s-wal", path);
    unlink(more);
    snprintf(more, sizeof more, "%s-shm", path);
    unlink(more);
}

static void clean_up(void)
{
    remove_file();
    rmdir(folder);
}

/* ---- a good store ------------------------------------------------------------------------------------------------- */

static escertke_key_entry entry_of(uint8_t n)
{
    escertke_key_entry e;

    memset(&e, 0, sizeof e);
    memset(e.key.id, n, sizeof e.key.id);
    memset(e.key.key, 0x80 + n, sizeof e.key.key);
    strcpy(e.own, "//m2m.example.org/in1/Cmeter");
    strcpy(e.peer, "//m2m.example.org/in1/Cpanel");
    strcpy(e.suite, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    strcpy(e.engine, "openssl");
    e.usage = ESCERTKE_USAGE_ESPRIM;
    e.role = n & 1 ? ESCERTKE_TERMINATOR : ESCERTKE_INITIATOR;
    e.flavour = ESCERTKE_FLAVOUR_AE;
    e.created_s = NOW - n;
    e.expires_s = NOW + 1000;
    e.issued_count = n % 3;
    for (size_t i = 0; i < e.issued_count; i++)
        e.issued[i].serial_len = 16;
    return e;
}

static void make(void)
{
    escertke_store s;

    snprintf(folder, sizeof folder, "%s/escertke-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    must(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/keys", folder);
    atexit(clean_up);
    must(escertke_store_sqlite(path, &s, NULL) == ESCERTKE_OK);
    for (uint8_t n = 1; n <= 3; n++) {
        const escertke_key_entry e = entry_of(n);
        const escertke_reply reply = { .m3_digest = { n }, .m4 = escertke_span_str("M4"), .until_s = NOW + 60 };
        const escertke_put_options o = { .reply = n & 1 ? &reply : NULL };
        must(s.ops->put(s.state, &e, &o, NULL) == ESCERTKE_OK);
    }
    escertke_store_close(&s);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, made, sizeof made) : -1;
    must(len > 0 && (size_t)len < sizeof made);
    made_len = (size_t)len;
    close(fd);
}

/* ---- changes -------------------------------------------------------------------------------------------------------- */

static void write_file(void)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    must(fd >= 0 && write(fd, file, made_len) == (ssize_t)made_len);
    close(fd);
}

static void bind(sqlite3_stmt *st, unsigned type, escertke_span value)
{
    int64_t number = 0;

    for (size_t i = 0; i < value.len && i < 8; i++)
        number = (int64_t)((uint64_t)number << 8 | value.ptr[i]);
    switch (type % 5) {
    case 0: sqlite3_bind_null(st, 1); break;
    case 1: sqlite3_bind_int64(st, 1, number); break;
    case 2: sqlite3_bind_text(st, 1, (const char *)value.ptr, (int)value.len, SQLITE_TRANSIENT); break;
    case 3: sqlite3_bind_blob(st, 1, value.ptr, (int)value.len, SQLITE_TRANSIENT); break;
    default: sqlite3_bind_double(st, 1, (double)number / 3); break;
    }
}

/* What the schema forbids fails, as it does for everybody who goes through SQLite; most checks are switched off. */
static void change_row(sqlite3 *db, uint8_t column, uint8_t how, escertke_span value)
{
    static const char *const columns[] = { "id",        "own",    "peer",      "usage",       "key",          "role",
                                           "suite",     "engine", "flavour",   "fingerprint", "created_s",    "expires_s",
                                           "confirmed", "issued", "m3_digest", "m4",          "reply_until_s" };
    char sql[128];
    sqlite3_stmt *st = NULL;

    snprintf(sql, sizeof sql, "UPDATE keys SET %s = ?1 WHERE rowid = %d", columns[column % (sizeof columns / sizeof *columns)],
             1 + how / 5 % 3);
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK) {
        bind(st, how, value);
        (void)sqlite3_step(st);
    }
    sqlite3_finalize(st);
}

static void change_file(escertke_span patch)
{
    if (patch.len < 5)
        return;
    size_t at = ((size_t)patch.ptr[0] << 24 | (size_t)patch.ptr[1] << 16 | (size_t)patch.ptr[2] << 8 | patch.ptr[3]) % made_len;
    size_t len = patch.len - 4 < made_len - at ? patch.len - 4 : made_len - at;
    memcpy(file + at, patch.ptr + 4, len);
}

static void change_all(const uint8_t *data, size_t size, bool rows)
{
    sqlite3 *db = NULL;

    if (rows && (sqlite3_open(path, &db) != SQLITE_OK ||
                 sqlite3_exec(db, "PRAGMA ignore_check_constraints=ON; PRAGMA synchronous=OFF", NULL, NULL, NULL) != SQLITE_OK))
        size = 0;
    for (size_t at = 0; at + 3 <= size;) {
        escertke_span value = { data + at + 3, data[at + 2] };
        if (value.len > size - at - 3)
            value.len = size - at - 3;
        if (rows && data[at] != 255)
            change_row(db, data[at], data[at + 1], value);
        if (!rows && data[at] == 255)
            change_file(value);
        at += 3 + value.len;
    }
    sqlite3_close(db);
}

/* ---- what is given out ------------------------------------------------------------------------------------------------ */

static bool look(void *ctx, const escertke_key_entry *e)
{
    (void)ctx;
    must(esc_entry_fault(e) == NULL && e->issued_count <= ESCERTKE_CHAIN_MAX);
    return true;
}

static void expect(escertke_err err, const escertke_detail *d)
{
    must(err == ESCERTKE_OK || err == ESCERTKE_ERR_STORE || err == ESCERTKE_ERR_NOT_FOUND || err == ESCERTKE_ERR_IO);
    must(err == ESCERTKE_OK || (d->err == err && d->reason[0]));
}

static void ask_all(escertke_store *s)
{
    const escertke_key_entry fresh = entry_of(7);
    escertke_key_entry e = entry_of(1);
    escertke_detail d;
    escertke_buf m4;
    size_t count;

    escertke_buf_init(&m4, ESCERTKE_REPLY_MAX);
    for (int what = 0; what < 7; what++) {
        escertke_err err = ESCERTKE_OK;
        const uint8_t digest[32] = { 1 };
        escertke_detail_init(&d);
        switch (what) {
        case 0: err = s->ops->list(s->state, look, NULL, &d); break;
        case 1: err = s->ops->get(s->state, entry_of(1).key.id, NOW, &e, &d); break;
        case 2: err = s->ops->find(s->state, fresh.own, fresh.peer, ESCERTKE_USAGE_ESPRIM, NOW, &e, &d); break;
        case 3: err = s->ops->get_reply(s->state, fresh.own, fresh.peer, digest, NOW, &m4, &d); break;
        case 4: err = s->ops->put(s->state, &fresh, NULL, &d); break;
        case 5: err = s->ops->confirm(s->state, fresh.key.id, fresh.own, &d); break;
        default: err = s->ops->prune(s->state, NOW + 10, &count, &d); break;
        }
        expect(err, &d);
        if (err == ESCERTKE_OK && (what == 1 || what == 2))
            look(NULL, &e);
    }
    escertke_buf_free(&m4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    escertke_store s;
    escertke_detail d;

    if (!made_len)
        make();
    remove_file();
    memcpy(file, made, made_len);
    change_all(data, size, false);
    write_file();
    change_all(data, size, true);
    escertke_detail_init(&d);
    escertke_err err = escertke_store_sqlite(path, &s, &d);
    expect(err, &d);
    if (err == ESCERTKE_OK)
        ask_all(&s);
    escertke_store_close(&s);
    return 0;
}
