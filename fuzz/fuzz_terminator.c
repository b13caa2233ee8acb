/*
 * fuzz_terminator.c - a Terminating End-Point between genuine initiators and an attacker who has seen all that they and it have
 * sent. Input: octet 0 says what its limits are; then steps of seven octets {what, who or which, five more}. After every step:
 * bounds are kept, every answer is one of those that there are, every refusal has its reason, and what happened to each pending
 * handshake was allowed to happen to it. A run that is not touched completes; both ends then have the same key.
 */
#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "terminator_model.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEP = 7, STEPS_MAX = 32 };

static const char *const froms[] = { WORLD_PANEL,
                                     WORLD_OTHER,
                                     WORLD_IN1,
                                     "Cpanel",
                                     "/in1/Cpanel",
                                     "/in1",
                                     "Cother",
                                     WORLD_METER,
                                     "//other.org/in9",
                                     "Spanel",
                                     "",
                                     "\xFF",
                                     "//m2m.example.org/in1/C\n",
                                     "/in1/Cpanel/",
                                     "-",
                                     "//m2m.example.org/IN1" };

static const char *from_of(uint8_t n)
{
    return froms[n % (sizeof froms / sizeof *froms)];
}

static escertke_span source_of(uint8_t n)
{
    static const char *const sources[] = { "", "192.0.2.1", "192.0.2.2", "2001:db8::/64" };

    return escertke_span_str(sources[n % 4]);
}

static escertke_span text_of(const struct mutate_text *t)
{
    return (escertke_span){ t->octets, t->len };
}

/* ---- genuine runs ---------------------------------------------------------------------------------------------- */

/* M1 goes out, perhaps changed on its way, and what comes back is given to the initiator. */
static void begin(struct model *m, const uint8_t *e, bool touched, bool lost)
{
    struct model_run *run = model_new_run(m, (enum world_party)(WORLD_A_PANEL + e[1] % 3));
    static struct mutate_text m1;
    escertke_answer a;

    if (!run)
        return;
    must(mutate_set(&m1, run->m1.octets, run->m1.len));
    if (touched)
        mutate_tls(&m1, e + 2);
    run->touched = touched && !escertke_span_equal(text_of(&m1), model_span(&run->m1));
    model_deliver(m, world_ids[run->who], text_of(&m1), source_of(e[2]), &a);
    if (lost && a.rsc == 2000) { /* the same M1 once more: the same M2 */
        escertke_answer again;
        model_deliver(m, world_ids[run->who], text_of(&m1), source_of(e[3]), &again);
        must(escertke_span_equal(escertke_buf_span(&a.message), escertke_buf_span(&again.message)));
        escertke_answer_clear(&again);
    }
    model_take_m2(m, run, &a);
    escertke_answer_clear(&a);
}

static void finish(struct model *m, struct model_run *run)
{
    escertke_answer a;

    if (!run || !run->m3.len)
        return;
    model_deliver(m, world_ids[run->who], model_span(&run->m3), source_of(0), &a);
    escertke_answer_clear(&a);
}

/* ---- the attacker ------------------------------------------------------------------------------------------------ */

static void send(struct model *m, const char *from, escertke_span message, uint8_t source)
{
    escertke_answer a;

    model_deliver(m, from, message, source_of(source), &a);
    escertke_answer_clear(&a);
}

static void send_changed(struct model *m, const uint8_t *e)
{
    static struct mutate_text t;
    escertke_span kept = model_kept(m, e[1] & 31);

    must(mutate_set(&t, kept.ptr, kept.len));
    mutate_tls(&t, e + 2);
    send(m, from_of(e[1] >> 5), text_of(&t), e[6]);
}

static size_t records(escertke_span message, size_t count)
{
    size_t at = 0;

    while (count-- && at + 5 <= message.len)
        at += 5 + ((size_t)message.ptr[at + 3] << 8 | message.ptr[at + 4]);
    return at < message.len ? at : message.len;
}

/* The first records of one message, then those of another from some record on. */
static void send_spliced(struct model *m, const uint8_t *e)
{
    static struct mutate_text t;
    escertke_span a = model_kept(m, e[1]), b = model_kept(m, e[2]);
    size_t first = records(a, e[3] % 8), second = records(b, e[4] % 8);

    must(mutate_set(&t, a.ptr, first));
    (void)mutate_replace(&t, t.len, t.len, b.ptr ? b.ptr + second : NULL, b.len - second);
    send(m, from_of(e[5]), text_of(&t), e[6]);
}

static void send_alert(struct model *m, const uint8_t *e)
{
    const uint8_t record[] = { 21, 3, 3, 0, 2, (uint8_t)(e[2] % 3), e[3] };

    send(m, from_of(e[1]), (escertke_span){ record, sizeof record }, e[4]);
}

static void send_cut(struct model *m, const uint8_t *e)
{
    escertke_span kept = model_kept(m, e[1]);

    if (kept.len)
        kept.len = ((size_t)e[2] << 8 | e[3]) % kept.len;
    send(m, from_of(e[4]), kept, e[5]);
}

static void send_octets(struct model *m, const uint8_t *e)
{
    static const uint8_t head[] = { 22, 3, 3 };
    uint8_t message[sizeof head + 4];

    memcpy(message, head, sizeof head);
    memcpy(message + sizeof head, e + 3, 4);
    send(m, from_of(e[1]), (escertke_span){ e[2] & 1 ? message : e + 3, e[2] & 1 ? sizeof message : 4 }, e[2]);
}

/* ---- steps --------------------------------------------------------------------------------------------------------- */

static void step(struct model *m, const uint8_t *e)
{
    switch (e[0] % 16) {
    case 0: begin(m, e, false, false); break;
    case 1: begin(m, e, true, false); break;
    case 2: begin(m, e, false, true); break;
    case 3:
    case 4: finish(m, model_run(m, e[1])); break;
    case 5:
    case 6: send_changed(m, e); break;
    case 7: send(m, from_of(e[2]), model_kept(m, e[1]), e[3]); break;
    case 8: send_spliced(m, e); break;
    case 9: send_alert(m, e); break;
    case 10: send_cut(m, e); break;
    case 11: send_octets(m, e); break;
    case 12: model_pass(m, e[1]); break;
    case 13: model_tick(m); break;
    case 14: model_restart(m); break;
    default: model_let_store_fail(m, 1 + e[1] % 2); break;
    }
    model_check(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    world_begin();
    struct model *m = model_open(data[0]);
    for (size_t at = 1, n = 0; at + STEP <= size && n < STEPS_MAX; at += STEP, n++)
        step(m, data + at);
    model_let_store_fail(m, 0);
    for (unsigned i = 0; i < MODEL_RUNS; i++)
        finish(m, model_run(m, i));
    model_check(m);
    model_close(m);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_script_input(data, size, max_size, seed, 1, STEP);
}
