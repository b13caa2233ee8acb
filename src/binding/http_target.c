#include "binding/http_target.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "binding/http_text.h"

static escertke_err append_text(escertke_buf *out, const char *text)
{
    return escertke_buf_append(out, text, strlen(text));
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

static escertke_err write_path(const escertke_address *to, escertke_buf *out)
{
    static const char *const lead[] = { [ESCERTKE_SCOPE_CSE] = "", [ESCERTKE_SCOPE_SP] = "/~", [ESCERTKE_SCOPE_ABSOLUTE] = "/_" };
    escertke_span sp = to->sp;
    escertke_err err = append_text(out, lead[to->scope]);

    if (sp.len) { /* the first "/" of "//sp" became "/_" */
        sp.ptr++;
        sp.len--;
    }
    if (err == ESCERTKE_OK)
        err = esc_http_percent_encode(sp, out);
    if (err == ESCERTKE_OK)
        err = esc_http_percent_encode(to->cse, out);
    if (err == ESCERTKE_OK && to->path.len)
        err = append_text(out, "/");
    return err == ESCERTKE_OK ? esc_http_percent_encode(to->path, out) : err;
}

static escertke_err write_query(const escertke_primitive *req, escertke_span attr, escertke_buf *out)
{
    char number[32];
    const char *sep = "?";
    escertke_err err = ESCERTKE_OK;

    if (req->rt) {
        snprintf(number, sizeof number, "%srt=%d", sep, req->rt);
        err = append_text(out, number);
        sep = "&";
    }
    if (err == ESCERTKE_OK && req->rcn >= 0) {
        snprintf(number, sizeof number, "%srcn=%d", sep, req->rcn);
        err = append_text(out, number);
        sep = "&";
    }
    if (err != ESCERTKE_OK || !attr.len)
        return err;
    err = append_text(out, sep);
    if (err == ESCERTKE_OK)
        err = append_text(out, "atrl=");
    return err == ESCERTKE_OK ? esc_http_percent_encode(attr, out) : err;
}

escertke_err esc_http_target_write(const struct esc_http_url *base, bool to_ae, const escertke_primitive *req, escertke_buf *out,
                                   escertke_detail *d)
{
    escertke_address to;
    escertke_span attr = escertke_span_str(req->atrl);
    bool base_alone = to_ae && base->path[0];
    escertke_err err;

    if (!base_alone) {
        if (!req->to || escertke_address_parse(escertke_span_str(req->to), &to) != ESCERTKE_OK)
            return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0009 6.2.2.1", "To is not an address: %.200s",
                            req->to ? req->to : "(absent)");
        if (to.attr.len && attr.len)
            return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0009 6.2.2.2", "attributes are named both in To and in atrl");
        if (to.attr.len)
            attr = to.attr;
    }
    err = append_text(out, base->path);
    if (err == ESCERTKE_OK && !base_alone)
        err = write_path(&to, out);
    return err == ESCERTKE_OK ? write_query(req, attr, out) : err;
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

/* "http://host:port/path" -> "/path" (RFC 9112 3.2.2); the authority was the client's business. */
static escertke_span skip_authority(escertke_span target)
{
    static const char *const schemes[] = { "http://", "https://" };

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i]);
        if (target.len < len || !esc_http_same_name((escertke_span){ target.ptr, len }, schemes[i]))
            continue;
        target = (escertke_span){ target.ptr + len, target.len - len };
        while (target.len && *target.ptr != '/' && *target.ptr != '?') {
            target.ptr++;
            target.len--;
        }
        return target;
    }
    return target;
}

/* The part of a path behind the prefix, or NULL if it is outside. */
static const char *below(const char *path, const char *prefix)
{
    size_t len = strlen(prefix);

    if (strncmp(path, prefix, len) || (path[len] && path[len] != '/'))
        return NULL;
    return path + len;
}

