/*
 * Every message of a run, changed on its way in every small manner there is: each bit the other way round, each octet twice, left
 * out, 00 or FF, each length cut, one octet more. Whoever gets it refuses it with an error that names the peer or its
 * authentication, never this machine; or both ends have the same key, and then what was changed is what TLS 1.2 does not look at.
 *
 * A run costs milliseconds, so not every engine sees every mutation at each call of this program: see stride_of. MUTATION_STRIDE
 * in the environment says how many are passed over: 1 = all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* ---- blocks that the library holds ------------------------------------------------------------------------------- */

static long held;

static void *count_alloc(size_t size)
{
    void *p = malloc(size);

    held += p != NULL;
    return p;
}

static void *count_resize(void *p, size_t size)
{
    void *q = realloc(p, size);

    held += q && !p;
    return q;
}

static void count_release(void *p)
{
    held -= p != NULL;
    free(p);
}

/* ---- mutations ------------------------------------------------------------------------------------------------------ */

struct copy {
    uint8_t octets[4096];
    size_t len;
};

static void keep(struct copy *c, escertke_span s)
{
    assert_in_range(s.len, 1, sizeof c->octets - 1);
    memcpy(c->octets, s.ptr, s.len);
    c->len = s.len;
}

static escertke_span span(const struct copy *c)
{
    return (escertke_span){ c->octets, c->len };
}

/* What is done at each octet; the first eight turn a bit round. */
enum how { DOUBLED = 8, LEFT_OUT, ZERO, ONES, CUT_HERE, HOWS };

static size_t mutations_of(size_t len)
{
    return len * HOWS + 1; /* and one octet more */
}

static void move_tail(struct copy *c, size_t from, size_t to)
{
    memmove(c->octets + to, c->octets + from, c->len - from);
    c->len = c->len - from + to;
}

/* @return false if that changes nothing */
static bool mutate(const struct copy *m, size_t k, struct copy *out)
{
    size_t at = k / HOWS, how = k % HOWS;

    *out = *m;
    if (at == m->len) {
        out->octets[out->len++] = 0;
        return true;
    }
    switch (how) {
    case DOUBLED: move_tail(out, at, at + 1); break;
    case LEFT_OUT: move_tail(out, at + 1, at); break;
    case ZERO: out->octets[at] = 0; break;
    case ONES: out->octets[at] = 0xFF; break;
    case CUT_HERE: out->len = at; break;
    default: out->octets[at] ^= (uint8_t)(1 << how);
    }
    return !escertke_span_equal(span(m), span(out));
}

static const char *name_of(size_t k)
{
    static const char *const names[] = { "bit", "bit", "bit", "bit", "bit", "bit", "bit", "bit", "doubled", "left out", "00", "FF", "cut" };
    static char text[64];

    snprintf(text, sizeof text, "octet %zu, %s %zu", k / HOWS, names[k % HOWS], k % HOWS);
    return text;
}

/*
 * How many mutations of M<number> are passed over: none where a run takes a millisecond. A prime, and no multiple of HOWS, so that
 * each octet and each manner has its turn.
 */
static size_t stride_of(int number)
{
    static const struct {
        const char *engine;
        size_t stride[5];
    } strides[] = {
        { "mbedtls", { 0, 1, 11, 3, 1 } },
    };
    const char *told = getenv("MUTATION_STRIDE");

    if (told)
        return strtoul(told, NULL, 10);
    for (size_t i = 0; i < sizeof strides / sizeof *strides; i++)
        if (strcmp(strides[i].engine, fixture_tls()->name) == 0)
            return strides[i].stride[number];
    return 1;
}

/* ---- two ends ------------------------------------------------------------------------------------------------------- */

struct world {
    struct fixture *f;
    void *meter_raw, *panel_raw; /* credentials, or NULL: X.509 */
    char meter_pin[72], panel_pin[72];
    escertke_peer meter_peer, panel_peer;
    escertke_store meter_store, panel_store;
    escertke_terminator *t;
    escertke_now now;
    long held; /* before it was opened */
    size_t tried, accepted, wrong;
    size_t refused[100]; /* by error */
};

static void *raw_of(const struct fixture *f, const struct party *who, char pin[72])
{
    escertke_credential_source src = { .raw = true, .key = escertke_span_str(who->key), .unix_s = f->now.unix_s };
    void *credential;
    uint8_t digest[32];

    assert_int_equal(fixture_tls()->credential_new(&src, &credential, NULL), ESCERTKE_OK);
    assert_int_equal(fixture_tls()->sha256(fixture_tls()->credential_cert(credential), digest), ESCERTKE_OK);
    assert_int_equal(escertke_key_identifier(digest, 256, pin), ESCERTKE_OK);
    return credential;
}

