#include "binding/http_map.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "binding/http_target.h"
#include "binding/http_text.h"

#define RELEASE "3" /* what this implementation conforms to (R-DT-1) */

enum { REQUEST = 1, RESPONSE = 2, BOTH = 3 };

static void read_rsc(struct esc_http_in *in, escertke_span value);
static void read_content_type(struct esc_http_in *in, escertke_span value);
static void read_accept(struct esc_http_in *in, escertke_span value);

/* TS-0009 6.4 (R-BH-4). A row without member and reader is a parameter that this library does not interpret. */
static const struct field_row {
    const char *name;
    uint8_t where;
    bool repeats; /* may be sent as several fields (RFC 9110 5.3) */
    size_t member;
    void (*read)(struct esc_http_in *in, escertke_span value);
} rows[] = {
    { "X-M2M-Origin", BOTH, false, offsetof(escertke_primitive, fr), NULL },
    { "X-M2M-RI", BOTH, false, offsetof(escertke_primitive, rqi), NULL },
    { "X-M2M-RVI", BOTH, false, offsetof(escertke_primitive, rvi), NULL },
    { "X-M2M-OT", BOTH, false, offsetof(escertke_primitive, ot), NULL },
    { "X-M2M-RET", REQUEST, false, offsetof(escertke_primitive, rqet), NULL },
    { "X-M2M-RST", BOTH, false, offsetof(escertke_primitive, rset), NULL },
    { "X-M2M-OET", REQUEST, false, offsetof(escertke_primitive, oet), NULL },
    { "X-M2M-GID", REQUEST, false, offsetof(escertke_primitive, gid), NULL },
    { "X-M2M-VSI", BOTH, false, offsetof(escertke_primitive, vsi), NULL },
    { "X-M2M-RSC", RESPONSE, false, 0, read_rsc },
    { "Content-Type", BOTH, false, 0, read_content_type },
    { "Accept", REQUEST, true, 0, read_accept },
    { "X-M2M-EC", BOTH, false, 0, NULL },
    { "X-M2M-RTU", REQUEST, false, 0, NULL },
    { "X-M2M-AS", REQUEST, false, 0, NULL },
    { "Authorization", REQUEST, false, 0, NULL },
    { "X-M2M-CTS", RESPONSE, false, 0, NULL },
    { "X-M2M-CTO", RESPONSE, false, 0, NULL },
    { "X-M2M-ATI", RESPONSE, false, 0, NULL },
    { "X-M2M-ASRI", RESPONSE, false, 0, NULL },
};
#define ROWS (sizeof rows / sizeof *rows)

static const struct {
    const char *name;
    escertke_op op;
} methods[] = {
    { "POST", ESCERTKE_OP_NOTIFY }, /* Create if Content-Type has a "ty" (R-BH-1) */
    { "POST", ESCERTKE_OP_CREATE }, { "GET", ESCERTKE_OP_RETRIEVE },
    { "PUT", ESCERTKE_OP_UPDATE },  { "DELETE", ESCERTKE_OP_DELETE },
};
#define METHODS (sizeof methods / sizeof *methods)

/* ---- reading ----------------------------------------------------------------------------------------------- */

void esc_http_in_init(struct esc_http_in *in, bool response, escertke_primitive *p, escertke_detail *d)
{
    memset(in, 0, sizeof *in);
    in->p = p;
    in->d = d;
    in->response = response;
}

escertke_err esc_http_in_refuse(struct esc_http_in *in, int rsc, escertke_err err)
{
    if (in->err != ESCERTKE_OK)
        return in->err;
    in->err = err;
    in->rsc = err == ESCERTKE_ERR_NOMEM ? ESCERTKE_RSC_INTERNAL_SERVER_ERROR : rsc;
    in->status = escertke_rsc_http(in->rsc);
    return err;
}

static void bad_field(struct esc_http_in *in, const char *name, const char *what)
{
    esc_http_in_refuse(in, ESCERTKE_RSC_BAD_REQUEST, esc_fail(in->d, ESCERTKE_ERR_HTTP, "TS-0009 6.4", "%s %s", name, what));
}

static void read_rsc(struct esc_http_in *in, escertke_span value)
{
    if (!esc_http_read_int(value, 1000, 6999, &in->p->rsc))
        bad_field(in, "X-M2M-RSC", "must be a number from 1000 to 6999");
}

static void read_content_type(struct esc_http_in *in, escertke_span value)
{
    if (esc_http_content_type_read(value, &in->media, &in->p->format, &in->ty) != ESCERTKE_OK)
        bad_field(in, "Content-Type", "has a ty parameter that is not one number");
}

