/* An esi object, alone and inside a resource: what was read can be written and reads the same. */
#include <escertke/m2m.h>

#include <stdlib.h>
#include <string.h>

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
