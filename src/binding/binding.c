#include "binding/binding.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

static const struct esc_binding *const bindings[] = {
    &esc_binding_http,
#ifdef ESCERTKE_COAP
    &esc_binding_coap,
#endif
#ifdef ESCERTKE_MQTT
    &esc_binding_mqtt,
#endif
#ifdef ESCERTKE_WS
    &esc_binding_ws,
#endif
};
#define BINDINGS (sizeof bindings / sizeof *bindings)

struct esc_hops {
    struct esc_hops_config cfg;
    void *states[BINDINGS];
};

static bool has_scheme(const char *url, const char *scheme)
{
    return strncmp(url, scheme, strlen(scheme)) == 0;
}

/* Of a scheme that oneM2M has and this build has not. */
static bool is_foreign(const char *url)
{
    static const char *const schemes[] = { "coap:", "coaps:", "mqtt:", "mqtts:", "ws:", "wss:" };

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (has_scheme(url, schemes[i]))
            return true;
    return false;
}

static escertke_err no_binding(const char *url, escertke_detail *d)
{
    char forms[200] = "";

    for (size_t i = 0; i < BINDINGS; i++) {
        size_t used = strlen(forms);
        snprintf(forms + used, sizeof forms - used, "%s%s", used ? " or " : "", bindings[i]->url_form);
    }
    if (is_foreign(url))
        return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "", "this build has no binding for %.100s; expected %s", url, forms);
    return esc_fail(d, ESCERTKE_ERR_ARG, "", "expected a URL %s", forms);
}

/* Index in the table; BINDINGS = there is none. */
static size_t find(const char *url)
{
    size_t i = 0;

    while (url && i < BINDINGS && !has_scheme(url, bindings[i]->schemes[0]) && !has_scheme(url, bindings[i]->schemes[1]))
        i++;
    return url ? i : BINDINGS;
}

escertke_err esc_url_check(const char *url, escertke_detail *d)
{
    size_t i = find(url);

    return i < BINDINGS ? bindings[i]->check(url, d) : no_binding(url ? url : "", d);
}

escertke_err esc_hops_new(const struct esc_hops_config *cfg, struct esc_hops **out, escertke_detail *d)
{
    struct esc_hops *h = esc_zalloc(sizeof *h);
    escertke_err err = ESCERTKE_OK;

    *out = NULL;
    if (!h)
        return ESCERTKE_ERR_NOMEM;
    h->cfg = *cfg;
    for (size_t i = 0; i < BINDINGS && err == ESCERTKE_OK; i++)
        err = bindings[i]->open(&h->cfg, &h->states[i], d);
    if (err == ESCERTKE_OK)
        *out = h;
    else
        esc_hops_free(h);
    return err;
}

void esc_hops_free(struct esc_hops *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < BINDINGS; i++)
        bindings[i]->close(h->states[i]);
    esc_release(h);
}

/* A receiver without a point of access: over a connection that it has made. */
static escertke_err send_back(struct esc_hops *h, const struct esc_next *next, const escertke_primitive *req,
                              escertke_primitive *rsp, escertke_detail *d)
{
    for (size_t i = 0; i < BINDINGS; i++)
        if (bindings[i]->send_back && next->receiver && next->receiver[0])
            return bindings[i]->send_back(h->states[i], next->receiver, req, rsp, d);
    return esc_fail(d, ESCERTKE_ERR_UNREACHABLE, "", "no point of access");
}

escertke_err esc_hops_send(struct esc_hops *h, const struct esc_next *next, const escertke_primitive *req,
                           escertke_primitive *rsp, escertke_detail *d)
{
    size_t i = find(next->url);

    if (next->url && !next->url[0])
        return send_back(h, next, req, rsp, d);
    return i < BINDINGS ? bindings[i]->send(h->states[i], next, req, rsp, d) : no_binding(next->url ? next->url : "", d);
}

escertke_err esc_hops_reserve(const char *url, int *fd, escertke_detail *d)
{
    size_t i = find(url);

    *fd = 0;
    if (i == BINDINGS)
        return no_binding(url ? url : "", d);
    return bindings[i]->reserve ? bindings[i]->reserve(url, fd, d) : bindings[i]->check(url, d);
}

escertke_err esc_hops_listen(struct esc_hops *h, const struct esc_listen *l, struct esc_listener *out, escertke_detail *d)
{
    size_t i = find(l->url);

    memset(out, 0, sizeof *out);
    if (i == BINDINGS)
        return no_binding(l->url ? l->url : "", d);
    escertke_err err = bindings[i]->listen(h->states[i], &h->cfg, l, out, d);
    if (err == ESCERTKE_OK)
        out->binding = bindings[i];
    return err;
}

const char *esc_listener_url(const struct esc_listener *l)
{
    return l->binding->url(l);
}

escertke_err esc_listener_ready(const struct esc_listener *l, uint32_t ms, escertke_detail *d)
{
    return l->binding->ready ? l->binding->ready(l, ms, d) : ESCERTKE_OK;
}

void esc_listener_stop(struct esc_listener *l, unsigned drain_ms)
{
    if (l->binding)
        l->binding->stop(l, drain_ms);
    memset(l, 0, sizeof *l);
}
