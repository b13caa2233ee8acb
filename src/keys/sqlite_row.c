/* sqlite_row.c - an entry as a row of the table, and back. The file may have been written by others: nothing is trusted. */
#include "keys/sqlite.h"

#include <string.h>

#include "base/fail.h"
#include "keys/entry.h"

/* Of one certificate: both digests, the length of the serial, its octets filled up with zeros. */
#define ISSUED_LEN 85u

static size_t write_issued(const escertke_key_entry *e, uint8_t out[ESCERTKE_CHAIN_MAX * ISSUED_LEN])
{
    uint8_t *at = out;

    for (size_t i = 0; i < e->issued_count; i++, at += ISSUED_LEN) {
        const escertke_issued *one = &e->issued[i];
        memset(at, 0, ISSUED_LEN);
        memcpy(at, one->issuer, 32);
        memcpy(at + 32, one->key, 32);
        at[64] = one->serial_len;
        memcpy(at + 65, one->serial, one->serial_len);
    }
    return (size_t)(at - out);
}

/* SQLITE_STATIC: SQLite reads our memory and keeps no copy among the bindings; the pages it writes are its own. */
int esc_row_bind_entry(struct esc_conn *c, const escertke_key_entry *e)
{
    sqlite3_stmt *st = c->statement[ESC_PUT];
    const struct {
        enum esc_column at;
        const void *bytes;
        size_t len;
    } blobs[] = {
        { ESC_COL_ID, e->key.id, sizeof e->key.id },
        { ESC_COL_KEY, e->key.key, sizeof e->key.key },
        { ESC_COL_FINGERPRINT, e->peer_fingerprint, sizeof e->peer_fingerprint },
    };
    const struct {
        enum esc_column at;
        const char *text;
    } texts[] = {
        { ESC_COL_OWN, e->own }, { ESC_COL_PEER, e->peer }, { ESC_COL_SUITE, e->suite }, { ESC_COL_ENGINE, e->engine }
    };
    const struct {
        enum esc_column at;
        int64_t number;
    } numbers[] = {
        { ESC_COL_USAGE, e->usage },       { ESC_COL_ROLE, e->role },         { ESC_COL_FLAVOUR, e->flavour },
        { ESC_COL_CREATED, e->created_s }, { ESC_COL_EXPIRES, e->expires_s }, { ESC_COL_CONFIRMED, e->confirmed },
    };
    uint8_t issued[ESCERTKE_CHAIN_MAX * ISSUED_LEN];
    int rc = sqlite3_bind_blob(st, ESC_COL_ISSUED + 1, issued, (int)write_issued(e, issued), SQLITE_TRANSIENT);

    for (size_t i = 0; rc == SQLITE_OK && i < sizeof blobs / sizeof *blobs; i++)
        rc = sqlite3_bind_blob(st, (int)blobs[i].at + 1, blobs[i].bytes, (int)blobs[i].len, SQLITE_STATIC);
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof texts / sizeof *texts; i++)
        rc = sqlite3_bind_text(st, (int)texts[i].at + 1, texts[i].text, -1, SQLITE_STATIC);
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof numbers / sizeof *numbers; i++)
        rc = sqlite3_bind_int64(st, (int)numbers[i].at + 1, numbers[i].number);
    return rc;
}

int esc_row_bind_reply(struct esc_conn *c, const escertke_reply *r)
{
    sqlite3_stmt *st = c->statement[ESC_PUT];
    int rc = sqlite3_bind_int64(st, ESC_COL_REPLY_UNTIL + 1, r ? r->until_s : 0);

    if (!r || rc != SQLITE_OK) /* what is not bound is NULL */
        return rc;
    if ((rc = sqlite3_bind_blob(st, ESC_COL_M3_DIGEST + 1, r->m3_digest, sizeof r->m3_digest, SQLITE_STATIC)) != SQLITE_OK)
        return rc;
    return sqlite3_bind_blob(st, ESC_COL_M4 + 1, r->m4.ptr, (int)r->m4.len, SQLITE_STATIC);
}

/* Nothing is taken over that does not fit exactly. */
static bool read_blob(sqlite3_stmt *st, enum esc_column at, uint8_t *out, size_t len)
{
    const void *bytes = sqlite3_column_blob(st, (int)at);

    if (sqlite3_column_type(st, (int)at) != SQLITE_BLOB || !bytes || (size_t)sqlite3_column_bytes(st, (int)at) != len)
        return false;
    memcpy(out, bytes, len);
    return true;
}

