/*
 * http_map.h - the mapping of TS-0009 between HTTP messages and primitives, both directions, both roles. No sockets:
 * the server and the client bring lines and headers here as they arrive and take headers from here to send.
 */
#ifndef ESCERTKE_BINDING_HTTP_MAP_H
#define ESCERTKE_BINDING_HTTP_MAP_H

#include <escertke/m2m.h>

#include "binding/http_media.h"

/* ---- reading ----------------------------------------------------------------------------------------------- */

/** A message being read. The first thing wrong with it stays; the rest is read on, so that a refusal can repeat X-M2M-RI. */
struct esc_http_in {
    escertke_primitive *p;
    escertke_detail *d;
    bool response;
    uint32_t seen; /* rows of the header table met so far */
    enum esc_http_media media;
    int ty; /* parameter of Content-Type; 0 = none */
    struct esc_http_accept accept;
    escertke_err err; /* first failure */
    int rsc, status;  /* how a server answers it */
};

/** @param p  initialised, empty; @param d  initialised, NULL allowed. Both are borrowed while the message is read. */
void esc_http_in_init(struct esc_http_in *in, bool response, escertke_primitive *p, escertke_detail *d);

/** Request line: method and target. Refusals: 4005, 4004 (outside prefix), 4000. */
void esc_http_in_line(struct esc_http_in *in, const char *method, escertke_span target, const char *prefix);

/** One header field; unknown ones are ignored. Refusals: 4000 (repeated, control characters, too long, not a number). */
void esc_http_in_field(struct esc_http_in *in, escertke_span name, escertke_span value);

/** Take note of a failure; only the first one counts. @return in->err */
escertke_err esc_http_in_refuse(struct esc_http_in *in, int rsc, escertke_err err);

/**
 * All header fields of a request are read; the body is not. @return OK, HTTP, PRIMITIVE, NOT_FOUND, UNSUPPORTED, NOMEM;
 * in->rsc and in->status then say how to answer: 4000, 4005, 4004, 4015, 5207, 5000.
 */
escertke_err esc_http_in_head(struct esc_http_in *in);

/** The format to answer a request in, as far as it is read: what Accept likes most, else that of its content; 0 = none will do.
 */
escertke_format esc_http_in_wanted(const struct esc_http_in *in);

/** The whole request is read, its body stands in p->content. @return as esc_http_in_head() */
escertke_err esc_http_in_end(struct esc_http_in *in);

/**
 * The whole response to @p rqi is read. @return OK, HTTP (no or bad X-M2M-RSC, unknown content type, bad header),
 * RQI (X-M2M-RI absent or another), NOMEM
 */
escertke_err esc_http_in_response_end(struct esc_http_in *in, const char *rqi);

/* ---- writing ----------------------------------------------------------------------------------------------- */

#define ESC_HTTP_FIELDS_MAX 16

/** Header fields to send, without Host, Content-Length, Connection and Date. Values borrow from the primitives. */
struct esc_http_out {
    struct {
        const char *name, *value;
    } fields[ESC_HTTP_FIELDS_MAX];
    size_t count;
    const char *method; /* of a request */
    char rsc[12];
    char type[48];
};

/** @return OK, ARG (no operation, no rqi, a value with control characters). The reason goes to @p d. */
escertke_err esc_http_out_request(const escertke_primitive *req, struct esc_http_out *out, escertke_detail *d);

/**
 * The response to @p req. X-M2M-RI is always the request's; X-M2M-RVI is "3" if the response says nothing and the request
 * had one.
 */
void esc_http_out_response(const escertke_primitive *req, const escertke_primitive *rsp, struct esc_http_out *out);

#endif
