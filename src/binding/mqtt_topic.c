#include "binding/mqtt_topic.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "m2m/token.h"

#define ROOT "/oneM2M/"

/* Indexed by enum esc_mqtt_kind. */
static const char *const kinds[] = { "req", "resp", "reg_req", "reg_resp" };
#define KINDS (sizeof kinds / sizeof *kinds)

static const struct {
    const char *text;
    escertke_format format;
} formats[] = { { "json", ESCERTKE_FORMAT_JSON }, { "xml", ESCERTKE_FORMAT_XML }, { "cbor", ESCERTKE_FORMAT_CBOR } };
#define FORMATS (sizeof formats / sizeof *formats)

/* ---- URL ---------------------------------------------------------------------------------------------------- */

/* A prefix is literally a part of topics: nothing in it may be a wildcard, nor what a broker refuses. */
static bool prefix_ok(const char *prefix)
{
    for (const char *p = prefix; *p; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7E || *p == '+' || *p == '#')
            return false;
    return prefix[0] != '$' && strncmp(prefix, "/$", 2) != 0;
}

escertke_err esc_mqtt_url_parse(const char *text, struct esc_mqtt_url *out, escertke_detail *d)
{
    static const struct esc_url_schemes schemes = { { "mqtt://", 1883 }, { "mqtts://", 8883 } };
    escertke_err err = esc_url_parse(text, &schemes, &out->at, d);

    if (err != ESCERTKE_OK)
        return err;
    if (out->at.port == 0)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "no port of a broker: %.200s", text);
    err = esc_http_percent_decode(escertke_span_str(out->at.path), out->prefix, sizeof out->prefix);
    if (err != ESCERTKE_OK || !prefix_ok(out->prefix))
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0010 6.6", "the path of the URL cannot begin topics: %.200s", text);
    return ESCERTKE_OK;
}

void esc_mqtt_url_write(const struct esc_mqtt_url *url, char *out, size_t cap)
{
    const struct esc_http_url *at = &url->at;

    snprintf(out, cap, "mqtt%s://%s%s%s:%u%s", at->https ? "s" : "", at->v6 ? "[" : "", at->host, at->v6 ? "]" : "",
             (unsigned)at->port, at->path);
}

/* ---- names -------------------------------------------------------------------------------------------------- */

/* Characters of identifiers, of Credential-IDs, and ":" for "/" (R-CR-1). */
static bool name_ok(escertke_span name)
{
    if (!name.len || name.len > ESC_MQTT_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        escertke_span one = { name.ptr + i, 1 };
        if (!esc_unreserved(one) && name.ptr[i] != ':' && name.ptr[i] != '@')
            return false;
    }
    return true;
}

bool esc_mqtt_name(const escertke_id *id, enum esc_mqtt_form form, char *out)
{
    const char *text = id->text;

    if (form == ESC_MQTT_RELATIVE)
        text += id->sp_len + 1; /* "/in1/Cmeter" without its first "/" */
    else if (form == ESC_MQTT_STEM && id->kind == ESCERTKE_ID_AE_C)
        text += id->sp_len + id->cse_len + 1;
    else if (form == ESC_MQTT_ABSOLUTE && id->kind != ESCERTKE_ID_AE_C)
        text += 1; /* "//sp/in1": both slashes become one ":" */
    else
        return false;
    size_t len = strlen(text);
    for (size_t i = 0; i <= len; i++)
        out[i] = text[i] == '/' ? ':' : text[i];
    return true;
}

bool esc_mqtt_name_means(escertke_span name, const escertke_id *id)
{
    char text[ESC_MQTT_NAME_MAX + 1];

    for (int form = 0; form < ESC_MQTT_FORMS; form++)
        if (esc_mqtt_name(id, (enum esc_mqtt_form)form, text) && escertke_span_equal(name, escertke_span_str(text)))
            return true;
    return false;
}

/* What stands behind the last ":"; NULL where none does. */
static const uint8_t *last_part(escertke_span name)
{
    const uint8_t *part = NULL;

    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == ':')
            part = name.ptr + i + 1;
    return part;
}