static escertke_identity identity_of(struct world *w, bool panel)
{
    const struct party *who = panel ? &w->f->panel : &w->f->meter;
    void *raw = panel ? w->panel_raw : w->meter_raw;

    return (escertke_identity){ .tls = fixture_tls(), .credential = raw ? raw : who->credential, .raw = raw != NULL,
                                .id = panel ? PANEL : METER, .ctx = { "//m2m.example.org", "/in1" },
                                .store = panel ? &w->panel_store : &w->meter_store,
                                .peers = raw ? (panel ? &w->meter_peer : &w->panel_peer) : NULL, .peer_count = raw != NULL };
}

static void world_open(struct world *w, struct fixture *f, bool raw)
{
    memset(w, 0, sizeof *w);
    w->f = f;
    w->now = f->now;
    w->held = held;
    if (raw) {
        w->meter_raw = raw_of(f, &f->meter, w->meter_pin);
        w->panel_raw = raw_of(f, &f->panel, w->panel_pin);
        w->meter_peer = (escertke_peer){ .id = METER, .flavour = ESCERTKE_FLAVOUR_RAW, .pin = w->meter_pin };
        w->panel_peer = (escertke_peer){ .id = PANEL, .flavour = ESCERTKE_FLAVOUR_RAW, .pin = w->panel_pin };
    }
    assert_int_equal(escertke_store_memory(8, &w->meter_store), ESCERTKE_OK);
    assert_int_equal(escertke_store_memory(8, &w->panel_store), ESCERTKE_OK);
    escertke_terminator_config cfg = { .identity = identity_of(w, false), .rate_from = { .burst = ESCERTKE_NO_LIMIT } };
    assert_int_equal(escertke_terminator_new(&cfg, &w->t, NULL), ESCERTKE_OK);
}

static escertke_terminator_stats stats_of(struct world *w)
{
    escertke_terminator_stats stats;

    escertke_terminator_get_stats(w->t, &stats);
    return stats;
}

static bool every(void *ctx, const escertke_key_entry *entry)
{
    (void)ctx, (void)entry;
    return true;
}

/* @return how many keys there were */
static size_t empty(escertke_store *s)
{
    size_t count;

    assert_int_equal(s->ops->sweep(s->state, every, NULL, &count, NULL), ESCERTKE_OK);
    return count;
}

/* Time passes until nothing of this run can be left, and nothing is. */
static void let_pass(struct world *w)
{
    w->now.mono_ms += ESCERTKE_TTL_MS + 1;
    escertke_terminator_tick(w->t, w->now);
    escertke_terminator_stats stats = stats_of(w);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.pending_bytes, 0);
    assert_int_equal(stats.replay_entries, 0);
}

static void world_close(struct world *w)
{
    let_pass(w);
    escertke_terminator_free(w->t);
    escertke_store_close(&w->meter_store);
    escertke_store_close(&w->panel_store);
    fixture_tls()->credential_free(w->meter_raw);
    fixture_tls()->credential_free(w->panel_raw);
    assert_int_equal(held, w->held);
}

/* ---- a run ------------------------------------------------------------------------------------------------------------ */

static escertke_initiator *begin(struct world *w, struct copy *m1)
{
    escertke_identity panel = identity_of(w, true);
    escertke_initiator *i;
    escertke_span out;

    assert_int_equal(escertke_initiator_new(&panel, METER, 0, &i, NULL), ESCERTKE_OK);
    assert_int_equal(escertke_initiator_start(i, w->now, &out), ESCERTKE_OK);
    keep(m1, out);
    return i;
}

/* The terminator's word on it; the answer in @p out if it is one. */
static escertke_err give(struct world *w, escertke_span message, struct copy *out)
{
    escertke_answer a;

    escertke_answer_init(&a);
    escertke_terminator_answer(w->t, escertke_span_str("Cpanel"), message, 0, w->now, &a);
    escertke_err err = a.detail.err;
    assert_int_equal(err == ESCERTKE_OK, a.rsc == 2000);
    if (err == ESCERTKE_OK)
        keep(out, escertke_buf_span(&a.message));
    else
        assert_true(a.detail.reason[0] && a.rsc != 5000);
    escertke_answer_clear(&a);
    return err;
}

/* An initiator that has failed holds nothing, and its alert, if it has one, takes nothing from the other end. */
static void has_nothing(struct world *w, escertke_initiator *i, escertke_span alert)
{
    escertke_terminator_stats before = stats_of(w), after;
    escertke_key_entry entry;
    escertke_answer a;

    assert_int_equal(escertke_initiator_entry(i, &entry), ESCERTKE_ERR_STATE);
    assert_true(escertke_initiator_detail(i)->reason[0]);
    if (!alert.len)
        return;
    assert_int_equal(alert.len, 7);
    assert_int_equal(alert.ptr[0], 21);
    escertke_answer_init(&a);
    escertke_terminator_answer(w->t, escertke_span_str("Cpanel"), alert, 0, w->now, &a);
    escertke_answer_clear(&a);
    after = stats_of(w);
    assert_int_equal(after.pending, before.pending);
    assert_int_equal(after.replay_entries, before.replay_entries);
}

