/*
 * coap_map.h - the mapping of TS-0008 between CoAP options and primitives, both directions, both roles (R-BC-1 to R-BC-5). No
 * sockets, no blocks: the content comes and goes beside.
 */
#ifndef ESCERTKE_BINDING_COAP_MAP_H
#define ESCERTKE_BINDING_COAP_MAP_H

#include "binding/coap_target.h"

/** All options of one message, encoded, bytes. */
#define ESC_COAP_OPTIONS_MAX 8192u

/* ---- reading ------------------------------------------------------------------------------------------------- */

/** A message being read. The first thing wrong with it stays; the rest is read on, so that a refusal can repeat oneM2M-RQI. */
struct esc_coap_in {
    escertke_primitive *p;
    escertke_detail *d;
    bool response;
    uint64_t seen; /* rows of the option table met so far */
    struct esc_coap_path path;
    int op, ty;          /* of the query, of oneM2M-TY; 0 = none */
    long format, accept; /* Content-Format, Accept; -1 = none */
    bool has_block1, has_block2;
    struct esc_coap_block block1, block2;
    escertke_err err; /* first failure */
    int rsc, code;    /* how a server answers it */
};

/**
 * Read all options of a request into @p p (initialised, empty); the content is not looked at. @p p and @p d (NULL allowed) are
 * borrowed.
 * @return OK, COAP, PRIMITIVE, NOT_FOUND, UNSUPPORTED, NOMEM; in->code and in->rsc then say how to answer: 4.02 (an option that
 *         is critical and unknown, stands twice, or has a length that it must not have; RFC 7252 5.4), 4.00, 4.04, 4.05, 4.06,
 *         4.15, 5.05 (proxy), 5.00
 */
escertke_err esc_coap_in_request(struct esc_coap_in *in, const struct esc_coap_msg *m, const char *prefix, escertke_primitive *p,
                                 escertke_detail *d);
/** The whole content stands in p->content: is it of a type that was named? @return OK, UNSUPPORTED (4.15) */
escertke_err esc_coap_in_content(struct esc_coap_in *in);
/** Take note of a failure; only the first one counts. @p code 0: as the RSC says. @return in->err */
escertke_err esc_coap_in_refuse(struct esc_coap_in *in, int rsc, int code, escertke_err err);

/**
 * Read all options of a response to the request @p rqi. @return OK, COAP (no RSC, nor a code that stands for one; an option as
 * above; RSC and code of different classes), RQI (absent or another), NOMEM
 */
escertke_err esc_coap_in_response(struct esc_coap_in *in, const struct esc_coap_msg *m, const char *rqi, escertke_primitive *p,
                                  escertke_detail *d);
/** @return OK, COAP (content without Content-Format, or of one that is none of oneM2M's) */
escertke_err esc_coap_in_response_content(struct esc_coap_in *in);

/* ---- writing ------------------------------------------------------------------------------------------------- */

/**
 * Append the options of a request and say its code. Timestamps become absolute ones of whole seconds, counted from @p now_ms
 * where they are relative.
 * @return OK, ARG (To, operation, identifier, a parameter that does not fit into its option), TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_coap_out_request(const struct esc_http_url *base, bool to_ae, const escertke_primitive *req,
                                                   int64_t now_ms, int *code, escertke_buf *options, escertke_detail *d);
/**
 * Append the options of the response to @p req and say its code. RQI is always the request's; RVI is "3" if the response says
 * nothing and the request had one; what does not fit is left out. @return OK, TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_coap_out_response(const escertke_primitive *req, const escertke_primitive *rsp, int64_t now_ms,
                                                    int *code, escertke_buf *options);

/** Content-Format of a serialization: 50, 41, 60. */
uint32_t esc_coap_format_number(escertke_format format);
/** Format of a Content-Format or Accept that oneM2M names (R 3.8). @return false: none of them */
bool esc_coap_format_find(long number, escertke_format *out);

#endif