bool esc_mqtt_name_speaks_for(escertke_span name, const char *from)
{
    const uint8_t *stem = last_part(name);
    escertke_span fr = escertke_span_str(from);

    if (!fr.len)
        return false;
    size_t stem_len = stem ? (size_t)(name.ptr + name.len - stem) : 0;
    if (stem_len < 2 || *stem != 'C' || name.ptr[0] == ':')
        return true; /* a CSE, or what may be one: an S-type AE has no name that a CSE could not have */
    if (fr.ptr[0] != '/')
        return escertke_span_equal(fr, (escertke_span){ stem, stem_len });
    if (fr.len <= name.len || fr.ptr[fr.len - name.len - 1] != '/')
        return false;
    const uint8_t *end = fr.ptr + fr.len - name.len;
    for (size_t i = 0; i < name.len; i++)
        if (end[i] != (name.ptr[i] == ':' ? '/' : name.ptr[i]))
            return false;
    return end == fr.ptr + 1 || fr.ptr[1] == '/'; /* SP-relative, or Absolute */
}

/* ---- topics ------------------------------------------------------------------------------------------------- */

enum esc_mqtt_kind esc_mqtt_answer_of(enum esc_mqtt_kind kind)
{
    return (enum esc_mqtt_kind)((unsigned)kind ^ 1u);
}

escertke_err esc_mqtt_topic_write(const char *prefix, const struct esc_mqtt_topic *topic, char *out, size_t cap)
{
    size_t i = 0;

    while (i < FORMATS && formats[i].format != topic->format)
        i++;
    if (i == FORMATS || !name_ok(topic->originator) || !name_ok(topic->receiver))
        return ESCERTKE_ERR_ARG;
    int len = snprintf(out, cap, "%s" ROOT "%s/%.*s/%.*s/%s", prefix, kinds[topic->kind], (int)topic->originator.len,
                       (const char *)topic->originator.ptr, (int)topic->receiver.len, (const char *)topic->receiver.ptr,
                       formats[i].text);
    return len > 0 && (size_t)len < cap ? ESCERTKE_OK : ESCERTKE_ERR_ARG;
}

/* Take a literal off the beginning. */
static bool skip(escertke_span *rest, const char *text)
{
    size_t len = strlen(text);

    if (rest->len < len || (len && memcmp(rest->ptr, text, len) != 0))
        return false;
    rest->ptr += len;
    rest->len -= len;
    return true;
}

/* Take one level off, and the "/" behind it. @return false: there is none, not even an empty one */
static bool level(escertke_span *rest, escertke_span *out)
{
    if (!rest->ptr)
        return false;
    const uint8_t *slash = rest->len ? memchr(rest->ptr, '/', rest->len) : NULL;
    *out = (escertke_span){ rest->ptr, slash ? (size_t)(slash - rest->ptr) : rest->len };
    *rest = slash ? (escertke_span){ slash + 1, rest->len - out->len - 1 } : (escertke_span){ NULL, 0 };
    return true;
}

static bool read_kind(escertke_span text, enum esc_mqtt_kind *out)
{
    for (size_t i = 0; i < KINDS; i++)
        if (escertke_span_equal(text, escertke_span_str(kinds[i]))) {
            *out = (enum esc_mqtt_kind)i;
            return true;
        }
    return false;
}

static bool read_format(escertke_span text, escertke_format *out)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (escertke_span_equal(text, escertke_span_str(formats[i].text))) {
            *out = formats[i].format;
            return true;
        }
    return false;
}

escertke_err esc_mqtt_topic_parse(escertke_span text, const char *prefix, struct esc_mqtt_topic *out)
{
    escertke_span rest = text, kind, type;

    memset(out, 0, sizeof *out);
    if (!text.len || text.len > ESC_MQTT_TOPIC_MAX || !skip(&rest, prefix) || !skip(&rest, ROOT) || !level(&rest, &kind) ||
        !read_kind(kind, &out->kind))
        return ESCERTKE_ERR_NOT_FOUND;
    if (!level(&rest, &out->originator) || !name_ok(out->originator) || !level(&rest, &out->receiver) || !name_ok(out->receiver))
        return ESCERTKE_ERR_ID;
    if (!level(&rest, &type)) {
        out->format = ESCERTKE_FORMAT_JSON;
        return out->kind >= ESC_MQTT_REG_REQ ? ESCERTKE_OK : ESCERTKE_ERR_UNSUPPORTED;
    }
    return !rest.ptr && read_format(type, &out->format) ? ESCERTKE_OK : ESCERTKE_ERR_UNSUPPORTED;
}
