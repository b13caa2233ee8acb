/* handshake.c - our side of the comparison: both end-points as a program uses them, tables, checks, store and all. */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct ours {
    const escertke_tls_ops *tls;
    const struct people *people;
    void *server_credential, *client_credential;
    escertke_store server_store, client_store;
    escertke_identity client;
    escertke_terminator *terminator;
    escertke_now now;
};

enum { PENDING_MAX = 4096, KEYS_MAX = 16 };

static bool open_terminator(struct ours *o, escertke_detail *d)
{
    escertke_terminator_config cfg = { .identity = { .tls = o->tls,
                                                     .credential = o->server_credential,
                                                     .id = o->people->all[0].id,
                                                     .ctx = { "//m2m.example.org", "/in1" },
                                                     .store = &o->server_store },
                                       .max_pending = PENDING_MAX };

    return escertke_terminator_new(&cfg, &o->terminator, d) == ESCERTKE_OK;
}

struct ours *ours_new(const struct people *p, const escertke_tls_ops *tls)
{
    struct ours *o = calloc(1, sizeof *o);
    escertke_detail d;

    if (!o)
        return NULL;
    escertke_detail_init(&d);
    o->tls = tls;
    o->people = p;
    o->now = (escertke_now){ 1, time(NULL) };
    bool ok = people_credential(p, 0, &o->server_credential, &d) == ESCERTKE_OK &&
              people_credential(p, 1, &o->client_credential, &d) == ESCERTKE_OK &&
              escertke_store_memory(KEYS_MAX, &o->server_store) == ESCERTKE_OK &&
              escertke_store_memory(KEYS_MAX, &o->client_store) == ESCERTKE_OK && open_terminator(o, &d);
    o->client = (escertke_identity){ .tls = tls,
                                     .credential = o->client_credential,
                                     .id = p->all[1].id,
                                     .ctx = { "//m2m.example.org", "/in1" },
                                     .store = &o->client_store };
    if (ok)
        return o;
    fprintf(stderr, "escertke: bench: %s\n", d.reason);
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
    o->tls->credential_free(o->server_credential);
    o->tls->credential_free(o->client_credential);
    free(o);
}

static bool answer(struct ours *o, const char *from, escertke_span in, escertke_answer *a)
{
    escertke_answer_init(a);
    escertke_terminator_answer(o->terminator, escertke_span_str(from), in, 0, o->now, a);
    return a->rsc == ESCERTKE_RSC_OK;
}

static bool once(struct ours *o, struct cost *sum)
{
    const char *from = o->client.id;
    escertke_initiator *i = NULL;
    escertke_span m1 = { NULL, 0 }, m3 = { NULL, 0 }, nothing;
    escertke_answer m2, m4;
    escertke_key_entry entry;
    double t[6];
    uint64_t a[6];

#define MARK(k) (t[k] = meter_cpu_us(), a[k] = meter_allocs())
    MARK(0);
    bool ok = escertke_initiator_new(&o->client, o->people->all[0].id, 0, &i, NULL) == ESCERTKE_OK &&
              escertke_initiator_start(i, o->now, &m1) == ESCERTKE_OK;
    MARK(1);
    ok = answer(o, from, m1, &m2) && ok;
    MARK(2);
    sum->sizes[0] = m1.len, sum->sizes[1] = m2.message.len;
    ok = ok && escertke_initiator_step(i, escertke_buf_span(&m2.message), o->now, &m3) == ESCERTKE_OK;
    MARK(3);
    ok = answer(o, from, m3, &m4) && ok;
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
    bool ok = escertke_initiator_new(&o->client, o->people->all[0].id, 0, &i, NULL) == ESCERTKE_OK &&
              escertke_initiator_start(i, o->now, &m1) == ESCERTKE_OK;
    size_t before = meter_live();

    for (unsigned k = 0; ok && k < count; k++) {
        snprintf(from, sizeof from, "Cp%u", k);
        ok = answer(o, from, m1, &a);
        escertke_answer_clear(&a);
    }
    *octets = (double)(meter_live() - before) / count;
    escertke_terminator_tick(o->terminator, (escertke_now){ o->now.mono_ms + 2 * ESCERTKE_TTL_MS, o->now.unix_s });
    escertke_initiator_free(i);
    return ok;
}
