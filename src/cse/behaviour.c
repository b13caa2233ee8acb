/*
 * Behaviours of CSEs that exist, for tests of those who must live with them (R section 12): what differs from the standard stands
 * in one table, and the places that ask it are few.
 */
#include <string.h>

#include "cse/internal.h"
#include "m2m/json.h"
#include "m2m/serialization.h"
#include "m2m/token.h"

static bool is_text_43(const json_t *value)
{
    return esc_token_is(esc_json_text(value), "43");
}

static bool is_nothing(const json_t *value)
{
    (void)value;
    return false;
}

static const struct esc_kind text_43 = { is_text_43, "the string \"43\"" };
static const struct esc_kind unknown = { is_nothing, "left out: it is not known here" };

static const struct esc_behaviour behaviours[] = {
    { .name = "strict", .esi = &esc_kind_esi },
    { .name = "acme",
      .esi = &text_43,
      .only_sgn = true,
      .base_rsc = ESCERTKE_RSC_BAD_REQUEST,
      .no_esprim_codes = true,
      .no_xml = true },
    { .name = "tinyiot",
      .esi = &unknown,
      .base_rsc = ESCERTKE_RSC_OK,
      .first_poa_only = true,
      .no_xml = true,
      .no_cbor = true,
      .no_channel = true,
      .no_answers = true },
};

/** NULL = strict. @return NULL: no such name */
const struct esc_behaviour *esc_behaviour_find(const char *name)
{
    for (size_t i = 0; i < sizeof behaviours / sizeof behaviours[0]; i++) {
        if (!name || !strcmp(behaviours[i].name, name))
            return &behaviours[i];
    }
    return NULL;
}

bool esc_cse_behaviour_valid(const char *name)
{
    return esc_behaviour_find(name) != NULL;
}

/** What is refused before anything else is looked at. Returns 0 or an RSC. */
int esc_behaviour_check_request(struct esc_call *c)
{
    const struct esc_behaviour *b = c->cse->behaviour;
    escertke_format format = c->req->content.len ? c->req->format : ESCERTKE_FORMAT_JSON;

    if ((b->no_xml && format == ESCERTKE_FORMAT_XML) || (b->no_cbor && format == ESCERTKE_FORMAT_CBOR))
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "the content cannot be read");
    if (b->no_channel && c->req->op == ESCERTKE_OP_CREATE && c->req->ty == ESC_TY_PCH)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "resource type is invalid");
    return 0;
}

/** Is the content of a NOTIFY one that this CSE lets pass? Returns 0 or an RSC. */
int esc_behaviour_check_notify(struct esc_call *c)
{
    const char *name = "";
    json_t *root = NULL, *value;

    if (!c->cse->behaviour->only_sgn || c->req->op != ESCERTKE_OP_NOTIFY)
        return 0;
    escertke_err err = esc_serial_load_content(c->req->format, escertke_buf_span(&c->req->content), &root, &name, &value, NULL);
    bool passes = err == ESCERTKE_OK && !strcmp(name, "m2m:sgn");
    json_decref(root);
    return passes ? 0 : esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "not a NOTIFY request");
}

static bool is_esprim_code(int rsc)
{
    return (rsc >= 4111 && rsc <= 4116) || rsc == 5210 || rsc == 5211;
}

/** What becomes of a NOTIFY's answer on its way back. */
void esc_behaviour_change_answer(const struct esc_call *c, escertke_primitive *rsp)
{
    const struct esc_behaviour *b = c->cse->behaviour;

    if (b->no_esprim_codes && is_esprim_code(rsp->rsc))
        rsp->rsc = ESCERTKE_RSC_TARGET_NOT_REACHABLE; /* the content stays (R-IO-3) */
    if (b->no_answers && c->req->op == ESCERTKE_OP_NOTIFY) {
        rsp->rsc = ESCERTKE_RSC_OK;
        escertke_buf_free(&rsp->content);
    }
}
