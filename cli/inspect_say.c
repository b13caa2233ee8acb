/* inspect_say.c - one thing as a JSON object or as readable lines: both come from the same members. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/fail.h"
#include "inspect.h"
#include "out.h"

#define NAME_WIDTH 23
#define DEPTH_MAX 6

void inspect_add(json_t *array, const char *fmt, ...)
{
    char text[1024], clean[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    esc_printable(escertke_span_str(text), clean, sizeof clean);
    json_array_append_new(array, json_string(clean));
}

void inspect_date(json_t *thing, const char *name, int64_t unix_s)
{
    char text[24];

    out_time(unix_s, text);
    out_text(thing, name, text);
}

void inspect_refusal(json_t *thing, const escertke_detail *d)
{
    const struct {
        const char *name, *text;
    } members[] = { { "reason", d->reason },
                    { "certificate", d->certificate },
                    { "expected", d->expected },
                    { "found", d->found },
                    { "clause", d->clause },
                    { "to_do", d->advice },
                    { "error", escertke_err_name(d->err) } };

    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (members[i].text[0])
            out_text(thing, members[i].name, members[i].text);
}

/* "name_constraints" -> "name constraints" */
static void shown_name(const char *name, char *out, size_t cap)
{
    snprintf(out, cap, "%s", name);
    for (char *at = out; *at; at++)
        if (*at == '_')
            *at = ' ';
}

static void scalar_text(const json_t *value, char *out, size_t cap)
{
    if (json_is_string(value))
        snprintf(out, cap, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(out, cap, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        snprintf(out, cap, "%s", json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-");
}

static void say_object(json_t *object, int indent);

/* An element of a list that is an object: its first member is the headline, unless it is a finding, which is one sentence. */
static void say_element(const char *name, json_t *object, int indent)
{
    const char *text = json_string_value(json_object_get(object, "text"));
    const char *level = json_string_value(json_object_get(object, "level"));
    const char *clause = json_string_value(json_object_get(object, "clause"));
    char head[256];
    void *first = json_object_iter(object);

    if (text) {
        out_line("%*s%-*s%s: %s (%s)", indent, "", NAME_WIDTH, name, level ? level : "?", text, clause ? clause : "");
        return;
    }
    scalar_text(first ? json_object_iter_value(first) : NULL, head, sizeof head);
    out_line("%*s%-*s%s", indent, "", NAME_WIDTH, name, head);
    json_t *rest = json_copy(object);
    if (rest && first)
        json_object_del(rest, json_object_iter_key(first));
    say_object(rest, indent + 4);
    json_decref(rest);
}

static void say_member(const char *key, json_t *value, int indent)
{
    char name[64], text[1100];
    size_t i;
    json_t *element;

    shown_name(key, name, sizeof name);
    if (json_is_object(value)) {
        out_line("%*s%s", indent, "", name);
        say_object(value, indent + 4);
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, element)
        {
            if (json_is_object(element)) {
                say_element(i ? "" : name, element, indent);
                continue;
            }
            scalar_text(element, text, sizeof text);
            out_line("%*s%-*s%s", indent, "", NAME_WIDTH, i ? "" : name, text);
        }
    } else {
        scalar_text(value, text, sizeof text);
        out_line("%*s%-*s%s", indent, "", NAME_WIDTH, name, text);
    }
}

/* Members that readers of lines know from the heading. */
static bool in_heading(const char *key)
{
    return strcmp(key, "event") == 0 || strcmp(key, "position") == 0 || strcmp(key, "place") == 0;
}

static void say_object(json_t *object, int indent)
{
    const char *key;
    json_t *value;

    if (indent > 4 * DEPTH_MAX)
        return;
    json_object_foreach(object, key, value) if (!in_heading(key)) say_member(key, value, indent);
}

void inspect_say(struct inspect *in, json_t *thing, const char *heading)
{
    if (!out_is_json() && thing) {
        out_line("%s%s", in->things ? "\n" : "", heading);
        say_object(thing, 2);
        json_decref(thing);
    } else {
        out_event(thing, "%s", heading); /* without memory, that is said */
    }
    in->things++;
}

bool inspect_sha256(escertke_span in, uint8_t out[32])
{
    return EVP_Digest(in.ptr, in.len, out, NULL, EVP_sha256(), NULL) == 1;
}

void inspect_ni(escertke_span spki, int bits, char out[72])
{
    uint8_t digest[32];

    if (!inspect_sha256(spki, digest) || escertke_key_identifier(digest, bits, out) != ESCERTKE_OK)
        snprintf(out, 72, "-");
}
