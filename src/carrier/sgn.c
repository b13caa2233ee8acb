/*
 * sgn.c - m2m:seci as the representation in a notification: {"m2m:sgn":{"sur":...,"nev":{"net":1,"rep":{"m2m:seci":{...}}}}}.
 * For CSEs that pass nothing but notifications on (R 12.1). The standard knows no such child of a notification.
 */
#include "base/fail.h"
#include "carrier/carrier.h"
#include "m2m/serialization.h"

static const char clause[] = "R-12.1, TS-0004 7.5.1.1";

enum { NET_UPDATE = 1 };

/* The notification does not come from a subscription: sur names the resource that it goes to. */
static escertke_err wrap(escertke_format format, const char *to, escertke_span message, escertke_buf *content)
{
    struct esc_json_writer w;
    escertke_buf json, seci;

    escertke_buf_init(&json, ESCERTKE_PRIMITIVE_MAX);
    escertke_buf_init(&seci, ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = escertke_seci_write_eckm(ESCERTKE_FORMAT_JSON, message, &seci);
    w = esc_json_write_begin(&json);
    esc_json_write_open(&w, '{');
    esc_json_write_name(&w, "m2m:sgn");
    esc_json_write_open(&w, '{');
    esc_json_write_name(&w, "sur");
    esc_json_write_text(&w, escertke_span_str(to));
    esc_json_write_name(&w, "nev");
    esc_json_write_open(&w, '{');
    esc_json_write_name(&w, "net");
    esc_json_write_int(&w, NET_UPDATE);
    esc_json_write_name(&w, "rep");
    if (err == ESCERTKE_OK && (err = esc_json_write_end(&w)) == ESCERTKE_OK &&
        (err = escertke_buf_append(&json, seci.ptr, seci.len)) == ESCERTKE_OK &&
        (err = escertke_buf_append(&json, "}}}", 3)) == ESCERTKE_OK)
        err = escertke_content_convert(ESCERTKE_FORMAT_JSON, escertke_buf_span(&json), format, content, NULL);
    escertke_buf_free(&seci);
    escertke_buf_free(&json);
    return err;
}

/* The representation in a notification's event; NULL if it is no notification, or has none. */
static const json_t *representation(const json_t *root)
{
    return json_object_get(json_object_get(json_object_get(root, "m2m:sgn"), "nev"), "rep");
}

static bool recognise(escertke_format format, escertke_span content)
{
    json_t *root;

    if (esc_serial_load(format, content, &root, NULL) != ESCERTKE_OK)
        return false;
    bool is = json_object_size(root) == 1 && json_object_get(representation(root), "m2m:seci");
    json_decref(root);
    return is;
}

static escertke_err open_notification(const json_t *root, escertke_seci *out, escertke_detail *d)
{
    const json_t *rep = representation(root);
    escertke_buf seci;

    if (json_object_size(root) != 1 || !json_object_get(root, "m2m:sgn"))
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "content: expected one member m2m:sgn, found %zu others",
                        json_object_size(root));
    if (!json_is_object(rep))
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "m2m:sgn: expected nev with a representation, found %s as rep",
                        esc_json_kind(rep));
    escertke_buf_init(&seci, ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = esc_json_dump(rep, &seci);
    if (err == ESCERTKE_OK)
        err = escertke_seci_parse(ESCERTKE_FORMAT_JSON, escertke_buf_span(&seci), out, d);
    else
        err = esc_fail(d, err, clause, "rep: not kept: %s", escertke_err_text(err));
    escertke_buf_free(&seci);
    return err;
}

static escertke_err open(escertke_format format, escertke_span content, escertke_seci *out, escertke_detail *d)
{
    json_t *root;

    escertke_seci_init(out);
    escertke_err err = esc_serial_load(format, content, &root, d);
    if (err != ESCERTKE_OK)
        return err;
    err = open_notification(root, out, d);
    json_decref(root);
    return err;
}

const struct esc_carrier esc_carrier_sgn = {
    .which = ESCERTKE_CARRIER_SGN, .name = "sgn", .wrap = wrap, .recognise = recognise, .open = open
};
