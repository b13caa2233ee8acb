#include "binding/coap_target.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "binding/http_text.h"

#define CLAUSE "TS-0008 6.2.2.3"

/* ---- URLs ---------------------------------------------------------------------------------------------------- */

escertke_err esc_coap_url_parse(const char *text, struct esc_http_url *out, escertke_detail *d)
{
    static const struct esc_url_schemes schemes = { { "coap://", 5683 }, { "coaps://", 5684 } };

    return esc_url_parse(text, &schemes, out, d);
}

void esc_coap_url_write(const struct esc_http_url *url, uint16_t port, char *out, size_t cap)
{
    snprintf(out, cap, "coap%s://%s%s%s:%u%s", url->https ? "s" : "", url->v6 ? "[" : "", url->host, url->v6 ? "]" : "",
             (unsigned)port, url->path);
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

void esc_coap_path_add(struct esc_coap_path *p, escertke_span segment)
{
    bool after_empty = p->len && p->text[p->len - 1] == '/';

    if (after_empty || p->len + 1 + segment.len > ESC_COAP_TO_MAX || (segment.len && memchr(segment.ptr, '/', segment.len)) ||
        (segment.len && memchr(segment.ptr, '\0', segment.len)) || esc_http_same_text(segment, ".."))
        p->bad = true;
    if (p->bad)
        return;
    p->text[p->len++] = '/';
    if (segment.len)
        memcpy(p->text + p->len, segment.ptr, segment.len);
    p->len += segment.len;
    p->text[p->len] = '\0';
}

static escertke_err no_address(const char *path, escertke_detail *d)
{
    return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, CLAUSE, "path does not give an address: %.200s", path);
}

escertke_err esc_coap_path_read(const struct esc_coap_path *p, const char *prefix, escertke_primitive *req, escertke_detail *d)
{
    size_t skip = strlen(prefix), len;
    const char *inside = p->text + skip, *lead = "";
    char to[ESC_COAP_TO_MAX + 3];

    if (p->bad)
        return no_address(p->text, d);
    if (strncmp(p->text, prefix, skip) || (*inside && *inside != '/'))
        return esc_fail(d, ESCERTKE_ERR_NOT_FOUND, CLAUSE, "path is outside %s", prefix);
    len = strlen(inside);
    if (len && inside[len - 1] == '/')
        len--;
    if (!len)
        return ESCERTKE_OK;
    inside++;
    len--;
    if (*inside == '~' || *inside == '_') {
        if (len == 1 || inside[1] == '/') {
            lead = *inside == '_' ? "/" : "";
            inside++;
            len--;
            if (len < 2)
                return no_address(p->text, d);
        }
    }
    snprintf(to, sizeof to, "%s%.*s", lead, (int)len, inside);
    escertke_err err = escertke_primitive_set(&req->to, escertke_span_str(to));
    if (err == ESCERTKE_ERR_PRIMITIVE)
        return esc_fail(d, err, CLAUSE, "path has control characters or is not UTF-8");
    return err;
}

static escertke_err read_number(escertke_span value, int max, bool again, int *out, const char *name, escertke_detail *d)
{
    if (again)
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, CLAUSE, "%s stands twice in the query", name);
    if (!esc_http_read_int(value, 0, max, out))
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, CLAUSE, "%s must be a number, at most %d", name, max);
    return ESCERTKE_OK;
}

static escertke_err read_atrl(escertke_span value, escertke_primitive *req, escertke_detail *d)
{
    bool ok = value.len > 0 && !req->atrl;

    for (size_t i = 0; ok && i < value.len; i++) {
        uint8_t c = value.ptr[i];
        ok = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr("+-_.:", c));
    }
    if (!ok)
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, CLAUSE, "atrl must stand once and be attribute names joined by \"+\"");
    return escertke_primitive_set(&req->atrl, value);
}

