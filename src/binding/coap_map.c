#include "binding/coap_map.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"

#define RELEASE "3" /* what this implementation conforms to (R-DT-1) */
#define OPTIONS_CLAUSE "TS-0008 6.2.2.4"

enum { REQUEST = 1, RESPONSE = 2, BOTH = 3, TIME_LEN = 15, TIME_MOST = 22 };

/* What an option does in the mapping. */
enum kind {
    SKIP,  /* it says nothing about the primitive */
    TEXT,  /* a member */
    TIME,  /* a member that is an absolute time: written in whole seconds, read with a fraction as well, as others write */
    OTHER, /* a parameter that this library does not interpret */
    SPECIAL, /* read by read_special() */
    REFUSED  /* known and not taken: If-Match, If-None-Match */
};

/* RFC 7252 5.10, RFC 7959 2.1 and TS-0008 6.2.2.4 (R-BC-3), in ascending order: what is written follows it. */
static const struct option_row {
    unsigned number;
    const char *name;
    uint8_t where;
    uint8_t kind;
    bool repeats;
    uint16_t min, max; /* length of the value */
    size_t member;
} rows[] = {
    { 1, "If-Match", BOTH, REFUSED, true, 0, 8, 0 },
    { ESC_COAP_URI_HOST, "Uri-Host", REQUEST, SKIP, false, 1, 255, 0 },
    { 5, "If-None-Match", BOTH, REFUSED, true, 0, 0, 0 },
    { ESC_COAP_URI_PORT, "Uri-Port", REQUEST, SKIP, false, 0, 2, 0 },
    { ESC_COAP_URI_PATH, "Uri-Path", REQUEST, SPECIAL, true, 0, 255, 0 },
    { ESC_COAP_CONTENT_FORMAT, "Content-Format", BOTH, SPECIAL, false, 0, 2, 0 },
    { ESC_COAP_URI_QUERY, "Uri-Query", REQUEST, SPECIAL, true, 0, 255, 0 },
    { ESC_COAP_ACCEPT, "Accept", REQUEST, SPECIAL, false, 0, 2, 0 },
    { ESC_COAP_BLOCK2, "Block2", BOTH, SPECIAL, false, 0, 3, 0 },
    { ESC_COAP_BLOCK1, "Block1", BOTH, SPECIAL, false, 0, 3, 0 },
    { ESC_COAP_PROXY_URI, "Proxy-Uri", REQUEST, SPECIAL, false, 1, 1034, 0 },
    { ESC_COAP_PROXY_SCHEME, "Proxy-Scheme", REQUEST, SPECIAL, false, 1, 255, 0 },
    { 259, "oneM2M-OT", BOTH, TIME, false, TIME_LEN, TIME_MOST, offsetof(escertke_primitive, ot) },
    { 263, "oneM2M-RTURI", REQUEST, OTHER, false, 0, 255, 0 },
    { 267, "oneM2M-TY", REQUEST, SPECIAL, false, 0, 2, 0 },
    { 271, "oneM2M-RVI", BOTH, TEXT, false, 1, 2, offsetof(escertke_primitive, rvi) },
    { 275, "oneM2M-ASRI", RESPONSE, OTHER, false, 0, 255, 0 },
    { 279, "oneM2M-FR", BOTH, TEXT, false, 0, 255, offsetof(escertke_primitive, fr) },
    { 283, "oneM2M-RQI", BOTH, TEXT, false, 0, 255, offsetof(escertke_primitive, rqi) },
    { 291, "oneM2M-RQET", REQUEST, TIME, false, TIME_LEN, TIME_MOST, offsetof(escertke_primitive, rqet) },
    { 295, "oneM2M-RSET", BOTH, TIME, false, TIME_LEN, TIME_MOST, offsetof(escertke_primitive, rset) },
    { 299, "oneM2M-OET", REQUEST, TIME, false, TIME_LEN, TIME_MOST, offsetof(escertke_primitive, oet) },
    { 303, "oneM2M-EC", BOTH, OTHER, false, 0, 1, 0 },
    { 307, "oneM2M-RSC", RESPONSE, SPECIAL, false, 0, 2, 0 },
    { 311, "oneM2M-GID", REQUEST, TEXT, false, 0, 255, offsetof(escertke_primitive, gid) },
    { 319, "oneM2M-CTO", RESPONSE, OTHER, false, 0, 2, 0 },
    { 323, "oneM2M-CTS", RESPONSE, OTHER, false, 0, 2, 0 },
    { 327, "oneM2M-ATI", RESPONSE, OTHER, false, 0, 255, 0 },
    { 331, "oneM2M-VSI", BOTH, TEXT, false, 0, 255, offsetof(escertke_primitive, vsi) },
    { 335, "oneM2M-GTM", REQUEST, OTHER, false, 0, 512, 0 },
    { 339, "oneM2M-AUS", REQUEST, OTHER, false, 0, 255, 0 },
};
#define ROWS (sizeof rows / sizeof *rows)
_Static_assert(ROWS <= 64, "seen has a bit for each row");

