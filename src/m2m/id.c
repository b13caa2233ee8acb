#include <escertke/m2m.h>

#include <string.h>

#include "m2m/token.h"

/* The whole domain name in characters, without a final dot (RFC 1035 2.3.4). */
enum { DOMAIN_MAX = 253, DOMAIN_LABEL_MAX = 63 };

static bool is_stem(escertke_span token, char first)
{
    return token.len >= 2 && token.ptr[0] == first && esc_token_valid(token);
}

escertke_err escertke_id_parse(escertke_span text, escertke_id *out)
{
    if (text.len < 3 || text.len > ESCERTKE_ID_MAX || text.ptr[0] != '/' || text.ptr[1] != '/')
        return ESCERTKE_ERR_ID;

    escertke_span rest = { text.ptr + 2, text.len - 2 };
    size_t sp_len = 2 + esc_token_next(&rest).len;
    if (!esc_sp_valid((escertke_span){ text.ptr, sp_len }) || !rest.len)
        return ESCERTKE_ERR_ID;

    rest = (escertke_span){ rest.ptr + 1, rest.len - 1 };
    escertke_span cse = esc_token_next(&rest);
    if (!esc_token_valid(cse))
        return ESCERTKE_ERR_ID;

    escertke_id_kind kind = is_stem(cse, 'S') ? ESCERTKE_ID_CSE_OR_AE_S : ESCERTKE_ID_CSE;
    if (rest.len) {
        if (!is_stem((escertke_span){ rest.ptr + 1, rest.len - 1 }, 'C'))
            return ESCERTKE_ERR_ID;
        kind = ESCERTKE_ID_AE_C;
    }
    memcpy(out->text, text.ptr, text.len);
    out->text[text.len] = '\0';
    out->kind = kind;
    out->sp_len = (uint16_t)sp_len;
    out->cse_len = (uint16_t)(1 + cse.len);
    return ESCERTKE_OK;
}

/* Parts are joined here before they are parsed as one identifier. */
struct joined {
    char text[ESCERTKE_ID_MAX];
    size_t len;
};

static bool join(struct joined *j, escertke_span part)
{
    if (part.len > sizeof j->text - j->len)
        return false;
    if (part.len)
        memcpy(j->text + j->len, part.ptr, part.len);
    j->len += part.len;
    return true;
}

static bool cse_id_valid(escertke_span cse)
{
    return cse.len > 1 && cse.ptr[0] == '/' && esc_token_valid((escertke_span){ cse.ptr + 1, cse.len - 1 });
}

escertke_err escertke_id_normalise(escertke_span from, const escertke_id_context *ctx, escertke_id *out)
{
    escertke_span sp = escertke_span_str(ctx->sp_id), cse = escertke_span_str(ctx->cse_id);
    escertke_span slash = escertke_span_str("/");
    struct joined j = { .len = 0 };
    bool fits;

    if (from.len >= 2 && from.ptr[0] == '/' && from.ptr[1] == '/')
        return escertke_id_parse(from, out);
    /* The context is checked before it is glued on: a wrong one must not shift the borders between the parts. */
    if (!from.len || !esc_sp_valid(sp))
        return ESCERTKE_ERR_ID;
    if (from.ptr[0] == '/')
        fits = join(&j, sp) && join(&j, from);
    else if (is_stem(from, 'S'))
        fits = join(&j, sp) && join(&j, slash) && join(&j, from);
    else if (is_stem(from, 'C') && cse_id_valid(cse))
        fits = join(&j, sp) && join(&j, cse) && join(&j, slash) && join(&j, from);
    else
        return ESCERTKE_ERR_ID;
    return fits ? escertke_id_parse((escertke_span){ (const uint8_t *)j.text, j.len }, out) : ESCERTKE_ERR_ID;
}

/* What a CSE-ID may bring into a name: letters, digits, "-", "_", dots between labels of 1 to 63 characters. */
static bool domain_valid(const char *name, size_t len)
{
    size_t label = 0;

    if (len > DOMAIN_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '~' || (name[i] == '.' && !label))
            return false;
        label = name[i] == '.' ? 0 : label + 1;
        if (label > DOMAIN_LABEL_MAX)
            return false;
    }
    return label > 0;
}

escertke_err escertke_id_domain_name(const escertke_id *id, const char *in_cse_id, char *out)
{
    escertke_span cse = { (const uint8_t *)id->text + id->sp_len, id->cse_len }, in = escertke_span_str(in_cse_id);
    escertke_span dot = escertke_span_str(".");
    struct joined j = { .len = 0 };

    if (id->kind == ESCERTKE_ID_AE_C || (in.len && !cse_id_valid(in)))
        return ESCERTKE_ERR_ID;
    bool fits = join(&j, (escertke_span){ cse.ptr + 1, cse.len - 1 }) && join(&j, dot);
    if (in.len && !escertke_span_equal(cse, in))
        fits = fits && join(&j, (escertke_span){ in.ptr + 1, in.len - 1 }) && join(&j, dot);
    fits = fits && join(&j, (escertke_span){ (const uint8_t *)id->text + 2, id->sp_len - 2u });
    if (!fits || !domain_valid(j.text, j.len))
        return ESCERTKE_ERR_ID;
    for (size_t i = 0; i < j.len; i++)
        out[i] = j.text[i] >= 'A' && j.text[i] <= 'Z' ? (char)(j.text[i] - 'A' + 'a') : j.text[i];
    out[j.len] = '\0';
    return ESCERTKE_OK;
}
