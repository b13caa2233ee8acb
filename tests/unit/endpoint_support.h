/* endpoint_support.h - a Terminating End-Point, its clock and its store, and initiators that have got as far as M3. */
#ifndef TESTS_UNIT_ENDPOINT_SUPPORT_H
#define TESTS_UNIT_ENDPOINT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

struct world {
    struct fixture *f;
    escertke_store store;
    escertke_terminator *t;
    escertke_now now;
    int events[8]; /* by kind */
    char last_peer[ESCERTKE_ID_MAX + 1];
    char last_id[33];
    uint64_t last_run[8]; /* by kind */
};

static inline void count_event(void *ctx, const escertke_event *event)
{
    struct world *w = ctx;

    w->events[event->kind]++;
    w->last_run[event->kind] = event->run;
    snprintf(w->last_peer, sizeof w->last_peer, "%s", event->peer);
    if (event->entry) {
        static const uint8_t zero[32];
        escertke_hex((escertke_span){ event->entry->key.id, 16 }, w->last_id);
        assert_memory_equal(event->entry->key.key, zero, 32); /* no key leaves by an event */
    }
}

static inline escertke_identity identity_of(struct world *w, const struct party *who, const char *id)
{
    return (escertke_identity){ .tls = fixture_tls(), .credential = who->credential, .id = id,
                                .ctx = { "//m2m.example.org", "/in1" }, .store = &w->store };
}

static inline void world_open(struct world *w, struct fixture *f, const escertke_terminator_config *base)
{
    escertke_terminator_config cfg = base ? *base : (escertke_terminator_config){ 0 };
    const escertke_peer *peers = cfg.identity.peers;
    size_t count = cfg.identity.peer_count;

    memset(w, 0, sizeof *w);
    w->f = f;
    w->now = f->now;
    assert_int_equal(escertke_store_memory(100, &w->store), ESCERTKE_OK);
    cfg.identity = identity_of(w, &f->meter, METER);
    cfg.identity.peers = peers;
    cfg.identity.peer_count = count;
    cfg.on_event = count_event;
    cfg.event_ctx = w;
    assert_int_equal(escertke_terminator_new(&cfg, &w->t, NULL), ESCERTKE_OK);
}

static inline void world_close(struct world *w)
{
    escertke_terminator_free(w->t);
    escertke_store_close(&w->store);
}

static inline void pass(struct world *w, uint64_t ms)
{
    w->now.mono_ms += ms;
    w->now.unix_s += (int64_t)(ms + 999) / 1000;
}

/* Send octets as From; what came back. */
static inline escertke_answer send(struct world *w, const char *from, escertke_span message)
{
    escertke_answer a;

    escertke_answer_init(&a);
    escertke_terminator_answer(w->t, escertke_span_str(from), message, 0, w->now, &a);
    assert_int_equal(a.rsc == 2000, a.detail.err == ESCERTKE_OK);
    assert_false(a.message.len && a.dbg[0]);
    return a;
}

static inline void expect_rsc(const char *name, escertke_answer a, int rsc, escertke_err err, int alert)
{
    const uint8_t record[] = { 21, 3, 3, 0, 2, 2, (uint8_t)alert };
    bool ok = a.rsc == rsc && a.detail.err == err &&
              (alert < 0 || (a.message.len == 7 && memcmp(a.message.ptr, record, 7) == 0)) && (alert >= 0 || rsc == 2000 || a.dbg[0]);

    if (!ok)
        fail_msg("%s: rsc %d, %s, \"%s\", %zu octets, dbg \"%s\"", name, a.rsc, escertke_err_name(a.detail.err), a.detail.reason, a.message.len, a.dbg);
    escertke_answer_clear(&a);
}

struct copy {
    uint8_t octets[4096];
    size_t len;
};

static inline void keep(struct copy *c, escertke_span s)
{
    assert_true(s.len <= sizeof c->octets);
    memcpy(c->octets, s.ptr, s.len);
    c->len = s.len;
}

static inline escertke_span span(const struct copy *c)
{
    return (escertke_span){ c->octets, c->len };
}

/* An initiator of ours that has got M2 and holds M3; NULL if M1 was refused because there are too many already. */
static inline escertke_session *try_m3(struct world *w, const char *from, struct copy *m1, struct copy *m3)
{
    escertke_session *s = session_of(w->f, &w->f->panel, ESCERTKE_INITIATOR, METER);
    escertke_span out;

    assert_int_equal(escertke_session_start(s, w->now, &out), ESCERTKE_OK);
    keep(m1, out);
    escertke_answer a = send(w, from, span(m1));
    if (a.detail.err == ESCERTKE_ERR_LIMIT) {
        escertke_session_free(s);
        escertke_answer_clear(&a);
        return NULL;
    }
    assert_int_equal(a.rsc, 2000);
    assert_int_equal(escertke_session_step(s, escertke_buf_span(&a.message), w->now, &out), ESCERTKE_OK);
    keep(m3, out);
    escertke_answer_clear(&a);
    return s;
}

static inline escertke_session *until_m3(struct world *w, const char *from, struct copy *m1, struct copy *m3)
{
    escertke_session *s = try_m3(w, from, m1, m3);

    assert_non_null(s);
    return s;
}

static inline void finish(struct world *w, escertke_session *s, escertke_answer *a)
{
    escertke_span out;
    escertke_key key;
    escertke_key_entry entry;

    assert_int_equal(a->rsc, 2000);
    assert_int_equal(escertke_session_step(s, escertke_buf_span(&a->message), w->now, &out), ESCERTKE_OK);
    assert_int_equal(escertke_session_key(s, &key), ESCERTKE_OK);
    assert_int_equal(w->store.ops->get(w->store.state, key.id, w->now.unix_s, &entry, NULL), ESCERTKE_OK);
    assert_memory_equal(&entry.key, &key, sizeof key);
    assert_string_equal(entry.peer, PANEL);
    assert_string_equal(entry.own, METER);
    assert_int_equal(entry.role, ESCERTKE_TERMINATOR);
    assert_int_equal(entry.flavour, ESCERTKE_FLAVOUR_AE);
    escertke_session_free(s);
    escertke_answer_clear(a);
}

#endif
