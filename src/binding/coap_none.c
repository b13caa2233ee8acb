/* A build without CoAP (ESCERTKE_COAP=OFF): the library keeps the same functions, and says what it cannot do. */
#include <escertke/coap.h>
#include <string.h>

#include "base/fail.h"

static escertke_err unsupported(escertke_detail *d)
{
    return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "TS-0008", "this build has no CoAP");
}

escertke_err escertke_coap_listen(const char *url, int *fd, escertke_detail *d)
{
    (void)url;
    (void)fd;
    return unsupported(d);
}

escertke_err escertke_coap_server_start(const escertke_coap_server_config *cfg, escertke_coap_server **out, escertke_detail *d)
{
    (void)cfg;
    *out = NULL;
    return unsupported(d);
}

const char *escertke_coap_server_url(const escertke_coap_server *s)
{
    (void)s;
    return "";
}

void escertke_coap_server_get_stats(escertke_coap_server *s, escertke_coap_stats *out)
{
    (void)s;
    memset(out, 0, sizeof *out);
}

void escertke_coap_server_stop(escertke_coap_server *s, unsigned drain_ms)
{
    (void)s;
    (void)drain_ms;
}

escertke_err escertke_coap_client_new(const escertke_coap_client_config *cfg, escertke_coap_client **out)
{
    (void)cfg;
    *out = NULL;
    return ESCERTKE_ERR_UNSUPPORTED;
}

escertke_err escertke_coap_send(escertke_coap_client *c, const char *base, bool to_ae, const escertke_primitive *req,
                                escertke_primitive *rsp, escertke_detail *d)
{
    (void)c;
    (void)base;
    (void)to_ae;
    (void)req;
    (void)rsp;
    return unsupported(d);
}

void escertke_coap_client_free(escertke_coap_client *c)
{
    (void)c;
}
