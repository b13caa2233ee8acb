/* metrics.h - what a running end-point says of itself to those who watch it: counters in Prometheus' text format, health. */
#ifndef ESCERTKE_CLI_METRICS_H
#define ESCERTKE_CLI_METRICS_H

#include <stdatomic.h>

#include <escertke/endpoint.h>

#include "event_book.h"
#include "hop.h"

/** Who is watched. Everything pointed to outlives the pages. */
struct metrics {
    escertke_terminator *terminator;
    struct event_book *book;
    const struct hop_listeners *listeners;
    escertke_store *store;
    const atomic_bool *registered; /* at its CSE; NULL: it does not register */
    const atomic_bool *polling;    /* there is a <pollingChannel>; NULL: requests do not come by one */
    int64_t started_s;
};

/** Append the counters, text format 0.0.4. @return OK, NOMEM, TOO_LARGE */
ESCERTKE_CHECKED escertke_err metrics_write(struct metrics *m, escertke_buf *out);
/** Can it do its work? Appends "ready", or a line for each reason why not. @return OK, STATE (it cannot), NOMEM, TOO_LARGE */
ESCERTKE_CHECKED escertke_err metrics_write_ready(struct metrics *m, escertke_buf *out);

/** Where to serve them: PORT (on 127.0.0.1), or http://ADDRESS:PORT[/PATH] with "localhost" or an IP address. option_check. */
bool metrics_check_url(const char *value, char *why, size_t cap);

struct metrics_pages;

/** Open the socket, before privileges are given up. @return OK, NOMEM, IO */
ESCERTKE_CHECKED escertke_err metrics_listen(const char *value, struct metrics_pages **out, escertke_detail *d);
/** Serve PATH (default /metrics), /healthz and /readyz, and say {"event":"metrics","url"}. @return OK, NOMEM, IO */
ESCERTKE_CHECKED escertke_err metrics_start(struct metrics_pages *p, struct metrics *m, escertke_detail *d);
/** NULL allowed. */
void metrics_stop(struct metrics_pages *p);

#endif
