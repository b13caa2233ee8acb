/* bench_wire.c - the table of `escertke bench` of what a run needs on the wire, with every binding, serialization and credential.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "bench_rows.h"
#include "out.h"

static const escertke_format formats[] = { ESCERTKE_FORMAT_JSON, ESCERTKE_FORMAT_XML, ESCERTKE_FORMAT_CBOR };

static const struct {
    const char *engine;
    bool raw;
    const char *name, *words;
} kinds[] = {
    { "openssl", false, "x509", "X.509" },
    { "gnutls", true, "raw", "raw public key" },
};

enum {
    FORMATS = sizeof formats / sizeof *formats,
    KINDS = sizeof kinds / sizeof *kinds,
    COLUMNS = FORMATS * KINDS,
    COAP = 2, /* of wire_bindings */
    FEWEST = COLUMNS - 1
};

/* A place for each cell; 0: not measured. */
struct table {
    uint64_t octets[WIRE_BINDINGS][COLUMNS], connecting[WIRE_BINDINGS];
};

static bool has_column(size_t column)
{
    return escertke_tls_by_name(kinds[column / FORMATS].engine) && escertke_format_available(formats[column % FORMATS]);
}

static uint64_t sum(const struct tap_counts *c)
{
    return c->up + c->down;
}

static void note(size_t binding, size_t column, const struct wire_result *r)
{
    if (!out_is_json())
        return; /* others get a table in the end */
    json_t *event = out_new_event("bench");
    out_text(event, "row", "wire");
    out_text(event, "binding", wire_bindings[binding].name);
    out_text(event, "serialization", escertke_format_name(formats[column % FORMATS]));
    out_text(event, "engine", kinds[column / FORMATS].engine);
    out_text(event, "credential", kinds[column / FORMATS].name);
    out_number(event, "octets", (json_int_t)sum(&r->again));
    out_number(event, "up", (json_int_t)r->again.up);
    out_number(event, "down", (json_int_t)r->again.down);
    out_number(event, "first_run", (json_int_t)sum(&r->first));
    if (wire_bindings[binding].datagrams)
        out_number(event, "datagrams", (json_int_t)r->again.pieces);
    out_event(event, "%s", "");
}

static escertke_err measure(const struct people *people, size_t binding, struct table *t, escertke_detail *d)
{
    escertke_err err = ESCERTKE_OK;

    for (size_t column = 0; err == ESCERTKE_OK && column < COLUMNS; column++) {
        const struct wire_config cfg = { .people = people,
                                         .tls = escertke_tls_by_name(kinds[column / FORMATS].engine),
                                         .raw = kinds[column / FORMATS].raw,
                                         .binding = binding,
                                         .format = formats[column % FORMATS] };
        struct wire_result r;
        if (!has_column(column))
            continue;
        if ((err = wire_run(&cfg, &r, d)) != ESCERTKE_OK)
            break;
        t->octets[binding][column] = sum(&r.again);
        if (wire_bindings[binding].connects && sum(&r.first) > sum(&r.again))
            t->connecting[binding] = sum(&r.first) - sum(&r.again);
        note(binding, column, &r);
    }
    return err;
}

static void say_row(const struct table *t, size_t binding)
{
    const char *why = wire_missing(binding);
    char line[160];
    int at = snprintf(line, sizeof line, "  %-10s", wire_bindings[binding].name);

    for (size_t column = 0; !why && column < COLUMNS; column++) {
        uint64_t octets = t->octets[binding][column];
        if (octets)
            at += snprintf(line + at, sizeof line - (size_t)at, "%*llu", column % FORMATS ? 7 : 10, (unsigned long long)octets);
        else
            at += snprintf(line + at, sizeof line - (size_t)at, "%*s", column % FORMATS ? 7 : 10, "-");
    }
    if (why)
        out_line("%s left out: %s", line, why);
    else
        out_line("%s%9llu", line, (unsigned long long)t->connecting[binding]);
}

static void say(const struct table *t)
{
    out_line(
        "octets of a whole run on the wire: four messages as primitives in the binding's framing, counted in TCP and UDP on the\n"
        "initiating side; over MQTT they pass the broker's other connection, too. Certificates come with their issuing CA's\n"
        "                   X.509                raw public key      and once, to\n"
        "                JSON    XML   CBOR      JSON    XML   CBOR  connect, some");
    for (size_t binding = 0; binding < WIRE_BINDINGS; binding++)
        say_row(t, binding);
}

/* CBOR over CoAP with raw public keys must need the fewest. */
static escertke_err judge(const struct table *t, escertke_detail *d)
{
    uint64_t wanted = t->octets[COAP][FEWEST];

    for (size_t i = 0; wanted && i < (size_t)WIRE_BINDINGS * COLUMNS; i++) {
        uint64_t octets = t->octets[i / COLUMNS][i % COLUMNS];
        if (octets && octets < wanted)
            return esc_fail(
                d, ESCERTKE_ERR_STATE, "", "wire: %s needs %llu octets with %s and %s, CoAP with CBOR and raw keys %llu",
                wire_bindings[i / COLUMNS].name, (unsigned long long)octets, escertke_format_name(formats[i % FORMATS]),
                kinds[i % COLUMNS / FORMATS].words, (unsigned long long)wanted);
    }
    if (wanted)
        out_line("  the fewest: CoAP, CBOR, raw public key: %llu octets", (unsigned long long)wanted);
    return ESCERTKE_OK;
}

escertke_err bench_wire(escertke_detail *d)
{
    struct people people;
    struct table t = { { { 0 } }, { 0 } };
    escertke_err err = people_make(2, true, &people, d);

    for (size_t binding = 0; err == ESCERTKE_OK && binding < WIRE_BINDINGS; binding++)
        if (!wire_missing(binding))
            err = measure(&people, binding, &t, d);
    people_free(&people);
    if (err != ESCERTKE_OK)
        return err;
    say(&t);
    return judge(&t, d);
}
