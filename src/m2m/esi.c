#include <escertke/m2m.h>

#include <string.h>

#include "base/fail.h"
#include "m2m/json.h"
#include "m2m/rand_object.h"
#include "m2m/serialization.h"

static const char clause[] = "TS-0004 6.3.5.52";

/* TS-0004 6.3.4.2.39: what a credential (tens) may be used for (units). 20, 30 and 31 do not exist. */
static bool is_suid(int suid)
{
    static const uint8_t known[] = { 10, 11, 12, 13, 14, 15, 21, 22, 23, 24, 25, 32, 33, 34, 35, 40, 41, 42, 43, 44, 45 };

    for (size_t i = 0; i < sizeof known; i++)
        if (known[i] == suid)
            return true;
    return false;
}

bool escertke_esi_has(const escertke_esi *esi, int suid)
{
    for (size_t i = 0; i < esi->esf_count; i++)
        if (esi->esf[i] == suid)
            return true;
    return false;
}

static escertke_err take_features(const json_t *list, escertke_esi *out, escertke_detail *d)
{
    if (!json_array_size(list))
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "esf: expected an array of at least one SUID, found %s of %zu",
                        esc_json_kind(list), json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        int suid;
        if (!esc_json_int(json_array_get(list, i), 0, 99, &suid) || !is_suid(suid))
            return esc_fail(d, ESCERTKE_ERR_SECINFO, "TS-0004 6.3.4.2.39",
                            "esf: expected a SUID of the table, found another at place %zu", i + 1);
        if (!escertke_esi_has(out, suid)) /* a repeated one says nothing new, so the table's size bounds the list */
            out->esf[out->esf_count++] = (uint8_t)suid;
    }
    return ESCERTKE_OK;
}

/* Hints, never trust material: only their form is looked at (R-DT-15). */
static escertke_err check_certificates(const json_t *list, escertke_detail *d)
{
    escertke_buf der;
    escertke_err err = ESCERTKE_OK;

    if (list && !json_is_array(list))
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "escert: expected an array, found %s", esc_json_kind(list));
    escertke_buf_init(&der, ESCERTKE_PRIMITIVE_MAX);
    for (size_t i = 0; i < json_array_size(list) && err == ESCERTKE_OK; i++) {
        escertke_buf_reset(&der);
        err = escertke_base64_decode(esc_json_text(json_array_get(list, i)), &der);
        if (err == ESCERTKE_ERR_NOMEM)
            err = esc_fail(d, err, "", "escert: out of memory");
        else if (err != ESCERTKE_OK || !der.len || der.ptr[0] != 0x30) /* DER SEQUENCE */
            err = esc_fail(d, ESCERTKE_ERR_SECINFO, clause,
                           "escert: expected a DER certificate in base64, found another at place %zu", i + 1);
    }
    escertke_buf_free(&der);
    return err;
}

static escertke_err take_members(const json_t *object, escertke_esi *out, escertke_detail *d)
{
    const json_t *esro = json_object_get(object, "esro");
    escertke_err err;

    if (!json_is_object(object))
        return esc_fail(d, ESCERTKE_ERR_SECINFO, clause, "esi: expected an object, found %s", esc_json_kind(object));
    if ((err = take_features(json_object_get(object, "esf"), out, d)) != ESCERTKE_OK ||
        (err = check_certificates(json_object_get(object, "escert"), d)) != ESCERTKE_OK)
        return err;
    out->has_esro = esro != NULL;
    return esro ? esc_rand_object_parse(esro, &out->esro, d) : ESCERTKE_OK;
}

/* Nothing half read is left behind: a feature seen before the fault does not count. */
static escertke_err take_esi(const json_t *object, escertke_esi *out, escertke_detail *d)
{
    escertke_err err = take_members(object, out, d);

    if (err != ESCERTKE_OK)
        memset(out, 0, sizeof *out);
    return err;
}

escertke_err escertke_esi_parse_json(escertke_span text, escertke_esi *out, escertke_detail *d)
{
    json_t *root;

    memset(out, 0, sizeof *out);
    escertke_err err = esc_json_load(text, &root, d);
    if (err != ESCERTKE_OK)
        return err;
    err = take_esi(root, out, d);
    json_decref(root);
    return err;
}

escertke_err escertke_esi_write_json(const escertke_esi *esi, escertke_buf *out)
{
    struct esc_json_writer w = esc_json_write_begin(out);

    if (!esi->esf_count || esi->esf_count > sizeof esi->esf)
        return ESCERTKE_ERR_SECINFO;
    esc_json_write_open(&w, '{');
    esc_json_write_name(&w, "esf");
    esc_json_write_open(&w, '[');
    for (size_t i = 0; i < esi->esf_count; i++) {
        if (!is_suid(esi->esf[i]) && w.err == ESCERTKE_OK)
            w.err = ESCERTKE_ERR_SECINFO;
        esc_json_write_int(&w, esi->esf[i]);
    }
    esc_json_write_close(&w, ']');
    if (esi->has_esro) {
        esc_json_write_name(&w, "esro");
        esc_rand_object_write(&w, &esi->esro);
    }
    esc_json_write_close(&w, '}');
    return esc_json_write_end(&w);
}

/* Resources that may carry esi. */
static bool carries_esi(const char *root)
{
    static const char *const names[] = { "m2m:ae", "m2m:cb", "m2m:csr", "m2m:aeA", "m2m:cbA", "m2m:csrA" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], root))
            return true;
    return false;
}

escertke_err escertke_esi_find(escertke_format format, escertke_span content, escertke_esi *out, escertke_detail *d)
{
    json_t *root, *resource;
    const char *name;

    memset(out, 0, sizeof *out);
    escertke_err err = esc_serial_load_content(format, content, &root, &name, &resource, d);
    if (err != ESCERTKE_OK)
        return err;
    const json_t *esi = json_object_get(resource, "esi");
    if (!carries_esi(name) || !json_is_object(resource))
        err = esc_fail(d, ESCERTKE_ERR_SECINFO, "TS-0001 9.6.1.3.2",
                       "content: expected an <AE>, <CSEBase> or <remoteCSE>, found %.40s", name);
    else if (!esi || json_is_null(esi))
        err = esc_fail(d, ESCERTKE_ERR_NOT_FOUND, "TS-0001 9.6.1.3.2", "%s: expected esi, found none: no end-to-end security",
                       name);
    else
        err = take_esi(esi, out, d);
    json_decref(root);
    return err;
}
