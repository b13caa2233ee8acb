/*
 * CBOR -> tree. libcbor's streaming decoder takes one item apart at a time and allocates nothing; the tree grows by what
 * is there, never by what a length promises.
 */
#include "m2m/cbor.h"

#include <cbor.h>
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "m2m/serialization.h"

static const char clause[] = "TS-0004 8.5.1";

/* An array or map that is not complete. */
struct level {
    json_t *container; /* owned by what is around it; the outermost by the reader */
    uint64_t left;     /* items to come, names and values counted apart; not used where indefinite */
    bool indefinite;
    char *name; /* of the value to come, owned; NULL: a name comes next */
};

struct reader {
    escertke_span text;
    size_t at; /* where the item begins that is being decoded */
    struct level levels[ESC_JSON_DEPTH_MAX];
    size_t depth, items;
    json_t *root;
    bool in_chunks; /* between the beginning and the end of a string of indefinite length */
    bool chunks_are_bytes;
    escertke_buf chunks;
    escertke_err err;
    escertke_detail *d;
};

static void refuse(struct reader *r, escertke_err err, const char *what)
{
    if (r->err == ESCERTKE_OK)
        r->err = esc_fail(r->d, err, clause, "octet %zu: %s", r->at, what);
}

static void no_memory(struct reader *r)
{
    refuse(r, ESCERTKE_ERR_NOMEM, "out of memory while reading CBOR");
}

/* ---- where an item goes ---------------------------------------------------------------------------------------- */

static struct level *innermost(struct reader *r)
{
    return r->depth ? &r->levels[r->depth - 1] : NULL;
}

/* An item has been read: is what it stands in complete, and what that stands in? */
static void count_down(struct reader *r)
{
    for (struct level *l = innermost(r); l && !l->indefinite && l->left == 0; l = innermost(r))
        r->depth--;
}

/* @return false: the item has no place, and the reason is noted */
static bool expect_value(struct reader *r)
{
    const struct level *l = innermost(r);

    if (r->err != ESCERTKE_OK)
        return false;
    if (r->in_chunks)
        refuse(r, ESCERTKE_ERR_CBOR, "expected a piece of a string, found another item");
    else if (l && json_is_object(l->container) && !l->name)
        refuse(r, ESCERTKE_ERR_CBOR, "expected a text as a name, found another item");
    else if (++r->items > ESC_ITEMS_MAX)
        refuse(r, ESCERTKE_ERR_TOO_LARGE, "too many values");
    return r->err == ESCERTKE_OK;
}

/* Takes @p value, NULL = no memory. */
static bool attach(struct reader *r, json_t *value)
{
    struct level *l = innermost(r);
    int failed;

    if (!value) {
        no_memory(r);
        return false;
    }
    if (!l) {
        r->root = value;
        return true;
    }
    if (json_is_object(l->container)) {
        failed = json_object_set_new(l->container, l->name, value);
        esc_release(l->name);
        l->name = NULL;
    } else {
        failed = json_array_append_new(l->container, value);
    }
    if (!l->indefinite)
        l->left--;
    if (failed)
        no_memory(r);
    return !failed;
}

static void put(struct reader *r, json_t *value)
{
    if (!r->depth) {
        json_decref(value);
        refuse(r, ESCERTKE_ERR_CBOR, "expected a map or an array, found another item");
    } else if (attach(r, value)) {
        count_down(r);
    }
}

/* ---- strings --------------------------------------------------------------------------------------------------- */

static bool is_text(escertke_span s)
{
    for (size_t i = 0, len; i < s.len; i += len) {
        len = esc_utf8_len((escertke_span){ s.ptr + i, s.len - i });
        if (!len || !s.ptr[i])
            return false;
    }
    return true;
}

static void take_name(struct reader *r, struct level *l, escertke_span text)
{
    char *name = esc_strndup(text.len ? (const char *)text.ptr : "", text.len);

    if (!name) {
        no_memory(r);
        return;
    }
    if (json_object_get(l->container, name)) {
        esc_release(name);
        refuse(r, ESCERTKE_ERR_CBOR, "a name stands twice in one map");
        return;
    }
    l->name = name;
    if (!l->indefinite)
        l->left--;
}

