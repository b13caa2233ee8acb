#include "tls/last_word.h"

void esc_last_word(escertke_buf *out, size_t start, int alert)
{
    const uint8_t record[] = { 21, 3, 3, 0, 2, 2, (uint8_t)alert };

    if (out->len > start)
        escertke_wipe(out->ptr + start, out->len - start);
    out->len = start;
    if (alert >= 0 && escertke_buf_append(out, record, sizeof record) != ESCERTKE_OK)
        out->len = start;
}