/* R 3.8; the types of oneM2M are labels for the same body (R-DT-50). */
static const struct {
    uint16_t number;
    escertke_format format;
} formats[] = {
    { 50, ESCERTKE_FORMAT_JSON },    { 41, ESCERTKE_FORMAT_XML },    { 60, ESCERTKE_FORMAT_CBOR },
    { 10001, ESCERTKE_FORMAT_JSON }, { 10014, ESCERTKE_FORMAT_XML }, { 10010, ESCERTKE_FORMAT_CBOR },
    { 10003, ESCERTKE_FORMAT_JSON }, { 10002, ESCERTKE_FORMAT_XML }, { 10011, ESCERTKE_FORMAT_CBOR },
    { 10007, ESCERTKE_FORMAT_JSON }, { 10006, ESCERTKE_FORMAT_XML }, { 10012, ESCERTKE_FORMAT_CBOR },
    { 10009, ESCERTKE_FORMAT_JSON }, { 10008, ESCERTKE_FORMAT_XML }, { 10013, ESCERTKE_FORMAT_CBOR },
};
#define FORMATS (sizeof formats / sizeof *formats)

static const struct {
    int code;
    escertke_op op;
} methods[] = {
    { ESC_COAP_POST, ESCERTKE_OP_NOTIFY }, /* Create with oneM2M-TY, and whatever "op" says (R-BC-1) */
    { ESC_COAP_POST, ESCERTKE_OP_CREATE }, { ESC_COAP_GET, ESCERTKE_OP_RETRIEVE },
    { ESC_COAP_PUT, ESCERTKE_OP_UPDATE },  { ESC_COAP_DELETE, ESCERTKE_OP_DELETE },
};
#define METHODS (sizeof methods / sizeof *methods)

/* Codes that stand for one RSC alone, should a response have none (TS-0008 Table 6.2.4-1). */
static const struct {
    int code, rsc;
} alone[] = {
    { 202, ESCERTKE_RSC_DELETED },
    { 205, ESCERTKE_RSC_OK },
    { 405, ESCERTKE_RSC_OPERATION_NOT_ALLOWED },
    { 406, ESCERTKE_RSC_NOT_ACCEPTABLE },
    { 415, ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE },
    { 504, ESCERTKE_RSC_REQUEST_TIMEOUT },
};

uint32_t esc_coap_format_number(escertke_format format)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i].format == format)
            return formats[i].number;
    return formats[0].number;
}

bool esc_coap_format_find(long number, escertke_format *out)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i].number == number) {
            *out = formats[i].format;
            return true;
        }
    return false;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

escertke_err esc_coap_in_refuse(struct esc_coap_in *in, int rsc, int code, escertke_err err)
{
    if (in->err != ESCERTKE_OK || err == ESCERTKE_OK)
        return in->err;
    in->err = err;
    in->rsc = err == ESCERTKE_ERR_NOMEM ? ESCERTKE_RSC_INTERNAL_SERVER_ERROR : rsc;
    in->code = code && err != ESCERTKE_ERR_NOMEM ? code : escertke_rsc_coap(in->rsc);
    return err;
}

