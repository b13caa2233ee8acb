#include "binding/ws_message.h"

#include <stdio.h>
#include <string.h>

static const struct {
    escertke_format format;
    const char *name;
    bool binary;
} subprotocols[] = {
    { ESCERTKE_FORMAT_JSON, "oneM2M.json", false },
    { ESCERTKE_FORMAT_CBOR, "oneM2M.cbor", true },
    { ESCERTKE_FORMAT_XML, "oneM2M.xml", false },
};
#define SUBPROTOCOLS (sizeof subprotocols / sizeof *subprotocols)

/* ---- URLs ----------------------------------------------------------------------------------------------------- */

escertke_err esc_ws_url_parse(const char *text, struct esc_http_url *out, escertke_detail *d)
{
    static const struct esc_url_schemes schemes = { { "ws://", 80 }, { "wss://", 443 } };

    return esc_url_parse(text, &schemes, out, d);
}

void esc_ws_url_write(const struct esc_http_url *url, char *out, size_t cap)
{
    snprintf(out, cap, "ws%s://%s%s%s:%u%s", url->https ? "s" : "", url->v6 ? "[" : "", url->host, url->v6 ? "]" : "",
             (unsigned)url->port, url->path);
}

/* ---- subprotocols ----------------------------------------------------------------------------------------------- */

const char *esc_ws_subprotocol(escertke_format format)
{
    for (size_t i = 0; i < SUBPROTOCOLS; i++)
        if (subprotocols[i].format == format)
            return subprotocols[i].name;
    return "";
}

escertke_format esc_ws_format(escertke_span subprotocol)
{
    for (size_t i = 0; i < SUBPROTOCOLS; i++)
        if (escertke_span_equal(subprotocol, escertke_span_str(subprotocols[i].name)) &&
            escertke_format_available(subprotocols[i].format))
            return subprotocols[i].format;
    return (escertke_format)0;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

escertke_format esc_ws_choose(escertke_span header)
{
    escertke_format found = (escertke_format)0;

    for (size_t at = 0; at < header.len && !found;) {
        size_t end = at;
        while (end < header.len && header.ptr[end] != ',')
            end++;
        size_t next = end + 1;
        while (at < end && is_blank(header.ptr[at]))
            at++;
        while (end > at && is_blank(header.ptr[end - 1]))
            end--;
        found = esc_ws_format((escertke_span){ header.ptr + at, end - at });
        at = next;
    }
    return found;
}

void esc_ws_offer(escertke_format only, char out[ESC_WS_OFFER_MAX])
{
    snprintf(out, ESC_WS_OFFER_MAX, "%s", esc_ws_subprotocol(only ? only : ESCERTKE_FORMAT_JSON));
    for (size_t i = 0; i < SUBPROTOCOLS && !only; i++) {
        size_t used = strlen(out);
        if (subprotocols[i].format != ESCERTKE_FORMAT_JSON && escertke_format_available(subprotocols[i].format))
            snprintf(out + used, ESC_WS_OFFER_MAX - used, "%s%s", used ? ", " : "", subprotocols[i].name);
    }
}

bool esc_ws_is_binary(escertke_format format)
{
    return format == ESCERTKE_FORMAT_CBOR;
}

/* ---- messages --------------------------------------------------------------------------------------------------- */

static void begin(struct esc_ws_assembly *a, uint64_t now_ms)
{
    escertke_buf_free(&a->message);
    escertke_buf_init(&a->message, ESC_WHOLE_MAX);
    a->open = true;
    a->since_ms = now_ms;
}

enum esc_ws_taken esc_ws_assemble(struct esc_ws_assembly *a, escertke_format format, const struct esc_ws_piece *piece,
                                  uint64_t now_ms)
{
    if (piece->first || !a->open) {
        if (piece->binary != esc_ws_is_binary(format))
            return ESC_WS_WRONG_TYPE;
        begin(a, now_ms);
    }
    switch (escertke_buf_append(&a->message, piece->octets.ptr, piece->octets.len)) {
    case ESCERTKE_OK: break;
    case ESCERTKE_ERR_NOMEM: return ESC_WS_NO_MEMORY;
    default: return ESC_WS_TOO_LARGE;
    }
    a->open = !piece->final;
    return piece->final ? ESC_WS_WHOLE : ESC_WS_MORE;
}

void esc_ws_assembly_clear(struct esc_ws_assembly *a)
{
    escertke_buf_free(&a->message);
    memset(a, 0, sizeof *a);
}

enum esc_ws_kind esc_ws_sort(escertke_format format, escertke_span message, escertke_primitive *out, escertke_detail *why)
{
    escertke_err err = escertke_primitive_parse(format, message, out, why);

    if (err == ESCERTKE_OK)
        return out->op ? ESC_WS_REQUEST : ESC_WS_RESPONSE;
    return out->rqi ? ESC_WS_UNREADABLE : ESC_WS_MEANINGLESS;
}
