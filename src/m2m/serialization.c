#include "m2m/serialization.h"

#include <string.h>

#include "base/fail.h"
#include "m2m/cbor.h"
#include "m2m/xml.h"

/* A build without one of them knows its name all the same, and can tell a peer what it is that is not read here. */
#ifndef ESCERTKE_XML
#define esc_xml_load NULL
#define esc_xml_dump NULL
#endif
#ifndef ESCERTKE_CBOR
#define esc_cbor_load NULL
#define esc_cbor_dump NULL
#endif

static const struct esc_serialization table[] = {
    { ESCERTKE_FORMAT_JSON, "json", "application/json", false, ESCERTKE_ERR_JSON, esc_json_load, esc_json_dump },
    { ESCERTKE_FORMAT_XML, "xml", "application/xml", true, ESCERTKE_ERR_XML, esc_xml_load, esc_xml_dump },
    { ESCERTKE_FORMAT_CBOR, "cbor", "application/cbor", false, ESCERTKE_ERR_CBOR, esc_cbor_load, esc_cbor_dump },
};

enum { ROWS = sizeof table / sizeof *table };

static const struct esc_serialization *row_of(escertke_format format)
{
    for (size_t i = 0; i < ROWS; i++)
        if (table[i].format == format)
            return &table[i];
    return NULL;
}

const struct esc_serialization *esc_serialization_of(escertke_format format)
{
    const struct esc_serialization *row = row_of(format);

    return row && row->read ? row : NULL;
}

bool esc_is_syntax(escertke_err err)
{
    for (size_t i = 0; i < ROWS; i++)
        if (table[i].syntax == err)
            return true;
    return false;
}

/* ---- names and media types ----------------------------------------------------------------------------------- */

const char *escertke_format_name(escertke_format format)
{
    const struct esc_serialization *row = row_of(format);

    return row ? row->name : "?";
}

const char *escertke_format_media(escertke_format format)
{
    const struct esc_serialization *row = row_of(format);

    return row ? row->media : "";
}

bool escertke_format_available(escertke_format format)
{
    return esc_serialization_of(format) != NULL;
}

/* Names of media types are written in any case (RFC 6838 4.2). */
static bool same_word(escertke_span text, const char *word)
{
    size_t len = strlen(word);

    if (text.len != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = text.ptr[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != word[i])
            return false;
    }
    return true;
}

/* Skip a beginning of @p text if it is there. */
static bool skip_word(escertke_span *text, const char *word)
{
    size_t len = strlen(word);

    if (text->len < len || !same_word((escertke_span){ text->ptr, len }, word))
        return false;
    *text = (escertke_span){ text->ptr + len, text->len - len };
    return true;
}

/* TS-0004 6.7: labels for the same body (R-DT-50). */
static const char *const kinds[] = { "vnd.onem2m-res+", "vnd.onem2m-ntfy+", "vnd.onem2m-preq+", "vnd.onem2m-prsp+" };

bool escertke_format_find(escertke_span text, escertke_format *out)
{
    if (skip_word(&text, "application/"))
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !skip_word(&text, kinds[i]); i++)
            ;
    for (size_t i = 0; i < ROWS; i++) {
        if (!same_word(text, table[i].name))
            continue;
        *out = table[i].format;
        return true;
    }
    return false;
}

/* ---- trees ----------------------------------------------------------------------------------------------------- */

static escertke_err walk(const json_t *value, int depth, size_t *items, escertke_err syntax)
{
    escertke_err err = ESCERTKE_OK;
    const json_t *item;
    const char *name;
    size_t i;

    if (++*items > ESC_ITEMS_MAX)
        return ESCERTKE_ERR_TOO_LARGE;
    if ((json_is_object(value) || json_is_array(value)) && ++depth > ESC_JSON_DEPTH_MAX)
        return syntax;
    json_array_foreach(value, i, item)
    {
        if ((err = walk(item, depth, items, syntax)) != ESCERTKE_OK)
            return err;
    }
    if (!json_is_object(value))
        return err;
    json_object_foreach((json_t *)(uintptr_t)value, name, item)
    {
        if ((err = walk(item, depth, items, syntax)) != ESCERTKE_OK)
            return err;
    }
    return err;
}

escertke_err esc_tree_within(const json_t *tree, escertke_err syntax)
{
    size_t items = 0;

    return walk(tree, 0, &items, syntax);
}

static escertke_err unsupported(escertke_format format, escertke_detail *d)
{
    return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "TS-0004 6.7", "content: expected a serialization that this build has, found %s",
                    escertke_format_name(format));
}

escertke_err esc_serial_load(escertke_format format, escertke_span octets, json_t **out, escertke_detail *d)
{
    const struct esc_serialization *row = esc_serialization_of(format);

    *out = NULL;
    return row ? row->read(octets, out, d) : unsupported(format, d);
}

escertke_err esc_serial_load_content(escertke_format format, escertke_span octets, json_t **root, const char **name,
                                     json_t **value, escertke_detail *d)
{
    escertke_err err = esc_serial_load(format, octets, root, d);

    if (err != ESCERTKE_OK)
        return err;
    if (json_object_size(*root) != 1) { /* 0 for an array too */
        err =
            esc_fail(d, row_of(format)->syntax, "TS-0004 8.4.2", "content: expected an object with one member, found %s with %zu",
                     esc_json_kind(*root), json_object_size(*root));
        json_decref(*root);
        *root = NULL;
        return err;
    }
    void *member = json_object_iter(*root);
    *name = json_object_iter_key(member);
    *value = json_object_iter_value(member);
    return ESCERTKE_OK;
}

escertke_err esc_serial_dump(escertke_format format, const json_t *tree, escertke_buf *out)
{
    const struct esc_serialization *row = esc_serialization_of(format);

    return row ? row->write(tree, out) : ESCERTKE_ERR_UNSUPPORTED;
}

escertke_err escertke_content_convert(escertke_format from, escertke_span content, escertke_format to, escertke_buf *out,
                                      escertke_detail *d)
{
    json_t *root, *value;
    const char *name;

    if (!escertke_format_available(to))
        return unsupported(to, d);
    escertke_err err = esc_serial_load_content(from, content, &root, &name, &value, d);
    if (err != ESCERTKE_OK)
        return err;
    err = esc_serial_dump(to, root, out);
    if (err != ESCERTKE_OK)
        err = esc_fail(d, err, "TS-0004 8", "%.40s: cannot be said in %s: %s", name, escertke_format_name(to),
                       escertke_err_text(err));
    json_decref(root);
    return err;
}