/* RFC 7252 5.4.1, 5.4.3, 5.4.5: all these are options that are not recognised. */
static void bad_option(struct esc_coap_in *in, unsigned number, const char *what)
{
    esc_coap_in_refuse(in, ESCERTKE_RSC_BAD_REQUEST, 402,
                       esc_fail(in->d, ESCERTKE_ERR_COAP, "RFC 7252 5.4", "option %u %s", number, what));
}

static void bad_value(struct esc_coap_in *in, const char *name, const char *what)
{
    esc_coap_in_refuse(in, ESCERTKE_RSC_BAD_REQUEST, 0, esc_fail(in->d, ESCERTKE_ERR_COAP, OPTIONS_CLAUSE, "%s %s", name, what));
}

static void read_member(struct esc_coap_in *in, const struct option_row *row, escertke_span value)
{
    char **member = (char **)(void *)((char *)in->p + row->member);
    int64_t time_ms;
    escertke_err err = value.len ? escertke_primitive_set(member, value) : ESCERTKE_OK; /* empty is absent */

    if (err == ESCERTKE_ERR_NOMEM)
        esc_coap_in_refuse(in, 0, 0, esc_fail(in->d, err, "", "%s", escertke_err_text(err)));
    else if (err != ESCERTKE_OK)
        bad_value(in, row->name, "has control characters or is not UTF-8");
    else if (row->kind == TIME && escertke_timestamp_parse(value, &time_ms) != ESCERTKE_OK)
        bad_value(in, row->name, "is not a time YYYYMMDDThhmmss");
}

static void read_block(struct esc_coap_in *in, const char *name, escertke_span value, bool *has, struct esc_coap_block *block)
{
    *has = esc_coap_block_read(value, block);
    if (!*has)
        bad_value(in, name, "has the block size that is reserved");
}

static void read_special(struct esc_coap_in *in, const struct option_row *row, escertke_span value)
{
    uint32_t number = 0;
    escertke_err err;

    if (row->max <= 3)
        (void)esc_coap_uint(value, row->max, &number); /* the length has been checked */
    switch (row->number) {
    case ESC_COAP_URI_PATH: esc_coap_path_add(&in->path, value); break;
    case ESC_COAP_URI_QUERY:
        err = esc_coap_query_read(value, in->p, &in->op, in->d);
        esc_coap_in_refuse(in, ESCERTKE_RSC_BAD_REQUEST, 0, err);
        break;
    case ESC_COAP_CONTENT_FORMAT: in->format = (long)number; break;
    case ESC_COAP_ACCEPT: in->accept = (long)number; break;
    case ESC_COAP_BLOCK1: read_block(in, row->name, value, &in->has_block1, &in->block1); break;
    case ESC_COAP_BLOCK2: read_block(in, row->name, value, &in->has_block2, &in->block2); break;
    case ESC_COAP_PROXY_URI:
    case ESC_COAP_PROXY_SCHEME:
        esc_coap_in_refuse(in, ESCERTKE_RSC_NOT_IMPLEMENTED, 505,
                           esc_fail(in->d, ESCERTKE_ERR_UNSUPPORTED, "RFC 7252 5.7.2", "this is no proxy"));
        break;
    case 267: in->ty = (int)number; break;
    default: /* 307 */
        in->p->rsc = (int)number;
        if (number < 1000 || number > 6999)
            bad_value(in, row->name, "must be a number from 1000 to 6999");
    }
}

