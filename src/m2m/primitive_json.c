/* Primitives <-> tree, in any serialization. */
#include <escertke/m2m.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "m2m/serialization.h"

static const char clause[] = "TS-0004 6.4";

enum { REQUEST = 1, RESPONSE = 2, BOTH = 3 };

/* How a parameter is read: first the ones that have a place in the struct, then the types of those that are only noted. */
enum kind { TEXT, WHEN, NUMBER, RESPONSE_TYPE, CONTENT, OTHER_NUMBER, OTHER_BOOLEAN, OTHER_LIST, OTHER_OBJECT, OTHER_WHEN };

struct param {
    const char *name;
    int where;
    enum kind kind;
    size_t offset; /* TEXT, WHEN: char *; NUMBER: int */
    int min, max;  /* NUMBER */
};

#define AT(member) offsetof(escertke_primitive, member)

/* Tables 6.4.1-1 and 6.4.2-1, in the order in which they are written. op is read before pc, whose reading depends on it. */
static const struct param params[] = {
    { "rsc", RESPONSE, NUMBER, AT(rsc), 1, INT_MAX },
    { "op", REQUEST, NUMBER, AT(op), ESCERTKE_OP_CREATE, ESCERTKE_OP_NOTIFY },
    { "to", REQUEST, TEXT, AT(to), 0, 0 },
    { "fr", REQUEST, TEXT, AT(fr), 0, 0 },
    { "rqi", BOTH, TEXT, AT(rqi), 0, 0 },
    { "ty", REQUEST, NUMBER, AT(ty), 1, INT_MAX },
    { "pc", BOTH, CONTENT, AT(content), 0, 0 },
    { "to", RESPONSE, TEXT, AT(to), 0, 0 },
    { "fr", RESPONSE, TEXT, AT(fr), 0, 0 },
    { "rids", REQUEST, OTHER_LIST, 0, 0, 0 },
    { "ot", BOTH, TEXT, AT(ot), 0, 0 },
    { "rqet", REQUEST, WHEN, AT(rqet), 0, 0 },
    { "rset", BOTH, WHEN, AT(rset), 0, 0 },
    { "oet", REQUEST, WHEN, AT(oet), 0, 0 },
    { "rt", REQUEST, RESPONSE_TYPE, AT(rt), 1, 5 },
    { "rp", REQUEST, OTHER_WHEN, 0, 0, 0 },
    { "rcn", REQUEST, NUMBER, AT(rcn), 0, INT_MAX },
    { "ec", BOTH, OTHER_NUMBER, 0, 0, 0 },
    { "da", REQUEST, OTHER_BOOLEAN, 0, 0, 0 },
    { "gid", REQUEST, TEXT, AT(gid), 0, 0 },
    { "fc", REQUEST, OTHER_OBJECT, 0, 0, 0 },
    { "drt", REQUEST, OTHER_NUMBER, 0, 0, 0 },
    { "tkns", REQUEST, OTHER_LIST, 0, 0, 0 },
    { "tids", REQUEST, OTHER_LIST, 0, 0, 0 },
    { "ltids", REQUEST, OTHER_LIST, 0, 0, 0 },
    { "tqi", REQUEST, OTHER_BOOLEAN, 0, 0, 0 },
    { "grtm", REQUEST, OTHER_LIST, 0, 0, 0 },
    { "asi", REQUEST, OTHER_BOOLEAN, 0, 0, 0 },
    { "aus", REQUEST, OTHER_LIST, 0, 0, 0 },
    { "auri", REQUEST, OTHER_BOOLEAN, 0, 0, 0 },
    { "sqi", REQUEST, OTHER_BOOLEAN, 0, 0, 0 },
    { "cnst", RESPONSE, OTHER_NUMBER, 0, 0, 0 },
    { "cnot", RESPONSE, OTHER_NUMBER, 0, 0, 0 },
    { "ati", RESPONSE, OTHER_OBJECT, 0, 0, 0 },
    { "tqf", RESPONSE, OTHER_OBJECT, 0, 0, 0 },
    { "asri", RESPONSE, OTHER_BOOLEAN, 0, 0, 0 },
    { "rvi", BOTH, TEXT, AT(rvi), 0, 0 },
    { "vsi", BOTH, TEXT, AT(vsi), 0, 0 },
};

enum { PARAM_COUNT = sizeof params / sizeof *params };

static void *place(escertke_primitive *p, const struct param *param)
{
    return (char *)p + param->offset;
}

