/* hop.h - the hops of a command, over whatever binding: listeners for --listen, requests to --url and --via, TLS files. */
#ifndef ESCERTKE_CLI_HOP_H
#define ESCERTKE_CLI_HOP_H

#include <stdatomic.h>

#include "binding/binding.h"
#include "options.h"

/** Listeners of one command at most. */
#define HOP_LISTENERS_MAX 8u

/** TLS of the hop itself, nothing to do with the end-to-end credential; and who one is to a broker. */
struct hop_settings {
    const char *tls_cert, *tls_key, *tls_trust, *tls_client_trust;
    const char *mqtt_client_id, *mqtt_user, *mqtt_password_file;
    const char *serialization; /* of own requests; NULL = json */
};

/** The files in memory. */
struct hop_files {
    escertke_buf cert, key, trust, client_trust;
    escertke_buf mqtt_password; /* NUL-terminated; empty = none */
};

/** Read what is set. Free in any case. @return OK, CONFIG (what goes together), IO, NOMEM */
ESCERTKE_CHECKED escertke_err hop_files_read(const struct hop_settings *s, struct hop_files *out, escertke_detail *d);
void hop_files_free(struct hop_files *f);

/**
 * Hops of an end-point. Everything pointed to must outlive them.
 * @param self        own Absolute AE-ID or CSE-ID
 * @param timeout_ms  of one exchange; 0 = the default
 */
ESCERTKE_CHECKED escertke_err hop_new(const struct hop_settings *s, const struct hop_files *files, const char *self, bool is_cse,
                                      uint32_t timeout_ms, escertke_log log, struct esc_hops **out, escertke_detail *d);

/** Zeroed at first. */
struct hop_listeners {
    struct esc_listener list[HOP_LISTENERS_MAX + 1]; /* and a connection to the registrar */
    size_t count;
    int fds[HOP_LISTENERS_MAX]; /* sockets that wait for their server; 0 = none */
    struct hop_state {
        char url[2 * ESCERTKE_ID_MAX]; /* as it was given */
        atomic_bool was_up;
        atomic_uint ups; /* times that it was connected */
    } states[HOP_LISTENERS_MAX + 1];
};

/** Open the sockets alone; hop_listen() with the same URLs then uses them. hop_stop() in any case. @return OK, ARG, UNSUPPORTED,
 * IO, CONFIG (too many) */
ESCERTKE_CHECKED escertke_err hop_open(const struct text_list *urls, struct hop_listeners *l, escertke_detail *d);
/**
 * Start a listener for each URL and say {"event":"listening"}: of a broker, when it is connected to; if that takes long, later.
 * On error none is left. base has all but the URL.
 * @return as esc_hops_listen; CONFIG (too many)
 */
ESCERTKE_CHECKED escertke_err hop_listen(struct esc_hops *hops, const struct text_list *urls, const struct esc_listen *base,
                                         struct hop_listeners *out, escertke_detail *d);
/** Is it a URL whose server sends requests back over the connection that is made to it (WebSocket)? */
bool hop_is_two_way(const char *url);
/** Has that connection been made again since the last call? *ups is 0 at first; @p number is its place among the listeners. */
bool hop_came_back(const struct hop_listeners *l, size_t number, unsigned *ups);
/** Take requests over the own connection to this URL, beside what listens. @return as hop_listen */
ESCERTKE_CHECKED escertke_err hop_connect(struct esc_hops *hops, const char *url, const struct esc_listen *base,
                                          struct hop_listeners *l, escertke_detail *d);
void hop_stop(struct hop_listeners *l, unsigned drain_ms);

/** A URL of a binding that is built in. option_check. */
bool hop_check_url(const char *value, char *why, size_t cap);

/** json, xml or cbor, as far as they are built. option_check. */
bool hop_check_serialization(const char *value, char *why, size_t cap);
/** What --serialization says. */
escertke_format hop_format(const struct hop_settings *s);

#endif
