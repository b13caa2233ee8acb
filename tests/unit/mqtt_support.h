/* mqtt_support.h - two end-points on a broker of this process; shared by the tests of the MQTT binding. */
#ifndef MQTT_SUPPORT_H
#define MQTT_SUPPORT_H

#include <stdatomic.h>
#include <time.h>

#include <escertke/mqtt.h>

#include "binding_support.h"
#include "mqtt_broker.h"

#define PATIENCE_MS 20000u
#define METER "//sp.org/in1/Cmeter"
#define PANEL "//sp.org/in1/Cpanel"

static inline void pause_ms(long ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000 };
    nanosleep(&t, NULL);
}

/* Wait for what another thread does; ends the test if it does not come. */
#define eventually(condition)                                       \
    do {                                                            \
        for (unsigned tries = 0; !(condition); tries++) {           \
            if (tries > PATIENCE_MS / 2)                            \
                fail_msg("waited in vain for: %s", #condition);     \
            pause_ms(2);                                            \
        }                                                           \
    } while (0)

static inline struct broker_seen seen(struct broker *b)
{
    struct broker_seen s;
    broker_get(b, &s);
    return s;
}

static inline escertke_mqtt_stats stats(escertke_mqtt *m)
{
    escertke_mqtt_stats s;
    escertke_mqtt_get_stats(m, &s);
    return s;
}

/* Another state from NULL = as it is after start. */
static inline escertke_mqtt *start_with(escertke_mqtt_config cfg, const char *url)
{
    escertke_mqtt *m = NULL;
    escertke_detail d;

    escertke_detail_init(&d);
    cfg.url = url;
    if (!cfg.timeout_ms)
        cfg.timeout_ms = PATIENCE_MS;
    if (!cfg.connect_timeout_ms)
        cfg.connect_timeout_ms = PATIENCE_MS;
    expect_err("start", escertke_mqtt_start(&cfg, &m, &d), ESCERTKE_OK, &d);
    return m;
}

static inline escertke_mqtt *start_up(escertke_mqtt_config cfg, const char *url)
{
    escertke_mqtt *m = start_with(cfg, url);
    escertke_detail d;

    escertke_detail_init(&d);
    expect_err("wait", escertke_mqtt_wait(m, PATIENCE_MS, &d), ESCERTKE_OK, &d);
    return m;
}

/* ---- a handler that says what it was asked -------------------------------------------------------------------- */

static atomic_uint entered, handled;
static atomic_bool held; /* handlers wait until the test lets them go */
static atomic_long sleep_ms;

static inline void echo(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    char text[400];

    (void)ctx;
    (void)now;
    atomic_fetch_add(&entered, 1);
    while (atomic_load(&held))
        pause_ms(1);
    if (atomic_load(&sleep_ms))
        pause_ms(atomic_load(&sleep_ms));
    int len = snprintf(text, sizeof text, "{\"m2m:dbg\":\"op=%d to=%.80s fr=%.80s in=%zu by=%s\"}", (int)req->op,
                       req->to ? req->to : "-", req->fr ? req->fr : "-", req->content.len, req->source);
    rsp->rsc = escertke_buf_append(&rsp->content, text, (size_t)len) == ESCERTKE_OK ? 2000 : 5000;
    atomic_fetch_add(&handled, 1);
}

static inline escertke_mqtt *start_meter(struct broker *b)
{
    atomic_store(&entered, 0);
    atomic_store(&handled, 0);
    atomic_store(&held, false);
    atomic_store(&sleep_ms, 0);
    return start_up((escertke_mqtt_config){ .self = METER, .handler = echo }, broker_url(b));
}

static inline escertke_mqtt *start_panel(struct broker *b)
{
    return start_up((escertke_mqtt_config){ .self = PANEL }, broker_url(b));
}

/* One Notify from the panel to the meter; the error, and in *rsc what came. */
static inline escertke_err notify(escertke_mqtt *panel, const char *rqi, int *rsc, escertke_detail *d)
{
    escertke_primitive req, rsp;

    make_request(&req, ESCERTKE_OP_NOTIFY, "/in1/Cmeter", rqi, "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"FgMBAAA=\"}}");
    set(&req.fr, "Cpanel");
    escertke_primitive_init(&rsp);
    escertke_detail_init(d);
    escertke_err err = escertke_mqtt_send(panel, METER, &req, &rsp, d);
    *rsc = rsp.rsc;
    if (err == ESCERTKE_OK) {
        expect_text("rqi", rsp.rqi, rqi);
        expect_text("rvi", rsp.rvi, "3");
    }
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

#endif
