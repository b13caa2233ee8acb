/* XML -> tree, by the events of libxml2's parser; no document is built. */
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <string.h>

#include "base/fail.h"
#include "m2m/serialization.h"
#include "m2m/xml.h"

static const char clause[] = "TS-0004 8.3";

/* An element that has not ended. The outermost stands for the document. */
struct open {
    char name[ESC_XML_NAME_MAX + 1];
    const struct esc_xml_name *row;
    json_t *object; /* owned; NULL: no element or attribute in it so far */
    size_t text;    /* where its text begins in the buffer */
};

struct reader {
    xmlParserCtxtPtr parser;
    struct open open[ESC_JSON_DEPTH_MAX + 1];
    size_t depth; /* of the innermost; 0 = the document */
    escertke_buf text;
    escertke_err err;
    escertke_detail *d;
};

static void refuse(struct reader *r, escertke_err err, const char *name, const char *what)
{
    if (r->err != ESCERTKE_OK)
        return;
    r->err = esc_fail(r->d, err, clause, "line %d: %.40s%s%s", xmlSAX2GetLineNumber(r->parser), name, *name ? ": " : "", what);
    xmlStopParser(r->parser);
}

static void no_memory(struct reader *r)
{
    refuse(r, ESCERTKE_ERR_NOMEM, "", "out of memory while reading XML");
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static escertke_span trim(escertke_span s)
{
    while (s.len && esc_xml_is_space(s.ptr[0]))
        s = (escertke_span){ s.ptr + 1, s.len - 1 };
    while (s.len && esc_xml_is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static json_t *number_of(escertke_span text)
{
    json_t *value = json_loadb((const char *)text.ptr, text.len, JSON_DECODE_ANY, NULL);

    if (json_is_number(value))
        return value;
    json_decref(value);
    return NULL;
}

static json_t *boolean_of(escertke_span text)
{
    static const struct {
        const char *word;
        int value;
    } words[] = { { "true", 1 }, { "false", 0 }, { "1", 1 }, { "0", 0 } };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (escertke_span_equal(text, escertke_span_str(words[i].word)))
            return json_boolean(words[i].value);
    return NULL;
}

/* One atom that is not empty. NULL: the reason is noted. */
static json_t *atom_of(struct reader *r, const struct esc_xml_name *row, const char *name, escertke_span text)
{
    json_t *value = NULL;
    const char *expected = "expected elements in it, found a text";

    switch (row->type) {
    case ESC_XML_NUMBER:
        value = number_of(text);
        expected = "expected a number, found another text";
        break;
    case ESC_XML_BOOLEAN:
        value = boolean_of(text);
        expected = "expected true or false, found another text";
        break;
    case ESC_XML_OBJECT: break;
    default:
        value = json_stringn(text.len ? (const char *)text.ptr : "", text.len);
        if (!value)
            no_memory(r);
    }
    if (!value)
        refuse(r, ESCERTKE_ERR_XML, name, expected);
    return value;
}

static json_t *list_of(struct reader *r, const struct esc_xml_name *row, const char *name, escertke_span text)
{
    json_t *list = json_array();

    while (text.len && r->err == ESCERTKE_OK) {
        escertke_span item = { text.ptr, 0 };
        while (item.len < text.len && !esc_xml_is_space(text.ptr[item.len]))
            item.len++;
        json_t *value = atom_of(r, row, name, item);
        if (value && json_array_append_new(list, value))
            no_memory(r);
        text = trim((escertke_span){ text.ptr + item.len, text.len - item.len });
    }
    if (r->err == ESCERTKE_OK)
        return list;
    json_decref(list);
    return NULL;
}

/* What an empty element says: null, unless it must be something (R-DT-40). */
static json_t *empty_of(const struct esc_xml_name *row, const char *parent, const char *name)
{
    if (row->count == ESC_XML_LIST)
        return esc_xml_is_root(name) ? json_array() : json_null();
    if (esc_xml_may_be_empty(row, parent, name))
        return json_string("");
    return esc_xml_is_root(name) ? json_object() : json_null();
}

/* The text of an element or attribute. NULL: the reason is noted. */
static json_t *value_of(struct reader *r, const struct esc_xml_name *row, const char *parent, const char *name,
                        escertke_span text)
{
    if (row->type != ESC_XML_ANY && row->type != ESC_XML_TEXT)
        text = trim(text);
    if (!text.len) {
        json_t *value = empty_of(row, parent, name);
        if (!value)
            no_memory(r);
        return value;
    }
    return row->count == ESC_XML_LIST ? list_of(r, row, name, text) : atom_of(r, row, name, text);
}

/* ---- members --------------------------------------------------------------------------------------------------- */

/* A further element of a name that has one already. Both values are taken over. */
static json_t *join(struct reader *r, const struct esc_xml_name *row, const char *name, json_t *before, json_t *value)
{
    if (row->count == ESC_XML_LIST && json_is_array(before) && json_is_array(value)) {
        json_array_extend(before, value);
        json_decref(value);
        return before;
    }
    if (row->count == ESC_XML_MANY || (row->type == ESC_XML_ANY && json_is_array(before))) {
        if (json_array_append_new(before, value))
            no_memory(r);
        return before;
    }
    if (row->type == ESC_XML_ANY && row->count == ESC_XML_ONE)
        return json_pack("[oo]", before, value);
    refuse(r, ESCERTKE_ERR_XML, name, "stands twice");
    json_decref(value);
    return before;
}

/* Put a value into the innermost open element; takes it, NULL = no memory or a reason that is noted already. */
static void attach(struct reader *r, const struct esc_xml_name *row, const char *name, json_t *value)
{
    struct open *parent = &r->open[r->depth];

    if (!parent->object)
        parent->object = json_object();
    json_t *before = json_incref(json_object_get(parent->object, name));
    if (value && before)
        value = join(r, row, name, before, value);
    else if (value && row->count == ESC_XML_MANY)
        value = json_pack("[o]", value);
    if (json_object_set_new(parent->object, name, value))
        no_memory(r);
}

/* m2m:ae, sec:x, op. @return false: the reason is noted */
static bool name_of(struct reader *r, const xmlChar *local, const xmlChar *uri, char out[ESC_XML_NAME_MAX + 1])
{
    const char *prefix = !uri ? "" : !strcmp((const char *)uri, ESC_XML_M2M_URI) ? "m2m:" : "sec:";
    size_t prefix_len = strlen(prefix), len = strlen((const char *)local);

    out[0] = '\0';
    if (uri && prefix[0] == 's' && strcmp((const char *)uri, ESC_XML_SEC_URI) != 0)
        refuse(r, ESCERTKE_ERR_XML, "", "an element of a namespace that is not of oneM2M");
    else if (prefix_len + len > ESC_XML_NAME_MAX)
        refuse(r, ESCERTKE_ERR_XML, "", "a name that is too long");
    for (size_t i = 0; i < len && r->err == ESCERTKE_OK; i++)
        if (local[i] >= 0x80)
            refuse(r, ESCERTKE_ERR_XML, "", "a name that is not of ASCII letters");
    if (r->err != ESCERTKE_OK)
        return false;
    memcpy(out, prefix, prefix_len);
    memcpy(out + prefix_len, local, len + 1);
    return true;
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

static void take_attributes(struct reader *r, int count, const xmlChar **attributes)
{
    char name[ESC_XML_NAME_MAX + 1];
    const struct open *parent = &r->open[r->depth];

    for (int i = 0; i < count && r->err == ESCERTKE_OK; i++, attributes += 5) {
        if (attributes[2]) /* xsi:schemaLocation, xml:lang: of no meaning here */
            continue;
        escertke_span text = { attributes[3], (size_t)(attributes[4] - attributes[3]) };
        if (!name_of(r, attributes[0], NULL, name))
            return;
        const struct esc_xml_name *row = esc_xml_name_find(parent->name, name, NULL);
        json_t *value = value_of(r, row, parent->name, name, text);
        if (value)
            attach(r, row, name, value);
    }
}

/* What the innermost element has of text so far. */
static escertke_span text_so_far(const struct reader *r)
{
    size_t start = r->open[r->depth].text;

    return r->text.len == start ? (escertke_span){ NULL, 0 } : (escertke_span){ r->text.ptr + start, r->text.len - start };
}

static bool only_space(const struct reader *r)
{
    return trim(text_so_far(r)).len == 0;
}

static void on_start(void *ctx, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri, int namespaces,
                     const xmlChar **namespace_uris, int count, int defaulted, const xmlChar **attributes)
{
    struct reader *r = ctx;
    char name[ESC_XML_NAME_MAX + 1];

    (void)prefix;
    (void)namespaces;
    (void)namespace_uris;
    (void)defaulted;
    if (r->err != ESCERTKE_OK || !name_of(r, local, uri, name))
        return;
    struct open *parent = &r->open[r->depth];
    if (r->depth == 0 && !esc_xml_is_root(name))
        refuse(r, ESCERTKE_ERR_XML, name, "expected a root of the namespace " ESC_XML_M2M_URI);
    else if (r->depth == ESC_JSON_DEPTH_MAX)
        refuse(r, ESCERTKE_ERR_XML, name, "nested too deeply");
    else if (!only_space(r))
        refuse(r, ESCERTKE_ERR_XML, parent->name, "text and elements side by side");
    if (r->err != ESCERTKE_OK)
        return;
    r->text.len = parent->text;
    struct open *o = &r->open[++r->depth];
    memcpy(o->name, name, sizeof name);
    o->row = esc_xml_name_find(parent->name, name, NULL);
    o->object = NULL;
    o->text = r->text.len;
    take_attributes(r, count, attributes);
}

static void on_text(void *ctx, const xmlChar *text, int len)
{
    struct reader *r = ctx;

    if (r->err != ESCERTKE_OK)
        return;
    escertke_err err = escertke_buf_append(&r->text, text, (size_t)len);
    if (err != ESCERTKE_OK)
        refuse(r, err, "", escertke_err_text(err));
}

static void on_end(void *ctx, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    struct reader *r = ctx;
    struct open *o = &r->open[r->depth];
    json_t *value = o->object;

    (void)local;
    (void)prefix;
    (void)uri;
    if (r->err != ESCERTKE_OK)
        return;
    if (value && !only_space(r))
        refuse(r, ESCERTKE_ERR_XML, o->name, "text and elements or attributes side by side");
    else if (value && (o->row->count == ESC_XML_LIST || (o->row->type != ESC_XML_OBJECT && o->row->type != ESC_XML_ANY)))
        refuse(r, ESCERTKE_ERR_XML, o->name, "expected a text, found elements or attributes");
    else if (!value)
        value = value_of(r, o->row, o[-1].name, o->name, text_so_far(r));
    if (r->err != ESCERTKE_OK)
        return; /* what is open is released at the end */
    o->object = NULL;
    r->text.len = o->text;
    r->depth--;
    attach(r, o->row, o->name, value);
}

/* The scan has refused them; if ever the parser saw one all the same, it ends here. */
static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *id, const xmlChar *uri)
{
    (void)name;
    (void)id;
    (void)uri;
    refuse(ctx, ESCERTKE_ERR_XML, "", "a document type");
}

static void on_instruction(void *ctx, const xmlChar *target, const xmlChar *data)
{
    (void)target;
    (void)data;
    refuse(ctx, ESCERTKE_ERR_XML, "", "a processing instruction");
}

static void on_reference(void *ctx, const xmlChar *name)
{
    (void)name;
    refuse(ctx, ESCERTKE_ERR_XML, "", "an entity");
}

static void on_document(void *ctx)
{
    struct reader *r = ctx;
    const xmlParserCtxt *p = r->parser;
    const xmlChar *encoding = p->encoding ? p->encoding : p->input ? p->input->encoding : NULL;

    if (encoding && xmlStrcasecmp(encoding, BAD_CAST "UTF-8") != 0)
        refuse(r, ESCERTKE_ERR_XML, "", "expected UTF-8, found another encoding");
    else if (p->version && xmlStrcmp(p->version, BAD_CAST "1.0") != 0)
        refuse(r, ESCERTKE_ERR_XML, "", "expected XML 1.0, found another version");
}

/* libxml2's own words quote the text; its number is put into ours. */
#if LIBXML_VERSION < 21200
static void on_error(void *ctx, xmlErrorPtr error)
#else
static void on_error(void *ctx, const xmlError *error)
#endif
{
    struct reader *r = ctx;

    if (r->err != ESCERTKE_OK || error->level < XML_ERR_ERROR)
        return;
    if (error->code == XML_ERR_NO_MEMORY)
        r->err = esc_fail(r->d, ESCERTKE_ERR_NOMEM, "", "out of memory while reading XML");
    else
        r->err = esc_fail(r->d, ESCERTKE_ERR_XML, clause, "line %d, column %d: %s", error->line, error->int2,
                          error->code == XML_ERR_UNDECLARED_ENTITY || error->code == XML_WAR_UNDECLARED_ENTITY
                              ? "an entity that is not one of XML's own five"
                              : "not well-formed");
}

static const xmlSAXHandler handler = {
    .initialized = XML_SAX2_MAGIC,
    .startDocument = on_document,
    .startElementNs = on_start,
    .endElementNs = on_end,
    .characters = on_text,
    .cdataBlock = on_text,
    .ignorableWhitespace = on_text,
    .internalSubset = on_doctype,
    .externalSubset = on_doctype,
    .processingInstruction = on_instruction,
    .reference = on_reference,
    .serror = on_error,
};

/* ---- the whole ------------------------------------------------------------------------------------------------- */

static void parse(struct reader *r, escertke_span text)
{
    xmlSAXHandler own = handler;

    xmlInitParser();
    r->parser = xmlCreatePushParserCtxt(&own, r, NULL, 0, NULL);
    if (!r->parser) {
        r->err = esc_fail(r->d, ESCERTKE_ERR_NOMEM, "", "out of memory while reading XML");
        return;
    }
    /* NOENT: "&amp;" comes as "&" in attributes too. There are no entities but XML's own five: nothing can declare one. */
    xmlCtxtUseOptions(r->parser, XML_PARSE_NONET | XML_PARSE_NOENT);
    int code = xmlParseChunk(r->parser, (const char *)text.ptr, (int)text.len, 1);
    if (r->err == ESCERTKE_OK && (code || !r->parser->wellFormed || r->depth))
        r->err = esc_fail(r->d, ESCERTKE_ERR_XML, clause, "not well-formed");
    xmlFreeParserCtxt(r->parser);
}

escertke_err esc_xml_load(escertke_span text, json_t **out, escertke_detail *d)
{
    struct reader r = { .d = d };

    *out = NULL;
    escertke_err err = esc_xml_scan(text, d);
    if (err != ESCERTKE_OK)
        return err;
    escertke_buf_init(&r.text, ESCERTKE_PRIMITIVE_MAX);
    parse(&r, text);
    escertke_buf_free(&r.text);
    if (r.err == ESCERTKE_OK && (err = esc_tree_within(r.open[0].object, ESCERTKE_ERR_XML)) != ESCERTKE_OK)
        r.err =
            esc_fail(d, err, clause, "more than %d values, or nested deeper than %d levels", ESC_ITEMS_MAX, ESC_JSON_DEPTH_MAX);
    for (size_t i = r.err == ESCERTKE_OK ? 1 : 0; i <= r.depth; i++)
        json_decref(r.open[i].object);
    if (r.err == ESCERTKE_OK)
        *out = r.open[0].object;
    return r.err;
}
