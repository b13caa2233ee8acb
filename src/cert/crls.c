/* crls.c - a set of CRLs: loaded once, counted, asked by any thread. */
#include "cert/crls.h"

#include "base/memory.h"

escertke_crls *escertke_crls_hold(escertke_crls *c)
{
    if (c)
        atomic_fetch_add_explicit(&c->holders, 1, memory_order_relaxed);
    return c;
}

void escertke_crls_free(escertke_crls *c)
{
    if (c && atomic_fetch_sub_explicit(&c->holders, 1, memory_order_acq_rel) == 1)
        esc_release(c);
}
