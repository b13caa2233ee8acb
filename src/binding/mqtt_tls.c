#include "binding/mqtt_tls.h"

escertke_err esc_mqtt_tls_use(struct esc_tls_context *t, struct mosquitto *client)
{
    if (mosquitto_int_option(client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) != MOSQ_ERR_SUCCESS ||
        mosquitto_void_option(client, MOSQ_OPT_SSL_CTX, esc_tls_context_get(t)) != MOSQ_ERR_SUCCESS)
        return ESCERTKE_ERR_BACKEND;
    return ESCERTKE_OK;
}

bool esc_mqtt_tls_unfinished(struct mosquitto *client, bool *to_write)
{
    const SSL *ssl = mosquitto_ssl_get(client);

    *to_write = ssl && SSL_want_write(ssl);
    return ssl && !SSL_is_init_finished(ssl);
}
