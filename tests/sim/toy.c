/* toy.c - a handshake with symbols in place of cryptography; see toy.h. */
#include "toy_keys.h"

#include <stdlib.h>
#include <string.h>

#include <escertke/cert.h>
#include <openssl/sha.h>

#include "base/memory.h"
#include "base/reader.h"

enum { HANDSHAKE = 22, CCS = 20, ALERT = 21 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, CERTIFICATE = 11, SERVER_KEY_EXCHANGE = 12, CERTIFICATE_REQUEST = 13, SERVER_HELLO_DONE = 14,
       CERTIFICATE_VERIFY = 15, CLIENT_KEY_EXCHANGE = 16 };
enum { BAD_CERTIFICATE = 42, UNKNOWN_CA = 48, DECODE_ERROR = 50, DECRYPT_ERROR = 51 };

#define PRIME UINT64_C(2147483647) /* products fit in 64 bits */

struct toy_conn {
    escertke_role role;
    uint32_t number;
    const struct toy_credential *credential;
    escertke_verify_fn verify;
    void *verify_ctx;
    int at; /* flights done on this side */
    bool done;
    uint8_t randoms[64];
    uint64_t exponent;
    uint8_t master[32];
    escertke_buf transcript;
    uint8_t *peer;
    size_t peer_len;
    int alert;
    const char *words;
};

static uint64_t power(uint64_t base, uint64_t exponent)
{
    uint64_t result = 1, b = base % PRIME;

    for (; exponent; exponent >>= 1, b = b * b % PRIME)
        if (exponent & 1)
            result = result * b % PRIME;
    return result;
}

static escertke_err conn_open(const escertke_tls_open *cfg, void **out)
{
    struct toy_conn *c = esc_zalloc(sizeof *c);

    *out = NULL;
    if (!c)
        return ESCERTKE_ERR_NOMEM;
    c->role = cfg->role;
    c->credential = cfg->credential; /* lives as long as the simulation */
    c->number = c->credential->number;
    c->verify = cfg->verify;
    c->verify_ctx = cfg->verify_ctx;
    c->alert = -1;
    c->words = "";
    escertke_buf_init(&c->transcript, 65536);
    *out = c;
    return ESCERTKE_OK;
}

static void conn_close(void *p)
{
    struct toy_conn *c = p;

    if (!c)
        return;
    escertke_buf_free(&c->transcript);
    esc_release(c->peer);
    esc_release_wiped(c, sizeof *c);
}

static escertke_err fail(struct toy_conn *c, escertke_err err, int alert, const char *words)
{
    c->alert = alert;
    c->words = words;
    return err;
}

static escertke_err put(escertke_buf *b, uint8_t type, escertke_span body)
{
    const uint8_t header[] = { type, (uint8_t)(body.len >> 16), (uint8_t)(body.len >> 8), (uint8_t)body.len };
    escertke_err err = escertke_buf_append(b, header, sizeof header);

    return err == ESCERTKE_OK && body.len ? escertke_buf_append(b, body.ptr, body.len) : err;
}

static escertke_err put_record(escertke_buf *out, uint8_t type, escertke_span body)
{
    const uint8_t header[] = { type, 3, 3, (uint8_t)(body.len >> 8), (uint8_t)body.len };
    escertke_err err = escertke_buf_append(out, header, sizeof header);

    return err == ESCERTKE_OK ? escertke_buf_append(out, body.ptr, body.len) : err;
}

