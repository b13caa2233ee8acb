#include <escertke/m2m.h>

#include <string.h>

#include "base/fail.h"
#include "m2m/json.h"
#include "m2m/rand_object.h"
#include "m2m/serialization.h"

static const char clause[] = "TS-0004 6.3.5.48";

enum child_kind { CHILD_OBJECT, CHILD_RAND, CHILD_JWE, CHILD_MESSAGE };

/* Which child belongs to which sit. Sit 3 has none. */
static const struct child {
    escertke_sit sit;
    const char *name;
    enum child_kind kind;
} children[] = {
    { ESCERTKE_SIT_ESCERTKE, "eckm", CHILD_MESSAGE },        { ESCERTKE_SIT_ESPRIM_OBJECT, "epo", CHILD_JWE },
    { ESCERTKE_SIT_RAND_RESPONSE, "ero", CHILD_RAND },       { ESCERTKE_SIT_DAS_REQUEST, "dreq", CHILD_OBJECT },
    { ESCERTKE_SIT_DAS_RESPONSE, "dres", CHILD_OBJECT },     { ESCERTKE_SIT_DAR_MAP_REQUEST, "darq", CHILD_OBJECT },
    { ESCERTKE_SIT_DAR_MAP_RESPONSE, "dars", CHILD_OBJECT },
};

static const struct child *child_of(escertke_sit sit)
{
    for (size_t i = 0; i < sizeof children / sizeof *children; i++)
        if (children[i].sit == sit)
            return &children[i];
    return NULL;
}

void escertke_seci_init(escertke_seci *s)
{
    memset(s, 0, sizeof *s);
    escertke_buf_init(&s->eckm, ESCERTKE_MESSAGE_MAX);
    escertke_buf_init(&s->object, ESCERTKE_PRIMITIVE_MAX);
}

void escertke_seci_clear(escertke_seci *s)
{
    escertke_buf_free(&s->eckm);
    escertke_buf_free(&s->object);
    escertke_seci_init(s);
}

/* ---- compact JWE ------------------------------------------------------------------------------------------- */

static bool is_base64url(escertke_span part)
{
    for (size_t i = 0; i < part.len; i++) {
        uint8_t c = part.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return part.len % 4 != 1; /* no number of octets is spelled so */
}

/* header..iv.ciphertext.tag: the encrypted key is empty, everything else is not (R-ES-20). */
static bool is_jwe(escertke_span text)
{
    for (int place = 0; place < 5; place++) {
        const uint8_t *dot = text.len ? memchr(text.ptr, '.', text.len) : NULL;
        escertke_span part = { text.ptr, dot ? (size_t)(dot - text.ptr) : text.len };
        if (!dot != (place == 4) || !part.len != (place == 1) || !is_base64url(part))
            return false;
        if (dot)
            text = (escertke_span){ dot + 1, text.len - part.len - 1 };
    }
    return true;
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

static escertke_err wrong_child(const struct child *c, const char *expected, const json_t *found, escertke_detail *d)
{
    return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "%s: expected %s for sit %d, found %s", c->name, expected, (int)c->sit,
                    esc_json_kind(found));
}

static escertke_err take_object(const struct child *c, const json_t *value, escertke_seci *out, escertke_detail *d)
{
    if (!json_is_object(value))
        return wrong_child(c, "an object", value, d);
    escertke_err err = esc_json_dump(value, &out->object);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, clause, "%s: not kept: %s", c->name, escertke_err_text(err));
}

static escertke_err take_jwe(const struct child *c, const json_t *value, escertke_seci *out, escertke_detail *d)
{
    escertke_span text = esc_json_text(value);

    if (!json_is_string(value))
        return wrong_child(c, "a string", value, d);
    if (!is_jwe(text))
        return esc_fail(d, ESCERTKE_ERR_SECINFO, "TS-0003 8.4.3.2",
                        "epo: expected five base64url parts with an empty second one, found another text");
    escertke_err err = escertke_buf_append(&out->object, text.ptr, text.len);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, clause, "epo: not kept: %s", escertke_err_text(err));
}

static escertke_err take_message(const struct child *c, const json_t *value, escertke_seci *out, escertke_detail *d)
{
    if (!json_is_string(value))
        return wrong_child(c, "a base64 string", value, d);
    escertke_err err = escertke_base64_decode(esc_json_text(value), &out->eckm);
    if (err == ESCERTKE_ERR_BASE64)
        return esc_fail(d, err, "TS-0004 6.3.2", "eckm: expected padded standard base64, found another text of %zu characters",
                        json_string_length(value));
    if (err == ESCERTKE_ERR_TOO_LARGE)
        return esc_fail(d, err, clause, "eckm: message larger than %u bytes", ESCERTKE_MESSAGE_MAX);
    if (err != ESCERTKE_OK)
        return esc_fail(d, err, "", "eckm: %s", escertke_err_text(err));
    if (!out->eckm.len)
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "eckm: expected an ESCertKE message, found an empty one");
    return ESCERTKE_OK;
}

