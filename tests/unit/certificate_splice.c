#include "certificate_splice.h"

#include <stdlib.h>

#include "handshake/wire.h"

#define RECORD_MAX 16384u
#define ROOM (4u << 20) /* more than a message may have: what is too large must be made, too */

static void add(escertke_buf *out, const void *octets, size_t len)
{
    if (len && escertke_buf_append(out, octets, len) != ESCERTKE_OK)
        abort();
}

static void add_number(escertke_buf *out, size_t value, size_t width)
{
    for (size_t i = width; i-- > 0;) {
        uint8_t octet = (uint8_t)(value >> 8 * i);
        add(out, &octet, 1);
    }
}

/* The handshake messages before ChangeCipherSpec in one piece; what follows them stays as it is. */
static escertke_span join(escertke_span wire, escertke_buf *joined)
{
    struct rd in = rd_init(wire), next = in;
    struct esc_record rec;

    while (rd_left(&next) && esc_wire_record(&next, &rec) == ESCERTKE_OK && rec.type == WIRE_HANDSHAKE) {
        add(joined, rec.body.ptr, rec.body.len);
        in = next;
    }
    return (escertke_span){ in.at, rd_left(&in) };
}

escertke_span splice_find(escertke_span wire, uint8_t type, escertke_buf *room)
{
    struct esc_handshake m;

    join(wire, room);
    for (struct rd r = rd_init(escertke_buf_span(room)); rd_left(&r) && esc_wire_handshake(&r, &m) == ESCERTKE_OK;)
        if (m.type == type)
            return m.body;
    return (escertke_span){ NULL, 0 };
}

bool splice_message(escertke_buf *wire, uint8_t type, escertke_span body)
{
    escertke_buf joined, messages, out;
    struct esc_handshake m;
    bool found = false;

    escertke_buf_init(&joined, ROOM);
    escertke_buf_init(&messages, ROOM);
    escertke_buf_init(&out, ROOM);
    escertke_span rest = join(escertke_buf_span(wire), &joined);
    for (struct rd r = rd_init(escertke_buf_span(&joined)); rd_left(&r) && esc_wire_handshake(&r, &m) == ESCERTKE_OK;) {
        bool here = m.type == type && !found;
        escertke_span what = here ? body : m.body;
        add_number(&messages, m.type, 1);
        add_number(&messages, what.len, 3);
        add(&messages, what.ptr, what.len);
        found = found || here;
    }
    for (size_t at = 0; at < messages.len; at += RECORD_MAX) {
        size_t len = messages.len - at < RECORD_MAX ? messages.len - at : RECORD_MAX;
        add_number(&out, WIRE_HANDSHAKE, 1);
        add_number(&out, 0x0303, 2);
        add_number(&out, len, 2);
        add(&out, messages.ptr + at, len);
    }
    add(&out, rest.ptr, rest.len);
    escertke_buf_free(&joined);
    escertke_buf_free(&messages);
    if (found) {
        escertke_buf_free(wire);
        *wire = out;
    } else {
        escertke_buf_free(&out);
    }
    return found;
}

bool splice_certificates(escertke_buf *wire, const escertke_span *certs, size_t count)
{
    escertke_buf list, body;

    escertke_buf_init(&list, ROOM);
    escertke_buf_init(&body, ROOM);
    for (size_t i = 0; i < count; i++) {
        add_number(&list, certs[i].len, 3);
        add(&list, certs[i].ptr, certs[i].len);
    }
    add_number(&body, list.len, 3);
    add(&body, list.ptr, list.len);
    bool found = splice_message(wire, WIRE_CERTIFICATE, escertke_buf_span(&body));
    escertke_buf_free(&list);
    escertke_buf_free(&body);
    return found;
}