static void read_option(struct esc_coap_in *in, const struct esc_coap_option *o)
{
    bool critical = o->number & 1;
    size_t i = 0;

    while (i < ROWS && (rows[i].number != o->number || !(rows[i].where & (in->response ? RESPONSE : REQUEST))))
        i++;
    const char *wrong = i == ROWS || rows[i].kind == REFUSED                       ? "is not known here"
                        : (in->seen >> i & 1) && !rows[i].repeats                  ? "stands twice"
                        : o->value.len < rows[i].min || o->value.len > rows[i].max ? "has a length that it must not have"
                                                                                   : NULL;
    if (wrong) {
        if (critical)
            bad_option(in, o->number, wrong);
        return; /* an elective one is passed over */
    }
    in->seen |= (uint64_t)1 << i;
    if (rows[i].kind == TEXT || rows[i].kind == TIME)
        read_member(in, &rows[i], o->value);
    else if (rows[i].kind == SPECIAL)
        read_special(in, &rows[i], o->value);
    else if (rows[i].kind == OTHER)
        in->p->other_params = true;
}

static void begin(struct esc_coap_in *in, bool response, const struct esc_coap_msg *m, escertke_primitive *p, escertke_detail *d)
{
    struct esc_coap_options it = { .rest = m->options };
    struct esc_coap_option option;

    memset(in, 0, sizeof *in);
    in->p = p;
    in->d = d;
    in->response = response;
    in->format = in->accept = -1;
    while (esc_coap_option_next(&it, &option))
        read_option(in, &option);
}

static void read_operation(struct esc_coap_in *in, int code)
{
    size_t i = 0;

    while (i < METHODS && methods[i].code != code)
        i++;
    if (i == METHODS) {
        esc_coap_in_refuse(
            in, ESCERTKE_RSC_OPERATION_NOT_ALLOWED, 0,
            esc_fail(in->d, ESCERTKE_ERR_COAP, "TS-0008 6.2.1", "method must be GET, POST, PUT or DELETE, found 0.%02d", code));
        return;
    }
    in->p->op = methods[i].op;
    if (code == ESC_COAP_POST && in->op)
        in->p->op = (escertke_op)in->op;
    else if (code == ESC_COAP_POST && in->ty)
        in->p->op = ESCERTKE_OP_CREATE;
    else if (in->op && in->op != (int)in->p->op)
        bad_value(in, "Uri-Query op", "differs from the method");
    if (in->p->op == ESCERTKE_OP_CREATE)
        in->p->ty = in->ty;
}

escertke_err esc_coap_in_request(struct esc_coap_in *in, const struct esc_coap_msg *m, const char *prefix, escertke_primitive *p,
                                 escertke_detail *d)
{
    escertke_format wanted;
    escertke_err err;

    begin(in, false, m, p, d);
    read_operation(in, m->code);
    err = esc_coap_path_read(&in->path, prefix, p, d);
    esc_coap_in_refuse(in, err == ESCERTKE_ERR_NOT_FOUND ? ESCERTKE_RSC_NOT_FOUND : ESCERTKE_RSC_BAD_REQUEST, 0, err);
    if (!p->rqi)
        bad_value(in, "oneM2M-RQI", "is missing");
    if (in->accept >= 0 && esc_coap_format_find(in->accept, &wanted) && escertke_format_available(wanted))
        p->accept = wanted;
    else if (in->accept >= 0)
        esc_coap_in_refuse(in, ESCERTKE_RSC_NOT_ACCEPTABLE, 0,
                           esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "TS-0008 6.2.3",
                                    "Accept %ld is no type of oneM2M that is made here", in->accept));
    if (in->format >= 0 && !esc_coap_format_find(in->format, &p->format) && p->op != ESCERTKE_OP_RETRIEVE &&
        p->op != ESCERTKE_OP_DELETE)
        esc_coap_in_refuse(
            in, ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE, 0,
            esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "TS-0008 6.2.2.2", "Content-Format %ld is none of oneM2M's", in->format));
    return in->err;
}

/* What is wrong with the type of a content, NULL = nothing. */
static const char *format_fault(const struct esc_coap_in *in)
{
    escertke_format unused;

    if (!in->p->content.len)
        return NULL;
    if (in->format < 0)
        return "content without Content-Format";
    return esc_coap_format_find(in->format, &unused) ? NULL : "Content-Format is none of oneM2M's";
}

