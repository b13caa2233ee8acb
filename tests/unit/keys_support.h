/* keys_support.h - entries and files for the tests of the key stores. */
#ifndef TESTS_KEYS_SUPPORT_H
#define TESTS_KEYS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <escertke/keys.h>

#define OWN "//m2m.example.org/in1/Cpanel"
#define PEER "//m2m.example.org/mn1/Cmeter"

/** Entry number n: ID and key are made from it, so that a key can be told to be whole. */
static inline escertke_key_entry entry_make(uint32_t n, int64_t created_s, int64_t expires_s)
{
    escertke_key_entry e = {
        .own = OWN, .peer = PEER, .role = ESCERTKE_TERMINATOR, .suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        .engine = "openssl", .flavour = ESCERTKE_FLAVOUR_AE, .created_s = created_s, .expires_s = expires_s,
        .usage = ESCERTKE_USAGE_ESPRIM, .issued_count = n % (ESCERTKE_CHAIN_MAX + 1), .confirmed = n % 2 == 1,
    };

    for (uint32_t i = 0; i < e.issued_count; i++) {
        memset(e.issued[i].issuer, (int)(n + i), sizeof e.issued[i].issuer);
        memset(e.issued[i].key, (int)(n * 3 + i), sizeof e.issued[i].key);
        e.issued[i].serial_len = (uint8_t)(i ? 20 : 1 + n % 20);
        memset(e.issued[i].serial, (int)(0x70 + i), e.issued[i].serial_len);
    }

    for (uint32_t i = 0; i < sizeof e.key.id; i++)
        e.key.id[i] = (uint8_t)((n * 2654435761u) >> (8 * (i % 4))) ^ (uint8_t)(i * 17);
    memcpy(e.key.id + 4, &n, sizeof n);
    for (uint32_t i = 0; i < sizeof e.key.key; i++)
        e.key.key[i] = (uint8_t)(0xa5u + n * 31u + i * 7u);
    memset(e.peer_fingerprint, (int)(n & 0xff), sizeof e.peer_fingerprint);
    return e;
}

#define M4_LEN 51

/** The M4 of entry number n, and with it the reply; the text is the caller's. */
static inline escertke_reply reply_make(uint32_t n, int64_t until_s, uint8_t m4[M4_LEN])
{
    escertke_reply r = { .m4 = { m4, M4_LEN }, .until_s = until_s };

    for (uint32_t i = 0; i < M4_LEN; i++)
        m4[i] = (uint8_t)(n * 13u + i);
    memset(r.m3_digest, 0x3d, sizeof r.m3_digest);
    memcpy(r.m3_digest + 7, &n, sizeof n);
    return r;
}

/** Does the store give out the M4 of entry number n? NOT_FOUND or the whole; anything else fails the test. */
static inline bool reply_is_there(escertke_store *s, const char *own, const char *peer, uint32_t n, int64_t unix_s)
{
    uint8_t m4[M4_LEN];
    escertke_reply r = reply_make(n, 0, m4);
    escertke_buf out;

    escertke_buf_init(&out, ESCERTKE_REPLY_MAX);
    escertke_err err = s->ops->get_reply(s->state, own, peer, r.m3_digest, unix_s, &out, NULL);
    if (err == ESCERTKE_OK) {
        assert_int_equal(out.len, M4_LEN);
        assert_memory_equal(out.ptr, m4, M4_LEN);
    } else {
        assert_int_equal(err, ESCERTKE_ERR_NOT_FOUND);
        assert_int_equal(out.len, 0);
    }
    escertke_buf_free(&out);
    return err == ESCERTKE_OK;
}

/** Member by member: padding does not count. */
static inline bool entry_same(const escertke_key_entry *a, const escertke_key_entry *b)
{
    return memcmp(&a->key, &b->key, sizeof a->key) == 0 && strcmp(a->own, b->own) == 0 && strcmp(a->peer, b->peer) == 0 &&
           a->role == b->role && strcmp(a->suite, b->suite) == 0 && strcmp(a->engine, b->engine) == 0 &&
           a->flavour == b->flavour && memcmp(a->peer_fingerprint, b->peer_fingerprint, sizeof a->peer_fingerprint) == 0 &&
           a->created_s == b->created_s && a->expires_s == b->expires_s && a->usage == b->usage &&
           a->confirmed == b->confirmed && a->issued_count == b->issued_count &&
           memcmp(a->issued, b->issued, a->issued_count * sizeof *a->issued) == 0;
}

static inline bool entry_is_zero(const escertke_key_entry *e)
{
    static const escertke_key_entry zero;

    return memcmp(e, &zero, sizeof zero) == 0;
}

static inline escertke_detail detail_new(void)
{
    escertke_detail d;

    escertke_detail_init(&d);
    return d;
}

#define assert_ok(call) assert_int_equal((call), ESCERTKE_OK)

/** A new directory of its own below TMPDIR or /tmp. */
static inline void dir_make(char *dir, size_t cap)
{
    const char *base = getenv("TMPDIR");

    snprintf(dir, cap, "%s/escertke-keys-XXXXXX", base && *base ? base : "/tmp");
    assert_non_null(mkdtemp(dir));
}

/** Remove the directory and the files of these names, with SQLite's beside them. */
static inline void dir_remove(const char *dir, const char *const *names)
{
    static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
    char path[512];

    for (; *names; names++)
        for (size_t i = 0; i < 4; i++) {
            snprintf(path, sizeof path, "%s/%s%s", dir, *names, suffixes[i]);
            unlink(path);
        }
    assert_int_equal(rmdir(dir), 0);
}

#endif
