/* A build without WebSocket (ESCERTKE_WS=OFF): the library keeps the same functions, and says what it cannot do. */
#include <escertke/ws.h>
#include <string.h>

#include "base/fail.h"

static escertke_err unsupported(escertke_detail *d)
{
    return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "TS-0020", "this build has no WebSocket");
}

escertke_err escertke_ws_client_start(const escertke_ws_client_config *cfg, escertke_ws_client **out, escertke_detail *d)
{
    (void)cfg;
    *out = NULL;
    return unsupported(d);
}

const char *escertke_ws_client_url(const escertke_ws_client *c)
{
    (void)c;
    return "";
}

escertke_err escertke_ws_client_wait(escertke_ws_client *c, uint32_t ms, escertke_detail *d)
{
    (void)c;
    (void)ms;
    return unsupported(d);
}

escertke_err escertke_ws_client_send(escertke_ws_client *c, const escertke_primitive *req, escertke_primitive *rsp,
                                     escertke_detail *d)
{
    (void)c;
    (void)req;
    (void)rsp;
    return unsupported(d);
}

escertke_err escertke_ws_listen(const char *listen_url, int *fd, escertke_detail *d)
{
    (void)listen_url;
    *fd = -1;
    return unsupported(d);
}

escertke_err escertke_ws_server_start(const escertke_ws_server_config *cfg, escertke_ws_server **out, escertke_detail *d)
{
    (void)cfg;
    *out = NULL;
    return unsupported(d);
}

const char *escertke_ws_server_url(const escertke_ws_server *s)
{
    (void)s;
    return "";
}

escertke_err escertke_ws_server_send(escertke_ws_server *s, const char *receiver, const escertke_primitive *req,
                                     escertke_primitive *rsp, escertke_detail *d)
{
    (void)s;
    (void)receiver;
    (void)req;
    (void)rsp;
    return unsupported(d);
}

void escertke_ws_client_get_stats(escertke_ws_client *c, escertke_ws_stats *out)
{
    (void)c;
    memset(out, 0, sizeof *out);
}

void escertke_ws_server_get_stats(escertke_ws_server *s, escertke_ws_stats *out)
{
    (void)s;
    memset(out, 0, sizeof *out);
}

void escertke_ws_client_stop(escertke_ws_client *c, unsigned drain_ms)
{
    (void)c;
    (void)drain_ms;
}

void escertke_ws_server_stop(escertke_ws_server *s, unsigned drain_ms)
{
    (void)s;
    (void)drain_ms;
}