static escertke_err take_child(const struct child *c, const json_t *value, escertke_seci *out, escertke_detail *d)
{
    switch (c->kind) {
    case CHILD_OBJECT: return take_object(c, value, out, d);
    case CHILD_RAND: return esc_rand_object_parse(value, &out->ero, d);
    case CHILD_JWE: return take_jwe(c, value, out, d);
    default: return take_message(c, value, out, d);
    }
}

static escertke_err take_seci(const json_t *seci, escertke_seci *out, escertke_detail *d)
{
    const json_t *sit_value = json_object_get(seci, "sit"), *mine = NULL;
    int sit;

    if (!json_is_object(seci))
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "m2m:seci: expected an object, found %s", esc_json_kind(seci));
    if (!esc_json_int(sit_value, ESCERTKE_SIT_DAS_REQUEST, ESCERTKE_SIT_DAR_MAP_RESPONSE, &sit))
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "sit: expected a whole number from 1 to 8, found %s%s",
                        json_is_number(sit_value) ? "another " : "", esc_json_kind(sit_value));
    for (size_t i = 0; i < sizeof children / sizeof *children; i++) {
        const json_t *value = json_object_get(seci, children[i].name);
        if (!value)
            continue;
        if ((int)children[i].sit != sit)
            return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "%s: expected only with sit %d, found with sit %d", children[i].name,
                            (int)children[i].sit, sit);
        mine = value;
    }
    out->sit = (escertke_sit)sit;
    const struct child *c = child_of(out->sit);
    if (!c)
        return ESCERTKE_OK;
    if (!mine)
        return wrong_child(c, "the member", NULL, d);
    return take_child(c, mine, out, d);
}

/* White space, then this token; the rest moves behind it. */
static bool skip(escertke_span *rest, const char *token)
{
    size_t len = strlen(token);

    while (rest->len && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t' || rest->ptr[0] == '\r' || rest->ptr[0] == '\n'))
        *rest = (escertke_span){ rest->ptr + 1, rest->len - 1 };
    if (rest->len < len || (len && memcmp(rest->ptr, token, len) != 0))
        return false;
    *rest = (escertke_span){ rest->ptr + len, rest->len - len };
    return true;
}

/*
 * The message as everybody writes it, sit before eckm and nothing else: decoded from where it stands, in a
 * small part of the time that building a tree takes. Whatever is not exactly that, faults included, is left to the general way to
 * judge.
 */
static bool take_plain_message(escertke_span content, escertke_seci *out)
{
    static const char *const before[] = { "{", "\"m2m:seci\"", ":", "{", "\"sit\"", ":", "6", ",", "\"eckm\"", ":", "\"" };
    static const char *const behind[] = { "\"", "}", "}", "" };

    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if (!skip(&content, before[i]))
            return false;
    const uint8_t *quote = content.len ? memchr(content.ptr, '"', content.len) : NULL;
    if (!quote || quote == content.ptr)
        return false;
    escertke_span text = { content.ptr, (size_t)(quote - content.ptr) };
    escertke_span rest = { quote, content.len - text.len };
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++)
        if (!skip(&rest, behind[i]))
            return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x20) /* white space that base64 would skip but a JSON string may not hold */
            return false;
    if (rest.len || escertke_base64_decode(text, &out->eckm) != ESCERTKE_OK || !out->eckm.len)
        return false;
    out->sit = ESCERTKE_SIT_ESCERTKE;
    return true;
}

static escertke_err take_any(escertke_format format, escertke_span content, escertke_seci *out, escertke_detail *d)
{
    json_t *root;
    escertke_err err = esc_serial_load(format, content, &root, d);

    if (err != ESCERTKE_OK)
        return err;
    const char *name = json_object_iter_key(json_object_iter(root));
    const json_t *seci = json_object_get(root, "m2m:seci");
    if (json_object_size(root) != 1 || !seci) /* nested in m2m:sgn it is refused too */
        err = esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "content: expected one member m2m:seci, found %zu, the first %.40s",
                       json_object_size(root), name ? name : "absent");
    else
        err = take_seci(seci, out, d);
    json_decref(root);
    return err;
}

