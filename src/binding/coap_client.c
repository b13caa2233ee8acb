#include <escertke/coap.h>

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/fail.h"
#include "base/memory.h"
#include "binding/coap_client.h"
#include "binding/coap_exchange.h"

#define TIMEOUT_MS 30000u
#define ACK_TIMEOUT_MS 2000u
#define PEM_MAX ((size_t)1 << 20)

enum { IDLE_MAX_MS = 20000, IDLE_MAX = 32, ADDRESSES_MAX = 8 };

struct escertke_coap_client {
    pthread_mutex_t lock;
    struct esc_coap_hop *idle; /* last used first; under lock */
    uint32_t ack_timeout_ms, timeout_ms;
    struct esc_coap_credentials *cred; /* when first needed; under lock */
    escertke_buf trust, cert, key;
};

static escertke_err copy(escertke_span pem, escertke_buf *out)
{
    escertke_buf_init(out, PEM_MAX);
    return pem.len ? escertke_buf_append(out, pem.ptr, pem.len) : ESCERTKE_OK;
}

escertke_err escertke_coap_client_new(const escertke_coap_client_config *cfg, escertke_coap_client **out)
{
    escertke_coap_client *c;
    escertke_err err;

    if (!cfg || !out)
        return ESCERTKE_ERR_ARG;
    *out = NULL;
    c = esc_zalloc(sizeof *c);
    if (!c)
        return ESCERTKE_ERR_NOMEM;
    pthread_mutex_init(&c->lock, NULL);
    c->ack_timeout_ms = cfg->ack_timeout_ms ? cfg->ack_timeout_ms : ACK_TIMEOUT_MS;
    c->timeout_ms = cfg->timeout_ms ? cfg->timeout_ms : TIMEOUT_MS;
    err = copy(cfg->tls_trust, &c->trust);
    if (err == ESCERTKE_OK)
        err = copy(cfg->tls_cert, &c->cert);
    if (err == ESCERTKE_OK)
        err = copy(cfg->tls_key, &c->key);
    if (err == ESCERTKE_OK)
        *out = c;
    else
        escertke_coap_client_free(c);
    return err;
}

void escertke_coap_client_free(escertke_coap_client *c)
{
    if (!c)
        return;
    while (c->idle) {
        struct esc_coap_hop *h = c->idle;
        c->idle = h->next;
        esc_coap_hop_close(h);
    }
    esc_coap_credentials_free(c->cred);
    escertke_buf_free(&c->key);
    escertke_buf_free(&c->cert);
    escertke_buf_free(&c->trust);
    pthread_mutex_destroy(&c->lock);
    esc_release(c);
}

/* ---- hops that are kept ---------------------------------------------------------------------------------------- */

static bool same_place(const struct esc_http_url *a, const struct esc_http_url *b)
{
    return a->https == b->https && a->port == b->port && !strcmp(a->host, b->host);
}

/* The hop that was last used for this place, if that is not long ago; older ones are closed. */
static struct esc_coap_hop *take(escertke_coap_client *c, const struct esc_http_url *to)
{
    struct esc_coap_hop *found = NULL, *old = NULL, **at, *h;
    uint64_t now_ms = escertke_system_clock(NULL).mono_ms;

    pthread_mutex_lock(&c->lock);
    for (at = &c->idle; (h = *at);) {
        bool is_old = now_ms - h->used_ms > IDLE_MAX_MS;
        if (!is_old && (found || !same_place(&h->to, to))) {
            at = &h->next;
            continue;
        }
        *at = h->next;
        h->next = is_old ? old : NULL;
        *(is_old ? &old : &found) = h;
    }
    pthread_mutex_unlock(&c->lock);
    while ((h = old)) {
        old = h->next;
        esc_coap_hop_close(h);
    }
    if (found)
        found->heard = false;
    return found;
}

