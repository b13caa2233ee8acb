/* http_client.h - an exchange over HTTP with a patience of its own. */
#ifndef ESCERTKE_BINDING_HTTP_CLIENT_H
#define ESCERTKE_BINDING_HTTP_CLIENT_H

#include <escertke/http.h>

#include "binding/patience.h"

/** escertke_http_send(), and UNREACHABLE where @p p ends it. */
ESCERTKE_CHECKED escertke_err esc_http_send(escertke_http_client *c, const char *base, bool to_ae, const escertke_primitive *req,
                                            const struct esc_patience *p, escertke_primitive *rsp, escertke_detail *d);

#endif
