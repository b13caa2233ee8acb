#include "binding/http_media.h"

#include <string.h>

#include "binding/http_text.h"

#define TY_MAX 99999999

escertke_err esc_http_content_type_read(escertke_span value, enum esc_http_media *media, escertke_format *format, int *ty)
{
    escertke_span type, param, name;

    *media = ESC_MEDIA_ABSENT;
    *ty = 0;
    esc_http_next_part(&value, ';', &type);
    if (!type.len && !value.len)
        return ESCERTKE_OK;
    *media = escertke_format_find(type, format) && memchr(type.ptr, '/', type.len) ? ESC_MEDIA_KNOWN : ESC_MEDIA_UNKNOWN;
    while (esc_http_next_part(&value, ';', &param)) {
        escertke_span number = param;
        if (!esc_http_next_part(&number, '=', &name) || !esc_http_same_name(name, "ty"))
            continue;
        if (*ty || !esc_http_read_int(esc_http_trim(number), 1, TY_MAX, ty))
            return ESCERTKE_ERR_PRIMITIVE;
    }
    return ESCERTKE_OK;
}

/* How closely a range fits a format: 3 its own types (R-DT-50), 2 "application/", 1 all, 0 not at all. */
static int range_rank(escertke_span type, escertke_format format)
{
    escertke_format found;

    if (escertke_format_find(type, &found) && memchr(type.ptr, '/', type.len))
        return found == format ? 3 : 0;
    if (esc_http_same_name(type, "application/*"))
        return 2;
    return esc_http_same_name(type, "*/*") ? 1 : 0;
}

/* "0.5" in thousandths (RFC 9110 12.4.2); what is no weight counts as none given. */
static int read_weight(escertke_span q)
{
    int weight = 0, scale = 1000;

    for (size_t i = 0; i < q.len; i++) {
        if (q.ptr[i] == '.' && i == 1)
            continue;
        if (q.ptr[i] < '0' || q.ptr[i] > '9' || i > 4)
            return 1000;
        weight += (q.ptr[i] - '0') * scale;
        scale /= 10;
    }
    return q.len && weight < 1000 ? weight : 1000;
}

static void note(struct esc_http_liking *liking, int rank, int weight)
{
    if (!rank || rank < liking->rank || (rank == liking->rank && weight <= liking->weight))
        return;
    liking->rank = rank;
    liking->weight = weight;
}

void esc_http_accept_read(escertke_span value, struct esc_http_accept *accept)
{
    escertke_span range, type, param, name;

    while (esc_http_next_part(&value, ',', &range)) {
        int weight = 1000;

        if (!esc_http_next_part(&range, ';', &type) || !type.len)
            continue;
        accept->seen = true;
        while (esc_http_next_part(&range, ';', &param)) {
            esc_http_next_part(&param, '=', &name);
            if (esc_http_same_name(name, "q"))
                weight = read_weight(esc_http_trim(param));
        }
        for (escertke_format f = ESCERTKE_FORMAT_JSON; f <= ESCERTKE_FORMAT_CBOR; f++)
            note(&accept->formats[f], range_rank(type, f), weight);
    }
}

escertke_format esc_http_accept_choose(const struct esc_http_accept *accept, escertke_format like)
{
    escertke_format best = (escertke_format)0;
    int most = 0;

    for (escertke_format f = ESCERTKE_FORMAT_JSON; f <= ESCERTKE_FORMAT_CBOR; f++) {
        int weight = 2 * (accept->seen ? accept->formats[f].weight : 1000);
        weight += weight && f == like;
        if (weight <= most || !escertke_format_available(f))
            continue;
        best = f;
        most = weight;
    }
    return best;
}
