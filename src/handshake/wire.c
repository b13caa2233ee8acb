#include "handshake/wire.h"

escertke_err esc_wire_record(struct rd *r, struct esc_record *out)
{
    struct rd start = *r;

    if (rd_u8(r, &out->type) == ESCERTKE_OK && rd_u16(r, &out->version) == ESCERTKE_OK && rd_vec16(r, &out->body) == ESCERTKE_OK)
        return ESCERTKE_OK;
    *r = start;
    return ESCERTKE_ERR_FORMAT;
}

escertke_err esc_wire_handshake(struct rd *r, struct esc_handshake *out)
{
    struct rd start = *r;
    uint32_t len;

    if (rd_u8(r, &out->type) == ESCERTKE_OK && rd_u24(r, &len) == ESCERTKE_OK && rd_bytes(r, len, &out->body) == ESCERTKE_OK)
        return ESCERTKE_OK;
    *r = start;
    return ESCERTKE_ERR_FORMAT;
}

size_t esc_wire_certificate_list(escertke_span body, escertke_span *out, size_t max)
{
    struct rd r = rd_init(body);
    size_t count = 0;
    uint32_t len;

    if (rd_u24(&r, &len) != ESCERTKE_OK || len != rd_left(&r))
        return 0;
    while (rd_left(&r) && count < max) {
        if (rd_u24(&r, &len) != ESCERTKE_OK || rd_bytes(&r, len, &out[count]) != ESCERTKE_OK)
            return 0;
        count++;
    }
    return count;
}

size_t esc_wire_certificates(escertke_span flight, escertke_span *out, size_t max)
{
    struct rd r = rd_init(flight);
    struct esc_record record;
    struct esc_handshake message;

    while (rd_left(&r) && esc_wire_record(&r, &record) == ESCERTKE_OK && record.type == WIRE_HANDSHAKE)
        for (struct rd in = rd_init(record.body); rd_left(&in) && esc_wire_handshake(&in, &message) == ESCERTKE_OK;)
            if (message.type == WIRE_CERTIFICATE)
                return esc_wire_certificate_list(message.body, out, max);
    return 0;
}