escertke_err escertke_seci_parse(escertke_format format, escertke_span content, escertke_seci *out, escertke_detail *d)
{
    escertke_seci_init(out);
    if (format == ESCERTKE_FORMAT_JSON && content.len <= ESCERTKE_PRIMITIVE_MAX && take_plain_message(content, out))
        return ESCERTKE_OK;
    escertke_err err = take_any(format, content, out, d);
    if (err != ESCERTKE_OK)
        escertke_seci_clear(out);
    return err;
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

static void fail(struct esc_json_writer *w, escertke_err err)
{
    if (w->err == ESCERTKE_OK)
        w->err = err;
}

/* A pass-through object must be one and must still be readable when it stands two levels deeper. */
static void write_object(struct esc_json_writer *w, escertke_span text)
{
    json_t *object;
    escertke_err err = esc_json_load(text, &object, NULL);

    if (err == ESCERTKE_OK && !json_is_object(object))
        err = ESCERTKE_ERR_SECINFO;
    if (err == ESCERTKE_OK)
        esc_json_write_value(w, object);
    else
        fail(w, err == ESCERTKE_ERR_JSON ? ESCERTKE_ERR_SECINFO : err);
    json_decref(object);
}

static void write_child(struct esc_json_writer *w, const struct child *c, const escertke_seci *s)
{
    escertke_span object = escertke_buf_span(&s->object);

    esc_json_write_name(w, c->name);
    switch (c->kind) {
    case CHILD_OBJECT: write_object(w, object); break;
    case CHILD_RAND: esc_rand_object_write(w, &s->ero); break;
    case CHILD_JWE:
        if (!is_jwe(object))
            fail(w, ESCERTKE_ERR_SECINFO);
        esc_json_write_text(w, object);
        break;
    case CHILD_MESSAGE:
        if (!s->eckm.len)
            fail(w, ESCERTKE_ERR_SECINFO);
        if (s->eckm.len > ESCERTKE_MESSAGE_MAX)
            fail(w, ESCERTKE_ERR_TOO_LARGE);
        esc_json_write_base64(w, escertke_buf_span(&s->eckm));
        break;
    }
}

static escertke_err write_json(const escertke_seci *s, escertke_buf *out)
{
    const struct child *c = child_of(s->sit);
    struct esc_json_writer w = esc_json_write_begin(out);

    if (!c && s->sit != ESCERTKE_SIT_RAND_REQUEST)
        return ESCERTKE_ERR_SECINFO;
    esc_json_write_open(&w, '{');
    esc_json_write_name(&w, "m2m:seci");
    esc_json_write_open(&w, '{');
    esc_json_write_name(&w, "sit");
    esc_json_write_int(&w, (int)s->sit);
    if (c)
        write_child(&w, c, s);
    esc_json_write_close(&w, '}');
    esc_json_write_close(&w, '}');
    if (c && c->kind == CHILD_OBJECT && w.err == ESCERTKE_OK &&
        !esc_json_depth_within((escertke_span){ out->ptr + w.start, out->len - w.start }))
        fail(&w, ESCERTKE_ERR_SECINFO);
    return esc_json_write_end(&w);
}

static escertke_err write_json_eckm(escertke_span message, escertke_buf *out)
{
    static const char head[] = "{\"m2m:seci\":{\"sit\":6,\"eckm\":\"", tail[] = "\"}}";
    size_t start = out->len;
    uint8_t *at;

    if (message.len > ESCERTKE_MESSAGE_MAX)
        return ESCERTKE_ERR_TOO_LARGE;
    /* One reservation for all of it: the rest cannot fail, and the buffer grows once. */
    escertke_err err = escertke_buf_reserve(out, sizeof head - 1 + (message.len + 2) / 3 * 4 + sizeof tail - 1, &at);
    if (err != ESCERTKE_OK)
        return err;
    if ((err = escertke_buf_append(out, head, sizeof head - 1)) != ESCERTKE_OK ||
        (err = escertke_base64_encode(message, out)) != ESCERTKE_OK ||
        (err = escertke_buf_append(out, tail, sizeof tail - 1)) != ESCERTKE_OK)
        out->len = start;
    return err;
}

/* What is JSON so far, in the format that is asked for. */
static escertke_err say_in(escertke_format format, const escertke_buf *json, escertke_buf *out)
{
    escertke_err err = escertke_content_convert(ESCERTKE_FORMAT_JSON, escertke_buf_span(json), format, out, NULL);

    return esc_is_syntax(err) ? ESCERTKE_ERR_SECINFO : err;
}

escertke_err escertke_seci_write(escertke_format format, const escertke_seci *s, escertke_buf *out)
{
    escertke_buf json;

    if (format == ESCERTKE_FORMAT_JSON)
        return write_json(s, out);
    escertke_buf_init(&json, ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = write_json(s, &json);
    if (err == ESCERTKE_OK)
        err = say_in(format, &json, out);
    escertke_buf_free(&json);
    return err;
}

escertke_err escertke_seci_write_eckm(escertke_format format, escertke_span message, escertke_buf *out)
{
    escertke_buf json;

    if (format == ESCERTKE_FORMAT_JSON)
        return write_json_eckm(message, out);
    escertke_buf_init(&json, ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = write_json_eckm(message, &json);
    if (err == ESCERTKE_OK)
        err = say_in(format, &json, out);
    escertke_buf_free(&json);
    return err;
}
