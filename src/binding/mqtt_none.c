/* A build without MQTT (ESCERTKE_MQTT=OFF): the library keeps the same functions, and says what it cannot do. */
#include <escertke/mqtt.h>
#include <string.h>

#include "base/fail.h"

static escertke_err unsupported(escertke_detail *d)
{
    return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "TS-0010", "this build has no MQTT");
}

escertke_err escertke_mqtt_start(const escertke_mqtt_config *cfg, escertke_mqtt **out, escertke_detail *d)
{
    (void)cfg;
    *out = NULL;
    return unsupported(d);
}

const char *escertke_mqtt_url(const escertke_mqtt *m)
{
    (void)m;
    return "";
}

escertke_err escertke_mqtt_wait(escertke_mqtt *m, uint32_t ms, escertke_detail *d)
{
    (void)m;
    (void)ms;
    return unsupported(d);
}

escertke_err escertke_mqtt_send(escertke_mqtt *m, const char *receiver, const escertke_primitive *req, escertke_primitive *rsp,
                                escertke_detail *d)
{
    (void)m;
    (void)receiver;
    (void)req;
    (void)rsp;
    return unsupported(d);
}

void escertke_mqtt_get_stats(escertke_mqtt *m, escertke_mqtt_stats *out)
{
    (void)m;
    memset(out, 0, sizeof *out);
}

void escertke_mqtt_stop(escertke_mqtt *m, unsigned drain_ms)
{
    (void)m;
    (void)drain_ms;
}
