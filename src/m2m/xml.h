/*
 * xml.h - XML 1.0 (TS-0004 8.3) <-> tree, with libxml2's parser. The tree is that of the JSON: XML has no types of its own, so
 * those of the standard's short names stand in a table, and what is not in it is a text, or an object if it has elements in it.
 * See esc_serialization for both directions.
 */
#ifndef ESCERTKE_M2M_XML_H
#define ESCERTKE_M2M_XML_H

#include "m2m/json.h"

/**
 * Read as esc_json_load does; the root becomes the one member of the object. UTF-8 only. Refused before libxml2 sees them:
 * document types (and so entities), processing instructions, more than 64 attributes in a tag. Nothing is ever fetched. An empty
 * element is null, but where the table says otherwise; an attribute counts as an element of its name.
 * @return OK, XML, TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_xml_load(escertke_span text, json_t **out, escertke_detail *d);

/**
 * Write an object with one member, whose name has a prefix. Members come in the order of the schemas; rn is an attribute.
 * @return OK, XML (not to be said in XML so that it reads the same: names and characters that XML does not have, empty texts,
 * lists and objects that would read as null, values of another type than their name has; too deep), TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_xml_dump(const json_t *tree, escertke_buf *out);

/* ---- shared by the files of XML ------------------------------------------------------------------------------- */

#define ESC_XML_M2M_URI "http://www.onem2m.org/xml/protocols"
#define ESC_XML_SEC_URI "http://www.onem2m.org/technical/xml-schemas"

/** Longest name with its prefix, characters. */
enum { ESC_XML_NAME_MAX = 127 };

enum esc_xml_type {
    ESC_XML_ANY,     /* a text as it stands; an object where there are elements */
    ESC_XML_TEXT,    /* a text as it stands, also an empty one */
    ESC_XML_TOKEN,   /* a text without white space around it: identifiers, addresses, times, base64 */
    ESC_XML_NUMBER,  /* as JSON writes them */
    ESC_XML_BOOLEAN, /* true, false, 1, 0 */
    ESC_XML_OBJECT
};
enum esc_xml_count {
    ESC_XML_ONE,
    ESC_XML_LIST, /* an array: one element, members separated by white space (xs:list) */
    ESC_XML_MANY  /* an array: an element for each member (maxOccurs > 1) */
};

/** What a name stands for. Rows are in the order of the schemas. */
struct esc_xml_name {
    const char *name;
    const char *parent; /* the row is for this element's children only; NULL = for all */
    enum esc_xml_type type;
    enum esc_xml_count count;
};

/** The row of a name, never NULL: of one that is not known, ANY and ONE. @param rank  its place in the order (NULL allowed) */
const struct esc_xml_name *esc_xml_name_find(const char *parent, const char *name, size_t *rank);
/** Has it a prefix? Such are roots of documents and contents, whose empty element is an empty object, list or text, never null.
 */
bool esc_xml_is_root(const char *name);
/** May an empty element of this row be an empty text? Else it is null. */
bool esc_xml_may_be_empty(const struct esc_xml_name *row, const char *parent, const char *name);
bool esc_xml_is_space(uint8_t c);

/** Is it safe and sensible to have it parsed? @return OK, XML, TOO_LARGE */
ESCERTKE_CHECKED escertke_err esc_xml_scan(escertke_span text, escertke_detail *d);

#endif
