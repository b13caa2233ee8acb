#include "m2m/nested.h"

#include <string.h>

#include "base/fail.h"
#include "m2m/serialization.h"

static const char clause[] = "TS-0004 7.4.22";

/* Longer than its content may be: escaped, and with its other parameters. */
#define TEXT_MAX (2 * ESCERTKE_PRIMITIVE_MAX)

static const char *root_name(bool request)
{
    return request ? "m2m:rqp" : "m2m:rsp";
}

/* Members are the same in every serialization; in JSON they can be read without a root. */
static escertke_err read_members(const json_t *members, escertke_primitive *out, escertke_detail *d)
{
    escertke_buf text;

    escertke_buf_init(&text, TEXT_MAX);
    escertke_err err = esc_json_dump(members, &text);
    if (err == ESCERTKE_OK)
        err = escertke_primitive_parse_json(escertke_buf_span(&text), out, d);
    else
        (void)esc_fail(d, err, clause, "%s", escertke_err_text(err));
    escertke_buf_free(&text);
    return err;
}

escertke_err esc_nested_read(escertke_format format, escertke_span content, bool request, escertke_primitive *out,
                             escertke_detail *d)
{
    json_t *root, *members;
    const char *name;

    escertke_primitive_init(out);
    escertke_err err = esc_serial_load_content(format, content, &root, &name, &members, d);
    if (err != ESCERTKE_OK)
        return err;
    if (strcmp(name, root_name(request)) != 0 || !json_is_object(members))
        err = esc_fail(d, ESCERTKE_ERR_PRIMITIVE, clause, "content: expected an object %s, found %s %.40s", root_name(request),
                       esc_json_kind(members), name);
    else
        err = read_members(members, out, d);
    json_decref(root);
    if (err == ESCERTKE_OK && request == (out->op == ESCERTKE_OP_NONE)) {
        err = esc_fail(d, ESCERTKE_ERR_PRIMITIVE, clause, "%s: expected %s, found the other", root_name(request),
                       request ? "op" : "rsc");
        escertke_primitive_clear(out);
    }
    return err;
}

escertke_err esc_nested_write(escertke_format format, const escertke_primitive *p, escertke_buf *out)
{
    escertke_buf text;
    json_t *members, *root;

    escertke_buf_init(&text, TEXT_MAX);
    escertke_err err = escertke_primitive_write_json(p, &text);
    if (err == ESCERTKE_OK)
        err = esc_json_load(escertke_buf_span(&text), &members, NULL);
    escertke_buf_free(&text);
    if (err != ESCERTKE_OK)
        return esc_is_syntax(err) ? ESCERTKE_ERR_PRIMITIVE : err;
    root = json_pack("{so}", root_name(p->op != ESCERTKE_OP_NONE), members);
    err = root ? esc_serial_dump(format, root, out) : ESCERTKE_ERR_NOMEM;
    json_decref(root);
    return esc_is_syntax(err) ? ESCERTKE_ERR_PRIMITIVE : err;
}