static escertke_err put_certificate(escertke_buf *b, escertke_span leaf)
{
    const size_t len = leaf.len + 3;
    uint8_t body[2048] = { (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len, (uint8_t)(leaf.len >> 16), (uint8_t)(leaf.len >> 8),
                           (uint8_t)leaf.len };

    if (leaf.len > sizeof body - 6)
        abort();
    memcpy(body + 6, leaf.ptr, leaf.len);
    return put(b, CERTIFICATE, (escertke_span){ body, leaf.len + 6 });
}

/* A share, and for a server or CertificateVerify a signature behind it. */
static void write_number(uint8_t *at, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(n >> (56 - 8 * i));
}

static uint64_t read_number(const uint8_t *at)
{
    uint64_t n = 0;

    for (int i = 0; i < 8; i++)
        n = n << 8 | at[i];
    return n;
}

static void make_master(struct toy_conn *c, uint64_t peer_share)
{
    uint8_t shared[8];

    write_number(shared, power(peer_share, c->exponent));
    DIGEST(c->master, SPAN(shared), SPAN(c->randoms), escertke_buf_span(&c->transcript));
    escertke_wipe(shared, sizeof shared);
}

static void finished(const struct toy_conn *c, const char *who, uint8_t out[32])
{
    uint8_t sum[32];

    SHA256(c->transcript.ptr, c->transcript.len, sum);
    DIGEST(out, SPAN(c->master), escertke_span_str(who), SPAN(sum));
}

static escertke_err put_finished(const struct toy_conn *c, const char *who, escertke_buf *out)
{
    static const uint8_t change[] = { 1 };
    uint8_t verify[32];

    finished(c, who, verify);
    escertke_err err = put_record(out, CCS, SPAN(change));
    return err == ESCERTKE_OK ? put_record(out, HANDSHAKE, SPAN(verify)) : err;
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

static bool record(struct rd *r, uint8_t type, escertke_span *body)
{
    uint8_t found;
    uint16_t version;

    return rd_u8(r, &found) == ESCERTKE_OK && found == type && rd_u16(r, &version) == ESCERTKE_OK && version == 0x0303 &&
           rd_vec16(r, body) == ESCERTKE_OK;
}

static bool message(struct rd *r, uint8_t type, escertke_span *body)
{
    uint8_t found;
    uint32_t len;

    return rd_u8(r, &found) == ESCERTKE_OK && found == type && rd_u24(r, &len) == ESCERTKE_OK && rd_bytes(r, len, body) == ESCERTKE_OK;
}

static bool leaf_of(escertke_span body, escertke_span *leaf)
{
    struct rd r = rd_init(body);
    uint32_t all, len;

    return rd_u24(&r, &all) == ESCERTKE_OK && all == rd_left(&r) && rd_u24(&r, &len) == ESCERTKE_OK &&
           rd_bytes(&r, len, leaf) == ESCERTKE_OK && !rd_left(&r);
}

static bool read_finished(const struct toy_conn *c, struct rd *r, const char *who)
{
    escertke_span change, body;
    uint8_t verify[32];

    finished(c, who, verify);
    return record(r, CCS, &change) && change.len == 1 && record(r, HANDSHAKE, &body) && body.len == sizeof verify &&
           escertke_ct_equal(body.ptr, verify, sizeof verify) && !rd_left(r);
}

static escertke_err judge(struct toy_conn *c, escertke_span leaf)
{
    const escertke_span path[] = { leaf, toy_root() };
    escertke_err err;

    if (!toy_is_issued(leaf))
        return fail(c, ESCERTKE_ERR_CERT, UNKNOWN_CA, "not issued by the anchor");
    c->alert = BAD_CERTIFICATE;
    if ((err = c->verify(c->verify_ctx, path, 2, &c->alert)) != ESCERTKE_OK)
        return fail(c, err, c->alert, "certificate refused");
    c->alert = -1;
    return ESCERTKE_OK;
}

static bool judge_nothing;

void toy_judge_nothing_before(void)
{
    judge_nothing = true;
}

/* It says nothing of a handshake that goes on: what is refused there is refused again. */
static escertke_err conn_judge(void *p, const escertke_span *sent, size_t count, int64_t unix_s)
{
    (void)unix_s;
    if (judge_nothing)
        return ESCERTKE_OK;
    return count == 1 ? judge(p, sent[0]) : fail(p, ESCERTKE_ERR_CERT, BAD_CERTIFICATE, "not one certificate");
}

static escertke_err judge_and_keep(struct toy_conn *c, escertke_span leaf)
{
    escertke_err err = judge(c, leaf);

    if (err != ESCERTKE_OK)
        return err;
    c->peer = (uint8_t *)esc_strndup((const char *)leaf.ptr, leaf.len);
    c->peer_len = leaf.len;
    return c->peer ? ESCERTKE_OK : ESCERTKE_ERR_NOMEM;
}

static escertke_err key_of(escertke_span leaf, escertke_span *spki)
{
    escertke_cert cert;
    escertke_err err = escertke_cert_parse(leaf, &cert, NULL);

    *spki = cert.spki;
    return err;
}

/* ---- flights ---------------------------------------------------------------------------------------------------------- */

static escertke_err hello(struct toy_conn *c, escertke_buf *out)
{
    escertke_err err;

    (void)toy_random(c->randoms, 32);
    if ((err = put(&c->transcript, CLIENT_HELLO, (escertke_span){ c->randoms, 32 })) != ESCERTKE_OK)
        return err;
    return put_record(out, HANDSHAKE, escertke_buf_span(&c->transcript));
}

static escertke_err answer_hello(struct toy_conn *c, escertke_span in, escertke_buf *out)
{
    struct rd r = rd_init(in), m;
    escertke_span body, random;
    uint8_t exchange[8 + TOY_SIGNATURE_LEN], to_sign[72];
    escertke_err err;

    if (!record(&r, HANDSHAKE, &body) || rd_left(&r))
        return fail(c, ESCERTKE_ERR_TLS, DECODE_ERROR, "no ClientHello");
    m = rd_init(body);
    if (!message(&m, CLIENT_HELLO, &random) || random.len != 32 || rd_left(&m))
        return fail(c, ESCERTKE_ERR_TLS, DECODE_ERROR, "malformed ClientHello");
    memcpy(c->randoms, random.ptr, 32);
    (void)toy_random(c->randoms + 32, 32);
    c->exponent = toy_number() % (PRIME - 2) + 1;
    write_number(exchange, power(3, c->exponent));
    memcpy(to_sign, c->randoms, 64);
    memcpy(to_sign + 64, exchange, 8);
    toy_sign(c->number, SPAN(to_sign), exchange + 8);
    if ((err = escertke_buf_append(&c->transcript, body.ptr, body.len)) != ESCERTKE_OK)
        return err;
    size_t start = c->transcript.len;
    if ((err = put(&c->transcript, SERVER_HELLO, (escertke_span){ c->randoms + 32, 32 })) != ESCERTKE_OK ||
        (err = put_certificate(&c->transcript, toy_leaf(c->credential))) != ESCERTKE_OK ||
        (err = put(&c->transcript, SERVER_KEY_EXCHANGE, SPAN(exchange))) != ESCERTKE_OK ||
        (err = put(&c->transcript, CERTIFICATE_REQUEST, escertke_span_str("ecdsa"))) != ESCERTKE_OK ||
        (err = put(&c->transcript, SERVER_HELLO_DONE, (escertke_span){ NULL, 0 })) != ESCERTKE_OK)
        return err;
    return put_record(out, HANDSHAKE, (escertke_span){ c->transcript.ptr + start, c->transcript.len - start });
}

static escertke_err put_m3(struct toy_conn *c, uint64_t peer_share, escertke_buf *out)
{
    uint8_t share[8], verify[4 + TOY_SIGNATURE_LEN] = { 4, 3, 0, TOY_SIGNATURE_LEN };
    size_t start = c->transcript.len;
    escertke_err err;

    c->exponent = toy_number() % (PRIME - 2) + 1;
    write_number(share, power(3, c->exponent));
    if ((err = put_certificate(&c->transcript, toy_leaf(c->credential))) != ESCERTKE_OK ||
        (err = put(&c->transcript, CLIENT_KEY_EXCHANGE, SPAN(share))) != ESCERTKE_OK)
        return err;
    make_master(c, peer_share);
    toy_sign(c->number, escertke_buf_span(&c->transcript), verify + 4);
    if ((err = put(&c->transcript, CERTIFICATE_VERIFY, SPAN(verify))) != ESCERTKE_OK ||
        (err = put_record(out, HANDSHAKE, (escertke_span){ c->transcript.ptr + start, c->transcript.len - start })) != ESCERTKE_OK)
        return err;
    return put_finished(c, "client finished", out);
}

void toy_sign_seen(void *credential, escertke_span m1, escertke_span m2, escertke_buf *m3)
{
    struct toy_conn c = { .credential = credential };
    struct rd first = rd_init(m1), second = rd_init(m2);
    escertke_span hello, flight;

    c.number = c.credential->number;
    escertke_buf_init(&c.transcript, 65536);
    if (record(&first, HANDSHAKE, &hello) && record(&second, HANDSHAKE, &flight) &&
        (escertke_buf_append(&c.transcript, hello.ptr, hello.len) != ESCERTKE_OK ||
         escertke_buf_append(&c.transcript, flight.ptr, flight.len) != ESCERTKE_OK || put_m3(&c, 3, m3) != ESCERTKE_OK))
        abort();
    escertke_buf_free(&c.transcript);
}

static escertke_err answer_m2(struct toy_conn *c, escertke_span in, escertke_buf *out)
{
    struct rd r = rd_init(in), m;
    escertke_span body, random, list, exchange, request, done, leaf, spki;
    uint8_t to_sign[72];
    escertke_err err;

    if (!record(&r, HANDSHAKE, &body) || rd_left(&r))
        return fail(c, ESCERTKE_ERR_TLS, DECODE_ERROR, "no ServerHello");
    m = rd_init(body);
    if (!message(&m, SERVER_HELLO, &random) || random.len != 32 || !message(&m, CERTIFICATE, &list) || !leaf_of(list, &leaf) ||
        !message(&m, SERVER_KEY_EXCHANGE, &exchange) || exchange.len != 8 + TOY_SIGNATURE_LEN || !message(&m, CERTIFICATE_REQUEST, &request) ||
        !message(&m, SERVER_HELLO_DONE, &done) || done.len || rd_left(&m))
        return fail(c, ESCERTKE_ERR_TLS, DECODE_ERROR, "malformed M2");
    if ((err = judge_and_keep(c, leaf)) != ESCERTKE_OK || (err = key_of(leaf, &spki)) != ESCERTKE_OK ||
        (err = escertke_buf_append(&c->transcript, body.ptr, body.len)) != ESCERTKE_OK)
        return err;
    memcpy(c->randoms + 32, random.ptr, 32);
    memcpy(to_sign, c->randoms, 64);
    memcpy(to_sign + 64, exchange.ptr, 8);
    if (toy_verify(spki, SPAN(to_sign), (escertke_span){ exchange.ptr + 8, TOY_SIGNATURE_LEN }) != ESCERTKE_OK)
        return fail(c, ESCERTKE_ERR_SIGNATURE, DECRYPT_ERROR, "ServerKeyExchange is not signed by the server");
    return put_m3(c, read_number(exchange.ptr), out);
}

static escertke_err answer_m3(struct toy_conn *c, escertke_span in, escertke_buf *out)
{
    struct rd r = rd_init(in), m;
    escertke_span body, list, share, verify, leaf, spki;
    escertke_err err;

    if (!record(&r, HANDSHAKE, &body))
        return fail(c, ESCERTKE_ERR_TLS, DECODE_ERROR, "no Certificate");
    m = rd_init(body);
    if (!message(&m, CERTIFICATE, &list) || !leaf_of(list, &leaf) || !message(&m, CLIENT_KEY_EXCHANGE, &share) || share.len != 8)
        return fail(c, ESCERTKE_ERR_TLS, DECODE_ERROR, "malformed M3");
    size_t covered = body.len - rd_left(&m);
    if (!message(&m, CERTIFICATE_VERIFY, &verify) || verify.len != 4 + TOY_SIGNATURE_LEN || rd_left(&m))
        return fail(c, ESCERTKE_ERR_TLS, DECODE_ERROR, "malformed CertificateVerify");
    if ((err = judge_and_keep(c, leaf)) != ESCERTKE_OK || (err = key_of(leaf, &spki)) != ESCERTKE_OK ||
        (err = escertke_buf_append(&c->transcript, body.ptr, covered)) != ESCERTKE_OK)
        return err;
    make_master(c, read_number(share.ptr));
    if (toy_verify(spki, escertke_buf_span(&c->transcript), (escertke_span){ verify.ptr + 4, TOY_SIGNATURE_LEN }) != ESCERTKE_OK)
        return fail(c, ESCERTKE_ERR_SIGNATURE, DECRYPT_ERROR, "CertificateVerify is not signed by the client");
    if ((err = escertke_buf_append(&c->transcript, body.ptr + covered, body.len - covered)) != ESCERTKE_OK)
        return err;
    if (!read_finished(c, &r, "client finished"))
        return fail(c, ESCERTKE_ERR_SIGNATURE, DECRYPT_ERROR, "Finished is not right");
    return put_finished(c, "server finished", out);
}

static escertke_err accept_m4(struct toy_conn *c, escertke_span in)
{
    struct rd r = rd_init(in);

    return read_finished(c, &r, "server finished") ? ESCERTKE_OK
                                                   : fail(c, ESCERTKE_ERR_SIGNATURE, DECRYPT_ERROR, "Finished is not right");
}

static escertke_err conn_step(void *p, escertke_span in, int64_t unix_s, escertke_buf *out, bool *done)
{
    struct toy_conn *c = p;
    size_t start = out->len;
    escertke_err err;

    (void)unix_s;
    *done = false;
    if (c->done)
        return ESCERTKE_ERR_STATE;
    if (c->role == ESCERTKE_INITIATOR)
        err = c->at == 0 ? hello(c, out) : c->at == 1 ? answer_m2(c, in, out) : accept_m4(c, in);
    else
        err = c->at == 0 ? answer_hello(c, in, out) : answer_m3(c, in, out);
    if (err == ESCERTKE_OK) {
        *done = c->done = ++c->at == (c->role == ESCERTKE_INITIATOR ? 3 : 2);
        return ESCERTKE_OK;
    }
    out->len = start;
    const uint8_t alert[] = { 2, (uint8_t)c->alert };
    return c->alert >= 0 && put_record(out, ALERT, SPAN(alert)) != ESCERTKE_OK ? ESCERTKE_ERR_NOMEM : err;
}

static escertke_err conn_export(void *p, const char *label, escertke_span context, uint8_t *out, size_t len)
{
    struct toy_conn *c = p;
    uint8_t block[32];

    for (uint8_t n = 0; len; n++) {
        size_t take = len < sizeof block ? len : sizeof block;
        DIGEST(block, SPAN(c->master), escertke_span_str(label), context, { &n, 1 });
        memcpy(out, block, take);
        out += take;
        len -= take;
    }
    escertke_wipe(block, sizeof block);
    return c->done ? ESCERTKE_OK : ESCERTKE_ERR_STATE;
}

static escertke_err conn_peer_cert(void *p, escertke_span *der)
{
    struct toy_conn *c = p;

    *der = (escertke_span){ c->peer, c->peer_len };
    return c->done ? ESCERTKE_OK : ESCERTKE_ERR_STATE;
}

static const char *conn_suite(void *p)
{
    (void)p;
    return "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
}

static const char *conn_why(void *p, int *alert)
{
    struct toy_conn *c = p;

    *alert = c->alert;
    return c->words;
}

static escertke_span credential_cert(const void *credential)
{
    return toy_leaf(credential);
}

static escertke_err toy_sha256(escertke_span in, uint8_t out[32])
{
    SHA256(in.len ? in.ptr : (const uint8_t *)"", in.len, out);
    return ESCERTKE_OK;
}

/* They are made by toy_credential: there is nothing to load. */
static escertke_err credential_new(const escertke_credential_source *src, void **credential, escertke_detail *d)
{
    (void)src, (void)d;
    *credential = NULL;
    return ESCERTKE_ERR_UNSUPPORTED;
}

const escertke_tls_ops *toy_tls(void)
{
    static const escertke_tls_ops ops = {
        .name = "toy",
        .conn_memory = 2048,
        .credential_new = credential_new,
        .credential_free = free,
        .credential_cert = credential_cert,
        .open = conn_open,
        .step = conn_step,
        .judge = conn_judge,
        .export_key = conn_export,
        .peer_cert = conn_peer_cert,
        .suite = conn_suite,
        .why = conn_why,
        .close = conn_close,
        .sha256 = toy_sha256,
        .random = toy_random,
        .ecdsa_verify = toy_verify,
    };
    return &ops;
}