static void give(escertke_coap_client *c, struct esc_coap_hop *h)
{
    struct esc_coap_hop **at;
    size_t count = 0;

    h->used_ms = escertke_system_clock(NULL).mono_ms;
    pthread_mutex_lock(&c->lock);
    h->next = c->idle;
    c->idle = h;
    for (at = &c->idle; *at && count < IDLE_MAX; at = &(*at)->next)
        count++;
    h = *at;
    *at = NULL;
    pthread_mutex_unlock(&c->lock);
    esc_coap_hop_close(h);
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

/* What is left, as a monotonic time: the client's limit, or less where rqet ends sooner. @return OK, DEADLINE */
static escertke_err deadline(const escertke_coap_client *c, const escertke_primitive *req, const struct esc_patience *p,
                             escertke_now now, uint64_t *until_ms, escertke_detail *d)
{
    int64_t end_ms, now_ms = now.unix_s * 1000;

    *until_ms = now.mono_ms + (p->timeout_ms ? p->timeout_ms : c->timeout_ms);
    if (p->timeout_ms || !req->rqet || escertke_abs_rel_parse(escertke_span_str(req->rqet), now_ms, &end_ms) != ESCERTKE_OK)
        return ESCERTKE_OK;
    if (end_ms <= now_ms)
        return esc_fail(d, ESCERTKE_ERR_DEADLINE, "TS-0004 7.3.2.6", "rqet %s has passed", req->rqet);
    if ((uint64_t)(end_ms - now_ms) < c->timeout_ms)
        *until_ms = now.mono_ms + (uint64_t)(end_ms - now_ms);
    return ESCERTKE_OK;
}

/* The system's anchors are many: they are read by who goes to a coaps server, and once. */
static escertke_err load_credentials(escertke_coap_client *c, escertke_detail *d)
{
    escertke_err err = ESCERTKE_OK;

    pthread_mutex_lock(&c->lock);
    if (!c->cred)
        err = esc_coap_credentials_new(false, escertke_buf_span(&c->cert), escertke_buf_span(&c->key),
                                       escertke_buf_span(&c->trust), &c->cred, d);
    pthread_mutex_unlock(&c->lock);
    return err;
}

static escertke_err nobody_answers(const struct esc_coap_exchange *x, escertke_err err, escertke_detail *d)
{
    return esc_fail(d, err, "", "%s %s port %u: %s", x->to.https ? "coaps" : "coap", x->to.host, (unsigned)x->to.port,
                    err == ESCERTKE_ERR_DEADLINE ? "no answer in time" : "nobody answers there");
}

/* All over one hop: a kept one, and where nothing comes back over that, a new one to each address in turn. */
static escertke_err run(escertke_coap_client *c, struct esc_coap_exchange *x, escertke_detail *d)
{
    struct esc_coap_hop *h = take(c, &x->to);
    escertke_err err = ESCERTKE_ERR_UNREACHABLE;

    if (h) {
        err = esc_coap_exchange_run(x, h, h->tls != NULL, d);
        if (err == ESCERTKE_ERR_STATE || (err == ESCERTKE_ERR_UNREACHABLE && !h->heard)) {
            esc_coap_hop_close(h);
            h = NULL;
        }
    }
    for (size_t which = 0; !h && which < ADDRESSES_MAX; which++) {
        escertke_err opened = esc_coap_hop_open(&x->to, c->cred, which, x->until_ms, x->patience, &h, d);
        if (opened == ESCERTKE_ERR_NOT_FOUND)
            break;
        err = opened == ESCERTKE_OK ? esc_coap_exchange_run(x, h, false, d) : opened;
        if (h && err == ESCERTKE_ERR_UNREACHABLE && !h->heard) {
            esc_coap_hop_close(h);
            h = NULL;
        } else if (err != ESCERTKE_ERR_UNREACHABLE) {
            break;
        }
        if (esc_patience_ended(x->patience))
            break;
    }
    if (h && (err == ESCERTKE_OK || !h->tls))
        give(c, h);
    else
        esc_coap_hop_close(h);
    if (err == ESCERTKE_ERR_UNREACHABLE || err == ESCERTKE_ERR_DEADLINE || err == ESCERTKE_ERR_STATE)
        return nobody_answers(x, err == ESCERTKE_ERR_STATE ? ESCERTKE_ERR_UNREACHABLE : err, d);
    return err;
}

escertke_err escertke_coap_send(escertke_coap_client *c, const char *base, bool to_ae, const escertke_primitive *req,
                                escertke_primitive *rsp, escertke_detail *d)
{
    return esc_coap_send(c, base, to_ae, req, &(struct esc_patience){ 0 }, rsp, d);
}

escertke_err esc_coap_send(escertke_coap_client *c, const char *base, bool to_ae, const escertke_primitive *req,
                           const struct esc_patience *p, escertke_primitive *rsp, escertke_detail *d)
{
    escertke_now now = escertke_system_clock(NULL);
    struct esc_coap_exchange x;
    escertke_err err;

    if (!c || !base || !req || !rsp)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "a client, a URL, a request and room for the response are needed");
    memset(&x, 0, sizeof x);
    x.req = req;
    x.rsp = rsp;
    x.patience = p;
    x.ack_timeout_ms = c->ack_timeout_ms;
    escertke_buf_init(&x.options, ESC_COAP_OPTIONS_MAX);
    escertke_buf_init(&x.out, ESC_COAP_MESSAGE_MAX);
    err = esc_coap_url_parse(base, &x.to, d);
    if (err == ESCERTKE_OK && x.to.port == 0)
        err = esc_fail(d, ESCERTKE_ERR_ARG, "", "no port to send to: %.200s", base);
    if (err == ESCERTKE_OK)
        err = esc_coap_out_request(&x.to, to_ae, req, now.unix_s * 1000, &x.code, &x.options, d);
    if (err == ESCERTKE_ERR_TOO_LARGE)
        err = esc_fail(d, ESCERTKE_ERR_ARG, "", "URL, To and parameters are too long together");
    if (err == ESCERTKE_OK)
        err = deadline(c, req, p, now, &x.until_ms, d);
    if (err == ESCERTKE_OK && x.to.https)
        err = load_credentials(c, d);
    if (err == ESCERTKE_OK)
        err = run(c, &x, d);
    escertke_buf_free(&x.out);
    escertke_buf_free(&x.options);
    if (err != ESCERTKE_OK)
        escertke_primitive_clear(rsp);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "%s", escertke_err_text(err));
}