static void take_string(struct reader *r, escertke_span text)
{
    struct level *l = innermost(r);

    if (!is_text(text))
        refuse(r, ESCERTKE_ERR_CBOR, "a string is not UTF-8, or holds a NUL");
    else if (l && json_is_object(l->container) && !l->name)
        take_name(r, l, text);
    else if (expect_value(r))
        put(r, json_stringn(text.len ? (const char *)text.ptr : "", text.len));
}

static void on_string(struct reader *r, bool bytes, const uint8_t *data, size_t len)
{
    escertke_span text = { data, len }; /* libcbor has seen that so many octets are there */

    if (r->err != ESCERTKE_OK)
        return;
    if (!r->in_chunks) {
        take_string(r, text);
        return;
    }
    if (bytes != r->chunks_are_bytes || !is_text(text)) {
        refuse(r, ESCERTKE_ERR_CBOR, "a piece of a string is of another kind, is not UTF-8, or holds a NUL");
        return;
    }
    escertke_err err = escertke_buf_append(&r->chunks, text.ptr, text.len);
    if (err != ESCERTKE_OK)
        refuse(r, err, "a string in pieces cannot be kept");
}

static void begin_chunks(struct reader *r, bool bytes)
{
    if (r->err != ESCERTKE_OK)
        return;
    if (r->in_chunks)
        refuse(r, ESCERTKE_ERR_CBOR, "a piece of a string is in pieces itself");
    r->in_chunks = true;
    r->chunks_are_bytes = bytes;
}

static void end_chunks(struct reader *r)
{
    r->in_chunks = false;
    take_string(r, escertke_buf_span(&r->chunks));
    escertke_buf_reset(&r->chunks);
}

static void on_text(void *ctx, cbor_data data, size_t len)
{
    on_string(ctx, false, data, len);
}

static void on_bytes(void *ctx, cbor_data data, size_t len)
{
    on_string(ctx, true, data, len);
}

static void on_text_start(void *ctx)
{
    begin_chunks(ctx, false);
}

static void on_bytes_start(void *ctx)
{
    begin_chunks(ctx, true);
}

/* ---- arrays and maps ------------------------------------------------------------------------------------------- */

static void begin(struct reader *r, bool map, uint64_t count, bool indefinite)
{
    if (!expect_value(r))
        return;
    if (r->depth == ESC_JSON_DEPTH_MAX) {
        refuse(r, ESCERTKE_ERR_CBOR, "nested deeper than 16 levels");
        return;
    }
    if (count > (r->text.len - r->at) / (map ? 2 : 1)) { /* an item takes an octet at least */
        refuse(r, ESCERTKE_ERR_CBOR, "more items are announced than there are octets");
        return;
    }
    json_t *container = map ? json_object() : json_array();
    if (!attach(r, container))
        return;
    r->levels[r->depth++] =
        (struct level){ .container = container, .left = map ? 2 * count : count, .indefinite = indefinite, .name = NULL };
    count_down(r);
}

static void on_array(void *ctx, size_t count)
{
    begin(ctx, false, count, false);
}

static void on_map(void *ctx, size_t count)
{
    begin(ctx, true, count, false);
}

static void on_array_start(void *ctx)
{
    begin(ctx, false, 0, true);
}

static void on_map_start(void *ctx)
{
    begin(ctx, true, 0, true);
}

static void on_break(void *ctx)
{
    struct reader *r = ctx;
    struct level *l = innermost(r);

    if (r->err != ESCERTKE_OK)
        return;
    if (r->in_chunks) {
        end_chunks(r);
    } else if (!l || !l->indefinite || l->name) {
        refuse(r, ESCERTKE_ERR_CBOR, "an end where nothing of indefinite length can end");
    } else {
        r->depth--;
        count_down(r);
    }
}

/* ---- numbers and the rest -------------------------------------------------------------------------------------- */

