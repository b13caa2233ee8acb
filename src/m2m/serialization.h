/*
 * serialization.h - JSON, XML and CBOR behind one table: octets <-> one tree, jansson's. What a primitive, a securityInfo or a
 * resource means is read from the tree, whatever it came in, and written by way of it.
 */
#ifndef ESCERTKE_M2M_SERIALIZATION_H
#define ESCERTKE_M2M_SERIALIZATION_H

#include <escertke/m2m.h>

#include "m2m/json.h"

struct esc_serialization {
    escertke_format format;
    const char *name;    /* as in csz, in topics of MQTT, behind "oneM2M." of WebSocket */
    const char *media;   /* type for any content */
    bool named_root;     /* a primitive stands below m2m:rqp or m2m:rsp (XML); else op or rsc alone say what it is (R-DT-32) */
    escertke_err syntax; /* what read and write return for what this serialization does not allow */
    /* Both NULL where the build leaves the serialization out. */

    /**
     * Read one object or array: at most ESCERTKE_PRIMITIVE_MAX octets, ESC_JSON_DEPTH_MAX levels and ESC_ITEMS_MAX values, names
     * unique in each object, UTF-8 without NUL, nothing behind it. The detail never quotes the text.
     * @param out  owned by the caller (json_decref); NULL after a failure
     * @return OK, its syntax error, TOO_LARGE (octets, values), NOMEM
     */
    escertke_err (*read)(escertke_span octets, json_t **out, escertke_detail *d);
    /**
     * Append a tree within the same bounds. On error @p out is as it was.
     * @return OK, its syntax error (deeper, or not to be said in this serialization), TOO_LARGE, NOMEM
     */
    escertke_err (*write)(const json_t *tree, escertke_buf *out);
};

/** The row of a format; NULL if this build does not have it. */
const struct esc_serialization *esc_serialization_of(escertke_format format);

/** Is it the syntax error of a serialization: malformed, as opposed to too large or no memory? */
bool esc_is_syntax(escertke_err err);

/**
 * Is the tree within ESC_JSON_DEPTH_MAX levels and ESC_ITEMS_MAX values? For what was built, not read.
 * @return OK, @p syntax (levels), TOO_LARGE (values)
 */
ESCERTKE_CHECKED escertke_err esc_tree_within(const json_t *tree, escertke_err syntax);

/** Read in a format. @return as its read; UNSUPPORTED (not in this build) */
ESCERTKE_CHECKED escertke_err esc_serial_load(escertke_format format, escertke_span octets, json_t **out, escertke_detail *d);
/**
 * Read a content: an object with exactly one member (R-DT-31). @return as esc_serial_load
 * @param root  owned by the caller (json_decref); NULL after a failure
 * @param name  its member's name, valid as long as root
 */
ESCERTKE_CHECKED escertke_err esc_serial_load_content(escertke_format format, escertke_span octets, json_t **root,
                                                      const char **name, json_t **value, escertke_detail *d);
/** Write in a format. @return as its write; UNSUPPORTED */
ESCERTKE_CHECKED escertke_err esc_serial_dump(escertke_format format, const json_t *tree, escertke_buf *out);

#endif