static escertke_err take(struct world *w, escertke_initiator *i, escertke_span message, struct copy *out)
{
    escertke_span reply;
    escertke_err err = escertke_initiator_step(i, message, w->now, &reply);

    if (err != ESCERTKE_OK)
        has_nothing(w, i, reply);
    else if (out)
        keep(out, reply);
    return err;
}

/* Both have it, and it is the same. */
static void same_key(struct world *w, escertke_initiator *i)
{
    escertke_key_entry ours, theirs;

    assert_int_equal(escertke_initiator_entry(i, &ours), ESCERTKE_OK);
    assert_int_equal(w->meter_store.ops->get(w->meter_store.state, ours.key.id, w->now.unix_s, &theirs, NULL), ESCERTKE_OK);
    assert_memory_equal(&ours.key, &theirs.key, sizeof ours.key);
    escertke_key_entry_wipe(&ours);
    escertke_key_entry_wipe(&theirs);
    assert_int_equal(empty(&w->meter_store), 1);
    assert_int_equal(empty(&w->panel_store), 1);
}

/*
 * What TLS 1.2 does not look at, and neither a signature nor Finished covers: the second octet of a record's version, where nothing
 * is encrypted. Engines differ in how much of it they take. M3 is read by ourselves before it comes to an engine.
 */
static bool indifferent(int number, const struct copy *m, size_t k)
{
    if (number == 3 || k % HOWS == DOUBLED || k % HOWS == LEFT_OUT || k % HOWS == CUT_HERE)
        return false;
    for (size_t at = 0; at + 5 <= m->len; at += 5 + ((size_t)m->octets[at + 3] << 8 | m->octets[at + 4])) {
        if (k / HOWS == at + 2)
            return true;
        if (m->octets[at] == 20) /* ChangeCipherSpec: what follows is encrypted */
            return false;
    }
    return false;
}

static void note(struct world *w, int number, const struct copy *m, size_t k, escertke_err err)
{
    escertke_class who = escertke_err_class(err);

    w->tried++;
    w->refused[err]++;
    w->accepted += err == ESCERTKE_OK;
    if (err == ESCERTKE_OK ? indifferent(number, m, k) : who == ESCERTKE_CLASS_PEER || who == ESCERTKE_CLASS_AUTH)
        return;
    printf("M%d, %s: %s\n", number, name_of(k), escertke_err_name(err));
    w->wrong++;
}

static void report(const struct world *w, int number, size_t len)
{
    printf("%s%s M%d of %zu octets: %zu of %zu mutations, %zu accepted;", fixture_tls()->name, w->meter_raw ? " raw" : "", number, len,
           w->tried, mutations_of(len), w->accepted);
    for (size_t i = 1; i < sizeof w->refused / sizeof *w->refused; i++)
        if (w->refused[i])
            printf(" %s %zu", escertke_err_name((escertke_err)i), w->refused[i]);
    printf("\n");
    assert_int_equal(w->wrong, 0);
}

/* ---- M1, M2, M4: a run for each ----------------------------------------------------------------------------------------- */

/* After an M4 that was refused the genuine one is to be had again, and the key is there for it. */
static void m4_again(struct world *w, const struct copy *m)
{
    struct copy again;

    assert_int_equal(give(w, span(&m[3]), &again), ESCERTKE_OK);
    assert_true(escertke_span_equal(span(&again), span(&m[4])));
    assert_int_equal(empty(&w->meter_store), 1);
}

/*
 * A run whose message @p number, 1, 2 or 4, is changed by mutation @p k, to its first error.
 * @return length of the message, not changed; it varies, as signatures do
 */
static size_t changed_run(struct world *w, int number, size_t k)
{
    struct copy m[5], sent = { .len = 0 };
    escertke_initiator *i = begin(w, &m[1]);
    escertke_err err = ESCERTKE_OK;
    bool changed = true;
    int n;

    for (n = 1; n <= 4 && err == ESCERTKE_OK; n++) {
        sent = m[n];
        if (n == number && !(changed = k < mutations_of(m[n].len) && mutate(&m[n], k, &sent)))
            break;
        err = n % 2 ? give(w, span(&sent), &m[n + 1]) : take(w, i, span(&sent), n < 4 ? &m[n + 1] : NULL);
    }
    n -= err != ESCERTKE_OK; /* which was refused */
    assert_int_equal(stats_of(w).pending, changed ? n == 2 || n == 3 : n > 1 && n < 4);
    if (changed && err == ESCERTKE_OK)
        same_key(w, i);
    escertke_initiator_free(i);
    if (number == 4 && (err != ESCERTKE_OK || !changed))
        m4_again(w, m);
    assert_int_equal(empty(&w->panel_store), 0);
    assert_int_equal(empty(&w->meter_store), 0);
    let_pass(w);
    if (changed)
        note(w, number, &m[number], k, err);
    return m[number].len;
}

