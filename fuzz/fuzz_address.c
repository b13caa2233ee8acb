/* The parts of an address lie in the text, in order, and put together they are the text again. */
#include <escertke/m2m.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t add(char *text, size_t at, escertke_span part)
{
    if (part.len)
        memcpy(text + at, part.ptr, part.len);
    return at + part.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[2 * ESCERTKE_ID_MAX];
    escertke_address a, again;

    if (escertke_address_parse((escertke_span){ data, size }, &a) != ESCERTKE_OK)
        return 0;
    size_t len = add(text, add(text, 0, a.sp), a.cse);
    if (a.cse.len && a.path.len)
        text[len++] = '/';
    len = add(text, len, a.path);
    if (a.attr.len) {
        text[len++] = '#';
        len = add(text, len, a.attr);
    }
    if (len > size || len + 1 < size) /* one tolerated slash is all that may be missing */
        abort();
    if (escertke_address_parse((escertke_span){ (const uint8_t *)text, len }, &again) != ESCERTKE_OK || a.scope != again.scope ||
        !escertke_span_equal(a.sp, again.sp) || !escertke_span_equal(a.cse, again.cse) ||
        !escertke_span_equal(a.path, again.path) || !escertke_span_equal(a.attr, again.attr))
        abort();
    return 0;
}