static void read_accept(struct esc_http_in *in, escertke_span value)
{
    esc_http_accept_read(value, &in->accept);
}

static void read_member(struct esc_http_in *in, const struct field_row *row, escertke_span value)
{
    char **member = (char **)(void *)((char *)in->p + row->member);
    escertke_err err = escertke_primitive_set(member, value);

    if (err == ESCERTKE_ERR_NOMEM)
        esc_http_in_refuse(in, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, esc_fail(in->d, err, "", "%s", escertke_err_text(err)));
    else if (err != ESCERTKE_OK)
        bad_field(in, row->name, "is too long or has control characters");
}

void esc_http_in_field(struct esc_http_in *in, escertke_span name, escertke_span value)
{
    size_t i = 0;

    while (i < ROWS && (!(rows[i].where & (in->response ? RESPONSE : REQUEST)) || !esc_http_same_name(name, rows[i].name)))
        i++;
    if (i == ROWS)
        return;
    if ((in->seen & 1u << i) && !rows[i].repeats) {
        bad_field(in, rows[i].name, "stands twice");
        return;
    }
    in->seen |= 1u << i;
    value = esc_http_trim(value);
    if (!value.len)
        return; /* an empty field is an absent parameter */
    if (rows[i].read)
        rows[i].read(in, value);
    else if (rows[i].member)
        read_member(in, &rows[i], value);
    else
        in->p->other_params = true;
}

void esc_http_in_line(struct esc_http_in *in, const char *method, escertke_span target, const char *prefix)
{
    escertke_err err;
    size_t i = 0;

    while (i < METHODS && strcmp(method, methods[i].name) != 0)
        i++;
    if (i == METHODS) {
        esc_http_in_refuse(
            in, ESCERTKE_RSC_OPERATION_NOT_ALLOWED,
            esc_fail(in->d, ESCERTKE_ERR_HTTP, "TS-0009 6.2.1", "method must be POST, GET, PUT or DELETE, found %.20s", method));
        return;
    }
    in->p->op = methods[i].op;
    err = esc_http_target_read(target, prefix, in->p, in->d);
    if (err != ESCERTKE_OK)
        esc_http_in_refuse(in, err == ESCERTKE_ERR_NOT_FOUND ? ESCERTKE_RSC_NOT_FOUND : ESCERTKE_RSC_BAD_REQUEST, err);
}

static escertke_err bad_type(struct esc_http_in *in)
{
    const char *what = in->media == ESC_MEDIA_ABSENT    ? "content without Content-Type"
                       : in->media == ESC_MEDIA_UNKNOWN ? "Content-Type is none of JSON, XML and CBOR"
                                                        : "Content-Type is of a serialization that this build does not have";

    return esc_http_in_refuse(in, ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE,
                              esc_fail(in->d, ESCERTKE_ERR_UNSUPPORTED, "TS-0009 6.4.3", "%s", what));
}

/* Is the type of the content one that can be read? */
static bool readable(const struct esc_http_in *in)
{
    return in->media == ESC_MEDIA_KNOWN && escertke_format_available(in->p->format);
}

escertke_format esc_http_in_wanted(const struct esc_http_in *in)
{
    return esc_http_accept_choose(&in->accept, readable(in) ? in->p->format : (escertke_format)0);
}

escertke_err esc_http_in_head(struct esc_http_in *in)
{
    escertke_primitive *p = in->p;
    bool carries = p->op == ESCERTKE_OP_NOTIFY || p->op == ESCERTKE_OP_UPDATE; /* POST of either kind, PUT */

    if (in->err != ESCERTKE_OK)
        return in->err;
    if (!p->rqi) {
        bad_field(in, "X-M2M-RI", "is missing");
        return in->err;
    }
    p->accept = esc_http_in_wanted(in);
    if (!p->accept)
        return esc_http_in_refuse(in, ESCERTKE_RSC_NOT_ACCEPTABLE,
                                  esc_fail(in->d, ESCERTKE_ERR_UNSUPPORTED, "TS-0009 6.4.2",
                                           "Accept excludes every serialization that this build has"));
    if (carries && in->media != ESC_MEDIA_ABSENT && !readable(in))
        return bad_type(in);
    if (p->op == ESCERTKE_OP_NOTIFY && in->ty) {
        p->op = ESCERTKE_OP_CREATE;
        p->ty = in->ty;
    }
    return ESCERTKE_OK;
}

escertke_err esc_http_in_end(struct esc_http_in *in)
{
    if (in->err == ESCERTKE_OK && in->p->content.len && !readable(in))
        return bad_type(in);
    return in->err;
}

