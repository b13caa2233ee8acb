/* Any octets as an ESCertKE message: classified or refused with a reason; what is there to be read in it lies within it. */
#include <stdlib.h>
#include <string.h>

#include <escertke/handshake.h>

#include "handshake/explain.h"
#include "handshake/flight.h"
#include "handshake/wire.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static bool within(escertke_span inner, escertke_span outer)
{
    return !inner.len || (inner.ptr >= outer.ptr && inner.ptr + inner.len <= outer.ptr + outer.len);
}

/* Whole records, one behind the other, are what a message that was classified consists of. */
static void read_records(escertke_span message, bool whole)
{
    struct rd r = rd_init(message);
    struct esc_record record;
    struct esc_handshake h;
    size_t octets = 0;

    while (esc_wire_record(&r, &record) == ESCERTKE_OK) {
        struct rd in = rd_init(record.body);
        must(within(record.body, message));
        octets += 5 + record.body.len;
        while (rd_left(&in) && esc_wire_handshake(&in, &h) == ESCERTKE_OK)
            must(within(h.body, record.body));
    }
    must(octets + rd_left(&r) == message.len);
    must(!whole || octets == message.len);
}

static void read_certificates(escertke_span message)
{
    escertke_span certificates[4];
    escertke_detail d;

    for (size_t n = esc_wire_certificates(message, certificates, 4); n-- > 0;)
        must(within(certificates[n], message));
    escertke_detail_init(&d);
    d.err = ESCERTKE_ERR_CERT;
    esc_explain(message, ESCERTKE_ERR_CERT, &d);
    must(d.err == ESCERTKE_ERR_CERT);
    must(memchr(d.certificate, '\0', sizeof d.certificate) && memchr(d.found, '\0', sizeof d.found));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    escertke_span message = { data, size };
    escertke_flight flight = 0;
    escertke_detail d;
    int alert;

    escertke_detail_init(&d);
    escertke_err err = escertke_flight_classify(message, &flight, &alert, &d);
    if (err == ESCERTKE_OK)
        must(flight >= ESCERTKE_FLIGHT_M1 && flight <= ESCERTKE_FLIGHT_OTHER && *esc_flight_name(flight) != '?');
    else
        must(d.err == err && d.reason[0] && (err == ESCERTKE_ERR_FORMAT || err == ESCERTKE_ERR_TOO_LARGE));
    must((alert >= 0) == (err == ESCERTKE_OK && flight == ESCERTKE_FLIGHT_ALERT));
    read_records(message, err == ESCERTKE_OK);
    read_certificates(message);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_tls_input(data, size, max_size, seed);
}
