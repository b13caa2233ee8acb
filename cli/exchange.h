/* exchange.h - one request primitive of this end-point to a CSE and its response; used for registration and discovery. */
#ifndef ESCERTKE_CLI_EXCHANGE_H
#define ESCERTKE_CLI_EXCHANGE_H

#include <escertke/tls.h>
#include <jansson.h>

#include "binding/binding.h"

/** Where requests go and who sends them. Borrowed strings. */
struct exchange {
    struct esc_hops *hops;
    const char *url;              /* the registrar's */
    const char *receiver;         /* its Absolute CSE-ID; "" = not known */
    const char *from;             /* AE-ID-Stem or SP-relative CSE-ID */
    const escertke_tls_ops *tls;  /* for random request identifiers */
    escertke_format format;       /* of requests and responses */
    struct esc_patience patience; /* zeroed: as long as any request */
};

struct exchange_request {
    escertke_op op;
    const char *to;
    int ty;           /* Create */
    const char *atrl; /* Retrieve: these attributes only; NULL = all */
    json_t *content;  /* taken over; NULL = none */
};

/**
 * Send and wait. @p rsp is initialised here and to be cleared by the caller in any case.
 * @return OK with any RSC; what esc_hops_send returns; NOMEM, BACKEND
 */
ESCERTKE_CHECKED escertke_err exchange_send(const struct exchange *x, const struct exchange_request *request,
                                            escertke_primitive *rsp, escertke_detail *d);

/** The error that a refusing RSC means, with the CSE's own words (m2m:dbg) in the reason. */
escertke_err exchange_refused(const escertke_primitive *rsp, const char *what, escertke_detail *d);

/** The one resource in a response's content, e.g. the value of "m2m:ae"; a new reference, NULL if there is none. */
json_t *exchange_resource(const escertke_primitive *rsp, const char *name);

/**
 * The address of what a CSE names by @p given (a ri, or one of an acpi), SP-relative below @p cse_id unless it is whole already.
 * @return false: it names nothing, NULL among that, or there is no room
 */
bool exchange_address(const char *cse_id, const char *given, char *out, size_t cap);

/** Is it a resource name, and not a way to something else? A CSE's rn, which may not be one's own. NULL is none. */
bool exchange_is_name(const char *rn);

#endif
