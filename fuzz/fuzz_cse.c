/*
 * A whole request primitive, as JSON, into a CSE that has two AEs, a policy, a mailbox with a subscriber, a polling channel and
 * two CSEs next to it. Whatever comes, the answer is complete, it can be written and read again, and nothing stays pending.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cse/cse.h"
#include "mutate.h"

static const escertke_now now = { 1000000, 1780315200 }; /* 2026-06-01 12:00:00 */

/* Every hop is answered with what was sent. */
static escertke_err deliver(void *ctx, const char *url, const char *receiver, bool to_ae, const escertke_primitive *req,
                            escertke_primitive *rsp, escertke_detail *d)
{
    (void)ctx;
    (void)receiver;
    (void)to_ae;
    (void)d;
    if (!strcmp(url, "http://down"))
        return ESCERTKE_ERR_UNREACHABLE;
    rsp->rsc = ESCERTKE_RSC_OK;
    if (escertke_primitive_set(&rsp->rqi, escertke_span_str(req->rqi)) != ESCERTKE_OK)
        return ESCERTKE_ERR_NOMEM;
    rsp->format = req->format;
    return req->content.len ? escertke_buf_append(&rsp->content, req->content.ptr, req->content.len) : ESCERTKE_OK;
}

static escertke_err count_up(void *ctx, uint8_t *out, size_t len)
{
    uint8_t *next = ctx;

    memset(out, 0, len);
    out[0] = ++*next;
    return ESCERTKE_OK;
}

static const char *const before[] = {
    "{\"op\":1,\"to\":\"-\",\"fr\":\"Cmeter\",\"rqi\":\"1\",\"rvi\":\"3\",\"ty\":2,\"pc\":{\"m2m:ae\":{\"rn\":\"meter\",\"api\":"
    "\"Nx\","
    "\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://down\",\"http://meter\"],\"esi\":{\"esf\":[43]}}}}",
    "{\"op\":1,\"to\":\"-/"
    "meter\",\"fr\":\"Cmeter\",\"rqi\":\"1\",\"rvi\":\"3\",\"ty\":1,\"pc\":{\"m2m:acp\":{\"rn\":\"open\",\"pv\":"
    "{\"acr\":[{\"acor\":[\"all\"],\"acop\":63}]},\"pvs\":{\"acr\":[{\"acor\":[\"all\"],\"acop\":63}]}}}}",
    "{\"op\":3,\"to\":\"-/meter\",\"fr\":\"Cmeter\",\"rqi\":\"1\",\"rvi\":\"3\",\"pc\":{\"m2m:ae\":{\"acpi\":[\"-/meter/"
    "open\"]}}}",
    "{\"op\":1,\"to\":\"-\",\"fr\":\"Cpanel\",\"rqi\":\"1\",\"rvi\":\"3\",\"ty\":2,\"pc\":{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":"
    "false,"
    "\"srv\":[\"1\"]}}}",
    "{\"op\":1,\"to\":\"-\",\"fr\":\"/mn1\",\"rqi\":\"1\",\"rvi\":\"3\",\"ty\":16,\"pc\":{\"m2m:csr\":{\"rn\":\"mn1\",\"cb\":\"/"
    "mn1/-\","
    "\"rr\":true,\"srv\":[\"3\"],\"poa\":[\"http://mn1\"],\"dcse\":[\"/asn1\"]}}}",
    "{\"op\":1,\"to\":\"-\",\"fr\":\"//other.org/in9\",\"rqi\":\"1\",\"rvi\":\"3\",\"ty\":16,\"pc\":{\"m2m:csr\":{\"cb\":\"//"
    "other.org/in9/-\","
    "\"rr\":true,\"srv\":[\"1\"],\"poa\":[\"http://in9\"]}}}",
    "{\"op\":1,\"to\":\"-/"
    "meter\",\"fr\":\"Cmeter\",\"rqi\":\"1\",\"rvi\":\"3\",\"ty\":3,\"pc\":{\"m2m:cnt\":{\"rn\":\"box\",\"mni\":2,\"mbs\":64,"
    "\"mia\":60,\"acpi\":[\"-/meter/open\"]}}}",
    "{\"op\":1,\"to\":\"-/meter/"
    "box\",\"fr\":\"Cmeter\",\"rqi\":\"1\",\"rvi\":\"3\",\"ty\":23,\"pc\":{\"m2m:sub\":{\"rn\":\"sub\",\"enc\":{\"net\":[3]},"
    "\"nu\":[\"http://meter\"],\"su\":\"Cmeter\"}}}",
    "{\"op\":1,\"to\":\"-/meter/"
    "box\",\"fr\":\"Cmeter\",\"rqi\":\"1\",\"rvi\":\"3\",\"ty\":4,\"pc\":{\"m2m:cin\":{\"con\":\"x\",\"cr\":null}}}",
    "{\"op\":1,\"to\":\"Cpanel\",\"fr\":\"Cpanel\",\"rqi\":\"1\",\"rvi\":\"3\",\"ty\":15,\"pc\":{\"m2m:pch\":{\"rn\":\"pch\"}}}",
};

