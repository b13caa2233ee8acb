/* A primitive that was read can be written; written once more from what that reads as, the octets are the same. */
#include <escertke/m2m.h>

#include <stdlib.h>
#include <string.h>

#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void there_and_back(const escertke_primitive *p)
{
    escertke_primitive again, copy;
    escertke_buf once, twice;

    escertke_buf_init(&once, 4 * ESCERTKE_PRIMITIVE_MAX);
    escertke_buf_init(&twice, 4 * ESCERTKE_PRIMITIVE_MAX);
    escertke_primitive_init(&copy);
    if (escertke_primitive_copy(p, &copy) != ESCERTKE_OK || escertke_primitive_write_json(&copy, &once) != ESCERTKE_OK)
        abort();
    if (once.len <= ESCERTKE_PRIMITIVE_MAX) {
        if (escertke_primitive_parse_json(escertke_buf_span(&once), &again, NULL) != ESCERTKE_OK || again.op != p->op ||
            again.rsc != p->rsc || escertke_primitive_write_json(&again, &twice) != ESCERTKE_OK ||
            !escertke_span_equal(escertke_buf_span(&once), escertke_buf_span(&twice)))
            abort();
        escertke_primitive_clear(&again);
    }
    escertke_primitive_clear(&copy);
    escertke_buf_free(&once);
    escertke_buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    escertke_primitive p;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = escertke_primitive_parse_json((escertke_span){ data, size }, &p, &d);
    if (err == ESCERTKE_OK)
        there_and_back(&p);
    else if (d.err != err || !*d.reason || p.to || p.content.ptr)
        abort();
    escertke_primitive_clear(&p);
    return 0;
}

static const char *const names[] = {
    "op",       "to",     "fr",      "rqi",     "ty",       "pc",          "ot",   "rqet",  "rset",  "oet",
    "rt",       "rtv",    "nu",      "rp",      "rcn",      "ec",          "da",   "gid",   "fc",    "drt",
    "tkns",     "tids",   "ltids",   "tqi",     "rvi",      "vsi",         "rsc",  "cnst",  "cnot",  "ati",
    "tqf",      "atrl",   "rids",    "grtm",    "asi",      "aus",         "auri", "sqi",   "asri",  "m2m:seci",
    "m2m:atrl", "sit",    "m2m:dbg", "m2m:ae",  "m2m:rqp",  "m2m:rsp",     "PT5S", "+5000", "-5000", "20260601T120000",
    "/in1/-",   "Cmeter", "3",       "-/meter", "//sp/in1", "-/meter#esi", NULL
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_json_input(data, size, max_size, seed, names);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out, size_t max_size,
                                 unsigned int seed)
{
    return mutate_json_cross(a, a_size, b, b_size, out, max_size, seed);
}
