/* mqtt_tls.h - TLS of a connection to a broker, where libmosquitto has to be told. */
#ifndef ESCERTKE_BINDING_MQTT_TLS_H
#define ESCERTKE_BINDING_MQTT_TLS_H

#include <mosquitto.h>

#include "binding/tls_context.h"

/** Let connections of this client use it. @return OK, BACKEND */
ESCERTKE_CHECKED escertke_err esc_mqtt_tls_use(struct esc_tls_context *t, struct mosquitto *client);
/** Is there a TLS handshake that is not complete? Then it waits to write or to read. */
bool esc_mqtt_tls_unfinished(struct mosquitto *client, bool *to_write);

#endif
