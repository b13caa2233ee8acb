#include <escertke/m2m.h>

#include <string.h>

#include "m2m/token.h"

/* A comma besides: there is a CSE (tinyIoT) whose resource identifiers are made of times with a fraction. */
static bool segment_valid(escertke_span segment)
{
    for (size_t i = 0; i < segment.len; i++)
        if (segment.ptr[i] != ',' && !esc_unreserved((escertke_span){ segment.ptr + i, 1 }))
            return false;
    return segment.len > 0;
}

/* Segments of unreserved characters between single slashes. "." is the old shortcut for the <CSEBase> and only that. */
static bool path_valid(escertke_span path)
{
    escertke_span rest = path;

    for (bool first = true;; first = false) {
        escertke_span segment = esc_token_next(&rest);
        if (!segment_valid(segment) || esc_token_is(segment, "..") || (!first && esc_token_is(segment, ".")))
            return false;
        if (!rest.len)
            return true;
        rest = (escertke_span){ rest.ptr + 1, rest.len - 1 };
    }
}

static bool attribute_valid(escertke_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return false;
    }
    return name.len > 0;
}

/* Take "#attribute" and one "/" off the end. */
static escertke_err cut_tail(escertke_span *text, escertke_span *attr)
{
    const uint8_t *hash = memchr(text->ptr, '#', text->len);

    if (hash) {
        *attr = (escertke_span){ hash + 1, text->len - (size_t)(hash + 1 - text->ptr) };
        text->len = (size_t)(hash - text->ptr);
        if (!attribute_valid(*attr))
            return ESCERTKE_ERR_ID;
    }
    if (text->len > 1 && text->ptr[text->len - 1] == '/')
        text->len--;
    return ESCERTKE_OK;
}

/* "/cse" off the front; false if it is not one. */
static bool take_cse(escertke_span *rest, escertke_span *cse)
{
    if (!rest->len || rest->ptr[0] != '/')
        return false;
    escertke_span behind = { rest->ptr + 1, rest->len - 1 };
    escertke_span token = esc_token_next(&behind);
    *cse = (escertke_span){ rest->ptr, 1 + token.len };
    *rest = behind;
    return esc_token_valid(token);
}

escertke_err escertke_address_parse(escertke_span text, escertke_address *out)
{
    memset(out, 0, sizeof *out);
    if (!text.len || text.len > ESCERTKE_ID_MAX)
        return ESCERTKE_ERR_ID;

    escertke_span rest = text;
    escertke_err err = cut_tail(&rest, &out->attr);
    if (err != ESCERTKE_OK)
        return err;
    out->scope = ESCERTKE_SCOPE_CSE;
    if (rest.len >= 2 && rest.ptr[0] == '/' && rest.ptr[1] == '/') {
        out->scope = ESCERTKE_SCOPE_ABSOLUTE;
        escertke_span behind = { rest.ptr + 2, rest.len - 2 };
        out->sp = (escertke_span){ rest.ptr, 2 + esc_token_next(&behind).len };
        rest = behind;
        if (!esc_sp_valid(out->sp) || !take_cse(&rest, &out->cse))
            return ESCERTKE_ERR_ID;
    } else if (rest.len && rest.ptr[0] == '/') {
        out->scope = ESCERTKE_SCOPE_SP;
        if (!take_cse(&rest, &out->cse))
            return ESCERTKE_ERR_ID;
    }
    if (out->scope != ESCERTKE_SCOPE_CSE) {
        if (!rest.len)
            return ESCERTKE_OK; /* a bare CSE-ID means its <CSEBase> (A-46) */
        rest = (escertke_span){ rest.ptr + 1, rest.len - 1 };
    }
    out->path = rest;
    return path_valid(rest) ? ESCERTKE_OK : ESCERTKE_ERR_ID;
}
