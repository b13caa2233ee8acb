/* bench_rows.h - rows of `escertke bench` that are measured in CPU time of one thread. */
#ifndef ESCERTKE_CLI_BENCH_ROWS_H
#define ESCERTKE_CLI_BENCH_ROWS_H

#include <escertke/base.h>
#include <jansson.h>

struct people;

enum { BENCH_ROUNDS_MAX = 101 };

struct bench_settings {
    long rounds, count, http, flood;
};

/** First the OpenSSL row beside the bare loop and the floor, then the other back ends; all in the same rounds. @return false:
 * failed */
bool bench_handshakes(const struct bench_settings *s, const struct people *p, bool metered);
/** Clients that come for the first time and again, per back end. @return OK, NOMEM, BACKEND */
ESCERTKE_CHECKED escertke_err bench_repeats(const struct bench_settings *s, escertke_detail *d);

/** Handshakes per second through the servers of HTTP, WebSocket and, with a broker, MQTT. @return OK, and what a server, broker
 * or client says */
ESCERTKE_CHECKED escertke_err bench_through(const struct bench_settings *s, const struct people *p, escertke_detail *d);

/** Octets of a run on the wire, per binding, serialization and credential. @return OK, STATE (CBOR over CoAP with raw public keys
 * does not need the fewest), and what a server, broker or client says */
ESCERTKE_CHECKED escertke_err bench_wire(escertke_detail *d);

/** Refusals beside handshakes of the same rounds, as the end-point answers them and through the HTTP server. @return OK, NOMEM,
 * BACKEND, or of the HTTP client */
ESCERTKE_CHECKED escertke_err bench_refusals(const struct bench_settings *s, const struct people *p, escertke_detail *d);
/** A flood of forged M1 and genuine runs. @return OK, STATE (not all runs completed, or memory was not bounded), others */
ESCERTKE_CHECKED escertke_err bench_flood(const struct bench_settings *s, const struct people *p, escertke_detail *d);

/** A figure of a row. */
void bench_real(json_t *event, const char *name, double value);

#endif