static void put_int(struct reader *r, uint64_t value, bool negative)
{
    if (!expect_value(r))
        return;
    if (value > INT64_MAX) {
        refuse(r, ESCERTKE_ERR_CBOR, "an integer is too large");
        return;
    }
    put(r, json_integer(negative ? -1 - (json_int_t)value : (json_int_t)value));
}

static void put_real(struct reader *r, double value)
{
    if (!expect_value(r))
        return;
    if (!isfinite(value))
        refuse(r, ESCERTKE_ERR_CBOR, "a float is not a number, or infinite");
    else
        put(r, json_real(value));
}

#define INTEGERS(bits)                                                                                                           \
    static void on_uint##bits(void *ctx, uint##bits##_t value)                                                                   \
    {                                                                                                                            \
        put_int(ctx, value, false);                                                                                              \
    }                                                                                                                            \
    static void on_negint##bits(void *ctx, uint##bits##_t value)                                                                 \
    {                                                                                                                            \
        put_int(ctx, value, true);                                                                                               \
    }
INTEGERS(8)
INTEGERS(16)
INTEGERS(32)
INTEGERS(64)

static void on_float(void *ctx, float value)
{
    put_real(ctx, (double)value);
}

static void on_double(void *ctx, double value)
{
    put_real(ctx, value);
}

static void on_boolean(void *ctx, bool value)
{
    if (expect_value(ctx))
        put(ctx, json_boolean(value));
}

static void on_null(void *ctx)
{
    if (expect_value(ctx))
        put(ctx, json_null());
}

static void on_undefined(void *ctx)
{
    refuse(ctx, ESCERTKE_ERR_CBOR, "undefined has no counterpart in JSON");
}

static void on_tag(void *ctx, uint64_t tag)
{
    (void)tag;
    refuse(ctx, ESCERTKE_ERR_CBOR, "a tag");
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint64,
    .byte_string_start = on_bytes_start,
    .byte_string = on_bytes,
    .string = on_text,
    .string_start = on_text_start,
    .indef_array_start = on_array_start,
    .array_start = on_array,
    .indef_map_start = on_map_start,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_undefined,
    .null = on_null,
    .boolean = on_boolean,
    .indef_break = on_break,
};

/* ---- the whole ------------------------------------------------------------------------------------------------- */

static void read_items(struct reader *r)
{
    do {
        struct cbor_decoder_result result = cbor_stream_decode(r->text.ptr + r->at, r->text.len - r->at, &callbacks, r);
        if (result.status == CBOR_DECODER_NEDATA)
            refuse(r, ESCERTKE_ERR_CBOR, "the octets end too early");
        else if (result.status != CBOR_DECODER_FINISHED)
            refuse(r, ESCERTKE_ERR_CBOR, "an item that does not exist");
        if (r->err == ESCERTKE_OK)
            r->at += result.read;
    } while (r->err == ESCERTKE_OK && (r->depth || r->in_chunks) && r->at < r->text.len);
    if (r->err == ESCERTKE_OK && (r->depth || r->in_chunks))
        refuse(r, ESCERTKE_ERR_CBOR, "the octets end too early");
    else if (r->err == ESCERTKE_OK && r->at < r->text.len)
        refuse(r, ESCERTKE_ERR_CBOR, "something follows the value");
}

escertke_err esc_cbor_load(escertke_span octets, json_t **out, escertke_detail *d)
{
    struct reader r = { .text = octets, .d = d };

    *out = NULL;
    if (!octets.len)
        return esc_fail(d, ESCERTKE_ERR_CBOR, clause, "expected CBOR, found nothing");
    if (octets.len > ESCERTKE_PRIMITIVE_MAX)
        return esc_fail(d, ESCERTKE_ERR_TOO_LARGE, "", "CBOR of %zu bytes, limit %u", octets.len, ESCERTKE_PRIMITIVE_MAX);
    escertke_buf_init(&r.chunks, ESCERTKE_PRIMITIVE_MAX);
    read_items(&r);
    for (size_t i = 0; i < r.depth; i++)
        esc_release(r.levels[i].name);
    escertke_buf_free(&r.chunks);
    if (r.err != ESCERTKE_OK)
        json_decref(r.root);
    else
        *out = r.root;
    return r.err;
}
