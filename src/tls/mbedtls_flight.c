/*
 * mbedtls_flight.c - Mbed TLS 2.28 cannot read a handshake message that is spread over several records, which any peer may send
 * (RFC 5246 6.2.1) and OpenSSL does with long chains. Records are no part of what is signed, so such ones are shown to it as one.
 */
#include "tls/mbedtls.h"

#include <string.h>

enum { HEADER = 5, MESSAGE_HEADER = 4, CHANGE_CIPHER_SPEC = 20, HANDSHAKE = 22, RECORD_MAX = 16384 };

/* Where the octets seen so far end: between two messages, or within one. */
struct messages {
    uint8_t header[MESSAGE_HEADER];
    size_t have; /* of header */
    size_t left; /* of the message's body */
};

static void count(struct messages *m, escertke_span octets)
{
    while (octets.len) {
        size_t step = 1;
        if (m->left) {
            step = m->left < octets.len ? m->left : octets.len;
            m->left -= step;
        } else {
            m->header[m->have++] = *octets.ptr;
        }
        if (m->have == MESSAGE_HEADER) {
            m->left = (size_t)m->header[1] << 16 | (size_t)m->header[2] << 8 | m->header[3];
            m->have = 0;
        }
        octets.ptr += step;
        octets.len -= step;
    }
}

/* The body of the record at the beginning of @p in; false: there is no whole record. */
static bool record(escertke_span in, escertke_span *body)
{
    if (in.len < HEADER)
        return false;
    *body = (escertke_span){ in.ptr + HEADER, (size_t)in.ptr[3] << 8 | in.ptr[4] };
    return body->len <= in.len - HEADER;
}

/* Octets of the record to show: those of the next one and of as many more as it takes to end between two messages. */
static size_t joined(escertke_span in, escertke_span body)
{
    struct messages m = { .have = 0 };
    size_t first = body.len, total = 0;

    for (;;) {
        count(&m, body);
        total += body.len;
        if (!m.have && !m.left)
            return total;
        in.ptr += HEADER + body.len;
        in.len -= HEADER + body.len;
        if (!record(in, &body) || in.ptr[0] != HANDSHAKE || total + body.len > RECORD_MAX)
            return first; /* it is not whole, or too large: the library says so */
    }
}

static void next_record(struct mbedtls_flight *f)
{
    escertke_span body;

    if (!record(f->in, &body)) { /* let the library see what it is */
        f->body = f->left = f->in.len;
        return;
    }
    memcpy(f->header, f->in.ptr, HEADER);
    f->header_left = HEADER;
    f->sealed = f->sealed || f->header[0] == CHANGE_CIPHER_SPEC;
    f->left = f->header[0] == HANDSHAKE && !f->sealed ? joined(f->in, body) : body.len;
    f->header[3] = (uint8_t)(f->left >> 8);
    f->header[4] = (uint8_t)f->left;
    f->body = body.len;
    f->in.ptr += HEADER;
    f->in.len -= HEADER;
}

static size_t take_body(struct mbedtls_flight *f, uint8_t *to, size_t len)
{
    while (!f->body) { /* the shown record goes on in the next one that came */
        f->body = (size_t)f->in.ptr[3] << 8 | f->in.ptr[4];
        f->in.ptr += HEADER;
        f->in.len -= HEADER;
    }
    if (len > f->left)
        len = f->left;
    if (len > f->body)
        len = f->body;
    memcpy(to, f->in.ptr, len);
    f->in.ptr += len;
    f->in.len -= len;
    f->body -= len;
    f->left -= len;
    return len;
}

void esc_mbedtls_flight_init(struct mbedtls_flight *flight, escertke_span in)
{
    bool sealed = flight->sealed;

    *flight = (struct mbedtls_flight){ .in = in, .sealed = sealed };
}

size_t esc_mbedtls_flight_read(struct mbedtls_flight *flight, uint8_t *to, size_t len)
{
    if (!flight->header_left && !flight->left) {
        if (!flight->in.len)
            return 0;
        next_record(flight);
    }
    if (!flight->header_left)
        return take_body(flight, to, len);
    if (len > flight->header_left)
        len = flight->header_left;
    memcpy(to, flight->header + HEADER - flight->header_left, len);
    flight->header_left -= len;
    return len;
}
