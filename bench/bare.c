/*
 * bare.c - the measure of our overhead: a loop around libssl as a careful user would tune it, and not one line of ours in it.
 * The settings: no automatic chain, no tickets, no session cache, released buffers, TLS 1.2, P-256, ECDSA with SHA-256.
 */
#include "bench/bench.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

struct bare {
    SSL_CTX *server, *client;
};

struct end {
    SSL *ssl;
    BIO *in, *out;
};

static SSL_CTX *tuned(const struct people *p, const struct person *who)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    BIO *chain = BIO_new_mem_buf(who->chain, -1), *key = BIO_new_mem_buf(who->key, -1), *trust = BIO_new_mem_buf(p->trust, -1);
    X509 *cert = PEM_read_bio_X509(chain, NULL, NULL, NULL), *root = PEM_read_bio_X509(trust, NULL, NULL, NULL);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);

    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    bool ok =
        SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-CCM") == 1 &&
        SSL_CTX_set1_groups_list(ctx, "P-256") == 1 && SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256") == 1 &&
        SSL_CTX_set1_client_sigalgs_list(ctx, "ECDSA+SHA256") == 1 && SSL_CTX_use_certificate(ctx, cert) == 1 &&
        SSL_CTX_use_PrivateKey(ctx, pkey) == 1 && X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), root) == 1;
    X509_free(cert);
    X509_free(root);
    EVP_PKEY_free(pkey);
    BIO_free(chain);
    BIO_free(key);
    BIO_free(trust);
    if (ok)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

struct bare *bare_new(const struct people *p)
{
    struct bare *b = calloc(1, sizeof *b);

    if (!b || p->count < 2)
        return b;
    b->server = tuned(p, &p->all[0]);
    b->client = tuned(p, &p->all[1]);
    ERR_clear_error();
    return b;
}

void bare_free(struct bare *b)
{
    if (!b)
        return;
    SSL_CTX_free(b->server);
    SSL_CTX_free(b->client);
    free(b);
}

static bool end_open(struct end *e, SSL_CTX *ctx, bool server)
{
    e->ssl = SSL_new(ctx);
    e->in = BIO_new(BIO_s_mem());
    e->out = BIO_new(BIO_s_mem());
    if (!e->ssl || !e->in || !e->out)
        return false;
    SSL_set_bio(e->ssl, e->in, e->out);
    if (server)
        SSL_set_accept_state(e->ssl);
    else
        SSL_set_connect_state(e->ssl);
    return true;
}

/* One call of the handshake: what is in `in` is read, what is to be sent is copied to @p flight. */
static bool end_step(struct end *e, const escertke_buf *in, escertke_buf *flight)
{
    char *data;

    if (in && BIO_write(e->in, in->ptr, (int)in->len) != (int)in->len)
        return false;
    int ret = SSL_do_handshake(e->ssl);
    if (ret != 1 && SSL_get_error(e->ssl, ret) != SSL_ERROR_WANT_READ)
        return false;
    flight->len = 0;
    long len = BIO_get_mem_data(e->out, &data);
    bool ok = escertke_buf_append(flight, data, (size_t)len) == ESCERTKE_OK;
    (void)BIO_reset(e->out);
    return ok;
}

static bool end_export(struct end *e)
{
    uint8_t key[48];
    bool ok = SSL_export_keying_material(e->ssl, key, sizeof key, ESCERTKE_EXPORT_LABEL, strlen(ESCERTKE_EXPORT_LABEL), NULL, 0,
                                         0) == 1;

    escertke_wipe(key, sizeof key);
    return ok;
}

static bool once(struct bare *b, escertke_buf m[5], struct cost *sum)
{
    struct end server = { NULL, NULL, NULL }, client = { NULL, NULL, NULL };
    double t[6];
    uint64_t a[6];

#define MARK(i) (t[i] = meter_cpu_us(), a[i] = meter_allocs())
    MARK(0);
    bool ok = end_open(&client, b->client, false) && end_step(&client, NULL, &m[1]);
    MARK(1);
    ok = ok && end_open(&server, b->server, true) && end_step(&server, &m[1], &m[2]);
    MARK(2);
    ok = ok && end_step(&client, &m[2], &m[3]);
    MARK(3);
    ok = ok && end_step(&server, &m[3], &m[4]) && end_export(&server);
    SSL_free(server.ssl);
    MARK(4);
    ok = ok && end_step(&client, &m[4], &m[0]) && end_export(&client);
    SSL_free(client.ssl);
    MARK(5);
#undef MARK
    sum->server_us += t[2] - t[1] + t[4] - t[3];
    sum->client_us += t[1] - t[0] + t[3] - t[2] + t[5] - t[4];
    sum->server_allocs += (double)(a[2] - a[1] + a[4] - a[3]);
    sum->client_allocs += (double)(a[1] - a[0] + a[3] - a[2] + a[5] - a[4]);
    return ok;
}

bool bare_round(struct bare *b, unsigned count, struct cost *out)
{
    escertke_buf m[5];
    bool ok = b && b->server && b->client;

    *out = (struct cost){ 0 };
    for (size_t i = 0; i < 5; i++)
        escertke_buf_init(&m[i], ESCERTKE_MESSAGE_MAX);
    for (unsigned i = 0; ok && i < count; i++)
        ok = once(b, m, out);
    out->server_us /= count;
    out->client_us /= count;
    out->server_allocs /= count;
    out->client_allocs /= count;
    for (size_t i = 0; i < 4; i++)
        out->sizes[i] = m[i + 1].len;
    for (size_t i = 0; i < 5; i++)
        escertke_buf_free(&m[i]);
    return ok;
}

bool bare_pending(struct bare *b, unsigned count, double *octets)
{
    struct end *ends = calloc(count, sizeof *ends);
    escertke_buf m1, m2;
    struct end client = { NULL, NULL, NULL };

    escertke_buf_init(&m1, ESCERTKE_MESSAGE_MAX);
    escertke_buf_init(&m2, ESCERTKE_MESSAGE_MAX);
    bool ok = ends && b && b->server && b->client && end_open(&client, b->client, false) && end_step(&client, NULL, &m1);
    size_t before = meter_heap();
    for (unsigned i = 0; ok && i < count; i++)
        ok = end_open(&ends[i], b->server, true) && end_step(&ends[i], &m1, &m2);
    *octets = ((double)meter_heap() - (double)before) / count;
    for (unsigned i = 0; ends && i < count; i++)
        SSL_free(ends[i].ssl);
    SSL_free(client.ssl);
    escertke_buf_free(&m1);
    escertke_buf_free(&m2);
    free(ends);
    return ok;
}
