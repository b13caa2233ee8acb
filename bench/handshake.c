/* handshake.c - our side of the comparison: both end-points as a program uses them, tables, checks, store and all. */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One of the end-points: who it is, and the rule by which a raw key is known to the other side. */
struct party {
    void *credential;
    escertke_identity identity;
    char pin[72];
};

struct ours {
    struct ours_config cfg;
    const struct people *people;
    escertke_store server_store, client_store;
    struct party server, *clients;
    escertke_peer of_server; /* rule of the clients */
    escertke_peer *peers;    /* rules of the server: the clients, then the callers of ours_pending */
    char (*callers)[40];
    size_t next; /* client whose turn it is */
    escertke_terminator *terminator;
    escertke_now now;
    char suite[64];
};

enum { PENDING_MAX = 4096, KEYS_MAX = 16, CALLERS = 200 };

static escertke_err load(struct ours *o, size_t index, struct party *p, escertke_detail *d)
{
    uint8_t digest[32];
    escertke_err err =
        people_credential(o->people, index, o->cfg.tls, o->cfg.raw, index ? 0 : o->cfg.path_cache, &p->credential, d);

    if (err == ESCERTKE_OK && o->cfg.raw &&
        (err = o->cfg.tls->sha256(o->cfg.tls->credential_cert(p->credential), digest)) == ESCERTKE_OK)
        err = escertke_key_identifier(digest, 256, p->pin);
    *(index ? &o->peers[index - 1] : &o->of_server) =
        (escertke_peer){ .id = o->people->all[index].id, .flavour = ESCERTKE_FLAVOUR_RAW, .pin = p->pin };
    p->identity = (escertke_identity){ .tls = o->cfg.tls,
                                       .credential = p->credential,
                                       .raw = o->cfg.raw,
                                       .id = o->people->all[index].id,
                                       .ctx = { "//m2m.example.org", "/in1" },
                                       .store = index ? &o->client_store : &o->server_store };
    if (o->cfg.raw) { /* otherwise a certificate says who somebody is */
        p->identity.peers = index ? &o->of_server : o->peers;
        p->identity.peer_count = index ? 1 : o->cfg.clients + CALLERS;
    }
    return err;
}

static escertke_err open_terminator(struct ours *o, escertke_detail *d)
{
    escertke_terminator_config cfg = { .identity = o->server.identity, .max_pending = PENDING_MAX };

    return escertke_terminator_new(&cfg, &o->terminator, d);
}

static escertke_err open_all(struct ours *o, escertke_detail *d)
{
    escertke_err err;

    if ((err = escertke_store_memory(KEYS_MAX, &o->server_store)) != ESCERTKE_OK ||
        (err = escertke_store_memory(KEYS_MAX, &o->client_store)) != ESCERTKE_OK)
        return err;
    for (size_t i = 0; err == ESCERTKE_OK && i < o->cfg.clients; i++)
        err = load(o, i + 1, &o->clients[i], d);
    for (size_t i = 0; i < CALLERS; i++) {
        snprintf(o->callers[i], sizeof o->callers[i], "//m2m.example.org/in1/Cp%zu", i);
        o->peers[o->cfg.clients + i] =
            (escertke_peer){ .id = o->callers[i], .flavour = ESCERTKE_FLAVOUR_RAW, .pin = o->clients[0].pin };
    }
    if (err == ESCERTKE_OK)
        err = load(o, 0, &o->server, d);
    return err == ESCERTKE_OK ? open_terminator(o, d) : err;
}

struct ours *ours_new(const struct people *p, const struct ours_config *cfg)
{
    struct ours *o = calloc(1, sizeof *o);
    escertke_detail d;

    if (!o)
        return NULL;
    escertke_detail_init(&d);
    *o = (struct ours){ .cfg = *cfg, .people = p, .now = { 1, time(NULL) } };
    if (!o->cfg.clients)
        o->cfg.clients = 1;
    o->clients = calloc(o->cfg.clients, sizeof *o->clients);
    o->peers = calloc(o->cfg.clients + CALLERS, sizeof *o->peers);
    o->callers = calloc(CALLERS, sizeof *o->callers);
    escertke_err err = o->clients && o->peers && o->callers && o->cfg.clients < p->count ? open_all(o, &d) : ESCERTKE_ERR_NOMEM;
    if (err == ESCERTKE_OK)
        return o;
    fprintf(stderr, "escertke: bench: %s, %s: %s\n", cfg->tls->name, escertke_err_text(err), d.reason);
    ours_free(o);
    return NULL;
}

void ours_free(struct ours *o)
{
    if (!o)
        return;
    escertke_terminator_free(o->terminator);
    escertke_store_close(&o->server_store);
    escertke_store_close(&o->client_store);
    o->cfg.tls->credential_free(o->server.credential);
    for (size_t i = 0; o->clients && i < o->cfg.clients; i++)
        o->cfg.tls->credential_free(o->clients[i].credential);
    free(o->clients);
    free(o->peers);
    free(o->callers);
    free(o);
}

