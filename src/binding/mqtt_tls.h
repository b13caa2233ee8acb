/* mqtt_tls.h - TLS of a connection to a broker: libmosquitto reads certificates from files only, ours are in memory. */
#ifndef ESCERTKE_BINDING_MQTT_TLS_H
#define ESCERTKE_BINDING_MQTT_TLS_H

#include <escertke/base.h>
#include <mosquitto.h>

struct esc_mqtt_tls;

/**
 * TLS 1.2 or later to @p host, a name or an IP address, which the broker's certificate must have. @return OK, CREDENTIAL (a PEM
 * text is not usable), NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_mqtt_tls_new(const char *host, escertke_span trust, escertke_span cert, escertke_span key,
                                               struct esc_mqtt_tls **out, escertke_detail *d);
/** NULL allowed. */
void esc_mqtt_tls_free(struct esc_mqtt_tls *t);
/** Let connections of this client use it. @return OK, BACKEND */
ESCERTKE_CHECKED escertke_err esc_mqtt_tls_use(struct esc_mqtt_tls *t, struct mosquitto *client);
/** Is there a TLS handshake that is not complete? Then it waits to write or to read. */
bool esc_mqtt_tls_unfinished(struct mosquitto *client, bool *to_write);
/** Why the broker's certificate was last refused, and forget it; "" = it was not. */
void esc_mqtt_tls_why(struct esc_mqtt_tls *t, char *out, size_t cap);

#endif
