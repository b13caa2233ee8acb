/* hop.h - the HTTP hops of a command: listeners for --listen, the client for --url and --via, their TLS files. */
#ifndef ESCERTKE_CLI_HOP_H
#define ESCERTKE_CLI_HOP_H

#include <escertke/http.h>

#include "options.h"

/** Listeners of one command at most. */
#define HOP_LISTENERS_MAX 8u

/** TLS of the hop itself; nothing to do with the end-to-end credential. */
struct hop_settings {
    const char *tls_cert, *tls_key, *tls_trust, *tls_client_trust;
};

/** The TLS files in memory. */
struct hop_files {
    escertke_buf cert, key, trust, client_trust;
};

/** Read what is set. Free in any case. @return OK, CONFIG (certificate without key), IO, NOMEM */
ESCERTKE_CHECKED escertke_err hop_files_read(const struct hop_settings *s, struct hop_files *out, escertke_detail *d);
void hop_files_free(struct hop_files *f);

/** Zeroed at first. */
struct hop_listeners {
    escertke_http_server *servers[HOP_LISTENERS_MAX];
    size_t count;
    int fds[HOP_LISTENERS_MAX]; /* sockets that wait for their server; 0 = none */
};

/** Open the sockets alone; hop_listen() with the same URLs then uses them. hop_stop() in any case. @return OK, ARG, IO, CONFIG
 * (too many) */
ESCERTKE_CHECKED escertke_err hop_open(const struct text_list *urls, struct hop_listeners *l, escertke_detail *d);
/** Start a server for each URL and say {"event":"listening"}. On error none is left. @return as escertke_http_server_start;
 * CONFIG (too many) */
ESCERTKE_CHECKED escertke_err hop_listen(const struct text_list *urls, const struct hop_files *files,
                                         const escertke_http_server_config *base, struct hop_listeners *out, escertke_detail *d);
void hop_stop(struct hop_listeners *l, unsigned drain_ms);

/** Client with the hop's TLS files. @param timeout_ms of one exchange; 0 = the default */
ESCERTKE_CHECKED escertke_err hop_client(const struct hop_files *files, uint32_t timeout_ms, escertke_http_client **out);

/** http:// or https:// URL. option_check. */
bool hop_check_url(const char *value, char *why, size_t cap);

#endif
