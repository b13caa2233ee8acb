/* What was read can be written, and what was written reads the same; every refusal has a reason and leaves nothing behind. */
#include <escertke/m2m.h>

#include <stdlib.h>
#include <string.h>

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
    escertke_seci_clear(&s);
    if (escertke_dbg_read(ESCERTKE_FORMAT_JSON, content, text, sizeof text) && err == ESCERTKE_OK)
        abort();
    return 0;
}