static void each_changed(struct fixture *f, bool raw, int number)
{
    struct world w;
    size_t len = 1;

    world_open(&w, f, raw);
    for (size_t k = 0; k < mutations_of(len); k += stride_of(number))
        len = changed_run(&w, number, k);
    report(&w, number, len);
    world_close(&w);
}

static void m1(void **state)
{
    each_changed(*state, false, 1);
}

static void m2(void **state)
{
    each_changed(*state, false, 2);
}

static void m4(void **state)
{
    each_changed(*state, false, 4);
}

/* ---- M3: many for one pending handshake ----------------------------------------------------------------------------------- */

struct waiting {
    escertke_initiator *i;
    struct copy m3;
};

static void until_m3(struct world *w, struct waiting *at)
{
    struct copy m1, m2;

    at->i = begin(w, &m1);
    assert_int_equal(give(w, span(&m1), &m2), ESCERTKE_OK);
    assert_int_equal(take(w, at->i, span(&m2), &at->m3), ESCERTKE_OK);
}

static void finish(struct world *w, struct waiting *at, const struct copy *m4)
{
    assert_int_equal(take(w, at->i, span(m4), NULL), ESCERTKE_OK);
    same_key(w, at->i);
    escertke_initiator_free(at->i);
}

/* Where the encrypted Finished begins: behind ChangeCipherSpec and the header of the last record. */
static size_t finished_of(const struct copy *m3)
{
    size_t at = 0, len = 0;

    for (; at < m3->len; at += len)
        len = 5 + ((size_t)m3->octets[at + 3] << 8 | m3->octets[at + 4]);
    return at - len + 5;
}

/*
 * Whether mutation @p k leaves all before the encrypted Finished as it was. Its record's length is left out: the first octet of the
 * Finished takes its place, and one in 256 times says how many follow.
 */
static bool alters_finished_alone(const struct copy *m3, size_t k)
{
    return k / HOWS + (k % HOWS == LEFT_OUT) >= finished_of(m3);
}

/*
 * The handshake outlives all that is not its own M3. Only a Finished that is wrong ends it, since TLS alone can tell (D-162).
 */
static void each_m3(struct fixture *f, bool raw)
{
    struct world w;
    struct waiting at;
    struct copy sent, m4;
    size_t spent = 0;

    world_open(&w, f, raw);
    until_m3(&w, &at);
    for (size_t k = 0; k < mutations_of(at.m3.len); k += stride_of(3)) {
        if (!mutate(&at.m3, k, &sent))
            continue;
        escertke_err err = give(&w, span(&sent), &m4);
        note(&w, 3, &at.m3, k, err);
        if (stats_of(&w).pending == 1)
            continue;
        if (err == ESCERTKE_OK) {
            finish(&w, &at, &m4);
        } else {
            if (!alters_finished_alone(&at.m3, k) || err != ESCERTKE_ERR_SIGNATURE)
                fail_msg("%s: the handshake is spent, %s", name_of(k), escertke_err_name(err));
            escertke_initiator_free(at.i);
            spent++;
        }
        let_pass(&w);
        until_m3(&w, &at);
    }
    report(&w, 3, at.m3.len);
    printf("  %zu of them took a handshake with them\n", spent);
    assert_int_equal(give(&w, span(&at.m3), &m4), ESCERTKE_OK);
    finish(&w, &at, &m4);
    world_close(&w);
}

static void m3(void **state)
{
    each_m3(*state, false);
}

/* ---- raw public keys -------------------------------------------------------------------------------------------------------- */

static void raw_m1(void **state)
{
    if (!fixture_tls()->raw_keys)
        skip();
    each_changed(*state, true, 1);
}

static void raw_m2(void **state)
{
    if (!fixture_tls()->raw_keys)
        skip();
    each_changed(*state, true, 2);
}

static void raw_m3(void **state)
{
    if (!fixture_tls()->raw_keys)
        skip();
    each_m3(*state, true);
}

static void raw_m4(void **state)
{
    if (!fixture_tls()->raw_keys)
        skip();
    each_changed(*state, true, 4);
}

static int setup(void **state)
{
    static const escertke_memory counting = { count_alloc, count_resize, count_release };

    escertke_memory_set(&counting);
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(m1),     cmocka_unit_test(m2),     cmocka_unit_test(m3),     cmocka_unit_test(m4),
                                        cmocka_unit_test(raw_m1), cmocka_unit_test(raw_m2), cmocka_unit_test(raw_m3), cmocka_unit_test(raw_m4) };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
