/*
 * cse.h - a small CSE: registrar, host of <AE>, <accessControlPolicy> and <remoteCSE>, and transit between CSEs.
 *
 * Sans-IO: requests come in as primitives, one hop out is a callback, time and randomness come from the caller. Only the state
 * file is touched here. What it is for and what it leaves out stands in docs/decisions.md.
 */
#ifndef ESCERTKE_CSE_CSE_H
#define ESCERTKE_CSE_CSE_H

#include <escertke/base.h>
#include <escertke/carrier.h>
#include <escertke/endpoint.h>
#include <escertke/m2m.h>

/** Most pointsOfAccess of one entity, and the longest of them in characters. */
enum { ESC_CSE_POA_MAX = 8, ESC_CSE_URL_MAX = 512 };

/**
 * One hop out: send @p req to @p url, where @p receiver is (an Absolute ID; "" = not known), and wait for its response; e.g.
 * escertke_http_send. An empty @p url stands for a connection that the receiver itself has made (WebSocket). Called without any
 * lock of the CSE, from the thread that handles the request. req->rqet, if any, is absolute: the callback gives up by then
 * (DEADLINE).
 * @return OK (any RSC), UNREACHABLE (nobody there: the next pointOfAccess is tried), DEADLINE, or what else went wrong
 */
typedef escertke_err (*esc_cse_deliver_fn)(void *ctx, const char *url, const char *receiver, bool to_ae,
                                           const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d);

/** Fill @p out with @p len random octets. @return OK, BACKEND */
typedef escertke_err (*esc_cse_random_fn)(void *ctx, uint8_t *out, size_t len);

/**
 * Let time pass until @p ms are over or something happened, in place of the CSE's own condition variable. Called without the
 * lock by a request that waits at a <pollingChannel>; it may come back too early. For tests, which have no time.
 */
typedef void (*esc_cse_idle_fn)(void *ctx, uint32_t ms);

/** Strings are copied; what the pointers to functions and end-points need outlives the CSE. */
struct esc_cse_config {
    const char *sp_id;         /* "//m2m.example.org" */
    const char *cse_id;        /* "/in1" */
    const char *base_name;     /* resourceName of <CSEBase>; NULL = CSE-ID without "/" and "base": "in1base" */
    escertke_format format;    /* of own requests to the registrar; 0 = JSON */
    const char *registrar_url; /* NULL: this is the IN-CSE; else an MN-CSE and the URL of its registrar */
    const char *registrar_id;  /* its Absolute CSE-ID, for bindings that name who is spoken to; NULL = found out by asking */
    const char *esi;           /* e2eSecInfo of <CSEBase> as a JSON object, e.g. {"esf":[43]}; NULL = none */
    bool require_association;  /* refuse a From that came through another CSE with 4107 (R-PR-21 row 8) */
    bool by_connection;        /* reached over the connection that it makes to its registrar: rr is true without a poa */
    bool bare;                 /* an end-point, and no more: <CSEBase> can be read, and nothing is registered here or passed on */

    const char *behave_like; /* for tests: "acme", "tinyiot"; NULL or "strict": none of the departures of deployed CSEs */

    size_t max_ae;              /* 0 = 10,000 */
    size_t max_acp;             /* 0 = 10,000 */
    size_t max_remote;          /* 0 = 256 */
    size_t max_bytes;           /* all attributes together, serialized; 0 = 32 MiB */
    size_t max_containers;      /* 0 = 1000 */
    size_t max_instances;       /* <contentInstance>s of all containers; 0 = 20,000 */
    size_t max_subscriptions;   /* 0 = 1000 */
    size_t max_content;         /* octets of con; 0 = 64 KiB */
    size_t container_instances; /* of one container, and the most that mni can be; 0 = 256 */
    size_t container_octets;    /* of their con in one container, and the most that mbs can be; 0 = 512 KiB */
    size_t max_notes;           /* notifications that wait to be sent; 0 = 1024 */
    size_t max_note_bytes;      /* their contents together; 0 = 8 MiB */
    size_t max_pending;         /* requests being handled at once; 0 = 1024 */

    /* Each of these waits in a thread of its caller: together they should leave some for other requests. */
    size_t max_polls;      /* polls of <pollingChannel>s that wait at once; 0 = 256 */
    size_t max_held;       /* requests that wait to be polled; 0 = 256 */
    size_t max_held_bytes; /* their contents together; 0 = 4 MiB */
    uint32_t poll_ms;      /* longest wait of a poll, whatever its rqet says; 0 = 20,000 */
    uint32_t hold_ms;      /* longest wait to be polled and answered, whatever its rqet says; 0 = 20,000 */

    esc_cse_deliver_fn deliver; /* NULL: nothing can be sent; every hop out is "not reachable" */
    void *deliver_ctx;
    bool two_way;             /* deliver knows connections that others have made: it takes an empty URL */
    esc_cse_random_fn random; /* NULL = getrandom() of the system */
    void *random_ctx;
    escertke_clock_fn clock; /* read between two hops out; NULL: time stands still while a request is handled, and none waits */
    void *clock_ctx;
    esc_cse_idle_fn idle; /* NULL = a condition variable */
    void *idle_ctx;
    escertke_terminator *self; /* answers NOTIFYs to <CSEBase>; NULL: they get 5001 */
    escertke_log log;
    /** File that keeps the resources over a restart, with FILE.journal beside it; NULL = memory only */
    const char *state_path;
};

