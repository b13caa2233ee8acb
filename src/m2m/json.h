/*
 * json.h - the only way JSON comes in and goes out: bounded reading with jansson, small texts written without it.
 * For the parts above that keep JSON trees themselves; nothing of it is in the public headers.
 */
#ifndef ESCERTKE_M2M_JSON_H
#define ESCERTKE_M2M_JSON_H

#include <jansson.h>

#include <escertke/base.h>

/** Deepest nesting of objects and arrays that is read. */
enum { ESC_JSON_DEPTH_MAX = 16 };

/** Most values in one text: objects and arrays counted themselves, names not. A tree takes far more memory than its text. */
enum { ESC_ITEMS_MAX = 16384 };

/**
 * Are objects and arrays nested within ESC_JSON_DEPTH_MAX levels? Brackets are counted outside strings; whether the
 * text is JSON at all is another question.
 */
bool esc_json_depth_within(escertke_span text);

/**
 * Read one object or array: at most ESCERTKE_PRIMITIVE_MAX bytes, ESC_JSON_DEPTH_MAX levels and ESC_ITEMS_MAX values, names
 * unique in each object, valid UTF-8, no NUL (not as \u0000 either), nothing behind it. The detail never quotes the text.
 * @param out  owned by the caller (json_decref); NULL after a failure
 * @return OK, JSON, TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_json_load(escertke_span text, json_t **out, escertke_detail *d);

/** Append compactly, members in their order. On error @p out is as it was. @return OK, TOO_LARGE, NOMEM */
ESCERTKE_CHECKED escertke_err esc_json_dump(const json_t *value, escertke_buf *out);

/** "object", "array", "string", "number", "boolean", "null"; "nothing" for NULL: what was found, for a detail. */
const char *esc_json_kind(const json_t *value);

/** A whole number from @p min to @p max; 6.0 is one, 6.5 and 1e300 are not (R-IO-5). */
bool esc_json_int(const json_t *value, int min, int max, int *out);

/** The characters of a string value, without a copy; the empty span if it is no string. */
escertke_span esc_json_text(const json_t *value);

/**
 * Writer of small texts. Commas come by themselves; the first error is kept, later calls do nothing, and
 * esc_json_write_end gives it back with the buffer as it was at the beginning.
 */
struct esc_json_writer {
    escertke_buf *out;
    size_t start;
    escertke_err err;
};

struct esc_json_writer esc_json_write_begin(escertke_buf *out);
void esc_json_write_open(struct esc_json_writer *w, char bracket);  /* '{' or '[' */
void esc_json_write_close(struct esc_json_writer *w, char bracket); /* '}' or ']' */
void esc_json_write_name(struct esc_json_writer *w, const char *name);
void esc_json_write_int(struct esc_json_writer *w, long long value);
void esc_json_write_text(struct esc_json_writer *w, escertke_span text); /* error JSON unless it is UTF-8 without NUL */
void esc_json_write_base64(struct esc_json_writer *w, escertke_span bytes);
void esc_json_write_value(struct esc_json_writer *w, const json_t *value);
ESCERTKE_CHECKED escertke_err esc_json_write_end(struct esc_json_writer *w);

#endif
