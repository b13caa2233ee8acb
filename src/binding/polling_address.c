#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/fail.h"
#include "binding/polling.h"
#include "m2m/serialization.h"

static const char clause[] = "TS-0001 9.6.21, TS-0004 6.8";

escertke_err esc_polling_rqi(char out[2 * ESC_POLLING_RQI_LEN + 1])
{
    uint8_t octets[ESC_POLLING_RQI_LEN];

    if (getrandom(octets, sizeof octets, 0) != (ssize_t)sizeof octets)
        return ESCERTKE_ERR_BACKEND;
    escertke_hex((escertke_span){ octets, sizeof octets }, out);
    return ESCERTKE_OK;
}

/* "/in1" or "//sp/in1" of the entity, then the channel's own identifier: it stays when the entity's name does not. */
static escertke_err by_identifier(const char *entity, const char *ri, char *out, size_t cap, escertke_detail *d)
{
    escertke_address at, own;
    int len;

    if (escertke_address_parse(escertke_span_str(entity), &at) != ESCERTKE_OK ||
        escertke_address_parse(escertke_span_str(ri), &own) != ESCERTKE_OK || !own.path.len || own.attr.len)
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, clause, "the CSE made a <pollingChannel> whose ri is no identifier");
    if (ri[0] == '/')
        len = snprintf(out, cap, "%s/pcu", ri);
    else
        len = snprintf(out, cap, "%.*s%.*s/%s/pcu", (int)at.sp.len, (const char *)at.sp.ptr, (int)at.cse.len,
                       (const char *)at.cse.ptr, ri);
    if (len >= 0 && (size_t)len < cap)
        return ESCERTKE_OK;
    return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, clause, "the CSE made a <pollingChannel> whose ri is too long");
}

escertke_err esc_polling_child(const char *entity, const escertke_primitive *rsp, char *out, size_t cap)
{
    escertke_address at, named;
    json_t *root, *resource;
    const char *name;
    int len = -1;

    if (escertke_address_parse(escertke_span_str(entity), &at) != ESCERTKE_OK ||
        esc_serial_load_content(rsp->format, escertke_buf_span(&rsp->content), &root, &name, &resource, NULL) != ESCERTKE_OK)
        return ESCERTKE_ERR_NOT_FOUND;
    const char *rn = json_string_value(json_object_get(resource, "rn"));
    if (rn && !strchr(rn, '/'))
        len = snprintf(out, cap, "%.*s%.*s/-/%s/" ESC_POLLING_NAME, (int)at.sp.len, (const char *)at.sp.ptr, (int)at.cse.len,
                       (const char *)at.cse.ptr, rn);
    json_decref(root);
    if (len < 0 || (size_t)len >= cap || escertke_address_parse(escertke_span_str(out), &named) != ESCERTKE_OK)
        return ESCERTKE_ERR_NOT_FOUND;
    return ESCERTKE_OK;
}

escertke_err esc_polling_address(const char *entity, const escertke_primitive *rsp, char *out, size_t cap, escertke_detail *d)
{
    json_t *root, *pch;
    const char *name;
    escertke_err err;

    if (!rsp->content.len) {
        snprintf(out, cap, "%s/" ESC_POLLING_NAME "/pcu", entity);
        return ESCERTKE_OK;
    }
    err = esc_serial_load_content(rsp->format, escertke_buf_span(&rsp->content), &root, &name, &pch, d);
    if (err != ESCERTKE_OK)
        return err;
    const char *ri = json_string_value(json_object_get(pch, "ri"));
    if (strcmp(name, "m2m:pch") != 0)
        err = esc_fail(d, ESCERTKE_ERR_PRIMITIVE, clause, "expected a <pollingChannel>, found %.40s", name);
    else if (ri)
        err = by_identifier(entity, ri, out, cap, d);
    else
        snprintf(out, cap, "%s/" ESC_POLLING_NAME "/pcu", entity);
    json_decref(root);
    if (err != ESCERTKE_OK)
        out[0] = '\0';
    return err;
}
