#include "binding/http_media.h"

#include <string.h>

#include "binding/http_text.h"

#define TY_MAX 99999999

static const struct {
    escertke_format format;
    const char *suffix, *name;
} formats[] = {
    { ESCERTKE_FORMAT_JSON, "json", "application/json" },
    { ESCERTKE_FORMAT_XML, "xml", "application/xml" },
    { ESCERTKE_FORMAT_CBOR, "cbor", "application/cbor" },
};
#define FORMATS (sizeof formats / sizeof *formats)

const char *esc_http_media_name(escertke_format format)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i].format == format)
            return formats[i].name;
    return formats[0].name;
}

/* "application/json" or "application/vnd.onem2m-KIND+json": labels for the same body (R-DT-50). */
static bool media_format(escertke_span type, escertke_format *format)
{
    static const char *const kinds[] = { "application", "vnd.onem2m-res", "vnd.onem2m-ntfy", "vnd.onem2m-preq",
                                         "vnd.onem2m-prsp" };
    escertke_span top, kind, rest = type;
    bool known = false;

    if (!esc_http_next_part(&rest, '/', &top) || !esc_http_same_name(top, "application"))
        return false;
    kind = top;
    if (rest.len && memchr(rest.ptr, '+', rest.len))
        esc_http_next_part(&rest, '+', &kind);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        known = known || esc_http_same_name(kind, kinds[i]);
    for (size_t i = 0; known && i < FORMATS; i++) {
        if (!esc_http_same_name(rest, formats[i].suffix))
            continue;
        *format = formats[i].format;
        return true;
    }
    return false;
}

escertke_err esc_http_content_type_read(escertke_span value, enum esc_http_media *media, escertke_format *format, int *ty)
{
    escertke_span type, param, name;

    *media = ESC_MEDIA_ABSENT;
    *ty = 0;
    esc_http_next_part(&value, ';', &type);
    if (!type.len && !value.len)
        return ESCERTKE_OK;
    *media = media_format(type, format) ? ESC_MEDIA_KNOWN : ESC_MEDIA_UNKNOWN;
    while (esc_http_next_part(&value, ';', &param)) {
        escertke_span number = param;
        if (!esc_http_next_part(&number, '=', &name) || !esc_http_same_name(name, "ty"))
            continue;
        if (*ty || !esc_http_read_int(esc_http_trim(number), 1, TY_MAX, ty))
            return ESCERTKE_ERR_PRIMITIVE;
    }
    return ESCERTKE_OK;
}

static int range_rank(escertke_span type)
{
    escertke_format format;

    if (media_format(type, &format))
        return format == ESCERTKE_FORMAT_JSON ? 3 : 0;
    if (esc_http_same_name(type, "application/*"))
        return 2;
    return esc_http_same_name(type, "*/*") ? 1 : 0;
}

/* "0", "0." and "0.000" exclude a range (RFC 9110 12.4.2). */
static bool is_zero(escertke_span q)
{
    for (size_t i = 0; i < q.len; i++)
        if (q.ptr[i] != '0' && q.ptr[i] != '.')
            return false;
    return q.len > 0;
}

void esc_http_accept_read(escertke_span value, struct esc_http_accept *accept)
{
    escertke_span range, type, param, name;

    while (esc_http_next_part(&value, ',', &range)) {
        bool wanted = true;

        if (!esc_http_next_part(&range, ';', &type) || !type.len)
            continue;
        accept->seen = true;
        while (esc_http_next_part(&range, ';', &param)) {
            esc_http_next_part(&param, '=', &name);
            if (esc_http_same_name(name, "q") && is_zero(param))
                wanted = false;
        }
        int rank = range_rank(type);
        if (!rank || rank < accept->rank)
            continue;
        accept->ok = rank == accept->rank ? accept->ok || wanted : wanted;
        accept->rank = rank;
    }
}

bool esc_http_accept_json(const struct esc_http_accept *accept)
{
    return !accept->seen || accept->ok;
}
