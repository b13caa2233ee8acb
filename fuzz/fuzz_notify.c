/*
 * fuzz_notify.c - the carrier in both roles: an attempt by two NOTIFYs, of which one request or response is the input's. Octet 0
 * says which (0: with M1, 1: with M2...); the rest is a primitive in JSON in which "@" stands for the genuine message in base64
 * and
 * "#" for the genuine request identifier. Every request gets a complete response, and the attempt a key or a reason.
 */
#include <stdlib.h>
#include <string.h>

#include <escertke/carrier.h>

#include "mutate.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct game {
    escertke_terminator *peer;
    escertke_span text;
    unsigned which, exchanges;
};

static escertke_now clock_of(void *ctx)
{
    (void)ctx;
    return world_now();
}

/* ---- the input's primitive --------------------------------------------------------------------------------------- */

static void append(escertke_buf *b, const void *octets, size_t len)
{
    if (b->len + len <= ESCERTKE_PRIMITIVE_MAX)
        must(escertke_buf_append(b, octets, len) == ESCERTKE_OK);
}

static void append_message(escertke_buf *b, const escertke_primitive *genuine)
{
    escertke_buf text;
    escertke_seci seci;

    escertke_buf_init(&text, ESCERTKE_PRIMITIVE_MAX);
    if (escertke_seci_parse(ESCERTKE_FORMAT_JSON, escertke_buf_span(&genuine->content), &seci, NULL) == ESCERTKE_OK &&
        escertke_base64_encode(escertke_buf_span(&seci.eckm), &text) == ESCERTKE_OK)
        append(b, text.ptr, text.len);
    escertke_seci_clear(&seci);
    escertke_buf_free(&text);
}

/* @param out  to be cleared in any case */
static escertke_err read_input(const struct game *g, const escertke_primitive *genuine, escertke_primitive *out,
                               escertke_detail *d)
{
    escertke_buf text;

    escertke_buf_init(&text, ESCERTKE_PRIMITIVE_MAX);
    for (size_t i = 0; i < g->text.len; i++) {
        if (g->text.ptr[i] == '@')
            append_message(&text, genuine);
        else if (g->text.ptr[i] == '#' && genuine->rqi)
            append(&text, genuine->rqi, strlen(genuine->rqi));
        else
            append(&text, &g->text.ptr[i], 1);
    }
    escertke_err err = escertke_primitive_parse_json(escertke_buf_span(&text), out, d);
    escertke_buf_free(&text);
    return err;
}

/* ---- one exchange --------------------------------------------------------------------------------------------------- */

static void serve(const struct game *g, const escertke_primitive *req, escertke_primitive *rsp)
{
    escertke_primitive again;
    escertke_buf text;

    escertke_notify_serve(g->peer, req, world_now(), rsp);
    must(rsp->rsc >= 2000 && rsp->rsc < 6000 && rsp->op == ESCERTKE_OP_NONE);
    must((!req->rqi && !rsp->rqi) || (req->rqi && rsp->rqi && !strcmp(req->rqi, rsp->rqi)));
    if (!rsp->rqi)
        return;
    escertke_buf_init(&text, 2 * ESCERTKE_PRIMITIVE_MAX);
    must(escertke_primitive_write_json(rsp, &text) == ESCERTKE_OK);
    must(escertke_primitive_parse_json(escertke_buf_span(&text), &again, NULL) == ESCERTKE_OK);
    escertke_primitive_clear(&again);
    escertke_buf_free(&text);
}

static escertke_err exchange(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    struct game *g = ctx;
    unsigned number = g->exchanges++;
    escertke_primitive given, answer;
    escertke_err err = ESCERTKE_OK;

    must(req->op == ESCERTKE_OP_NOTIFY && req->rqi && req->to && req->fr && number < 64);
    escertke_primitive_init(&given);
    escertke_primitive_init(&answer);
    if (g->which == 2 * number)
        err = read_input(g, req, &given, d);
    if (err == ESCERTKE_OK)
        serve(g, g->which == 2 * number ? &given : req, &answer);
    if (err == ESCERTKE_OK && g->which == 2 * number + 1) {
        escertke_primitive_clear(&given);
        err = read_input(g, &answer, &given, d);
    }
    if (err == ESCERTKE_OK)
        must(escertke_primitive_copy(g->which == 2 * number + 1 ? &given : &answer, rsp) == ESCERTKE_OK);
    escertke_primitive_clear(&given);
    escertke_primitive_clear(&answer);
    return err;
}

/* ---- the attempt ------------------------------------------------------------------------------------------------------ */

static void establish(struct game *g, const escertke_identity *identity, escertke_store *peer_store)
{
    const escertke_notify_params params = {
        .to = "/in1/Cmeter", .from = "Cpanel", .send = exchange, .send_ctx = g, .clock = clock_of
    };
    escertke_attempt *a;
    escertke_key_entry mine, theirs;
    escertke_detail d;

    escertke_detail_init(&d);
    must(escertke_attempt_new(identity, WORLD_METER, NULL, world_now(), &a, NULL) == ESCERTKE_OK);
    escertke_err err = escertke_notify_establish(a, &params, &d);
    must(g->which < 4 || err == ESCERTKE_OK); /* what nobody has touched leads to a key */
    if (err == ESCERTKE_OK) {
        must(escertke_attempt_entry(a, &mine) == ESCERTKE_OK);
        must(peer_store->ops->get(peer_store->state, mine.key.id, world_now().unix_s, &theirs, NULL) == ESCERTKE_OK);
        must(memcmp(&mine.key, &theirs.key, sizeof mine.key) == 0);
    } else {
        must(d.err == err && d.reason[0]);
    }
    escertke_attempt_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct game g = { 0 };
    escertke_store mine, theirs;

    if (size < 1)
        return 0;
    world_begin();
    g.which = data[0] % 5u;
    g.text = (escertke_span){ data + 1, size - 1 };
    must(escertke_store_memory(16, &mine) == ESCERTKE_OK && escertke_store_memory(16, &theirs) == ESCERTKE_OK);
    const escertke_identity identity = world_identity(WORLD_A_PANEL, &mine);
    const escertke_terminator_config cfg = { .identity = world_identity(WORLD_A_METER, &theirs) };
    must(escertke_terminator_new(&cfg, &g.peer, NULL) == ESCERTKE_OK);
    establish(&g, &identity, &theirs);
    escertke_terminator_free(g.peer);
    escertke_store_close(&mine);
    escertke_store_close(&theirs);
    return 0;
}

static const char *const names[] = {
    "op",   "to", "fr",       "rqi",     "rvi", "ty",   "pc",  "rsc", "rqet",   "oet",         "rt", "rtv", "gid",
    "rset", "nu", "m2m:seci", "m2m:dbg", "sit", "eckm", "ero", "epo", "Cpanel", "/in1/Cpanel", "@",  "#",   "20270115T080000",
    "+100", "-1", "3",        "4",       "2a",  NULL
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    if (size < 2 || max_size < 2)
        return LLVMFuzzerMutate(data, size, max_size);
    data[0] = (uint8_t)(seed % 16 ? data[0] : seed / 16);
    return 1 + mutate_json_input(data + 1, size - 1, max_size - 1, seed, names);
}