bool ours_forget(struct ours *o)
{
    escertke_terminator_free(o->terminator);
    o->terminator = NULL;
    o->cfg.tls->credential_free(o->server.credential);
    o->server.credential = NULL;
    o->next = 0;
    return load(o, 0, &o->server, NULL) == ESCERTKE_OK && open_terminator(o, NULL) == ESCERTKE_OK;
}

const char *ours_suite(const struct ours *o)
{
    return o->suite;
}

static bool answer(struct ours *o, const char *from, escertke_span in, escertke_answer *a)
{
    escertke_answer_init(a);
    escertke_terminator_answer(o->terminator, escertke_span_str(from), in, 0, o->now, a);
    if (a->rsc == ESCERTKE_RSC_OK)
        return true;
    fprintf(stderr, "escertke: bench: %s: %s\n", o->cfg.tls->name, a->detail.reason);
    return false;
}

static bool once(struct ours *o, struct cost *sum)
{
    const escertke_identity *client = &o->clients[o->next].identity;
    escertke_initiator *i = NULL;
    escertke_span m1 = { NULL, 0 }, m3 = { NULL, 0 }, nothing;
    escertke_answer m2, m4;
    escertke_key_entry entry = { 0 };
    double t[6];
    uint64_t a[6];

#define MARK(k) (t[k] = meter_cpu_us(), a[k] = meter_allocs())
    MARK(0);
    bool ok = escertke_initiator_new(client, o->people->all[0].id, 0, &i, NULL) == ESCERTKE_OK &&
              escertke_initiator_start(i, o->now, &m1) == ESCERTKE_OK;
    MARK(1);
    ok = answer(o, client->id, m1, &m2) && ok;
    MARK(2);
    sum->sizes[0] = m1.len, sum->sizes[1] = m2.message.len;
    ok = ok && escertke_initiator_step(i, escertke_buf_span(&m2.message), o->now, &m3) == ESCERTKE_OK;
    MARK(3);
    ok = answer(o, client->id, m3, &m4) && ok;
    MARK(4);
    sum->sizes[2] = m3.len, sum->sizes[3] = m4.message.len;
    ok = ok && escertke_initiator_step(i, escertke_buf_span(&m4.message), o->now, &nothing) == ESCERTKE_OK;
    ok = ok && escertke_initiator_entry(i, &entry) == ESCERTKE_OK;
    escertke_initiator_free(i);
    MARK(5);
#undef MARK
    /* The stores stay small: their growth is not what is measured here. */
    ok = ok && o->server_store.ops->remove(o->server_store.state, entry.key.id, NULL) == ESCERTKE_OK &&
         o->client_store.ops->remove(o->client_store.state, entry.key.id, NULL) == ESCERTKE_OK;
    snprintf(o->suite, sizeof o->suite, "%s", entry.suite);
    o->next = (o->next + 1) % o->cfg.clients;
    escertke_key_entry_wipe(&entry);
    escertke_answer_clear(&m2);
    escertke_answer_clear(&m4);
    sum->server_us += t[2] - t[1] + t[4] - t[3];
    sum->client_us += t[1] - t[0] + t[3] - t[2] + t[5] - t[4];
    sum->server_allocs += (double)(a[2] - a[1] + a[4] - a[3]);
    sum->client_allocs += (double)(a[1] - a[0] + a[3] - a[2] + a[5] - a[4]);
    return ok;
}

bool ours_round(struct ours *o, unsigned count, struct cost *out)
{
    bool ok = true;

    *out = (struct cost){ 0 };
    for (unsigned i = 0; ok && i < count; i++)
        ok = once(o, out);
    out->server_us /= count;
    out->client_us /= count;
    out->server_allocs /= count;
    out->client_allocs /= count;
    return ok;
}

bool ours_pending(struct ours *o, unsigned count, double *octets)
{
    escertke_initiator *i = NULL;
    escertke_span m1;
    escertke_answer a;
    char from[32];
    bool ok = escertke_initiator_new(&o->clients[0].identity, o->people->all[0].id, 0, &i, NULL) == ESCERTKE_OK &&
              escertke_initiator_start(i, o->now, &m1) == ESCERTKE_OK;
    size_t before = meter_heap();

    for (unsigned k = 0; ok && k < count; k++) {
        snprintf(from, sizeof from, "Cp%u", k);
        ok = answer(o, from, m1, &a);
        escertke_answer_clear(&a);
    }
    *octets = ((double)meter_heap() - (double)before) / count;
    escertke_terminator_tick(o->terminator, (escertke_now){ o->now.mono_ms + 2 * ESCERTKE_TTL_MS, o->now.unix_s });
    escertke_initiator_free(i);
    return ok;
}
