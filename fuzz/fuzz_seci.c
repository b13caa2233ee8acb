/* What was read can be written, and what was written reads the same; every refusal has a reason and leaves nothing behind. */
#include <escertke/m2m.h>

#include <stdlib.h>
#include <string.h>

#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same_buf(const escertke_buf *a, const escertke_buf *b)
{
    return escertke_span_equal(escertke_buf_span(a), escertke_buf_span(b));
}

static void there_and_back(const escertke_seci *s)
{
    escertke_seci again;
    escertke_buf text;

    escertke_buf_init(&text, 2 * ESCERTKE_PRIMITIVE_MAX);
    if (escertke_seci_write(ESCERTKE_FORMAT_JSON, s, &text) != ESCERTKE_OK)
        abort();
    if (text.len <= ESCERTKE_PRIMITIVE_MAX) {
        if (escertke_seci_parse(ESCERTKE_FORMAT_JSON, escertke_buf_span(&text), &again, NULL) != ESCERTKE_OK ||
            s->sit != again.sit || !same_buf(&s->eckm, &again.eckm) || !same_buf(&s->object, &again.object) ||
            memcmp(&s->ero, &again.ero, sizeof again.ero) != 0)
            abort();
        escertke_seci_clear(&again);
    }
    escertke_buf_free(&text);
}

static size_t without_brace(const uint8_t *text, size_t len)
{
    while (len && strchr(" \t\r\n", text[len - 1]))
        len--;
    return len && text[len - 1] == '}' ? len - 1 : 0;
}

/* A plain message is read on a short way. One more member, which means nothing, leads it the long way: the result is the same. */
static void both_ways(escertke_span content, const escertke_seci *s)
{
    static const char member[] = ",\"a-name-of-this-test\":0}}";
    size_t len = without_brace(content.ptr, without_brace(content.ptr, content.len));
    escertke_seci again;
    escertke_buf text;

    escertke_buf_init(&text, ESCERTKE_PRIMITIVE_MAX);
    if (escertke_buf_append(&text, content.ptr, len) == ESCERTKE_OK &&
        escertke_buf_append(&text, member, sizeof member - 1) == ESCERTKE_OK) {
        if (escertke_seci_parse(ESCERTKE_FORMAT_JSON, escertke_buf_span(&text), &again, NULL) != ESCERTKE_OK ||
            again.sit != s->sit || !same_buf(&again.eckm, &s->eckm))
            abort();
        escertke_seci_clear(&again);
    }
    escertke_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    escertke_span content = { data, size };
    escertke_detail d;
    escertke_seci s;
    char text[64];

    escertke_detail_init(&d);
    escertke_err err = escertke_seci_parse(ESCERTKE_FORMAT_JSON, content, &s, &d);
    if (err == ESCERTKE_OK)
        there_and_back(&s);
    else if (d.err != err || !*d.reason || s.eckm.ptr || s.object.ptr)
        abort();
    if (err == ESCERTKE_OK && s.sit == ESCERTKE_SIT_ESCERTKE)
        both_ways(content, &s);
    escertke_seci_clear(&s);
    if (escertke_dbg_read(ESCERTKE_FORMAT_JSON, content, text, sizeof text) && err == ESCERTKE_OK)
        abort();
    return 0;
}

static const char *const names[] = { "m2m:seci",
                                     "sit",
                                     "dreq",
                                     "dres",
                                     "ero",
                                     "epo",
                                     "eckm",
                                     "darq",
                                     "dars",
                                     "esri",
                                     "esrv",
                                     "esrx",
                                     "esks",
                                     "espa",
                                     "m2m:dbg",
                                     "other",
                                     "AAAA",
                                     "AA==",
                                     "AAA=",
                                     "A",
                                     "====",
                                     "3",
                                     "20270101T000000",
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
