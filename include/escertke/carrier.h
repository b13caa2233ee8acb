/*
 * escertke/carrier.h - carriers: what ESCertKE messages travel in (TS-0004 7.5.1.2.12; R 12.1). The handshake, the checks and the
 * keys are the same with each of them; both ends must use the same one.
 *
 *     notify   m2m:seci as the content of a NOTIFY and of its response: the standard's, and the default
 *     sgn      the same as the representation in an m2m:sgn: for CSEs that pass only notifications on, but do return responses
 *     mailbox  both primitives as texts in contentInstances: for CSEs that have containers, and return nothing
 */
#ifndef ESCERTKE_CARRIER_H
#define ESCERTKE_CARRIER_H

#include <escertke/attempt.h>
#include <escertke/endpoint.h>
#include <escertke/m2m.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum escertke_carrier {
    ESCERTKE_CARRIER_NONE = 0,
    ESCERTKE_CARRIER_NOTIFY = 1,
    ESCERTKE_CARRIER_SGN = 2,
    ESCERTKE_CARRIER_MAILBOX = 4
} escertke_carrier;

/** "notify", "sgn", "mailbox"; "?" for another number. Static storage. */
ESCERTKE_API const char *escertke_carrier_name(escertke_carrier which);
/** @return false: no carrier has this name; @p out is untouched */
ESCERTKE_API bool escertke_carrier_find(const char *name, escertke_carrier *out);
/** The first one to try (of NONE), or the one to try after @p which; NONE after the last. */
ESCERTKE_API escertke_carrier escertke_carrier_next(escertke_carrier which);
/**
 * May another carrier succeed where one has failed like this: is it a CSE's word about the envelope of M1, or a peer's that it
 * does not take it (4000, 4005, 5001, 4015; 4103, 5103 or 5107 for the NOTIFY; 2000 without a message)? Not after an alert, not
 * after M2, not where nobody was reached at all.
 */
ESCERTKE_API bool escertke_carrier_to_blame(escertke_err err, const escertke_detail *detail);

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

/**
 * The same for whatever NOTIFY comes by one of @p carriers, ESCERTKE_CARRIER_... added up. Of another carrier: 4000, as any
 * content that is not expected. MAILBOX adds nothing here: what lies in a mailbox is for escertke_mailbox_serve.
 */
ESCERTKE_API void escertke_carrier_serve(escertke_terminator *t, unsigned carriers, const escertke_primitive *req,
                                         escertke_now now, escertke_primitive *rsp);

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
    escertke_format format;   /* of the NOTIFYs; 0 = JSON. Responses may be in any that this build has */
    escertke_carrier carrier; /* 0 = NOTIFY. MAILBOX: send is escertke_mailbox_send, format JSON, from and to Absolute IDs */
    uint32_t lifetime_s;      /* rqet of each request, seconds after it was made; 0 = none */
    bool others_follow;       /* end at once where escertke_carrier_to_blame: another carrier is tried then */
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
