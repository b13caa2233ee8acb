/* recheck.c - is a key still good? Its own end says so, and what is known of revocations by now. */
#include <escertke/keys.h>

#include "base/fail.h"

escertke_err escertke_key_check(const escertke_key_entry *e, const escertke_crls *c, int64_t unix_s, escertke_detail *d)
{
    if (e->expires_s <= unix_s)
        return esc_fail(d, ESCERTKE_ERR_VALIDITY, "A-08",
                        "the key has expired: valid before %lld, and it is %lld (seconds since 1970)", (long long)e->expires_s,
                        (long long)unix_s);
    if (!c || (e->issued_count == 0 && e->flavour == ESCERTKE_FLAVOUR_RAW))
        return ESCERTKE_OK;
    if (e->issued_count == 0)
        return esc_fail(
            d, ESCERTKE_ERR_STATUS, "A-25",
            "the key is from a store of before 0.2, which did not keep whose certificates it came from; establish a new "
            "one");
    return escertke_crls_check_issued(c, e->issued, e->issued_count, unix_s, d);
}

struct recheck {
    const escertke_crls *crls;
    int64_t unix_s;
    escertke_recheck_fn fn;
    void *ctx;
};

static bool is_revoked(void *ctx, const escertke_key_entry *e)
{
    const struct recheck *r = ctx;
    escertke_detail d;

    if (e->expires_s <= r->unix_s)
        return false;
    escertke_detail_init(&d);
    escertke_err verdict = escertke_key_check(e, r->crls, r->unix_s, &d);
    if (verdict != ESCERTKE_OK && r->fn)
        r->fn(r->ctx, e, verdict, &d);
    return verdict == ESCERTKE_ERR_REVOKED;
}

escertke_err escertke_keys_recheck(escertke_store *s, const escertke_crls *c, int64_t unix_s, escertke_recheck_fn fn, void *ctx,
                                   size_t *removed, escertke_detail *d)
{
    struct recheck r = { c, unix_s, fn, ctx };

    return s->ops->sweep(s->state, is_revoked, &r, removed, d);
}