static const void *value_at(const escertke_primitive *p, const struct param *param)
{
    return (const char *)p + param->offset;
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

static escertke_err wrong(const char *name, const char *expected, const json_t *found, escertke_detail *d)
{
    return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, clause, "%s: expected %s, found %s", name, expected, esc_json_kind(found));
}

static escertke_err take_text(const char *name, escertke_span text, char **to, escertke_detail *d)
{
    escertke_err err = escertke_primitive_set(to, text);
    return err == ESCERTKE_OK ? err
                              : esc_fail(d, err, clause, "%s: %s", name,
                                         err == ESCERTKE_ERR_NOMEM ? "out of memory"
                                                                   : "expected a text without control characters, found another");
}

/* absRelTimestamp: a string, or a relative time as a number, which becomes its decimal text. */
static escertke_err take_when(const char *name, const json_t *value, char **to, escertke_detail *d)
{
    char number[24];
    escertke_span text = esc_json_text(value);
    int64_t when;

    if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        text = escertke_span_str(number);
    }
    if (escertke_abs_rel_parse(text, 0, &when) != ESCERTKE_OK)
        return wrong(name, "a timestamp or a whole number of milliseconds", value, d);
    return to ? take_text(name, text, to, d) : ESCERTKE_OK;
}

/* {"rtv":3}; notification URIs beside it are for somebody who answers later, which nobody here does. */
static escertke_err take_response_type(const struct param *param, const json_t *value, escertke_primitive *out,
                                       escertke_detail *d)
{
    const json_t *rtv = json_object_get(value, "rtv");

    if (!json_is_object(value))
        return wrong(param->name, "an object", value, d);
    if (rtv && !esc_json_int(rtv, param->min, param->max, &out->rt))
        return wrong("rtv", "a whole number from 1 to 5", rtv, d);
    if (json_object_get(value, "nu"))
        out->other_params = true;
    return ESCERTKE_OK;
}

static bool is_attribute_name(escertke_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return false;
    }
    return name.len > 0;
}

/* {"m2m:atrl":["esi","poa"]} of a Retrieve becomes "esi+poa", the same as the query of HTTP. */
static escertke_err take_attributes(const json_t *list, escertke_primitive *out, escertke_detail *d)
{
    escertke_buf joined;
    escertke_err err = ESCERTKE_OK;

    if (!json_array_size(list))
        return wrong("m2m:atrl", "an array of attribute names", list, d);
    escertke_buf_init(&joined, 4096);
    for (size_t i = 0; i < json_array_size(list) && err == ESCERTKE_OK; i++) {
        escertke_span name = esc_json_text(json_array_get(list, i));
        if (!is_attribute_name(name))
            err = ESCERTKE_ERR_PRIMITIVE;
        if (err == ESCERTKE_OK && i)
            err = escertke_buf_append(&joined, "+", 1);
        if (err == ESCERTKE_OK)
            err = escertke_buf_append(&joined, name.ptr, name.len);
    }
    if (err == ESCERTKE_OK)
        err = escertke_primitive_set(&out->atrl, escertke_buf_span(&joined));
    escertke_buf_free(&joined);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, clause, "m2m:atrl: expected attribute short names, found another list");
}

static escertke_err take_content(const json_t *value, escertke_primitive *out, escertke_detail *d)
{
    if (json_object_size(value) != 1)
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0004 8.4.2", "pc: expected an object with one member, found %s with %zu",
                        esc_json_kind(value), json_object_size(value));
    const json_t *list = json_object_get(value, "m2m:atrl");
    if (out->op == ESCERTKE_OP_RETRIEVE && list)
        return take_attributes(list, out, d);
    escertke_err err = esc_serial_dump(out->format, value, &out->content);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "pc: not kept: %s", escertke_err_text(err));
}

static escertke_err take_other(const struct param *param, const json_t *value, escertke_primitive *out, escertke_detail *d)
{
    static const struct {
        enum kind kind;
        const char *expected;
    } words[] = {
        { OTHER_NUMBER, "a whole number" },
        { OTHER_BOOLEAN, "true or false" },
        { OTHER_LIST, "an array" },
        { OTHER_OBJECT, "an object" },
    };
    int number;
    bool fits = param->kind == OTHER_NUMBER    ? esc_json_int(value, 0, INT_MAX, &number)
                : param->kind == OTHER_BOOLEAN ? json_is_boolean(value)
                : param->kind == OTHER_LIST    ? json_is_array(value)
                                               : json_is_object(value);

    if (!fits)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (words[i].kind == param->kind)
                return wrong(param->name, words[i].expected, value, d);
    out->other_params = true;
    return ESCERTKE_OK;
}

