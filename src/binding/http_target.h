/* http_target.h - the request target: To and the parameters that travel in the query (TS-0009 6.2.2; R-BH-2, R-BH-3, R-BH-7). */
#ifndef ESCERTKE_BINDING_HTTP_TARGET_H
#define ESCERTKE_BINDING_HTTP_TARGET_H

#include <escertke/m2m.h>

#include "binding/http_url.h"

/** Longest request target that is read or written, characters. */
#define ESC_HTTP_TARGET_MAX 4096u

/**
 * Append path and query for @p req behind the base's path. A "#attr" in To becomes atrl, for a fragment never reaches a
 * server.
 * @param to_ae  the receiver is an AE: the base's path alone if it has one
 * @return OK, ARG (To missing or not an address, attribute named twice), TOO_LARGE, NOMEM
 */
escertke_err esc_http_target_write(const struct esc_http_url *base, bool to_ae, const escertke_primitive *req, escertke_buf *out,
                                   escertke_detail *d);

/**
 * Read a request target, origin-form or absolute-form, into to, rt, rcn, atrl and other_params of @p req. A target that is
 * the prefix alone leaves to absent: an AE need not be told which of its resources is meant.
 * @param prefix  path below which requests are taken, percent-encoding removed, without a "/" at its end; "" = all
 * @return OK, NOT_FOUND (outside the prefix), PRIMITIVE (malformed), NOMEM
 */
escertke_err esc_http_target_read(escertke_span target, const char *prefix, escertke_primitive *req, escertke_detail *d);

#endif