struct esc_cse;

/** May behave_like be this? */
bool esc_cse_behaviour_valid(const char *name);

/**
 * New CSE; loads state_path if that file exists.
 * @return OK, or ESCERTKE_ERR_
 *         ARG, CONFIG   an identifier, name or esi of the configuration is not valid, or the state file belongs to another CSE
 *         IO            the state file cannot be read, or is damaged: it is left as it is
 *         LIMIT         the state file holds more than the limits allow
 *         BACKEND       no randomness
 *         NOMEM
 *         detail says which.
 */
ESCERTKE_CHECKED escertke_err esc_cse_new(const struct esc_cse_config *cfg, escertke_now now, struct esc_cse **out,
                                          escertke_detail *d);

/** What of the state was left out at the start, in words: the end of a journal that was not written whole; "" = nothing. */
const char *esc_cse_left_out(const struct esc_cse *cse);

/** Release everything. No call may be running. NULL allowed. */
void esc_cse_free(struct esc_cse *cse);

/**
 * Own pointsOfAccess (the listeners' URLs), shown in <CSEBase> and given to the registrar. Copied; thread-safe.
 * @return OK, ARG (more than ESC_CSE_POA_MAX, or not a URL), NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_cse_set_poa(struct esc_cse *cse, const char *const *urls, size_t count);

/**
 * Answer one request primitive: the general receiver procedure (TS-0004 7.3), hosting or transit. Thread-safe; blocks in
 * `deliver` without holding a lock. @p rsp is initialised and empty; it becomes a complete response.
 * The signature of escertke_handler_fn but for the type of its context.
 */
void esc_cse_handle(struct esc_cse *cse, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp);

/**
 * Register at the registrar: read its <CSEBase>, create or update the own <remoteCSE> there, mirror one for it here (R-RG-30).
 * A registrar that refuses esi gets it without (R-IO-8). Idempotent; call it again after a restart or when the pointsOfAccess
 * change. Nothing to do at an IN-CSE. One thread at a time; blocks.
 * @return OK; what deliver returned; RSC (refused; detail.rsc says how), PRIMITIVE (the answer is not a <CSEBase>), CONFIG (the
 *         registrar is this CSE, of another SP, or an ASN-CSE), NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_cse_register(struct esc_cse *cse, escertke_now now, escertke_detail *d);

/** The registration of a CSE, as far as is known. */
struct esc_cse_registration {
    char address[2 * ESCERTKE_ID_MAX + 2]; /* of the own <remoteCSE>, as requests to the registrar name it */
    bool created;                          /* the last time; false: it was there, and was brought up to date */
    bool esi;                              /* it shows esi */
};
/** Thread-safe. */
void esc_cse_get_registration(struct esc_cse *cse, struct esc_cse_registration *out);

/**
 * Delete the own <remoteCSE> at the registrar. That it is not there is as good. Thread-safe; blocks.
 * @return OK; what deliver returned; RSC, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_cse_deregister(struct esc_cse *cse, escertke_detail *d);

/**
 * Does the registrar still have the own <remoteCSE>, with the own poa? If half of the time that it gave is over, ask for as much
 * again. Thread-safe; blocks.
 * @param lost    why esc_cse_register() is due again, in words; "" = it is not
 * @param next_s  look again in so many seconds at the latest; 0 = the registrar gave no time
 * @return OK; what deliver returned; UNREACHABLE (the registrar is not well), NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_cse_look(struct esc_cse *cse, escertke_now now, char *lost, size_t cap, unsigned *next_s,
                                           escertke_detail *d);

/** Remove what has expired. Thread-safe; call it now and then (once a second). */
void esc_cse_tick(struct esc_cse *cse, escertke_now now);

/**
 * Send one notification that is due, if there is one; blocks in `deliver`, or at a <pollingChannel>, without holding a lock.
 * Thread-safe: call it from as many threads as notifications shall be under way at once; those of one subscription go out one
 * after the other.
 * @return false: none is due
 */
bool esc_cse_send_due(struct esc_cse *cse, escertke_now now);

/** Sleep until a notification comes, or @p ms are over, or the CSE is stopped. Thread-safe. */
void esc_cse_wait_due(struct esc_cse *cse, uint32_t ms);

/** End what waits at <pollingChannel>s, now and from now on, so that the threads of the caller come back. Thread-safe. */
void esc_cse_stop(struct esc_cse *cse);

struct esc_cse_stats {
    size_t ae, acp, remote, pending, bytes;
    size_t containers, instances, subscriptions, notes;
    size_t polls, held; /* waiting at <pollingChannel>s */
    uint64_t requests, delivered, refused;
};
/** Counters since start. Thread-safe. */
void esc_cse_get_stats(struct esc_cse *cse, struct esc_cse_stats *out);

#endif