static void need(bool ok)
{
    if (!ok)
        abort();
}

/* Returns the RSC; 0 = not a request. */
static int ask(struct esc_cse *cse, escertke_span text)
{
    escertke_primitive req, rsp, again;
    escertke_buf out;
    int rsc = 0;

    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    escertke_primitive_init(&again);
    escertke_buf_init(&out, 4 * ESCERTKE_PRIMITIVE_MAX);
    if (escertke_primitive_parse_json(text, &req, NULL) == ESCERTKE_OK) {
        esc_cse_handle(cse, &req, now, &rsp);
        rsc = rsp.rsc;
        need(rsc >= 2000 && rsc < 7000);
        need(!req.rqi || (rsp.rqi && !strcmp(req.rqi, rsp.rqi)));
        if (rsp.rqi)
            need(escertke_primitive_write_json(&rsp, &out) == ESCERTKE_OK &&
                 escertke_primitive_parse_json(escertke_buf_span(&out), &again, NULL) == ESCERTKE_OK);
    }
    escertke_buf_free(&out);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    escertke_primitive_clear(&again);
    return rsc;
}

static bool is_primitive(escertke_span text)
{
    escertke_primitive p;

    escertke_primitive_init(&p);
    bool ok = escertke_primitive_parse_json(text, &p, NULL) == ESCERTKE_OK;
    escertke_primitive_clear(&p);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t next = 0;
    struct esc_cse_config cfg = { .sp_id = "//m2m.example.org",
                                  .cse_id = "/in1",
                                  .deliver = deliver,
                                  .random = count_up,
                                  .random_ctx = &next,
                                  .esi = "{\"esf\":[43]}",
                                  .max_ae = 8,
                                  .max_acp = 8,
                                  .max_remote = 8 };
    struct esc_cse_stats stats;
    struct esc_cse *cse;

    if (!is_primitive((escertke_span){ data, size }))
        return 0; /* no world for what never reaches it */
    need(esc_cse_new(&cfg, now, &cse, NULL) == ESCERTKE_OK);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        need(ask(cse, escertke_span_str(before[i])) / 1000 == 2);
    ask(cse, (escertke_span){ data, size });
    while (esc_cse_send_due(cse, now))
        ;
    esc_cse_tick(cse, (escertke_now){ now.mono_ms, now.unix_s + 1000000000 });
    esc_cse_get_stats(cse, &stats);
    need(stats.pending == 0 && stats.polls == 0 && stats.held == 0);
    esc_cse_free(cse);
    return 0;
}

static const char *const names[] = { "op",
                                     "to",
                                     "fr",
                                     "rqi",
                                     "rvi",
                                     "ty",
                                     "pc",
                                     "rt",
                                     "rtv",
                                     "rcn",
                                     "rqet",
                                     "rset",
                                     "oet",
                                     "gid",
                                     "m2m:ae",
                                     "m2m:acp",
                                     "m2m:csr",
                                     "m2m:cb",
                                     "m2m:seci",
                                     "m2m:atrl",
                                     "rn",
                                     "ri",
                                     "pi",
                                     "api",
                                     "aei",
                                     "rr",
                                     "poa",
                                     "srv",
                                     "esi",
                                     "esf",
                                     "acpi",
                                     "pv",
                                     "pvs",
                                     "acr",
                                     "acor",
                                     "acop",
                                     "cb",
                                     "csi",
                                     "dcse",
                                     "lbl",
                                     "et",
                                     "all",
                                     "Cmeter",
                                     "Cpanel",
                                     "Cnew",
                                     "/mn1",
                                     "//other.org/in9",
                                     "-/meter",
                                     "-/meter/open",
                                     "-/meter#esi",
                                     "-/meter/poa",
                                     "/in1/Cmeter",
                                     "/mn1/-",
                                     "+",
                                     "C",
                                     "S",
                                     ".",
                                     "m2m:cnt",
                                     "m2m:cin",
                                     "m2m:sub",
                                     "m2m:pch",
                                     "m2m:sgn",
                                     "m2m:rsp",
                                     "m2m:rqp",
                                     "mni",
                                     "mbs",
                                     "mia",
                                     "cr",
                                     "con",
                                     "cnf",
                                     "enc",
                                     "net",
                                     "nu",
                                     "nct",
                                     "su",
                                     "-/meter/box",
                                     "-/meter/box/la",
                                     "-/meter/box/ol",
                                     "-/meter/box/sub",
                                     "Cpanel/pch",
                                     "-/Cpanel/pch/pcu",
                                     "http://meter",
                                     "http://down",
                                     "http://stranger/",
                                     "application/json:0",
                                     "4",
                                     "15",
                                     "23",
                                     "63",
                                     "2",
                                     "3",
                                     NULL };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_json_input(data, size, max_size, seed, names);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out, size_t max_size,
                                 unsigned int seed)
{
    return mutate_json_cross(a, a_size, b, b_size, out, max_size, seed);
}
