/*
 * What a registrar CSE answers, while an AE registers there, looks whether it still is, finds out about a peer, and opens its
 * mailbox. The input is a list of answers, each [RSC, content]; a content that is a text is sent as it is (XML, or anything). A
 * CSE may answer what it likes: every failure has a reason, every address that is kept is one, and nobody asks for ever.
 */
#include <stdlib.h>
#include <string.h>

#include "discover.h"
#include "m2m/serialization.h"
#include "mailbox.h"
#include "mutate.h"
#include "out.h"
#include "register.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define METER "//m2m.example.org/in1/Cmeter"
#define PANEL "//m2m.example.org/in1/Cpanel"
enum { ASKED_MOST = 40 }; /* by any of what is tried here */

static const json_t *answers;
static size_t next, asked;

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* ---- the CSE ------------------------------------------------------------------------------------------------------ */

static escertke_err take_content(const json_t *content, escertke_primitive *rsp)
{
    const char *text = json_string_value(content);

    if (text) {
        rsp->format =
            text[0] == '<' && escertke_format_available(ESCERTKE_FORMAT_XML) ? ESCERTKE_FORMAT_XML : ESCERTKE_FORMAT_JSON;
        return escertke_buf_append(&rsp->content, text, json_string_length(content));
    }
    return content ? esc_serial_dump(rsp->format, content, &rsp->content) : ESCERTKE_OK;
}

/* In place of the network; after the last answer nobody is there. */
escertke_err __wrap_esc_hops_send(struct esc_hops *h, const struct esc_next *hop, const escertke_primitive *req,
                                  escertke_primitive *rsp, escertke_detail *d);
escertke_err __wrap_esc_hops_send(struct esc_hops *h, const struct esc_next *hop, const escertke_primitive *req,
                                  escertke_primitive *rsp, escertke_detail *d)
{
    const json_t *answer = json_array_get(answers, next);
    escertke_address to;

    (void)h, (void)hop;
    must(++asked <= ASKED_MOST && req->to && req->fr && req->rqi);
    must(escertke_address_parse(escertke_span_str(req->to), &to) == ESCERTKE_OK);
    if (!json_array_size(answer)) {
        *d = (escertke_detail){ .err = ESCERTKE_ERR_UNREACHABLE, .reason = "nobody there", .alert = -1 };
        return ESCERTKE_ERR_UNREACHABLE;
    }
    next++;
    rsp->format = req->format;
    rsp->rsc = (int)json_integer_value(json_array_get(answer, 0));
    return take_content(json_array_get(answer, 1), rsp);
}

/* Nothing of it is for the eyes of anybody. */
void __wrap_out_words(const char *fmt, ...);
void __wrap_out_words(const char *fmt, ...)
{
    (void)fmt;
}

void __wrap_out_event(json_t *event, const char *fmt, ...);
void __wrap_out_event(json_t *event, const char *fmt, ...)
{
    (void)fmt;
    must(event != NULL);
    json_decref(event);
}

/* ---- who asks ----------------------------------------------------------------------------------------------------- */

static struct identity meter, panel;
static escertke_peer peer = { .id = PANEL };

static void make_identity(const char *id, struct identity *out)
{
    *out = (struct identity){ .sp_id = "//m2m.example.org", .cse_id = "/in1", .registrar_id = "//m2m.example.org/in1" };
    must(escertke_id_parse(escertke_span_str(id), &out->id) == ESCERTKE_OK);
    out->stem = strrchr(out->id.text, '/') + 1;
}

static struct exchange exchange_of(const struct identity *who)
{
    return (struct exchange){ .url = "http://127.0.0.1:9/",
                              .receiver = who->registrar_id,
                              .from = who->stem,
                              .tls = escertke_tls_by_name("openssl"),
                              .format = ESCERTKE_FORMAT_JSON };
}

static void check_address(const char *text)
{
    escertke_address a;

    must(escertke_address_parse(escertke_span_str(text), &a) == ESCERTKE_OK);
}

/* ---- what is tried ------------------------------------------------------------------------------------------------ */

static void begin(escertke_detail *d)
{
    next = asked = 0;
    escertke_detail_init(d);
}

static void check_failure(escertke_err err, const escertke_detail *d)
{
    must(err == ESCERTKE_OK || (d->err == err && d->reason[0]));
}

static void try_registration(bool terminating, bool reached)
{
    struct registration r = { .exchange = exchange_of(&meter),
                              .identity = &meter,
                              .poa = reached ? "http://127.0.0.1:9/notify" : NULL,
                              .terminating = terminating };
    char lost[200];
    unsigned next_s;
    escertke_detail d;

    begin(&d);
    escertke_err err = registration_run(&r, &d);
    check_failure(err, &d);
    if (err == ESCERTKE_OK) {
        check_address(r.address);
        must(!r.policy[0] || terminating);
        escertke_detail_init(&d);
        err = registration_look(&r, (escertke_now){ 1800000000, 1000 }, lost, sizeof lost, &next_s, &d);
        check_failure(err, &d);
        must(err != ESCERTKE_OK || memchr(lost, '\0', sizeof lost));
        escertke_detail_init(&d);
        check_failure(registration_remove(&r, &d), &d);
    }
    registration_free(&r);
}

static void try_discovery(void)
{
    const struct target target = { .address = "/in1/Cmeter", .from = "Cpanel" };
    struct discovery f = { .exchange = exchange_of(&panel), .identity = &panel, .peer = METER, .target = &target };
    escertke_detail d;

    begin(&d);
    escertke_err err = discover(&f, &d);
    check_failure(err, &d);
    if (err != ESCERTKE_OK)
        return;
    check_address(f.address);
    must(f.supported ? f.resource[0] != '\0' : f.why[0] != '\0');
}

static void try_mailbox(const char *for_peer, const char *poa)
{
    struct mailbox m = { .exchange = exchange_of(&meter), .identity = &meter, .peer = for_peer, .poa = poa };
    escertke_detail d;

    begin(&d);
    escertke_err err = mailbox_open(&m, &d);
    check_failure(err, &d);
    if (err == ESCERTKE_OK) {
        check_address(m.box);
        must(!m.subscribed || poa);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *input = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);

    if (!meter.stem) {
        make_identity(METER, &meter);
        make_identity(PANEL, &panel);
        meter.peers = (struct peer_list){ .items = &peer, .count = 1 };
    }
    answers = input;
    for (int how = 0; how < 3; how++)
        try_registration(how > 0, how > 1);
    try_discovery();
    try_mailbox(NULL, "http://127.0.0.1:9/notify");
    try_mailbox(PANEL, NULL);
    json_decref(input);
    return 0;
}

static const char *const names[] = { "m2m:ae", "m2m:acp", "m2m:cnt", "m2m:sub", "m2m:csr", "m2m:cb", "m2m:dbg",
                                     "ri",     "rn",      "poa",     "rr",      "esi",     "acpi",   "aei",
                                     "et",     "pv",      "acr",     "acor",    "pi",      "seci",   NULL };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_json_input(data, size, max_size, seed, names);
}
