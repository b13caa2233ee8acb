/* runs_support.h - handshakes put into the table of runs, and who has gone from it. */
#ifndef TESTS_UNIT_RUNS_SUPPORT_H
#define TESTS_UNIT_RUNS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "endpoint/runs.h"
#include "fixture.h"

/** Who has gone, in order: "V" evicted or superseded, "X" expired, then the name and a space. */
struct gone {
    char names[256];
};

static inline void note_gone(void *ctx, escertke_event_kind why, const char *peer, uint64_t number)
{
    struct gone *g = ctx;
    size_t len = strlen(g->names);

    assert_true(number > 0);
    snprintf(g->names + len, sizeof g->names - len, "%s%s ", why == ESCERTKE_EVENT_EXPIRED ? "X" : "V", peer);
}

struct digest {
    uint8_t octets[32];
};

static inline struct digest digest_of(uint8_t m1)
{
    return (struct digest){ { 0xD1, m1 } };
}

/** Zeros: 1 MiB and what the end-point has by default. */
static inline struct esc_runs *open_runs(const struct esc_runs_config *in)
{
    struct esc_runs_config cfg = *in;
    struct esc_runs *r;

    cfg.tls = fixture_tls();
    cfg.max_octets = cfg.max_octets ? cfg.max_octets : 1 << 20;
    cfg.max_per_from = cfg.max_per_from ? cfg.max_per_from : ESCERTKE_MAX_PENDING_PER_FROM;
    cfg.grace_ms = cfg.grace_ms ? cfg.grace_ms : 100;
    assert_int_equal(esc_runs_new(&cfg, &r), ESCERTKE_OK);
    return r;
}

static inline struct esc_run *enter(struct esc_runs *r, const char *peer)
{
    struct esc_run *run;

    assert_int_equal(esc_runs_enter(r, peer, &run), ESCERTKE_OK);
    assert_string_equal(run->peer, peer);
    return run;
}

/** Into the entered run: what an end-point does with an M1, may_add included. */
static inline escertke_err put(struct esc_runs *r, const struct fixture *f, struct esc_run *run, uint8_t m1, const char *source,
                               uint64_t now_ms, uint64_t until_ms)
{
    struct digest digest = digest_of(m1);
    struct esc_runs_new_pending in = { .session = session_of(f, &f->meter, ESCERTKE_TERMINATOR, PANEL),
                                       .m1_digest = digest.octets,
                                       .m1 = escertke_span_str("M1"),
                                       .m2 = escertke_span_str("M2"),
                                       .source = escertke_span_str(source),
                                       .until_ms = until_ms };
    escertke_err may = esc_runs_may_add(r, run, in.source, now_ms);
    uint64_t number = 0;
    escertke_err err = esc_runs_add(r, run, &in, now_ms, &number);

    assert_int_equal(may, err); /* what is said before the work is what comes of it */
    assert_int_equal(number != 0, err == ESCERTKE_OK);
    if (err != ESCERTKE_OK)
        escertke_session_free(in.session);
    return err;
}

static inline escertke_err try_add(struct esc_runs *r, const struct fixture *f, const char *peer, uint8_t m1, const char *source,
                                   uint64_t now_ms, uint64_t until_ms)
{
    struct esc_run *run = enter(r, peer);
    escertke_err err = put(r, f, run, m1, source, now_ms, until_ms);

    esc_runs_leave(r, run);
    return err;
}

static inline void add_until(struct esc_runs *r, const struct fixture *f, const char *peer, uint8_t m1, uint64_t now_ms, uint64_t until_ms)
{
    assert_int_equal(try_add(r, f, peer, m1, NULL, now_ms, until_ms), ESCERTKE_OK);
}

static inline void add(struct esc_runs *r, const struct fixture *f, const char *peer, uint8_t m1, uint64_t now_ms)
{
    add_until(r, f, peer, m1, now_ms, now_ms + 1000000);
}

static inline bool is_pending(struct esc_runs *r, const char *peer, uint8_t m1)
{
    struct esc_run *run = enter(r, peer);
    bool is = esc_runs_find(run, digest_of(m1).octets) != NULL;

    esc_runs_leave(r, run);
    return is;
}

/** One more handshake of this peer, born at 0, that leads to a key. */
static inline void succeed(struct esc_runs *r, const struct fixture *f, const char *peer, uint64_t now_ms, uint64_t until_ms)
{
    struct esc_run *run = enter(r, peer);

    assert_int_equal(put(r, f, run, 200, NULL, 0, 1000000), ESCERTKE_OK);
    struct esc_pending *p = run->pending;
    esc_runs_take(r, p);
    assert_int_equal(esc_runs_succeed(r, run, p, digest_of(33).octets, escertke_span_str("M4"), now_ms, until_ms), ESCERTKE_OK);
    esc_pending_free(p);
    esc_runs_leave(r, run);
}

#endif