static escertke_err take_param(const struct param *param, const json_t *value, escertke_primitive *out, escertke_detail *d)
{
    char range[64];
    int number;

    switch (param->kind) {
    case TEXT:
        if (!json_is_string(value))
            return wrong(param->name, "a string", value, d);
        return take_text(param->name, esc_json_text(value), place(out, param), d);
    case WHEN: return take_when(param->name, value, place(out, param), d);
    case NUMBER:
        if (!esc_json_int(value, param->min, param->max, &number)) {
            snprintf(range, sizeof range, "a whole number from %d to %d", param->min, param->max);
            return wrong(param->name, range, value, d);
        }
        memcpy(place(out, param), &number, sizeof number);
        return ESCERTKE_OK;
    case RESPONSE_TYPE: return take_response_type(param, value, out, d);
    case CONTENT: return take_content(value, out, d);
    case OTHER_WHEN: out->other_params = true; return take_when(param->name, value, NULL, d);
    default: return take_other(param, value, out, d);
    }
}

static bool is_empty(const char *text)
{
    return !text || !*text;
}

/* What must be there (Tables 7.2.1.1-1, 7.2.1.2-1). From may be missing when an AE registers. */
static const char *missing(const escertke_primitive *p)
{
    if (is_empty(p->rqi))
        return "rqi";
    if (p->op != ESCERTKE_OP_NONE && is_empty(p->to))
        return "to";
    if (p->op != ESCERTKE_OP_NONE && p->op != ESCERTKE_OP_CREATE && is_empty(p->fr))
        return "fr";
    return NULL;
}

static escertke_err take_members(const json_t *root, escertke_primitive *out, escertke_detail *d)
{
    bool request = json_object_get(root, "op") != NULL, response = json_object_get(root, "rsc") != NULL;
    const json_t *rqi = json_object_get(root, "rqi");
    escertke_err err = ESCERTKE_OK;

    /* Before all others, so that an error response can repeat it whatever is wrong with them. */
    if (json_is_string(rqi) && (err = take_text("rqi", esc_json_text(rqi), &out->rqi, d)) != ESCERTKE_OK)
        return err;
    if (!json_is_object(root) || request == response)
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0004 8.4.2",
                        "primitive: expected an object with op or rsc, found %s with %s", esc_json_kind(root),
                        request ? "both" : "neither");
    for (size_t i = 0; i < PARAM_COUNT; i++) {
        const json_t *value = params[i].where & (request ? REQUEST : RESPONSE) ? json_object_get(root, params[i].name) : NULL;
        if (value && (err = take_param(&params[i], value, out, d)) != ESCERTKE_OK)
            return err;
    }
    const char *absent = missing(out);
    return absent ? wrong(absent, "a text of at least one character", NULL, d) : ESCERTKE_OK;
}

/* Where the root has a name, it says request or response, as op and rsc do. */
static const char *root_name(bool request)
{
    return request ? "m2m:rqp" : "m2m:rsp";
}

static escertke_err take_root(const struct esc_serialization *in, const json_t *root, escertke_primitive *out, escertke_detail *d)
{
    const json_t *request = json_object_get(root, root_name(true)), *response = json_object_get(root, root_name(false));
    const json_t *members = request ? request : response;

    if (!in->named_root)
        return take_members(root, out, d);
    if (!members)
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0004 8.3", "primitive: expected m2m:rqp or m2m:rsp, found another root");
    escertke_err err = take_members(members, out, d);
    if (err == ESCERTKE_OK && !request != (out->op == ESCERTKE_OP_NONE))
        err = esc_fail(d, ESCERTKE_ERR_PRIMITIVE, "TS-0004 8.3", "%s: expected %s, found the other", root_name(request),
                       request ? "op" : "rsc");
    return err;
}

escertke_err escertke_primitive_parse(escertke_format format, escertke_span text, escertke_primitive *out, escertke_detail *d)
{
    json_t *root;

    escertke_primitive_init(out);
    escertke_err err = esc_serial_load(format, text, &root, d);
    if (err != ESCERTKE_OK)
        return err;
    out->format = format;
    err = take_root(esc_serialization_of(format), root, out, d);
    json_decref(root);
    if (err != ESCERTKE_OK) {
        char *rqi = out->rqi;
        out->rqi = NULL;
        escertke_primitive_clear(out);
        out->rqi = rqi;
    }
    return err;
}

