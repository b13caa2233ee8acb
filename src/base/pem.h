/* pem.h - PEM blocks in a text (RFC 7468), by their label. Whatever stands between them is skipped. */
#ifndef ESCERTKE_BASE_PEM_H
#define ESCERTKE_BASE_PEM_H

#include <escertke/base.h>

/**
 * The next PEM block with that label ("CERTIFICATE"): its octets in @p der, @p text moved behind it.
 * @return OK, NOT_FOUND (no further block), BASE64 (broken block), TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_pem_next(escertke_span *text, const char *label, escertke_buf *der);

#endif
