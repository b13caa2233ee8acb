#include "endpoint/limits.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "endpoint/hash.h"

enum { WAYS = 8, PLACES_MIN = 256, PLACES_MAX = 65536 };

/* A bucket as one figure: the time at which it will be full again. In the past = full. */
struct place {
    uint64_t tag; /* 0 = free */
    uint64_t full_us;
};

struct rate {
    bool limited;
    uint64_t interval_us; /* from one token to the next */
    uint64_t most_us;     /* a bucket that will be full later than this from now has no token */
};

struct esc_limits {
    pthread_mutex_t lock;
    struct rate from, source, all;
    uint64_t all_full_us;
    struct esc_hash_key key;
    size_t sets;
    struct place *places;
};

static struct rate rate_of(escertke_rate r)
{
    uint64_t interval_us = 60000000u / (r.per_minute ? r.per_minute : 1);

    if (!interval_us)
        interval_us = 1;
    return (struct rate){ r.burst && r.burst != ESCERTKE_NO_LIMIT, interval_us, (r.burst - 1) * interval_us };
}

escertke_err esc_limits_new(const escertke_tls_ops *tls, const struct esc_limits_config *cfg, struct esc_limits **out)
{
    struct esc_limits *l = esc_zalloc(sizeof *l);
    size_t places = PLACES_MIN;

    *out = NULL;
    if (!l)
        return ESCERTKE_ERR_NOMEM;
    while (places < cfg->places && places < PLACES_MAX)
        places *= 2;
    l->sets = places / WAYS;
    l->from = rate_of(cfg->from);
    l->source = rate_of(cfg->source);
    l->all = rate_of(cfg->all);
    l->places = esc_zalloc(places * sizeof *l->places);
    escertke_err err = l->places ? tls->random(l->key.octets, sizeof l->key.octets) : ESCERTKE_ERR_NOMEM;
    if (err != ESCERTKE_OK) {
        esc_release(l->places);
        esc_release(l);
        return err;
    }
    pthread_mutex_init(&l->lock, NULL);
    *out = l;
    return ESCERTKE_OK;
}

void esc_limits_free(struct esc_limits *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    esc_release(l->places);
    esc_release(l);
}

/* ---- places --------------------------------------------------------------------------------------------------- */

static uint64_t tag_of(uint64_t hash)
{
    return hash ? hash : 1;
}

/* Stranger and peer may use one From from two places: each has a bucket, where the place is known. */
static uint64_t from_tag(const struct esc_limits *l, enum esc_limited what, const struct esc_who *who)
{
    uint64_t from = esc_hash(&l->key, escertke_span_str(who->from));

    return tag_of(from ^ (uint64_t)what ^ (who->source.len ? esc_hash(&l->key, who->source) * 0x9E3779B97F4A7C15u : 0));
}

static uint64_t source_tag(const struct esc_limits *l, const struct esc_who *who)
{
    return tag_of(~esc_hash(&l->key, who->source));
}

static struct place *find(const struct esc_limits *l, uint64_t tag)
{
    struct place *set = l->places + (tag >> 32) % l->sets * WAYS;

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].tag == tag)
            return &set[i];
    return NULL;
}

/* A place for this bucket, in that of the fullest of the set where it has none. */
static struct place *find_or_make(const struct esc_limits *l, uint64_t tag)
{
    struct place *set = l->places + (tag >> 32) % l->sets * WAYS, *fullest = set, *found = find(l, tag);

    for (size_t i = 1; !found && i < WAYS; i++)
        if (set[i].full_us < fullest->full_us)
            fullest = &set[i];
    if (found)
        return found;
    *fullest = (struct place){ .tag = tag };
    return fullest;
}

/* ---- tokens --------------------------------------------------------------------------------------------------- */

static bool has_token(const struct rate *r, uint64_t full_us, uint64_t now_us)
{
    return !r->limited || full_us <= now_us || full_us - now_us <= r->most_us;
}

static void take_token(const struct rate *r, uint64_t *full_us, uint64_t now_us)
{
    *full_us = (*full_us > now_us ? *full_us : now_us) + r->interval_us;
}

bool esc_limits_take(struct esc_limits *l, enum esc_limited what, const struct esc_who *who, uint64_t now_ms)
{
    bool source_limited = l->source.limited && who->source.len;
    uint64_t from = from_tag(l, what, who), source = source_limited ? source_tag(l, who) : 0, now_us = now_ms * 1000;

    pthread_mutex_lock(&l->lock);
    const struct place *f = find(l, from), *s = source_limited ? find(l, source) : NULL;
    bool ok = has_token(&l->from, f ? f->full_us : 0, now_us) && has_token(&l->source, s ? s->full_us : 0, now_us) &&
              has_token(&l->all, l->all_full_us, now_us);
    if (ok && l->from.limited)
        take_token(&l->from, &find_or_make(l, from)->full_us, now_us);
    if (ok && source_limited)
        take_token(&l->source, &find_or_make(l, source)->full_us, now_us);
    if (ok && l->all.limited)
        take_token(&l->all, &l->all_full_us, now_us);
    pthread_mutex_unlock(&l->lock);
    return ok;
}

void esc_limits_give_back(struct esc_limits *l, enum esc_limited what, const struct esc_who *who, uint64_t now_ms)
{
    uint64_t from = from_tag(l, what, who), now_us = now_ms * 1000;

    pthread_mutex_lock(&l->lock);
    struct place *f = find(l, from);
    if (f && f->full_us > now_us)
        f->full_us -= f->full_us - now_us < l->from.interval_us ? f->full_us - now_us : l->from.interval_us;
    pthread_mutex_unlock(&l->lock);
}
