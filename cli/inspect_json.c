/* inspect_json.c - a oneM2M primitive or content in JSON, and the ESCertKE message in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <escertke/m2m.h>

#include "base/fail.h"
#include "inspect.h"
#include "out.h"

static const char *operation_name(escertke_op op)
{
    static const char *const names[] = { "", "Create", "Retrieve", "Update", "Delete", "Notify" };
    return op >= ESCERTKE_OP_CREATE && op <= ESCERTKE_OP_NOTIFY ? names[op] : "?";
}

static const char *sit_name(escertke_sit sit)
{
    static const char *const names[] = {
        "",
        "Dynamic Authorization request",
        "Dynamic Authorization response",
        "receiver E2E random object request",
        "receiver E2E random object response",
        "ESPrim object",
        "ESCertKE message",
        "Dynamic Authorization Relationship Mapping request",
        "Dynamic Authorization Relationship Mapping response",
    };
    return sit >= ESCERTKE_SIT_DAS_REQUEST && sit <= ESCERTKE_SIT_DAR_MAP_RESPONSE ? names[sit] : "?";
}

static void put_parameters(json_t *thing, const escertke_primitive *p)
{
    char rsc[96];

    if (p->op != ESCERTKE_OP_NONE)
        out_text(thing, "operation", operation_name(p->op));
    if (p->rsc) {
        snprintf(rsc, sizeof rsc, "%d %s", p->rsc, escertke_rsc_name(p->rsc));
        out_text(thing, "rsc", rsc);
    }
    out_text(thing, "to", p->to);
    out_text(thing, "fr", p->fr);
    out_text(thing, "rqi", p->rqi);
    out_text(thing, "rvi", p->rvi);
    out_text(thing, "rqet", p->rqet);
    out_number(thing, "content_octets", (json_int_t)p->content.len);
}

/* The content, if it is m2m:seci; @p thing gets its kind, @p seci the rest. */
static escertke_err put_seci(json_t *thing, escertke_span content, escertke_seci *seci, escertke_detail *d)
{
    escertke_err err = escertke_seci_parse(ESCERTKE_FORMAT_JSON, content, seci, d);

    if (err != ESCERTKE_OK)
        return err;
    out_number(thing, "sit", seci->sit);
    out_text(thing, "security_info", sit_name(seci->sit));
    return ESCERTKE_OK;
}

/* m2m:rqp and m2m:rsp around a primitive are taken off. @return the text of the primitive, malloc'ed, or NULL: no primitive */
static char *primitive_text(json_t *root)
{
    json_t *inner = json_object_get(root, "m2m:rqp");

    if (!inner)
        inner = json_object_get(root, "m2m:rsp");
    if (!inner)
        inner = root;
    return json_object_get(inner, "op") || json_object_get(inner, "rsc") ? json_dumps(inner, JSON_COMPACT) : NULL;
}

static escertke_err explain_primitive(struct inspect *in, const char *text, escertke_detail *d)
{
    escertke_primitive p;
    escertke_seci seci;
    char dbg[512];
    escertke_err err = escertke_primitive_parse_json(escertke_span_str(text), &p, d);

    escertke_seci_init(&seci);
    if (err == ESCERTKE_OK) {
        json_t *thing = out_new_event("primitive");
        put_parameters(thing, &p);
        if (escertke_dbg_read(p.format, escertke_buf_span(&p.content), dbg, sizeof dbg))
            out_text(thing, "debug_text", dbg);
        else if (p.content.len)
            err = put_seci(thing, escertke_buf_span(&p.content), &seci, d);
        inspect_say(in, thing, p.op != ESCERTKE_OP_NONE ? "request primitive" : "response primitive");
    }
    if (err == ESCERTKE_OK && seci.sit == ESCERTKE_SIT_ESCERTKE)
        err = inspect_message(in, escertke_buf_span(&seci.eckm), d);
    escertke_seci_clear(&seci);
    escertke_primitive_clear(&p);
    return err;
}

static escertke_err explain_content(struct inspect *in, escertke_span text, escertke_detail *d)
{
    escertke_seci seci;
    json_t *thing = out_new_event("content");

    escertke_seci_init(&seci);
    escertke_err err = put_seci(thing, text, &seci, d);
    if (err == ESCERTKE_OK)
        inspect_say(in, thing, "m2m:securityInfo");
    else
        json_decref(thing);
    if (err == ESCERTKE_OK && seci.sit == ESCERTKE_SIT_ESCERTKE)
        err = inspect_message(in, escertke_buf_span(&seci.eckm), d);
    escertke_seci_clear(&seci);
    return err;
}

escertke_err inspect_json(struct inspect *in, escertke_span text, escertke_detail *d)
{
    json_error_t where;
    json_t *root =
        text.len > ESCERTKE_PRIMITIVE_MAX ? NULL : json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &where);

    if (text.len > ESCERTKE_PRIMITIVE_MAX)
        return esc_fail(d, ESCERTKE_ERR_TOO_LARGE, "", "%s: a primitive has %u octets at most, this has %zu", in->name,
                        ESCERTKE_PRIMITIVE_MAX, text.len);
    if (!root)
        return esc_fail(d, ESCERTKE_ERR_JSON, "TS-0004 8.4", "%s: line %d: %s", in->name, where.line, where.text);
    char *primitive = primitive_text(root);
    escertke_err err = primitive ? explain_primitive(in, primitive, d) : explain_content(in, text, d);
    free(primitive);
    json_decref(root);
    return err;
}
