/*
 * What comes to who asks: the answers to polls of a <pollingChannel>, to the making of it, and to a look at the latest letter in
 * a mailbox. A CSE may answer anything; what is taken is a whole request, an address of that CSE, or the response that was asked
 * for, by whom it must be. The first octet tells the serialization: {, <, else CBOR.
 */
#include <escertke/mailbox.h>

#include <stdlib.h>
#include <string.h>

#include "binding/polling.h"
#include "m2m/nested.h"
#include "m2m/serialization.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const escertke_id_context ctx = { "//m2m.example.org", "/in1" };

static escertke_format format_of(escertke_span content)
{
    escertke_format f = !content.len            ? ESCERTKE_FORMAT_JSON
                        : content.ptr[0] == '{' ? ESCERTKE_FORMAT_JSON
                        : content.ptr[0] == '<' ? ESCERTKE_FORMAT_XML
                                                : ESCERTKE_FORMAT_CBOR;

    return escertke_format_available(f) ? f : ESCERTKE_FORMAT_JSON;
}

/* ---- polls -------------------------------------------------------------------------------------------------------- */

/* What was handed out can be handed out again, and is the same. */
static void read_nested(escertke_format format, escertke_span content, bool request)
{
    escertke_primitive p, again;
    escertke_detail d;
    escertke_buf out;

    escertke_detail_init(&d);
    escertke_buf_init(&out, 16 * ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = esc_nested_read(format, content, request, &p, &d);
    if (err != ESCERTKE_OK && (d.err != err || !d.reason[0] || p.to || p.content.len))
        abort();
    if (err == ESCERTKE_OK && (!p.rqi || request == (p.op == ESCERTKE_OP_NONE)))
        abort();
    if (err == ESCERTKE_OK && esc_nested_write(ESCERTKE_FORMAT_JSON, &p, &out) == ESCERTKE_OK &&
        out.len <= ESCERTKE_PRIMITIVE_MAX) {
        if (esc_nested_read(ESCERTKE_FORMAT_JSON, escertke_buf_span(&out), request, &again, NULL) != ESCERTKE_OK ||
            again.op != p.op || again.rsc != p.rsc || strcmp(again.rqi, p.rqi) != 0)
            abort();
        escertke_primitive_clear(&again);
    }
    escertke_primitive_clear(&p);
    escertke_buf_free(&out);
}

/* ---- the channel -------------------------------------------------------------------------------------------------- */

/* Whatever a CSE says, an address that is polled is one. */
static void expect_address(const char *text, const char *tail)
{
    escertke_address a;
    size_t len = strlen(text), tail_len = strlen(tail);

    if (escertke_address_parse(escertke_span_str(text), &a) != ESCERTKE_OK || a.attr.len || len < tail_len ||
        strcmp(text + len - tail_len, tail) != 0)
        abort();
}

static void read_channel(const escertke_primitive *rsp)
{
    char out[600];
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = esc_polling_address("/in1/Cmeter", rsp, out, sizeof out, &d);
    if (err == ESCERTKE_OK)
        expect_address(out, "/pcu");
    else if (d.err != err || !d.reason[0])
        abort();
    if (esc_polling_child("/in1/Cmeter", rsp, out, sizeof out) == ESCERTKE_OK)
        expect_address(out, "/pch");
}

/* ---- the mailbox -------------------------------------------------------------------------------------------------- */

struct office {
    const escertke_primitive *latest;
    escertke_now now;
    int looks;
};

/* The letter is taken; what lies in the own mailbox is the input, each time. */
static escertke_err send_it(void *arg, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    struct office *o = arg;

    (void)d;
    rsp->rsc = ESCERTKE_RSC_CREATED;
    if (req->op == ESCERTKE_OP_CREATE)
        return ESCERTKE_OK;
    o->looks++;
    return escertke_primitive_copy(o->latest, rsp);
}

static escertke_now read_clock(void *arg)
{
    return ((struct office *)arg)->now;
}

static void pause_until(void *arg, uint64_t until_ms)
{
    ((struct office *)arg)->now.mono_ms = until_ms;
}

static void look(const escertke_primitive *latest)
{
    struct office o = { .latest = latest };
    escertke_mailbox m = { .from = "Cpanel",
                           .self = "//m2m.example.org/in1/Cpanel",
                           .ctx = ctx,
                           .tls = escertke_tls_by_name("openssl"),
                           .send = send_it,
                           .send_ctx = &o,
                           .own_box = "/in1/-/panel/escertke",
                           .peer_box = "/in1/-/meter/escertke",
                           .peer = "//m2m.example.org/in1/Cmeter",
                           .clock = read_clock,
                           .clock_ctx = &o,
                           .pause = pause_until,
                           .pause_ctx = &o,
                           .patience_ms = 2000 };
    escertke_primitive req, rsp;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.op = ESCERTKE_OP_NOTIFY;
    if (escertke_primitive_set(&req.to, escertke_span_str("/in1/Cmeter")) != ESCERTKE_OK ||
        escertke_primitive_set(&req.fr, escertke_span_str("Cpanel")) != ESCERTKE_OK ||
        escertke_primitive_set(&req.rqi, escertke_span_str("1")) != ESCERTKE_OK)
        abort();
    escertke_err err = escertke_mailbox_send(&m, &req, &rsp, &d);
    if (err == ESCERTKE_OK && (rsp.op || !rsp.rqi || strcmp(rsp.rqi, "1") != 0))
        abort();
    if (err != ESCERTKE_OK && (d.err != err || !d.reason[0] || rsp.rqi))
        abort();
    if (!o.looks)
        abort();
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
}

/* Who made a letter that is believed is who it says it is from, in every serialization. */
static void read_letter(escertke_format format, escertke_span content)
{
    escertke_letter letter;
    escertke_detail d;
    escertke_id from;

    escertke_detail_init(&d);
    escertke_err err = escertke_letter_read(format, content, &ctx, &letter, &d);
    if (err == ESCERTKE_OK && letter.primitive.fr &&
        (escertke_id_normalise(escertke_span_str(letter.primitive.fr), &ctx, &from) != ESCERTKE_OK ||
         strcmp(from.text, letter.creator.text) != 0))
        abort();
    if (err != ESCERTKE_OK && (d.err != err || letter.primitive.rqi))
        abort();
    escertke_letter_clear(&letter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const escertke_span content = { data, size };
    escertke_primitive rsp;

    escertke_primitive_init(&rsp);
    rsp.rsc = ESCERTKE_RSC_OK;
    rsp.format = format_of(content);
    if (size && escertke_buf_append(&rsp.content, data, size) != ESCERTKE_OK)
        return 0;
    read_nested(rsp.format, content, true);
    read_nested(rsp.format, content, false);
    read_channel(&rsp);
    read_letter(rsp.format, content);
    look(&rsp);
    escertke_primitive_clear(&rsp);
    return 0;
}

static const char *const names[] = { "m2m:rqp", "m2m:rsp", "m2m:pch", "m2m:ae", "m2m:cin", "m2m:seci", "op", "rqi", "rsc",
                                     "ri",      "rn",      "to",      "fr",     "con",     "cnf",      "cr", "pc",  NULL };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    if (size && data[0] != '{')
        return LLVMFuzzerMutate(data, size, max_size);
    return mutate_json_input(data, size, max_size, seed, names);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out, size_t max_size,
                                 unsigned int seed)
{
    return mutate_json_cross(a, a_size, b, b_size, out, max_size, seed);
}
