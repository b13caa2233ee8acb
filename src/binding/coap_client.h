/* coap_client.h - an exchange over CoAP with a patience of its own. */
#ifndef ESCERTKE_BINDING_COAP_CLIENT_H
#define ESCERTKE_BINDING_COAP_CLIENT_H

#include <escertke/coap.h>

#include "binding/patience.h"

/** escertke_coap_send(), and UNREACHABLE where @p p ends it. */
ESCERTKE_CHECKED escertke_err esc_coap_send(escertke_coap_client *c, const char *base, bool to_ae, const escertke_primitive *req,
                                            const struct esc_patience *p, escertke_primitive *rsp, escertke_detail *d);

#endif
