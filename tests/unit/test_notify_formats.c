/* Whole runs in every serialization, with responses in every other: the same key at both ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

struct world {
    const struct fixture *f;
    escertke_terminator *t;
    escertke_format accept, answer; /* asked for; 0 = nothing is. What the response came in. */
    bool relabelled;                /* the response says another format than it is in */
    size_t sizes[4], messages;
};

static escertke_err send(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    struct world *w = ctx;
    escertke_primitive on_wire;

    (void)d;
    assert_int_equal(escertke_primitive_copy(req, &on_wire), ESCERTKE_OK);
    on_wire.accept = w->accept;
    escertke_notify_serve(w->t, &on_wire, w->f->now, rsp);
    w->answer = rsp->format;
    if (w->messages < 4) {
        w->sizes[w->messages++] = req->content.len;
        w->sizes[w->messages++] = rsp->content.len;
    }
    if (w->relabelled)
        rsp->format = rsp->format == ESCERTKE_FORMAT_JSON ? ESCERTKE_FORMAT_CBOR : ESCERTKE_FORMAT_JSON;
    escertke_primitive_clear(&on_wire);
    return ESCERTKE_OK;
}

static escertke_now clock_of(void *ctx)
{
    return ((struct world *)ctx)->f->now;
}

static escertke_err run(struct world *w, escertke_format format)
{
    escertke_store meter, panel;
    escertke_attempt *attempt = NULL;
    escertke_key_entry entry, other;
    escertke_detail d;

    escertke_detail_init(&d);
    assert_int_equal(escertke_store_memory(4, &meter), ESCERTKE_OK);
    assert_int_equal(escertke_store_memory(4, &panel), ESCERTKE_OK);
    escertke_identity identity = { .tls = fixture_tls(), .credential = w->f->panel.credential, .id = PANEL,
                                   .ctx = { "//m2m.example.org", "/in1" }, .store = &panel };
    escertke_terminator_config cfg = { .identity = identity };
    cfg.identity.credential = w->f->meter.credential;
    cfg.identity.id = METER;
    cfg.identity.store = &meter;
    assert_int_equal(escertke_terminator_new(&cfg, &w->t, NULL), ESCERTKE_OK);
    escertke_attempt_params once = { .once = true };
    assert_int_equal(escertke_attempt_new(&identity, METER, &once, w->f->now, &attempt, &d), ESCERTKE_OK);
    escertke_notify_params p = { .to = "/in1/Cmeter", .from = "Cpanel", .send = send, .send_ctx = w, .clock = clock_of, .clock_ctx = w,
                                 .format = format };
    escertke_err err = escertke_notify_establish(attempt, &p, &d);
    if (err == ESCERTKE_OK) {
        assert_int_equal(escertke_attempt_entry(attempt, &entry), ESCERTKE_OK);
        assert_int_equal(meter.ops->get(meter.state, entry.key.id, w->f->now.unix_s, &other, NULL), ESCERTKE_OK);
        assert_memory_equal(&entry.key, &other.key, sizeof entry.key);
        escertke_key_entry_wipe(&entry);
        escertke_key_entry_wipe(&other);
    }
    escertke_attempt_free(attempt);
    escertke_terminator_free(w->t);
    escertke_store_close(&meter);
    escertke_store_close(&panel);
    return err;
}

static void every_pair(void **state)
{
    for (int format = 0; format <= ESCERTKE_FORMAT_CBOR; format++)
        for (int accept = 0; accept <= ESCERTKE_FORMAT_CBOR; accept++) {
            struct world w = { .f = *state, .accept = (escertke_format)accept };
            int own = format ? format : ESCERTKE_FORMAT_JSON;
            if (!escertke_format_available((escertke_format)own) || (accept && !escertke_format_available((escertke_format)accept)))
                continue;
            assert_int_equal(run(&w, (escertke_format)format), ESCERTKE_OK);
            assert_int_equal(w.answer, accept ? accept : own);
            if (format && !accept)
                printf("octets of M1 to M4 in %s: %zu %zu %zu %zu\n", escertke_format_name((escertke_format)format), w.sizes[0], w.sizes[1],
                       w.sizes[2], w.sizes[3]);
        }
}

/* A response whose content is in another serialization than it says ends the run: nothing is guessed. */
static void a_label_that_is_wrong(void **state)
{
    for (int format = ESCERTKE_FORMAT_JSON; format <= ESCERTKE_FORMAT_CBOR; format++) {
        struct world w = { .f = *state, .relabelled = true };
        if (!escertke_format_available((escertke_format)format) || !escertke_format_available(ESCERTKE_FORMAT_CBOR))
            continue;
        assert_int_equal(run(&w, (escertke_format)format), format == ESCERTKE_FORMAT_JSON ? ESCERTKE_ERR_CBOR : ESCERTKE_ERR_JSON);
    }
}

/* One that is not built is an error of the caller's, before anything is sent. */
static void a_format_that_is_not_there(void **state)
{
    struct world w = { .f = *state };

    assert_int_equal(run(&w, (escertke_format)4), ESCERTKE_ERR_UNSUPPORTED);
    assert_int_equal(w.messages, 0);
}

static int setup(void **state)
{
    *state = fixture_new();
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair),
        cmocka_unit_test(a_label_that_is_wrong),
        cmocka_unit_test(a_format_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
