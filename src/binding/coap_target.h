/* coap_target.h - where a CoAP request goes: URLs, To as Uri-Path, parameters as Uri-Query (TS-0008 6.2.2.3; R-BC-2, A-44, A-53).
 */
#ifndef ESCERTKE_BINDING_COAP_TARGET_H
#define ESCERTKE_BINDING_COAP_TARGET_H

#include <escertke/m2m.h>

#include "binding/coap_msg.h"
#include "binding/http_url.h"

/** Longest value of Uri-Host, Uri-Path and Uri-Query, octets; longest To that is read, characters. */
enum { ESC_COAP_SEGMENT_MAX = 255, ESC_COAP_TO_MAX = 1024 };

/** Parse coap(s)://HOST[:PORT][/path]; ports 5683 and 5684; https says coaps. @return OK, ARG */
ESCERTKE_CHECKED escertke_err esc_coap_url_parse(const char *text, struct esc_http_url *out, escertke_detail *d);
/** Write it in its one form, with this port; cap at least 2 * ESCERTKE_ID_MAX + 32. */
void esc_coap_url_write(const struct esc_http_url *url, uint16_t port, char *out, size_t cap);

/** What has been read of a path, segment by segment. Begin with all zero. */
struct esc_coap_path {
    char text[ESC_COAP_TO_MAX + 1]; /* "/~/in1/Cmeter" */
    size_t len;
    bool bad; /* a segment that no address has: empty before the end, with a "/" or NUL in it, "..", or all too long */
};
void esc_coap_path_add(struct esc_coap_path *p, escertke_span segment);
/**
 * To of a path, into req->to. The prefix alone leaves it absent: an AE need not be told which of its resources is meant.
 * @param prefix  path below which requests are taken, percent-encoding removed, without a "/" at its end; "" = all
 * @return OK, NOT_FOUND (outside the prefix), PRIMITIVE (no address), NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_coap_path_read(const struct esc_coap_path *p, const char *prefix, escertke_primitive *req,
                                                 escertke_detail *d);

/** One Uri-Query "name=value" into rt, rcn, atrl, other_params of @p req, and @p op. @return OK, PRIMITIVE, NOMEM */
ESCERTKE_CHECKED escertke_err esc_coap_query_read(escertke_span pair, escertke_primitive *req, int *op, escertke_detail *d);

/**
 * Uri-Path of a request: the base's path and To behind it, or the base's path alone for an AE that has one. "." becomes "-",
 * for a Uri-Path must not be ".". @return OK, ARG (To missing or not an address, a segment past 255 octets), TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_coap_path_write(const struct esc_http_url *base, bool to_ae, const escertke_primitive *req,
                                                  struct esc_coap_writer *w, escertke_detail *d);
/** Uri-Query: rt, rcn, atrl (also "#attr" of To), and op where the method does not say it. @return as esc_coap_path_write() */
ESCERTKE_CHECKED escertke_err esc_coap_query_write(const escertke_primitive *req, bool to_counts, int op,
                                                   struct esc_coap_writer *w, escertke_detail *d);

#endif