escertke_err esc_coap_query_read(escertke_span pair, escertke_primitive *req, int *op, escertke_detail *d)
{
    escertke_span value = pair, name;

    if (!pair.len)
        return ESCERTKE_OK;
    esc_http_next_part(&value, '=', &name);
    if (esc_http_same_text(name, "rt"))
        return read_number(value, 5, req->rt != 0, &req->rt, "rt", d);
    if (esc_http_same_text(name, "rcn"))
        return read_number(value, 99, req->rcn >= 0, &req->rcn, "rcn", d);
    if (esc_http_same_text(name, "op"))
        return read_number(value, ESCERTKE_OP_NOTIFY, *op != 0, op, "op", d);
    if (esc_http_same_text(name, "atrl"))
        return read_atrl(value, req, d);
    req->other_params = true; /* a filter condition or another parameter of R-BC-2: the receiver decides */
    return ESCERTKE_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static void add_segment(struct esc_coap_writer *w, escertke_span segment)
{
    static const char base_name[] = "-";

    if (w->err == ESCERTKE_OK && segment.len > ESC_COAP_SEGMENT_MAX)
        w->err = ESCERTKE_ERR_ARG;
    if (esc_http_same_text(segment, "."))
        segment = escertke_span_str(base_name); /* both name the <CSEBase> (A-46) */
    if (segment.len)
        esc_coap_add(w, ESC_COAP_URI_PATH, segment);
}

/* "/a/b", "a/b" or "" */
static void add_segments(struct esc_coap_writer *w, escertke_span path)
{
    escertke_span segment;

    while (esc_http_next_part(&path, '/', &segment))
        add_segment(w, segment);
}

static escertke_err to_of(const escertke_primitive *req, escertke_address *to, escertke_detail *d)
{
    if (req->to && escertke_address_parse(escertke_span_str(req->to), to) == ESCERTKE_OK)
        return ESCERTKE_OK;
    return esc_fail(d, ESCERTKE_ERR_ARG, CLAUSE, "To is not an address: %.200s", req->to ? req->to : "(absent)");
}

static void add_to(struct esc_coap_writer *w, const escertke_address *to)
{
    if (to->scope == ESCERTKE_SCOPE_SP)
        add_segment(w, escertke_span_str("~"));
    else if (to->scope == ESCERTKE_SCOPE_ABSOLUTE)
        add_segment(w, escertke_span_str("_"));
    add_segments(w, to->sp);
    add_segments(w, to->cse);
    add_segments(w, to->path);
}

escertke_err esc_coap_path_write(const struct esc_http_url *base, bool to_ae, const escertke_primitive *req,
                                 struct esc_coap_writer *w, escertke_detail *d)
{
    char prefix[ESCERTKE_ID_MAX + 1];
    escertke_address to;
    escertke_span rest = escertke_span_str(base->path), segment;
    escertke_err err;

    while (esc_http_next_part(&rest, '/', &segment)) {
        if (esc_http_percent_decode(segment, prefix, sizeof prefix) != ESCERTKE_OK)
            return esc_fail(d, ESCERTKE_ERR_ARG, CLAUSE, "path of the URL cannot be sent: %s", base->path);
        add_segment(w, escertke_span_str(prefix));
    }
    if (!to_ae || !base->path[0]) {
        if ((err = to_of(req, &to, d)) != ESCERTKE_OK)
            return err;
        add_to(w, &to);
    }
    return w->err == ESCERTKE_ERR_ARG ? esc_fail(d, w->err, CLAUSE, "a part of To has more than 255 octets") : w->err;
}

static void add_pair(struct esc_coap_writer *w, const char *name, int value)
{
    char text[32];

    snprintf(text, sizeof text, "%s=%d", name, value);
    esc_coap_add(w, ESC_COAP_URI_QUERY, escertke_span_str(text));
}

escertke_err esc_coap_query_write(const escertke_primitive *req, bool to_counts, int op, struct esc_coap_writer *w,
                                  escertke_detail *d)
{
    escertke_span attr = escertke_span_str(req->atrl);
    escertke_address to;
    escertke_err err;
    char text[ESC_COAP_SEGMENT_MAX + 1];

    if (to_counts) {
        if ((err = to_of(req, &to, d)) != ESCERTKE_OK)
            return err;
        if (to.attr.len && attr.len)
            return esc_fail(d, ESCERTKE_ERR_ARG, CLAUSE, "attributes are named both in To and in atrl");
        attr = to.attr.len ? to.attr : attr;
    }
    if (attr.len > ESC_COAP_SEGMENT_MAX - 5)
        return esc_fail(d, ESCERTKE_ERR_ARG, CLAUSE, "atrl has %zu octets, limit %d", attr.len, ESC_COAP_SEGMENT_MAX - 5);
    if (op)
        add_pair(w, "op", op);
    if (req->rt)
        add_pair(w, "rt", req->rt);
    if (req->rcn >= 0)
        add_pair(w, "rcn", req->rcn);
    if (attr.len) {
        snprintf(text, sizeof text, "atrl=%.*s", (int)attr.len, (const char *)attr.ptr);
        esc_coap_add(w, ESC_COAP_URI_QUERY, escertke_span_str(text));
    }
    return w->err;
}