/* A CSE that could not read a request does not know its identifier; its refusal tells more than the identifier's absence. */
static escertke_err other_rqi(const struct esc_http_in *in, const char *rqi)
{
    const escertke_primitive *p = in->p;
    char words[160] = "";

    escertke_dbg_read(p->format, escertke_buf_span(&p->content), words, sizeof words);
    if (p->rsc >= 4000 && in->d)
        in->d->rsc = p->rsc;
    return esc_fail(in->d, ESCERTKE_ERR_RQI, "TS-0004 7.3.3.12",
                    "X-M2M-RI should be %.100s, found %.100s, in an answer with RSC %d%s%s", rqi, p->rqi ? p->rqi : "none",
                    p->rsc, words[0] ? ": " : "", words);
}

escertke_err esc_http_in_response_end(struct esc_http_in *in, const char *rqi)
{
    escertke_primitive *p = in->p;
    escertke_err err = ESCERTKE_OK;

    if (in->err != ESCERTKE_OK)
        return in->err;
    if (!p->rsc)
        err = esc_fail(in->d, ESCERTKE_ERR_HTTP, "TS-0009 6.3.2", "response has no X-M2M-RSC: not a oneM2M answer");
    else if (!p->rqi || strcmp(p->rqi, rqi) != 0)
        err = other_rqi(in, rqi);
    else if (p->content.len && in->media != ESC_MEDIA_KNOWN)
        err = esc_fail(in->d, ESCERTKE_ERR_HTTP, "TS-0009 6.4.3", "response content %s",
                       in->media == ESC_MEDIA_ABSENT ? "has no Content-Type" : "is none of JSON, XML and CBOR");
    return esc_http_in_refuse(in, 0, err);
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

static void add(struct esc_http_out *out, const char *name, const char *value)
{
    if (out->count == ESC_HTTP_FIELDS_MAX)
        return;
    out->fields[out->count].name = name;
    out->fields[out->count++].value = value;
}

static const char *member_of(const escertke_primitive *p, size_t member)
{
    return *(char *const *)(const void *)((const char *)p + member);
}

static void add_members(struct esc_http_out *out, const escertke_primitive *p, uint8_t where)
{
    for (size_t i = 0; i < ROWS; i++) {
        const char *value = rows[i].member && (rows[i].where & where) ? member_of(p, rows[i].member) : NULL;
        if (value && *value)
            add(out, rows[i].name, value);
    }
}

/* A CR LF that got into a member would become a header of its own. */
static bool values_clean(const struct esc_http_out *out)
{
    for (size_t i = 0; i < out->count; i++)
        for (const char *p = out->fields[i].value; *p; p++)
            if ((unsigned char)*p < 0x20 || *p == 0x7F)
                return false;
    return true;
}

escertke_err esc_http_out_request(const escertke_primitive *req, struct esc_http_out *out, escertke_detail *d)
{
    const char *media = escertke_format_media(req->format);
    size_t i = 0;

    memset(out, 0, sizeof *out);
    while (i < METHODS && methods[i].op != req->op)
        i++;
    if (i == METHODS || !req->rqi || !*req->rqi)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0004 7.3.1", "a request needs an operation and a request identifier");
    if (req->op == ESCERTKE_OP_CREATE && req->ty <= 0)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0009 6.4.3", "Create needs a resource type");
    out->method = methods[i].name;
    add_members(out, req, REQUEST);
    add(out, "Accept", escertke_format_media(req->accept ? req->accept : req->format));
    if (req->op == ESCERTKE_OP_CREATE)
        snprintf(out->type, sizeof out->type, "%s;ty=%d", media, req->ty);
    else
        snprintf(out->type, sizeof out->type, "%s", media); /* no parameter: R-IO-1 */
    if (req->content.len || req->op == ESCERTKE_OP_CREATE)
        add(out, "Content-Type", out->type);
    if (!values_clean(out))
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0009 6.4", "a parameter has control characters");
    return ESCERTKE_OK;
}

void esc_http_out_response(const escertke_primitive *req, const escertke_primitive *rsp, struct esc_http_out *out)
{
    escertke_primitive shown = *rsp; /* shallow: its strings are lent */

    memset(out, 0, sizeof *out);
    snprintf(out->rsc, sizeof out->rsc, "%d", rsp->rsc);
    add(out, "X-M2M-RSC", out->rsc);
    shown.rqi = req->rqi;
    if (!shown.rvi && req->rvi)
        add(out, "X-M2M-RVI", RELEASE);
    add_members(out, &shown, RESPONSE);
    if (!rsp->content.len)
        return;
    snprintf(out->type, sizeof out->type, "%s", escertke_format_media(rsp->format));
    add(out, "Content-Type", out->type);
}
