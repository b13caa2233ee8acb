/* Tree -> XML. What would not read the same is refused: XML has fewer kinds of nothing than JSON, and no types. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "m2m/serialization.h"
#include "m2m/xml.h"

struct writer {
    escertke_buf *out;
    bool root_open; /* the next element is the root: it declares the prefix */
    escertke_err err;
};

static void put(struct writer *w, const void *bytes, size_t len)
{
    if (w->err == ESCERTKE_OK)
        w->err = escertke_buf_append(w->out, bytes, len);
}

static void put_word(struct writer *w, const char *word)
{
    put(w, word, strlen(word));
}

static void cannot(struct writer *w)
{
    if (w->err == ESCERTKE_OK)
        w->err = ESCERTKE_ERR_XML;
}

/* ---- characters ------------------------------------------------------------------------------------------------ */

/* NULL: stands for itself. White space is kept from being made one blank of in attributes, and CR from becoming LF. */
static const char *escape_of(char c, bool attribute)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '\r': return "&#13;";
    case '"': return attribute ? "&quot;" : NULL;
    case '\t': return attribute ? "&#9;" : NULL;
    case '\n': return attribute ? "&#10;" : NULL;
    default: return NULL;
    }
}

/* Characters that XML 1.0 does not have: most controls, U+FFFE, U+FFFF. The text is UTF-8. */
static bool has_none_of(const char *at)
{
    unsigned char c = (unsigned char)at[0];

    if (c < 0x20)
        return c != '\t' && c != '\n' && c != '\r';
    return c == 0xef && (unsigned char)at[1] == 0xbf && ((unsigned char)at[2] & 0xfe) == 0xbe;
}

