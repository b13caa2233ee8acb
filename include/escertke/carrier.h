/*
 * escertke/carrier.h - the `notify` carrier: ESCertKE messages in NOTIFY primitives (TS-0004 7.5.1.2.12; R 12.1).
 */
#ifndef ESCERTKE_CARRIER_H
#define ESCERTKE_CARRIER_H

#include <escertke/attempt.h>
#include <escertke/endpoint.h>
#include <escertke/m2m.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- terminating side -------------------------------------------------------------------------------------- */

/**
 * Answer one request primitive that is meant for this end-point: the receiver's checks of R 2.3, then securityInfo, then the
 * terminating end-point. Thread-safe. @p rsp must be initialised and empty; it always becomes a complete response
 * (rsc, rqi, rvi, content in the format that the request accepts, else its own).
 *
 * What it answers itself: not a NOTIFY 4005; rqet past 4008; bad rqet, no fr, gid present, rtv 5, content not a valid m2m:seci
 * 4000; sit other than 6 and oet 5001; rvi unknown 4001; XML or CBOR where this build has none 4015.
 */
ESCERTKE_API void escertke_notify_serve(escertke_terminator *t, const escertke_primitive *req, escertke_now now,
                                        escertke_primitive *rsp);

/** Fill a response: rsc, rqi, rvi and format that @p req asks for, and m2m:dbg with @p dbg if not NULL. @return OK, NOMEM */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_respond(const escertke_primitive *req, int rsc, const char *dbg,
                                                            escertke_primitive *rsp);

/* ---- initiating side --------------------------------------------------------------------------------------- */

/** Sends one request and waits for its response; e.g. escertke_http_send. Fills rsp (initialised, empty) on OK. */
typedef escertke_err (*escertke_send_fn)(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d);
typedef escertke_now (*escertke_clock_fn)(void *ctx);
/** Progress: message 1...4 of @p len octets was sent (odd) or received (even). */
typedef void (*escertke_progress_fn)(void *ctx, int message, size_t len);

typedef struct escertke_notify_params {
    const char *to;   /* To of both NOTIFYs: address of the peer's <AE> or <CSEBase> */
    const char *from; /* From as the originator sends it: bare stem or SP-relative CSE-ID (R-ID-20) */
    escertke_send_fn send;
    void *send_ctx;
    escertke_clock_fn clock;
    void *clock_ctx;
    escertke_progress_fn progress; /* NULL allowed */
    void *progress_ctx;
    void (*pause)(void *ctx,
                  uint64_t until_ms); /* wait until this monotonic time; NULL: what would need a wait ends the attempt */
    void *pause_ctx;
    escertke_format format; /* of the NOTIFYs; 0 = JSON. Responses may be in any that this build has */
} escertke_notify_params;

/**
 * Carry an attempt to its end: NOTIFYs, each with its own rqi; success only after M4 (R-HS-35). What is not answered is repeated
 * as the attempt says. If M2 is not acceptable, one NOTIFY with the TLS alert tells the peer (R-PR-40).
 *
 * @return OK, or of what the attempt has ended with: ESCERTKE_ERR_
 *         what escertke_initiator_step returns; what send returns (UNREACHABLE, DEADLINE...)
 *         NO_CONTENT    2000 and nothing in it (R-IO-9)
 *         REFUSED_AUTH  4106, PRIVILEGE 4103, DEADLINE 4008, UNREACHABLE 5103 and 5107, NOT_FOUND 4004, UNSUPPORTED 5001 and
 * 4015, RSC any other code that is not 2000 (1000...1002 too; A-40) RQI, JSON, SECINFO, BASE64, PRIMITIVE   the response is not
 * what was asked for detail holds message, rsc, alert and the peer's own words.
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_notify_establish(escertke_attempt *a, const escertke_notify_params *p,
                                                                     escertke_detail *d);

#ifdef __cplusplus
}
#endif
#endif
