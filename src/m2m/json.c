#include "m2m/json.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/utf8.h"

static const char clause[] = "TS-0004 8.4.2";

/* Asked before anything is built: jansson's own bound (2048) is far above what a primitive needs, and its parser recurses. */
bool esc_json_depth_within(escertke_span text)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > ESC_JSON_DEPTH_MAX)
                return false;
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return true;
}

static bool is_literal(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

/*
 * Values are objects, arrays, strings but for names, and literals; a colon shows that the string before it was a name. Exact
 * for what is JSON; of anything else no more is read than up to its fault.
 */
static bool items_within(escertke_span text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len && count <= ESC_ITEMS_MAX + 1; i++) {
        uint8_t c = text.ptr[i];
        if (c == ':') {
            count -= count > 0;
        } else if (c == '{' || c == '[') {
            count++;
        } else if (c == '"') {
            count++;
            for (i++; i < text.len && text.ptr[i] != '"'; i++)
                i += text.ptr[i] == '\\';
        } else if (is_literal(c) && (i + 1 == text.len || !is_literal(text.ptr[i + 1]))) {
            count++; /* at its last character */
        }
    }
    return count <= ESC_ITEMS_MAX;
}

/* jansson's texts quote the input, which may be somebody's decrypted content: its number is put into own words. */
static const char *words_of(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key: return "a member name stands twice in one object";
    case json_error_invalid_utf8: return "a string is not valid UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key: return "a string holds a NUL";
    case json_error_premature_end_of_input: return "the text ends too early";
    case json_error_end_of_input_expected: return "something follows the JSON value";
    case json_error_numeric_overflow: return "a number is too large";
    case json_error_stack_overflow: return "nested too deeply";
    default: return "syntax error";
    }
}

escertke_err esc_json_load(escertke_span text, json_t **out, escertke_detail *d)
{
    json_error_t error;

    *out = NULL;
    if (!text.len)
        return esc_fail(d, ESCERTKE_ERR_JSON, clause, "expected a JSON text, found nothing");
    if (text.len > ESCERTKE_PRIMITIVE_MAX)
        return esc_fail(d, ESCERTKE_ERR_TOO_LARGE, "", "JSON text of %zu bytes, limit %u", text.len, ESCERTKE_PRIMITIVE_MAX);
    if (!esc_json_depth_within(text))
        return esc_fail(d, ESCERTKE_ERR_JSON, clause, "JSON text nested deeper than %d levels", ESC_JSON_DEPTH_MAX);
    if (!items_within(text))
        return esc_fail(d, ESCERTKE_ERR_TOO_LARGE, clause, "JSON text of more than %d values", ESC_ITEMS_MAX);
    *out = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
    if (*out)
        return ESCERTKE_OK;
    if (json_error_code(&error) == json_error_out_of_memory)
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "out of memory while reading JSON");
    return esc_fail(d, ESCERTKE_ERR_JSON, clause, "line %d, column %d: %s", error.line, error.column, words_of(&error));
}

escertke_err esc_json_dump(const json_t *value, escertke_buf *out)
{
    size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    size_t len = json_dumpb(value, NULL, 0, flags);
    uint8_t *at;

    if (!len)
        return ESCERTKE_ERR_NOMEM; /* the only way a value that was read or built can fail */
    escertke_err err = escertke_buf_reserve(out, len, &at);
    if (err != ESCERTKE_OK)
        return err;
    if (json_dumpb(value, (char *)at, len, flags) != len)
        return ESCERTKE_ERR_NOMEM;
    out->len += len;
    return ESCERTKE_OK;
}

const char *esc_json_kind(const json_t *value)
{
    if (!value)
        return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "object";
    case JSON_ARRAY: return "array";
    case JSON_STRING: return "string";
    case JSON_INTEGER:
    case JSON_REAL: return "number";
    case JSON_TRUE:
    case JSON_FALSE: return "boolean";
    default: return "null";
    }
}

bool esc_json_int(const json_t *value, int min, int max, int *out)
{
    if (json_is_integer(value)) {
        json_int_t v = json_integer_value(value);
        if (v < min || v > max)
            return false;
        *out = (int)v;
        return true;
    }
    if (json_is_real(value)) {
        double v = json_real_value(value);
        if (!(v >= min && v <= max) || v != (double)(int)v)
            return false;
        *out = (int)v;
        return true;
    }
    return false;
}

escertke_span esc_json_text(const json_t *value)
{
    return (escertke_span){ (const uint8_t *)json_string_value(value), json_string_length(value) };
}

/* ---- writer ------------------------------------------------------------------------------------------------ */

static void put(struct esc_json_writer *w, const void *bytes, size_t len)
{
    if (w->err == ESCERTKE_OK)
        w->err = escertke_buf_append(w->out, bytes, len);
}

/* A value or name follows another one unless it stands first in its object or array or behind its name. */
static void separate(struct esc_json_writer *w)
{
    if (w->err == ESCERTKE_OK && w->out->len > w->start && !strchr("{[:", w->out->ptr[w->out->len - 1]))
        put(w, ",", 1);
}

struct esc_json_writer esc_json_write_begin(escertke_buf *out)
{
    return (struct esc_json_writer){ out, out->len, ESCERTKE_OK };
}

void esc_json_write_open(struct esc_json_writer *w, char bracket)
{
    separate(w);
    put(w, &bracket, 1);
}

void esc_json_write_close(struct esc_json_writer *w, char bracket)
{
    put(w, &bracket, 1);
}

void esc_json_write_name(struct esc_json_writer *w, const char *name)
{
    esc_json_write_text(w, escertke_span_str(name));
    put(w, ":", 1);
}

void esc_json_write_int(struct esc_json_writer *w, long long value)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", value);

    separate(w);
    put(w, text, (size_t)len);
}

void esc_json_write_text(struct esc_json_writer *w, escertke_span text)
{
    size_t plain = 0; /* start of what is copied as it is */

    separate(w);
    put(w, "\"", 1);
    for (size_t i = 0; i < text.len && w->err == ESCERTKE_OK;) {
        uint8_t c = text.ptr[i];
        size_t len = esc_utf8_len((escertke_span){ text.ptr + i, text.len - i });
        if (!len || !c) {
            w->err = ESCERTKE_ERR_JSON;
            return;
        }
        if (c == '"' || c == '\\' || c < 0x20) {
            char escape[8];
            int n = c < 0x20 ? snprintf(escape, sizeof escape, "\\u%04x", c) : snprintf(escape, sizeof escape, "\\%c", c);
            put(w, text.ptr + plain, i - plain);
            put(w, escape, (size_t)n);
            plain = i + 1;
        }
        i += len;
    }
    if (plain < text.len)
        put(w, text.ptr + plain, text.len - plain);
    put(w, "\"", 1);
}

void esc_json_write_base64(struct esc_json_writer *w, escertke_span bytes)
{
    separate(w);
    put(w, "\"", 1);
    if (w->err == ESCERTKE_OK)
        w->err = escertke_base64_encode(bytes, w->out);
    put(w, "\"", 1);
}

void esc_json_write_value(struct esc_json_writer *w, const json_t *value)
{
    separate(w);
    if (w->err == ESCERTKE_OK)
        w->err = esc_json_dump(value, w->out);
}

escertke_err esc_json_write_end(struct esc_json_writer *w)
{
    if (w->err != ESCERTKE_OK && w->out->len > w->start) {
        escertke_wipe(w->out->ptr + w->start, w->out->len - w->start);
        w->out->len = w->start;
    }
    return w->err;
}