static void put_escaped(struct writer *w, const char *text, bool attribute)
{
    const char *plain = text, *at = text;

    for (; *at; at++) {
        const char *escape = escape_of(*at, attribute);
        if (has_none_of(at))
            cannot(w);
        if (!escape)
            continue;
        put(w, plain, (size_t)(at - plain));
        put_word(w, escape);
        plain = at + 1;
    }
    put(w, plain, (size_t)(at - plain));
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* A name of ASCII letters, with one of the two prefixes that are declared, or none. */
static bool is_name(const char *name)
{
    const char *local = !strncmp(name, "m2m:", 4) || !strncmp(name, "sec:", 4) ? name + 4 : name;

    if (!is_letter(*local) || strlen(name) > ESC_XML_NAME_MAX)
        return false;
    for (; *local; local++)
        if (!is_letter(*local) && !(*local >= '0' && *local <= '9') && *local != '.' && *local != '-')
            return false;
    return true;
}

/* ---- tags ------------------------------------------------------------------------------------------------------ */

/* "<name" and what must be declared; attributes and ">" follow. */
static void open_tag(struct writer *w, const char *name)
{
    if (!is_name(name))
        cannot(w);
    put_word(w, "<");
    put_word(w, name);
    if (w->root_open)
        put_word(w, " xmlns:m2m=\"" ESC_XML_M2M_URI "\"");
    if (!strncmp(name, "sec:", 4))
        put_word(w, " xmlns:sec=\"" ESC_XML_SEC_URI "\"");
    w->root_open = false;
}

static void close_tag(struct writer *w, const char *name)
{
    put_word(w, "</");
    put_word(w, name);
    put_word(w, ">");
}

static void put_element(struct writer *w, const char *name, const char *text)
{
    open_tag(w, name);
    if (!*text) {
        put_word(w, "/>");
        return;
    }
    put_word(w, ">");
    put_escaped(w, text, false);
    close_tag(w, name);
}

/* ---- atoms ----------------------------------------------------------------------------------------------------- */

enum { NUMBER_MAX = 32 };

static bool is_trimmed(const char *text)
{
    size_t len = strlen(text);

    return !len || (!esc_xml_is_space((uint8_t)text[0]) && !esc_xml_is_space((uint8_t)text[len - 1]));
}

static bool has_space(const char *text)
{
    while (*text && !esc_xml_is_space((uint8_t)*text))
        text++;
    return *text != '\0';
}

/* An atom as its text, if it is of the type that its name has. NULL: it is not. */
static const char *text_of(const struct esc_xml_name *row, const json_t *value, char number[NUMBER_MAX])
{
    enum esc_xml_type type = row->type;

    if (json_is_string(value) && (type == ESC_XML_ANY || type == ESC_XML_TEXT || type == ESC_XML_TOKEN))
        return type == ESC_XML_TOKEN && !is_trimmed(json_string_value(value)) ? NULL : json_string_value(value);
    if (json_is_boolean(value) && (type == ESC_XML_ANY || type == ESC_XML_BOOLEAN))
        return json_is_true(value) ? "true" : "false";
    /* a relative time is a number in JSON, and a token here */
    if (!json_is_number(value) || (type != ESC_XML_ANY && type != ESC_XML_NUMBER && type != ESC_XML_TOKEN))
        return NULL;
    number[json_dumpb(value, number, NUMBER_MAX - 1, JSON_ENCODE_ANY)] = '\0';
    return number;
}

static void write_list(struct writer *w, const struct esc_xml_name *row, const char *name, const json_t *list)
{
    char number[NUMBER_MAX];
    size_t size = json_array_size(list);

    if (!size && !esc_xml_is_root(name))
        cannot(w); /* would read as null */
    open_tag(w, name);
    put_word(w, ">");
    for (size_t i = 0; i < size; i++) {
        const char *text = text_of(row, json_array_get(list, i), number);
        if (!text || !*text || has_space(text)) {
            cannot(w);
            return;
        }
        if (i)
            put_word(w, " ");
        put_escaped(w, text, false);
    }
    close_tag(w, name);
}

/* ---- objects --------------------------------------------------------------------------------------------------- */

struct member {
    size_t rank, place;
    const char *name;
    const json_t *value;
};

static int by_rank(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

static void write_member(struct writer *w, const char *parent, const char *name, const json_t *value);

static void write_members(struct writer *w, const char *name, const json_t *object, const json_t *left_out)
{
    size_t count = 0;
    struct member *members = esc_alloc(json_object_size(object) * sizeof *members);
    const json_t *value;
    const char *member;

    if (!members) {
        w->err = ESCERTKE_ERR_NOMEM;
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)object, member, value)
    {
        if (value == left_out)
            continue;
        members[count] = (struct member){ .place = count, .name = member, .value = value };
        esc_xml_name_find(name, member, &members[count].rank);
        count++;
    }
    qsort(members, count, sizeof *members, by_rank);
    for (size_t i = 0; i < count && w->err == ESCERTKE_OK; i++)
        write_member(w, name, members[i].name, members[i].value);
    esc_release(members);
}

/* resourceName is an attribute of the schema's resources. */
static void write_object(struct writer *w, const char *name, const json_t *object)
{
    const json_t *rn = json_object_get(object, "rn");

    if (!json_is_string(rn) || !*json_string_value(rn) || !is_trimmed(json_string_value(rn)))
        rn = NULL;
    if (!json_object_size(object) && !esc_xml_is_root(name))
        cannot(w); /* would read as null */
    open_tag(w, name);
    if (rn) {
        put_word(w, " rn=\"");
        put_escaped(w, json_string_value(rn), true);
        put_word(w, "\"");
    }
    if (json_object_size(object) == (rn != NULL)) {
        put_word(w, "/>");
        return;
    }
    put_word(w, ">");
    write_members(w, name, object, rn);
    close_tag(w, name);
}

/* One element, whatever it is. */
static void write_one(struct writer *w, const struct esc_xml_name *row, const char *parent, const char *name, const json_t *value)
{
    char number[NUMBER_MAX];
    bool may_be_empty = esc_xml_may_be_empty(row, parent, name);

    if (json_is_object(value) && (row->type == ESC_XML_OBJECT || row->type == ESC_XML_ANY)) {
        write_object(w, name, value);
        return;
    }
    if (json_is_null(value) && !may_be_empty && !esc_xml_is_root(name)) {
        put_element(w, name, "");
        return;
    }
    const char *text = text_of(row, value, number);
    if (!text || (!*text && !may_be_empty))
        cannot(w);
    else
        put_element(w, name, text);
}

static void write_member(struct writer *w, const char *parent, const char *name, const json_t *value)
{
    const struct esc_xml_name *row = esc_xml_name_find(parent, name, NULL);

    if (row->count == ESC_XML_LIST && json_is_array(value)) {
        write_list(w, row, name, value);
    } else if (json_is_array(value) && json_array_size(value) && (row->count == ESC_XML_MANY || row->type == ESC_XML_ANY)) {
        for (size_t i = 0; i < json_array_size(value); i++)
            write_one(w, row, parent, name, json_array_get(value, i));
    } else if (row->count == ESC_XML_ONE || (row->count == ESC_XML_LIST && json_is_null(value))) {
        write_one(w, row, parent, name, value);
    } else {
        cannot(w);
    }
}

escertke_err esc_xml_dump(const json_t *tree, escertke_buf *out)
{
    struct writer w = { .out = out, .root_open = true };
    void *root = json_object_iter((json_t *)(uintptr_t)tree);
    size_t start = out->len;

    w.err = esc_tree_within(tree, ESCERTKE_ERR_XML);
    if (json_object_size(tree) != 1 || !esc_xml_is_root(json_object_iter_key(root)))
        cannot(&w);
    else if (json_is_array(json_object_iter_value(root)) &&
             esc_xml_name_find("", json_object_iter_key(root), NULL)->count != ESC_XML_LIST)
        cannot(&w); /* several roots */
    put_word(&w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    if (w.err == ESCERTKE_OK)
        write_member(&w, "", json_object_iter_key(root), json_object_iter_value(root));
    if (w.err != ESCERTKE_OK && out->len > start) {
        escertke_wipe(out->ptr + start, out->len - start);
        out->len = start;
    }
    return w.err;
}