escertke_err esc_coap_in_content(struct esc_coap_in *in)
{
    const char *fault = format_fault(in);

    return fault ? esc_coap_in_refuse(in, ESCERTKE_RSC_UNSUPPORTED_MEDIA_TYPE, 0,
                                      esc_fail(in->d, ESCERTKE_ERR_UNSUPPORTED, "TS-0008 6.2.2.2", "%s", fault))
                 : in->err;
}

escertke_err esc_coap_in_response(struct esc_coap_in *in, const struct esc_coap_msg *m, const char *rqi, escertke_primitive *p,
                                  escertke_detail *d)
{
    escertke_err err = ESCERTKE_OK;

    begin(in, true, m, p, d);
    for (size_t i = 0; i < sizeof alone / sizeof *alone && !p->rsc; i++)
        if (alone[i].code == m->code)
            p->rsc = alone[i].rsc;
    if (in->err != ESCERTKE_OK)
        return in->err;
    if (!p->rsc)
        err = esc_fail(d, ESCERTKE_ERR_COAP, "TS-0008 6.2.4", "response %d.%02d has no oneM2M-RSC: not a oneM2M answer",
                       m->code / 100, m->code % 100);
    else if ((m->code / 100 == 2) != (p->rsc < 4000))
        err = esc_fail(d, ESCERTKE_ERR_COAP, "TS-0008 6.2.4", "response %d.%02d says oneM2M-RSC %d", m->code / 100, m->code % 100,
                       p->rsc);
    else if (!p->rqi || strcmp(p->rqi, rqi) != 0)
        err = esc_fail(d, ESCERTKE_ERR_RQI, "TS-0004 7.3.3.12", "oneM2M-RQI should be %.100s, found %.100s", rqi,
                       p->rqi ? p->rqi : "none");
    if (in->format >= 0)
        (void)esc_coap_format_find(in->format, &p->format);
    return esc_coap_in_refuse(in, ESCERTKE_RSC_BAD_REQUEST, 0, err);
}

