/* m3_support.h - an M3 taken apart and put together again, rightly or wrongly. */
#ifndef TESTS_UNIT_M3_SUPPORT_H
#define TESTS_UNIT_M3_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "pki.h"

enum { CERTIFICATE = 11, VERIFY = 15, EXCHANGE = 16 };

struct octets {
    uint8_t at[8192];
    size_t len;
};

static inline void append(struct octets *o, const void *in, size_t len)
{
    assert_true(o->len + len <= sizeof o->at);
    memcpy(o->at + o->len, in, len);
    o->len += len;
}

static inline void append_number(struct octets *o, size_t value, size_t width)
{
    while (width--)
        append(o, &(uint8_t){ (uint8_t)(value >> (8 * width)) }, 1);
}

static inline escertke_span span_of(const struct octets *o)
{
    return (escertke_span){ o->at, o->len };
}

static inline void append_message(struct octets *o, uint8_t type, const struct octets *body)
{
    append(o, &type, 1);
    append_number(o, body->len, 3);
    append(o, body->at, body->len);
}

static inline void append_record(struct octets *o, uint8_t type, unsigned version, const void *body, size_t len)
{
    append(o, &type, 1);
    append_number(o, version, 2);
    append_number(o, len, 2);
    append(o, body, len);
}

static inline struct octets in_records(const struct octets *messages, size_t max)
{
    struct octets out = { .len = 0 };

    for (size_t at = 0; at < messages->len; at += max)
        append_record(&out, 22, 0x0303, messages->at + at, messages->len - at < max ? messages->len - at : max);
    return out;
}

/* A flight as a peer may send it: messages in records of at most @p max octets, then what seals it. */
static inline struct octets sealed(const struct octets *messages, size_t max)
{
    static const uint8_t ccs = 1, finished[40] = { 0 };
    struct octets m3 = in_records(messages, max);

    append_record(&m3, 20, 0x0303, &ccs, 1);
    append_record(&m3, 22, 0x0303, finished, sizeof finished);
    return m3;
}

static inline struct octets clear_of(const struct octets *message)
{
    struct octets clear = { .len = 0 };

    for (const uint8_t *at = message->at; at < message->at + message->len && at[0] == 22;) {
        size_t len = (size_t)at[3] << 8 | at[4];
        append(&clear, at + 5, len);
        at += 5 + len;
    }
    return clear;
}

/* The same M3 in other records (RFC 5246 6.2.1): what is sealed stays as it is. */
static inline struct octets in_other_records(const struct octets *m3, size_t max)
{
    struct octets clear = clear_of(m3), out = in_records(&clear, max);
    const uint8_t *at = m3->at;

    while (at[0] == 22)
        at += 5 + ((size_t)at[3] << 8 | at[4]);
    append(&out, at, (size_t)(m3->at + m3->len - at));
    return out;
}

/* Bodies of the three messages of a genuine M3. */
struct bodies {
    struct octets certificate, exchange, verify;
};

static inline struct bodies take_apart(const struct octets *m3)
{
    struct octets clear = clear_of(m3);
    struct bodies b = { .certificate = { .len = 0 } };

    for (const uint8_t *at = clear.at; at < clear.at + clear.len;) {
        size_t len = (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
        append(at[0] == CERTIFICATE ? &b.certificate : at[0] == EXCHANGE ? &b.exchange : &b.verify, at + 4, len);
        at += 4 + len;
    }
    return b;
}

static inline void put_together(const struct bodies *b, struct octets *out)
{
    append_message(out, CERTIFICATE, &b->certificate);
    append_message(out, EXCHANGE, &b->exchange);
    append_message(out, VERIFY, &b->verify);
}

static inline void sign(const struct pki_cert *who, const struct octets *data, struct octets *verify)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t signature[80];
    size_t len = sizeof signature;

    assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, who->key), 1);
    assert_int_equal(EVP_DigestSign(md, signature, &len, data->at, data->len), 1);
    EVP_MD_CTX_free(md);
    append_number(verify, 0x0403, 2);
    append_number(verify, len, 2);
    append(verify, signature, len);
}

#endif
