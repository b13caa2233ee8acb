/*
 * path_cache.h - paths whose every signature has been verified, kept so that a peer's next run costs less. It remembers that
 * signatures are good, and nothing else: profile, validity, identity and revocation are judged at every handshake by the
 * connection's verify, on the path as it was found. A cache belongs to one credential, so that none outlives its trust anchors.
 */
#ifndef ESCERTKE_TLS_PATH_CACHE_H
#define ESCERTKE_TLS_PATH_CACHE_H

#include <escertke/cert.h>
#include <escertke/crl.h>

/* What a peer may have sent, and the longest path of it: leaf first, anchor last. */
#define ESC_SENT_MAX (ESCERTKE_CHAIN_MAX + 1)
#define ESC_PATH_MAX (ESCERTKE_CHAIN_MAX + 2)

/* Counted, thread-safe. Every function takes NULL for a cache that holds nothing. */
struct esc_path_cache;

/* A path on loan: it stays as it is until given back, whatever becomes of the cache's entry. */
struct esc_cached_path {
    escertke_span path[ESC_PATH_MAX];
    size_t count;
};

/* What is asked, and under what it is kept. */
struct esc_path_query {
    const escertke_span *sent; /* DER, in the peer's order; borrowed */
    size_t count;
    int64_t unix_s;
    uint8_t key[32]; /* SHA-256 over all of it; set by find */
    bool has_key;
};

#ifndef ESCERTKE_MINIMAL

/** @param octets  bound on all that it holds, index included; 0 = *out is NULL. @return OK, NOMEM */
ESCERTKE_CHECKED escertke_err esc_path_cache_new(size_t octets, escertke_sha256_fn sha256, struct esc_path_cache **out);
/** One more holder; each ends with esc_path_cache_free. */
struct esc_path_cache *esc_path_cache_hold(struct esc_path_cache *c);
void esc_path_cache_free(struct esc_path_cache *c);

/**
 * The path that was found when just these certificates had been sent, octet by octet and in this order; NULL = none.
 * An entry counts as long as each of its certificates, those sent and not used included, is as valid or not as it was then:
 * which path a search finds depends on that, and a cached path must be the one that it would find. Otherwise it is dropped.
 */
const struct esc_cached_path *esc_path_cache_find(struct esc_path_cache *c, struct esc_path_query *q);
/** Give a path back; NULL allowed. */
void esc_path_cache_release(struct esc_path_cache *c, const struct esc_cached_path *path);
/** Keep a path that verify has accepted. @param q  as it came from find. Without memory, or room, nothing is kept. */
void esc_path_cache_put(struct esc_path_cache *c, const struct esc_path_query *q, const escertke_span *path, size_t count);

#else /* a device has no threads, and few peers */

static inline escertke_err esc_path_cache_new(size_t octets, escertke_sha256_fn sha256, struct esc_path_cache **out)
{
    (void)octets, (void)sha256;
    *out = NULL;
    return ESCERTKE_OK;
}

static inline void esc_path_cache_free(struct esc_path_cache *c)
{
    (void)c;
}

static inline const struct esc_cached_path *esc_path_cache_find(struct esc_path_cache *c, struct esc_path_query *q)
{
    (void)c, (void)q;
    return NULL;
}

static inline void esc_path_cache_release(struct esc_path_cache *c, const struct esc_cached_path *path)
{
    (void)c, (void)path;
}

static inline void esc_path_cache_put(struct esc_path_cache *c, const struct esc_path_query *q, const escertke_span *path,
                                      size_t count)
{
    (void)c, (void)q, (void)path, (void)count;
}

#endif
#endif
