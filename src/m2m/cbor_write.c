/* Tree -> CBOR: heads by libcbor's encoders, which write into octets of ours and allocate nothing. */
#include <cbor.h>
#include <string.h>

#include "m2m/cbor.h"
#include "m2m/serialization.h"

enum { HEAD_MAX = 9 };

static escertke_err write_value(const json_t *value, escertke_buf *out);

static escertke_err write_text(const char *text, size_t len, escertke_buf *out)
{
    uint8_t head[HEAD_MAX];
    escertke_err err = escertke_buf_append(out, head, cbor_encode_string_start(len, head, sizeof head));

    return err == ESCERTKE_OK ? escertke_buf_append(out, text, len) : err;
}

static escertke_err write_array(const json_t *array, escertke_buf *out)
{
    uint8_t head[HEAD_MAX];
    escertke_err err = escertke_buf_append(out, head, cbor_encode_array_start(json_array_size(array), head, sizeof head));

    for (size_t i = 0; i < json_array_size(array) && err == ESCERTKE_OK; i++)
        err = write_value(json_array_get(array, i), out);
    return err;
}

static escertke_err write_map(const json_t *object, escertke_buf *out)
{
    uint8_t head[HEAD_MAX];
    const json_t *value;
    const char *name;
    escertke_err err = escertke_buf_append(out, head, cbor_encode_map_start(json_object_size(object), head, sizeof head));

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (err == ESCERTKE_OK)
            err = write_text(name, strlen(name), out);
        if (err == ESCERTKE_OK)
            err = write_value(value, out);
    }
    return err;
}

static size_t write_int(json_int_t value, uint8_t head[HEAD_MAX])
{
    return value < 0 ? cbor_encode_negint((uint64_t)(-1 - value), head, HEAD_MAX)
                     : cbor_encode_uint((uint64_t)value, head, HEAD_MAX);
}

static size_t write_real(double value, uint8_t head[HEAD_MAX])
{
    float narrow = (float)value;

    return (double)narrow == value ? cbor_encode_single(narrow, head, HEAD_MAX) : cbor_encode_double(value, head, HEAD_MAX);
}

static escertke_err write_value(const json_t *value, escertke_buf *out)
{
    uint8_t head[HEAD_MAX];

    switch (json_typeof(value)) {
    case JSON_OBJECT: return write_map(value, out);
    case JSON_ARRAY: return write_array(value, out);
    case JSON_STRING: return write_text(json_string_value(value), json_string_length(value), out);
    case JSON_INTEGER: return escertke_buf_append(out, head, write_int(json_integer_value(value), head));
    case JSON_REAL: return escertke_buf_append(out, head, write_real(json_real_value(value), head));
    case JSON_NULL: return escertke_buf_append(out, head, cbor_encode_null(head, sizeof head));
    default: return escertke_buf_append(out, head, cbor_encode_bool(json_is_true(value), head, sizeof head));
    }
}

escertke_err esc_cbor_dump(const json_t *tree, escertke_buf *out)
{
    size_t start = out->len;
    escertke_err err = esc_tree_within(tree, ESCERTKE_ERR_CBOR);

    if (err == ESCERTKE_OK)
        err = write_value(tree, out);
    if (err != ESCERTKE_OK && out->len > start) {
        escertke_wipe(out->ptr + start, out->len - start);
        out->len = start;
    }
    return err;
}
