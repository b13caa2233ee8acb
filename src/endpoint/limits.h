/*
 * limits.h - how often somebody may make a Terminating End-Point work: token buckets per From, per source and in all, asked
 * before any public-key operation. Thread-safe.
 *
 * The buckets lie in a fixed number of places, found by a keyed hash of 64 bits. Where places are short, the fullest bucket of a
 * few goes: one that is being emptied stays, and whoever has no place has a full bucket. So no crowd of names, be it as large as
 * it will, uses up what another name may do, and none takes more memory.
 */
#ifndef ESCERTKE_ENDPOINT_LIMITS_H
#define ESCERTKE_ENDPOINT_LIMITS_H

#include <escertke/endpoint.h>

struct esc_limits_config {
    escertke_rate from, source, all; /* burst 0 or ESCERTKE_NO_LIMIT = no limit */
    size_t places;                   /* at least so many buckets */
};

/** What is limited: each kind has its own bucket per From. */
enum esc_limited { ESC_LIMITED_M1 = 1, ESC_LIMITED_M3 = 3 };

/** Who is it? source empty = not known. */
struct esc_who {
    const char *from;
    escertke_span source;
};

struct esc_limits;

/** @return OK, NOMEM, BACKEND */
ESCERTKE_CHECKED escertke_err esc_limits_new(const escertke_tls_ops *tls, const struct esc_limits_config *cfg,
                                             struct esc_limits **out);
void esc_limits_free(struct esc_limits *l);

/** Take a token of each bucket that applies, or none. @return false: one is empty */
bool esc_limits_take(struct esc_limits *l, enum esc_limited what, const struct esc_who *who, uint64_t now_ms);
/** The peer has proved who it is: its own bucket gets the token back. */
void esc_limits_give_back(struct esc_limits *l, enum esc_limited what, const struct esc_who *who, uint64_t now_ms);

#endif
