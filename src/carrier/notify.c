/* notify.c - the standard's carrier: m2m:seci is the root of the NOTIFY's content (TS-0004 7.5.1.2.12, R-PR-4). */
#include "carrier/carrier.h"

static escertke_err wrap(escertke_format format, const char *to, escertke_span message, escertke_buf *content)
{
    (void)to;
    return escertke_seci_write_eckm(format, message, content);
}

const struct esc_carrier esc_carrier_notify = {
    .which = ESCERTKE_CARRIER_NOTIFY, .name = "notify", .wrap = wrap, .open = escertke_seci_parse
};
