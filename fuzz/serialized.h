/* serialized.h - what the fuzz targets of the serializations share: a tree that was read can be written, and reads the same
 * again. */
#ifndef FUZZ_SERIALIZED_H
#define FUZZ_SERIALIZED_H

#include <stdlib.h>

#include "m2m/serialization.h"

/* Through @p format and back. A text past the limit of what is read is left alone. */
static void same_through(escertke_format format, const json_t *tree, bool may_be_unsayable)
{
    escertke_buf once, twice;
    json_t *again;

    escertke_buf_init(&once, 16 * ESCERTKE_PRIMITIVE_MAX);
    escertke_buf_init(&twice, 16 * ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = esc_serial_dump(format, tree, &once);
    if (err != ESCERTKE_OK && (!may_be_unsayable || !esc_is_syntax(err) || once.len))
        abort();
    if (err == ESCERTKE_OK && once.len <= ESCERTKE_PRIMITIVE_MAX) {
        if (esc_serial_load(format, escertke_buf_span(&once), &again, NULL) != ESCERTKE_OK ||
            (!may_be_unsayable && !json_equal(tree, again)) || esc_serial_dump(format, again, &twice) != ESCERTKE_OK ||
            !escertke_span_equal(escertke_buf_span(&once), escertke_buf_span(&twice)))
            abort();
        json_decref(again);
    }
    escertke_buf_free(&once);
    escertke_buf_free(&twice);
}

/* A primitive that was read is written in its own serialization, and reads and writes the same from there. */
static void primitive_through(escertke_format format, escertke_span octets)
{
    escertke_primitive p, again;
    escertke_buf once, twice;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_buf_init(&once, 16 * ESCERTKE_PRIMITIVE_MAX);
    escertke_buf_init(&twice, 16 * ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = escertke_primitive_parse(format, octets, &p, &d);
    if (err != ESCERTKE_OK && (d.err != err || !*d.reason || p.to || p.content.ptr))
        abort();
    if (err == ESCERTKE_OK && escertke_primitive_write(format, &p, &once) != ESCERTKE_OK)
        abort();
    if (err == ESCERTKE_OK && once.len <= ESCERTKE_PRIMITIVE_MAX) {
        if (escertke_primitive_parse(format, escertke_buf_span(&once), &again, NULL) != ESCERTKE_OK || again.op != p.op ||
            again.rsc != p.rsc || escertke_primitive_write(format, &again, &twice) != ESCERTKE_OK ||
            !escertke_span_equal(escertke_buf_span(&once), escertke_buf_span(&twice)))
            abort();
        escertke_primitive_clear(&again);
    }
    escertke_primitive_clear(&p);
    escertke_buf_free(&once);
    escertke_buf_free(&twice);
}

/* A securityInfo that was read from octets is written and reads the same. */
static void seci_through(escertke_format format, escertke_span octets)
{
    escertke_seci s, again;
    escertke_buf out;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_buf_init(&out, 16 * ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = escertke_seci_parse(format, octets, &s, &d);
    if (err != ESCERTKE_OK && (d.err != err || !*d.reason || s.eckm.ptr || s.object.ptr))
        abort();
    if (err == ESCERTKE_OK && s.sit == ESCERTKE_SIT_ESCERTKE) {
        if (escertke_seci_write(format, &s, &out) != ESCERTKE_OK ||
            escertke_seci_parse(format, escertke_buf_span(&out), &again, NULL) != ESCERTKE_OK ||
            !escertke_span_equal(escertke_buf_span(&s.eckm), escertke_buf_span(&again.eckm)))
            abort();
        escertke_seci_clear(&again);
    }
    escertke_seci_clear(&s);
    escertke_buf_free(&out);
}

#endif
