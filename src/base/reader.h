/* reader.h - a cursor over borrowed bytes that cannot run past its end. Errors are FORMAT; the cursor then stays where it was. */
#ifndef ESCERTKE_BASE_READER_H
#define ESCERTKE_BASE_READER_H

#include <escertke/base.h>

struct rd {
    const uint8_t *at, *end;
};

struct rd rd_init(escertke_span in);
size_t rd_left(const struct rd *r);
ESCERTKE_CHECKED escertke_err rd_u8(struct rd *r, uint8_t *v);
ESCERTKE_CHECKED escertke_err rd_u16(struct rd *r, uint16_t *v);
ESCERTKE_CHECKED escertke_err rd_u24(struct rd *r, uint32_t *v);
ESCERTKE_CHECKED escertke_err rd_bytes(struct rd *r, size_t len, escertke_span *v);
ESCERTKE_CHECKED escertke_err rd_vec16(struct rd *r, escertke_span *v); /* length in two octets, then so many */
ESCERTKE_CHECKED escertke_err rd_end(const struct rd *r);               /* trailing bytes are an error */

#endif
