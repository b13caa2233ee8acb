/* An esi object, alone and inside a resource: what was read can be written and reads the same. */
#include <escertke/m2m.h>

#include <stdlib.h>
#include <string.h>

#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void there_and_back(const escertke_esi *esi)
{
    escertke_esi again;
    escertke_buf text;

    escertke_buf_init(&text, 4096);
    if (!esi->esf_count || escertke_esi_write_json(esi, &text) != ESCERTKE_OK ||
        escertke_esi_parse_json(escertke_buf_span(&text), &again, NULL) != ESCERTKE_OK || memcmp(esi, &again, sizeof again) != 0)
        abort();
    escertke_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    escertke_span text = { data, size };
    escertke_esi esi;

    if (escertke_esi_parse_json(text, &esi, NULL) == ESCERTKE_OK)
        there_and_back(&esi);
    else if (esi.esf_count)
        abort();
    if (escertke_esi_find(ESCERTKE_FORMAT_JSON, text, &esi, NULL) == ESCERTKE_OK)
        there_and_back(&esi);
    else if (esi.esf_count)
        abort();
    return 0;
}

static const char *const names[] = { "esf",  "eserc",  "esro",   "esi",     "esri",    "esrv",    "esrx", "esks",
                                     "espa", "m2m:ae", "m2m:cb", "m2m:csr", "m2m:aeA", "m2m:cbA", "43",   "20270101T000000",
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