escertke_err esc_coap_in_response_content(struct esc_coap_in *in)
{
    const char *fault = format_fault(in);

    return fault ? esc_coap_in_refuse(in, ESCERTKE_RSC_BAD_REQUEST, 0,
                                      esc_fail(in->d, ESCERTKE_ERR_COAP, "TS-0008 6.2.2.2", "response %s", fault))
                 : in->err;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static const char *member_of(const escertke_primitive *p, size_t member)
{
    return *(char *const *)(const void *)((const char *)p + member);
}

/* @return false: the value does not fit into its option */
static bool value_of(const struct option_row *row, const char *text, int64_t now_ms, char time[TIME_LEN + 1], escertke_span *out)
{
    int64_t at_ms;

    *out = escertke_span_str(text);
    if (row->kind != TIME)
        return out->len >= row->min && out->len <= row->max;
    if (escertke_abs_rel_parse(*out, now_ms, &at_ms) != ESCERTKE_OK || at_ms < 0)
        return false;
    escertke_timestamp_format(at_ms / 1000, time);
    *out = escertke_span_str(time);
    return out->len == TIME_LEN;
}

/* Members of the rows from @p from up to, and without, the option @p end. @return the row that does not fit; NULL = all do */
static const struct option_row *add_members(struct esc_coap_writer *w, const escertke_primitive *p, uint8_t where, unsigned end,
                                            int64_t now_ms)
{
    const struct option_row *unfit = NULL;
    char time[TIME_LEN + 1];
    escertke_span value;

    for (size_t i = 0; i < ROWS && rows[i].number < end; i++) {
        if (rows[i].number <= w->last || (rows[i].kind != TEXT && rows[i].kind != TIME) || !(rows[i].where & where))
            continue;
        const char *text = member_of(p, rows[i].member);
        if (!text || !*text)
            continue;
        if (value_of(&rows[i], text, now_ms, time, &value))
            esc_coap_add(w, rows[i].number, value);
        else
            unfit = &rows[i];
    }
    return unfit;
}

static bool is_ip_literal(const struct esc_http_url *url)
{
    return url->v6 || url->host[strspn(url->host, "0123456789.")] == '\0';
}

escertke_err esc_coap_out_request(const struct esc_http_url *base, bool to_ae, const escertke_primitive *req, int64_t now_ms,
                                  int *code, escertke_buf *options, escertke_detail *d)
{
    struct esc_coap_writer w = { .out = options };
    bool blocking = req->rt == 0 || req->rt == 3, to_counts = !to_ae || !base->path[0];
    const struct option_row *unfit;
    escertke_err err;
    size_t i = 0;

    while (i < METHODS && methods[i].op != req->op)
        i++;
    if (i == METHODS || !req->rqi || !*req->rqi)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0004 7.3.1", "a request needs an operation and a request identifier");
    if (req->op == ESCERTKE_OP_CREATE && (req->ty <= 0 || req->ty > UINT16_MAX))
        return esc_fail(d, ESCERTKE_ERR_ARG, OPTIONS_CLAUSE, "Create needs a resource type, at most 65535");
    *code = blocking ? methods[i].code : ESC_COAP_POST;
    if (!is_ip_literal(base))
        esc_coap_add(&w, ESC_COAP_URI_HOST, escertke_span_str(base->host));
    if ((err = esc_coap_path_write(base, to_ae, req, &w, d)) != ESCERTKE_OK)
        return err;
    if (req->content.len)
        esc_coap_add_uint(&w, ESC_COAP_CONTENT_FORMAT, esc_coap_format_number(req->format));
    if ((err = esc_coap_query_write(req, to_counts, blocking ? 0 : (int)req->op, &w, d)) != ESCERTKE_OK)
        return err;
    esc_coap_add_uint(&w, ESC_COAP_ACCEPT, esc_coap_format_number(req->accept ? req->accept : req->format));
    unfit = add_members(&w, req, REQUEST, 267, now_ms);
    if (req->op == ESCERTKE_OP_CREATE)
        esc_coap_add_uint(&w, 267, (uint32_t)req->ty);
    if (!unfit)
        unfit = add_members(&w, req, REQUEST, UINT16_MAX, now_ms);
    if (unfit)
        return esc_fail(d, ESCERTKE_ERR_ARG, OPTIONS_CLAUSE, "what should go into %s does not fit: %.100s", unfit->name,
                        member_of(req, unfit->member));
    return w.err == ESCERTKE_OK ? w.err : esc_fail(d, w.err, OPTIONS_CLAUSE, "options: %s", escertke_err_text(w.err));
}

escertke_err esc_coap_out_response(const escertke_primitive *req, const escertke_primitive *rsp, int64_t now_ms, int *code,
                                   escertke_buf *options)
{
    static char release[] = RELEASE;
    struct esc_coap_writer w = { .out = options };
    escertke_primitive shown = *rsp; /* shallow: its strings are lent */

    *code = escertke_rsc_coap(rsp->rsc);
    if (rsp->rsc == ESCERTKE_RSC_OK && req->op == ESCERTKE_OP_RETRIEVE)
        *code = 205;
    shown.rqi = req->rqi;
    shown.fr = shown.to = NULL; /* */
    if (!shown.rvi && req->rvi)
        shown.rvi = release;
    if (rsp->content.len)
        esc_coap_add_uint(&w, ESC_COAP_CONTENT_FORMAT, esc_coap_format_number(rsp->format));
    if (*code == 205)
        esc_coap_add_uint(&w, ESC_COAP_MAX_AGE, 0); /* not to be cached (R-BC-8) */
    (void)add_members(&w, &shown, RESPONSE, 307, now_ms);
    esc_coap_add_uint(&w, 307, (uint32_t)rsp->rsc);
    (void)add_members(&w, &shown, RESPONSE, UINT16_MAX, now_ms);
    return w.err;
}
