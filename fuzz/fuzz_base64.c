/* What decodes must be exactly what its octets encode to once white space is gone: no text has a second spelling. */
#include <escertke/base.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    escertke_buf plain, text;

    escertke_buf_init(&plain, ESCERTKE_MESSAGE_MAX);
    escertke_buf_init(&text, ESCERTKE_PRIMITIVE_MAX);
    if (escertke_base64_decode((escertke_span){ data, size }, &plain) == ESCERTKE_OK) {
        size_t at = 0;
        if (escertke_base64_encode(escertke_buf_span(&plain), &text) != ESCERTKE_OK)
            abort();
        for (size_t i = 0; i < size; i++)
            if (!is_space(data[i]) && (at == text.len || text.ptr[at++] != data[i]))
                abort();
        if (at != text.len)
            abort();
    } else if (plain.len) {
        abort();
    }
    escertke_buf_free(&plain);
    escertke_buf_free(&text);
    return 0;
}