static escertke_err read_to(const char *path, escertke_primitive *req, escertke_detail *d)
{
    size_t len = strlen(path);
    size_t skip = 1;

    if (len > 1 && path[len - 1] == '/')
        len--;
    if (len <= 1)
        return ESCERTKE_OK;
    if (path[1] == '~' && (path[2] == '/' || len == 2))
        skip = 2;
    else if (path[1] == '_' && (path[2] == '/' || len == 2))
        skip = 2;
    if (len <= skip + (skip == 2) || path[skip] == '\0' || (path[skip] == '/' && (skip == 1 || path[skip + 1] == '/')))
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0009 6.2.2.1", "path does not give an address: %.200s", path);

    char to[ESC_HTTP_TARGET_MAX + 2];
    bool absolute = skip == 2 && path[1] == '_';
    snprintf(to, sizeof to, "%s%.*s", absolute ? "/" : "", (int)(len - skip), path + skip);
    escertke_err err = escertke_primitive_set(&req->to, escertke_span_str(to));
    if (err == ESCERTKE_ERR_PRIMITIVE)
        return esc_fail(d, err, "TS-0009 6.2.2.1", "path has control characters, is not UTF-8 or is too long");
    return err;
}

static escertke_err read_number(escertke_span value, int min, int max, bool again, int *out, escertke_detail *d, const char *name)
{
    if (again)
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0009 6.2.2.2", "%s stands twice in the query", name);
    if (!esc_http_read_int(value, min, max, out))
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0009 6.2.2.2", "%s must be a number from %d to %d", name, min, max);
    return ESCERTKE_OK;
}

static escertke_err read_atrl(escertke_span value, escertke_primitive *req, escertke_detail *d)
{
    char text[ESC_HTTP_TARGET_MAX + 1];
    bool ok = esc_http_percent_decode(value, text, sizeof text) == ESCERTKE_OK && text[0];

    for (const char *p = text; ok && *p; p++)
        ok = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || strchr("+-_.:", *p);
    if (!ok || req->atrl)
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0009 6.2.2.2",
                        "atrl must stand once and be attribute names joined by \"+\"");
    return escertke_primitive_set(&req->atrl, escertke_span_str(text));
}

static escertke_err read_pair(escertke_span pair, escertke_primitive *req, escertke_detail *d)
{
    escertke_span value = pair;
    escertke_span name;

    if (!pair.len)
        return ESCERTKE_OK;
    esc_http_next_part(&value, '=', &name);
    if (esc_http_same_text(name, "rt"))
        return read_number(value, 1, 5, req->rt != 0, &req->rt, d, "rt");
    if (esc_http_same_text(name, "rcn"))
        return read_number(value, 0, 99, req->rcn >= 0, &req->rcn, d, "rcn");
    if (esc_http_same_text(name, "atrl"))
        return read_atrl(value, req, d);
    req->other_params = true; /* a filter condition or another parameter of R-BH-3: the receiver decides */
    return ESCERTKE_OK;
}

escertke_err esc_http_target_read(escertke_span target, const char *prefix, escertke_primitive *req, escertke_detail *d)
{
    char path[ESC_HTTP_TARGET_MAX + 1];
    escertke_span rest = skip_authority(target), raw, pair;
    const char *inside;
    escertke_err err;

    if (target.len > ESC_HTTP_TARGET_MAX)
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0009 6.2.2.1", "request target has %zu characters, limit %u", target.len,
                        ESC_HTTP_TARGET_MAX);
    esc_http_next_part(&rest, '?', &raw);
    if (esc_http_percent_decode(raw, path, sizeof path) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0009 6.2.2.1", "path has a bad percent-encoding or a NUL");
    if (path[0] && path[0] != '/')
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0009 6.2.2.1", "request target must begin with \"/\"");
    inside = below(path, prefix);
    if (!inside)
        return esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "TS-0009 6.2.2.1", "path is outside %s", prefix);
    err = read_to(inside, req, d);
    while (err == ESCERTKE_OK && esc_http_next_part(&rest, '&', &pair))
        err = read_pair(pair, req, d);
    return err;
}
