/*
 * serve_cse.h - the CSE of an end-point that is one: its <CSEBase> shows esi and can be read, and it registers at its registrar.
 * It takes no registrations and passes nothing on: what else a CSE does is escertke relay.
 */
#ifndef ESCERTKE_CLI_SERVE_CSE_H
#define ESCERTKE_CLI_SERVE_CSE_H

#include "hop.h"
#include "identity.h"
#include "register_cse.h"

/** Zeroed at first; what it points to is set by the caller and outlives it. */
struct serve_cse {
    const struct identity *identity;
    struct esc_hops *hops;
    struct register_keep *keep;
    const char *via; /* URL of the registrar; NULL = none */
    escertke_format format;
    bool by_connection; /* reached over the connection to it */

    struct esc_cse *cse; /* NULL: the identity is no CSE's */
    struct cse_registration registration;
};

/** Nothing, unless the identity is a CSE's. serve_cse_free() in any case. @return as esc_cse_new */
ESCERTKE_CHECKED escertke_err serve_cse_open(struct serve_cse *s, escertke_detail *d);
/** Where it is reached, as its <CSEBase> and its registration say. @return as esc_cse_set_poa */
ESCERTKE_CHECKED escertke_err serve_cse_set_poa(struct serve_cse *s, const char *const *urls, size_t count, escertke_detail *d);
/** Answer what is no NOTIFY. Thread-safe. @return false: there is no CSE, or it is a NOTIFY, which is for the end-point itself */
bool serve_cse_take(const struct serve_cse *s, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp);
/** Register at `via`, and keep it up: as cse_registration_start. made, also and ctx of `registration` are set by the caller. */
ESCERTKE_CHECKED escertke_err serve_cse_register(struct serve_cse *s, unsigned look_s, escertke_detail *d);
void serve_cse_free(struct serve_cse *s);

#endif