static bool read_text(sqlite3_stmt *st, enum esc_column at, char *out, size_t cap)
{
    const unsigned char *text = sqlite3_column_text(st, (int)at);
    size_t len = (size_t)sqlite3_column_bytes(st, (int)at);

    if (!text || len >= cap || memchr(text, '\0', len))
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

/* Enumerators are small; what does not fit into an int becomes a value that the check refuses. */
static int read_small(sqlite3_stmt *st, enum esc_column at)
{
    int64_t v = sqlite3_column_int64(st, (int)at);

    return v >= 0 && v <= 255 ? (int)v : 255;
}

static bool read_issued(sqlite3_stmt *st, escertke_key_entry *out)
{
    const uint8_t *at = sqlite3_column_blob(st, ESC_COL_ISSUED);
    size_t len = (size_t)sqlite3_column_bytes(st, ESC_COL_ISSUED);

    if (sqlite3_column_type(st, ESC_COL_ISSUED) != SQLITE_BLOB || len % ISSUED_LEN || len / ISSUED_LEN > ESCERTKE_CHAIN_MAX)
        return false;
    for (; out->issued_count < len / ISSUED_LEN; out->issued_count++, at += ISSUED_LEN) {
        escertke_issued *one = &out->issued[out->issued_count];
        memcpy(one->issuer, at, 32);
        memcpy(one->key, at + 32, 32);
        one->serial_len = at[64];
        memcpy(one->serial, at + 65, sizeof one->serial);
    }
    return true;
}

static bool read_blobs_and_texts(sqlite3_stmt *st, bool with_key, escertke_key_entry *out)
{
    return read_blob(st, ESC_COL_ID, out->key.id, sizeof out->key.id) &&
           (!with_key || read_blob(st, ESC_COL_KEY, out->key.key, sizeof out->key.key)) &&
           read_blob(st, ESC_COL_FINGERPRINT, out->peer_fingerprint, sizeof out->peer_fingerprint) &&
           read_text(st, ESC_COL_OWN, out->own, sizeof out->own) && read_text(st, ESC_COL_PEER, out->peer, sizeof out->peer) &&
           read_text(st, ESC_COL_SUITE, out->suite, sizeof out->suite) &&
           read_text(st, ESC_COL_ENGINE, out->engine, sizeof out->engine) && read_issued(st, out);
}

escertke_err esc_row_read_entry(sqlite3_stmt *st, bool with_key, escertke_key_entry *out, escertke_detail *d)
{
    const char *fault = "a column is not of its type or length";

    memset(out, 0, sizeof *out);
    if (read_blobs_and_texts(st, with_key, out)) {
        out->usage = (escertke_usage)read_small(st, ESC_COL_USAGE);
        out->role = (escertke_role)read_small(st, ESC_COL_ROLE);
        out->flavour = (escertke_flavour)read_small(st, ESC_COL_FLAVOUR);
        out->created_s = sqlite3_column_int64(st, ESC_COL_CREATED);
        out->expires_s = sqlite3_column_int64(st, ESC_COL_EXPIRES);
        out->confirmed = read_small(st, ESC_COL_CONFIRMED) == 1;
        fault = read_small(st, ESC_COL_CONFIRMED) > 1 ? "neither confirmed nor not" : esc_entry_fault(out);
    }
    if (!fault)
        return ESCERTKE_OK;
    escertke_key_entry_wipe(out);
    return esc_fail(d, ESCERTKE_ERR_STORE, "", "key store: an entry is damaged: %s", fault);
}

escertke_err esc_row_read_reply(sqlite3_stmt *st, escertke_buf *m4, escertke_detail *d)
{
    const void *octets = sqlite3_column_blob(st, 0);
    size_t len = (size_t)sqlite3_column_bytes(st, 0);

    if (sqlite3_column_type(st, 0) != SQLITE_BLOB || !octets || len > ESCERTKE_REPLY_MAX)
        return esc_fail(d, ESCERTKE_ERR_STORE, "", "key store: a reply is damaged: not 1 to %u octets", ESCERTKE_REPLY_MAX);
    escertke_err err = escertke_buf_append(m4, octets, len);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "key store: a reply cannot be given out: %s", escertke_err_text(err));
}
