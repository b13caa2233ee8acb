#include "m2m/rand_object.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"

static const char clause[] = "TS-0004 6.3.5.51";

enum { ESK_MIN = 1, ESK_MAX = 1, ESPA_MIN = 10, ESPA_MAX = 12 }; /* R-DT-20 */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* NCName in ASCII: these octets go into a key derivation, where a letter that two sides could encode in two ways has no place. */
static bool is_ncname(const char *text)
{
    if (!is_letter(text[0]))
        return false;
    for (const char *c = text; *c; c++)
        if (!is_letter(*c) && !(*c >= '0' && *c <= '9') && *c != '.' && *c != '-')
            return false;
    return true;
}

static bool copy_text(escertke_span text, char *out, size_t cap)
{
    if (!text.len || text.len >= cap)
        return false;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

static escertke_err take_name(const json_t *object, const char *member, char *out, size_t cap, escertke_detail *d)
{
    const json_t *value = json_object_get(object, member);

    if (!json_is_string(value))
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "%s: expected a string, found %s", member, esc_json_kind(value));
    if (!copy_text(esc_json_text(value), out, cap) || !is_ncname(out))
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause,
                        "%s: expected an NCName of 1 to %zu ASCII characters, found another text", member, cap - 1);
    return ESCERTKE_OK;
}

static bool is_expiry(const char *text)
{
    int64_t when;
    return escertke_abs_rel_parse(escertke_span_str(text), 0, &when) == ESCERTKE_OK;
}

/* absRelTimestamp: a string, or a relative time as a JSON number, which is kept as its decimal text. */
static escertke_err take_expiry(const json_t *object, char *out, size_t cap, escertke_detail *d)
{
    const json_t *value = json_object_get(object, "esrx");
    bool read = false;

    if (json_is_integer(value)) {
        int len = snprintf(out, cap, "%lld", (long long)json_integer_value(value));
        read = len > 0 && (size_t)len < cap;
    } else if (json_is_string(value)) {
        read = copy_text(esc_json_text(value), out, cap);
    }
    if (!read || !is_expiry(out))
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause,
                        "esrx: expected a timestamp or a whole number of milliseconds, found %s%s",
                        json_is_string(value) ? "another " : "", esc_json_kind(value));
    return ESCERTKE_OK;
}

static escertke_err take_ids(const json_t *object, const char *member, int min, int max, uint8_t ids[8], uint8_t *count,
                             escertke_detail *d)
{
    const json_t *list = json_object_get(object, member);
    size_t size = json_array_size(list);

    if (!json_is_array(list) || size < 1 || size > 8)
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "%s: expected an array of 1 to 8 identifiers, found %s of %zu", member,
                        esc_json_kind(list), size);
    for (size_t i = 0; i < size; i++) {
        int id;
        if (!esc_json_int(json_array_get(list, i), min, max, &id))
            return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "%s: expected identifiers %d to %d, found another at place %zu",
                            member, min, max, i + 1);
        ids[i] = (uint8_t)id;
    }
    *count = (uint8_t)size;
    return ESCERTKE_OK;
}

escertke_err esc_rand_object_parse(const json_t *object, escertke_rand_object *out, escertke_detail *d)
{
    escertke_err err;

    memset(out, 0, sizeof *out);
    if (!json_is_object(object))
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "rand object: expected an object, found %s", esc_json_kind(object));
    if ((err = take_name(object, "esri", out->esri, sizeof out->esri, d)) != ESCERTKE_OK ||
        (err = take_name(object, "esrv", out->esrv, sizeof out->esrv, d)) != ESCERTKE_OK ||
        (err = take_expiry(object, out->esrx, sizeof out->esrx, d)) != ESCERTKE_OK ||
        (err = take_ids(object, "esks", ESK_MIN, ESK_MAX, out->esks, &out->esks_count, d)) != ESCERTKE_OK)
        return err;
    return take_ids(object, "espa", ESPA_MIN, ESPA_MAX, out->espa, &out->espa_count, d);
}

static bool ids_valid(const uint8_t ids[8], uint8_t count, int min, int max)
{
    for (uint8_t i = 0; i < count && count <= 8; i++)
        if (ids[i] < min || ids[i] > max)
            return false;
    return count >= 1 && count <= 8;
}

static bool terminated(const char *text, size_t cap)
{
    return memchr(text, '\0', cap) != NULL;
}

static bool is_valid(const escertke_rand_object *o)
{
    return terminated(o->esri, sizeof o->esri) && is_ncname(o->esri) && terminated(o->esrv, sizeof o->esrv) &&
           is_ncname(o->esrv) && terminated(o->esrx, sizeof o->esrx) && is_expiry(o->esrx) &&
           ids_valid(o->esks, o->esks_count, ESK_MIN, ESK_MAX) && ids_valid(o->espa, o->espa_count, ESPA_MIN, ESPA_MAX);
}

static void write_ids(struct esc_json_writer *w, const char *member, const uint8_t ids[8], uint8_t count)
{
    esc_json_write_name(w, member);
    esc_json_write_open(w, '[');
    for (uint8_t i = 0; i < count; i++)
        esc_json_write_int(w, ids[i]);
    esc_json_write_close(w, ']');
}

static void write_text(struct esc_json_writer *w, const char *member, const char *text)
{
    esc_json_write_name(w, member);
    esc_json_write_text(w, escertke_span_str(text));
}

void esc_rand_object_write(struct esc_json_writer *w, const escertke_rand_object *o)
{
    if (!is_valid(o)) {
        if (w->err == ESCERTKE_OK)
            w->err = ESCERTKE_ERR_SECINFO;
        return;
    }
    esc_json_write_open(w, '{');
    write_text(w, "esri", o->esri);
    write_text(w, "esrv", o->esrv);
    write_text(w, "esrx", o->esrx);
    write_ids(w, "esks", o->esks, o->esks_count);
    write_ids(w, "espa", o->espa, o->espa_count);
    esc_json_write_close(w, '}');
}