escertke_err escertke_primitive_parse_json(escertke_span text, escertke_primitive *out, escertke_detail *d)
{
    return escertke_primitive_parse(ESCERTKE_FORMAT_JSON, text, out, d);
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

/* A tree that is being made; the first error stays. */
struct maker {
    json_t *object;
    escertke_err err;
};

static void fail(struct maker *m, escertke_err err)
{
    if (m->err == ESCERTKE_OK)
        m->err = err;
}

/* Takes @p value, NULL = no memory. */
static void set(struct maker *m, const char *name, json_t *value)
{
    if (json_object_set_new(m->object, name, value))
        fail(m, ESCERTKE_ERR_NOMEM);
}

static json_t *make_attributes(struct maker *m, const char *atrl)
{
    json_t *list = json_array();

    for (const char *end;; atrl = end + 1) {
        end = atrl + strcspn(atrl, "+");
        escertke_span name = { (const uint8_t *)atrl, (size_t)(end - atrl) };
        if (!is_attribute_name(name))
            fail(m, ESCERTKE_ERR_PRIMITIVE);
        else if (json_array_append_new(list, json_stringn(atrl, name.len)))
            fail(m, ESCERTKE_ERR_NOMEM);
        if (!*end)
            break;
    }
    return json_pack("{so}", "m2m:atrl", list);
}

/* The content is read again: bytes that are not one object must not become members beside it, or come in another format. */
static void make_content(struct maker *m, const char *name, const escertke_primitive *p)
{
    json_t *root, *value;
    const char *member;

    if (p->atrl && (p->content.len || p->op != ESCERTKE_OP_RETRIEVE))
        fail(m, ESCERTKE_ERR_PRIMITIVE);
    if (p->atrl)
        set(m, name, make_attributes(m, p->atrl));
    if (!p->content.len || p->atrl)
        return;
    escertke_err err = esc_serial_load_content(p->format, escertke_buf_span(&p->content), &root, &member, &value, NULL);
    if (err == ESCERTKE_OK)
        set(m, name, root);
    else
        fail(m, esc_is_syntax(err) ? ESCERTKE_ERR_PRIMITIVE : err);
}

/* A string that is not UTF-8 was not set by escertke_primitive_set. */
static json_t *make_text(struct maker *m, const char *text)
{
    json_t *value = json_string(text);

    if (!value)
        fail(m, ESCERTKE_ERR_PRIMITIVE);
    return value;
}

static void make_param(struct maker *m, const struct param *param, const escertke_primitive *p)
{
    const char *text;
    int number, absent = strcmp(param->name, "rcn") ? 0 : -1;

    switch (param->kind) {
    case TEXT:
    case WHEN:
        memcpy(&text, value_at(p, param), sizeof text);
        if (text)
            set(m, param->name, make_text(m, text));
        return;
    case NUMBER:
    case RESPONSE_TYPE:
        memcpy(&number, value_at(p, param), sizeof number);
        if (number == absent)
            return;
        if (number < param->min || number > param->max)
            fail(m, ESCERTKE_ERR_PRIMITIVE);
        set(m, param->name, param->kind == RESPONSE_TYPE ? json_pack("{si}", "rtv", number) : json_integer(number));
        return;
    case CONTENT: make_content(m, param->name, p); return;
    default: return; /* not interpreted, so not kept */
    }
}

static escertke_err write_tree(const struct esc_serialization *in, const json_t *tree, escertke_buf *out)
{
    escertke_err err = esc_tree_within(tree, ESCERTKE_ERR_PRIMITIVE);

    if (err == ESCERTKE_OK)
        err = in->write(tree, out);
    return esc_is_syntax(err) ? ESCERTKE_ERR_PRIMITIVE : err;
}

escertke_err escertke_primitive_write(escertke_format format, const escertke_primitive *p, escertke_buf *out)
{
    const struct esc_serialization *in = esc_serialization_of(format);
    bool request = p->op != ESCERTKE_OP_NONE;

    if (!in)
        return ESCERTKE_ERR_UNSUPPORTED;
    if (request == (p->rsc != 0) || missing(p))
        return ESCERTKE_ERR_PRIMITIVE;
    struct maker m = { json_object(), ESCERTKE_OK };
    for (size_t i = 0; i < PARAM_COUNT && m.err == ESCERTKE_OK; i++)
        if (params[i].where & (request ? REQUEST : RESPONSE))
            make_param(&m, &params[i], p);
    json_t *root = in->named_root ? json_pack("{sO}", root_name(request), m.object) : json_incref(m.object);
    json_decref(m.object);
    escertke_err err = m.err != ESCERTKE_OK ? m.err : root ? write_tree(in, root, out) : ESCERTKE_ERR_NOMEM;
    json_decref(root);
    return err;
}

escertke_err escertke_primitive_write_json(const escertke_primitive *p, escertke_buf *out)
{
    return escertke_primitive_write(ESCERTKE_FORMAT_JSON, p, out);
}
