#include "register.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "out.h"

#define TY_AE 2

/* JSON alone unless another was chosen: there are CSEs that refuse a csz with a name that they do not know. */
static json_t *serializations(const struct registration *r)
{
    if (r->exchange.format == ESCERTKE_FORMAT_JSON)
        return json_pack("[s]", "json");
    return json_pack("[ss]", escertke_format_name(r->exchange.format), "json");
}

/* Resource name and App-ID come from the stem: "Cmeter" is the <AE> "meter" of the application "Nmeter". */
static json_t *ae_content(const struct registration *r, bool create, bool named, bool esi)
{
    const char *name = r->identity->stem + 1;
    json_t *ae = json_object();

    if (create && named)
        json_object_set_new(ae, "rn", json_string(name));
    if (create) {
        json_object_set_new(ae, "api", json_sprintf("N%s", name));
        json_object_set_new(ae, "srv", json_pack("[s]", "3"));
        if (!r->no_csz)
            json_object_set_new(ae, "csz", serializations(r));
    }
    json_object_set_new(ae, "rr", json_boolean(r->poa != NULL || r->by_connection));
    if (r->poa)
        json_object_set_new(ae, "poa", json_pack("[s]", r->poa));
    else if (!create && r->had_poa)
        json_object_set_new(ae, "poa", json_null()); /* what there is belongs to an earlier life (R-RG-3) */
    if (esi)
        json_object_set_new(ae, "esi", json_pack("{s:[i]}", "esf", ESCERTKE_SUID_ESCERTKE));
    return json_pack("{s:o}", "m2m:ae", ae);
}

static escertke_err send_create(struct registration *r, bool named, bool esi, int *rsc, escertke_primitive *rsp,
                                escertke_detail *d)
{
    char base[ESCERTKE_ID_MAX + 4];

    snprintf(base, sizeof base, "%s/-", r->identity->cse_id);
    struct exchange_request request = {
        .op = ESCERTKE_OP_CREATE, .to = base, .ty = TY_AE, .content = ae_content(r, true, named, esi)
    };
    escertke_err err = exchange_send(&r->exchange, &request, rsp, d);
    *rsc = rsp->rsc;
    return err;
}

/* Is the <AE> there already? */
static escertke_err is_registered(struct registration *r, bool *there, escertke_detail *d)
{
    struct exchange_request request = { .op = ESCERTKE_OP_RETRIEVE, .to = r->address };
    escertke_primitive rsp;
    escertke_err err = exchange_send(&r->exchange, &request, &rsp, d);

    *there = err == ESCERTKE_OK && rsp.rsc == ESCERTKE_RSC_OK;
    json_t *ae = *there ? exchange_resource(&rsp, "m2m:ae") : NULL;
    r->had_poa = json_array_size(json_object_get(ae, "poa")) > 0;
    r->had_rr = json_is_true(json_object_get(ae, "rr"));
    const char *rn = json_string_value(json_object_get(ae, "rn"));
    snprintf(r->name, sizeof r->name, "%s", exchange_is_name(rn) ? rn : "");
    json_decref(ae);
    escertke_primitive_clear(&rsp);
    return err;
}

static bool is_taken(int rsc)
{
    return rsc == ESCERTKE_RSC_ORIGINATOR_HAS_ALREADY_REGISTERED || rsc == ESCERTKE_RSC_CONFLICT ||
           rsc == ESCERTKE_RSC_ALREADY_EXISTS;
}

static void say_no_esi(struct registration *r)
{
    out_words(
        "warning: the CSE does not take the attribute esi; peers cannot find out that this end-point supports ESCertKE (R-HS-5)");
    r->shows_esi = false;
}

/* What to leave out next, of what a CSE may not take: esi, csz, both. @return false: nothing is left to leave out */
static bool leave_out(struct registration *r)
{
    if (!r->shows_esi && r->no_csz)
        return false;
    if (r->shows_esi) {
        r->shows_esi = false;
    } else {
        r->no_csz = true;
        r->shows_esi = true;
    }
    return true;
}

/*
 * Create the <AE>. A CSE that does not know esi gets it without (R-IO-8), and one that does not know csz, or the names in it, as
 * they are in TS-0004, without that: tinyIoT and ACME are such. A name that another resource has is left to the CSE.
 * *there is set when the <AE> exists already.
 */
static escertke_err create(struct registration *r, bool *there, escertke_detail *d)
{
    bool named = true;
    escertke_err err;

    *there = false;
    r->shows_esi = true;
    r->no_csz = false;
    for (;;) {
        escertke_primitive rsp;
        int rsc;
        err = send_create(r, named, r->shows_esi, &rsc, &rsp, d);
        bool again = false;
        if (err == ESCERTKE_OK && is_taken(rsc)) {
            err = is_registered(r, there, d);
            again = err == ESCERTKE_OK && !*there && named;
            named = false;
            if (err == ESCERTKE_OK && !*there && !again)
                err = exchange_refused(&rsp, "registering the <AE>", d);
        } else if (err == ESCERTKE_OK && rsc == ESCERTKE_RSC_BAD_REQUEST && leave_out(r)) {
            again = true;
        } else if (err == ESCERTKE_OK && rsc != ESCERTKE_RSC_CREATED) {
            err = exchange_refused(&rsp, "registering the <AE>", d);
        }
        escertke_primitive_clear(&rsp);
        if (!again)
            break;
    }
    if (err == ESCERTKE_OK && !r->shows_esi)
        say_no_esi(r);
    return err;
}

/* Bring an existing <AE> up to date: after a restart the point of access is another one. */
static escertke_err update(struct registration *r, escertke_detail *d)
{
    bool again = true;
    escertke_err err = ESCERTKE_OK;

    r->shows_esi = true;
    while (again && err == ESCERTKE_OK) {
        struct exchange_request request = { .op = ESCERTKE_OP_UPDATE,
                                            .to = r->address,
                                            .content = ae_content(r, false, false, r->shows_esi) };
        escertke_primitive rsp;
        err = exchange_send(&r->exchange, &request, &rsp, d);
        again = err == ESCERTKE_OK && rsp.rsc == ESCERTKE_RSC_BAD_REQUEST && r->shows_esi;
        if (again)
            say_no_esi(r);
        else if (err == ESCERTKE_OK && rsp.rsc != ESCERTKE_RSC_UPDATED && rsp.rsc != ESCERTKE_RSC_OK)
            err = exchange_refused(&rsp, "updating the <AE>", d);
        escertke_primitive_clear(&rsp);
    }
    return err;
}

/* A CSE sends nothing to a poa while there is a <pollingChannel> (A-45): one of an earlier life has to go, if there is one. */
static escertke_err drop_channel(struct registration *r, escertke_detail *d)
{
    char address[sizeof r->name + ESCERTKE_ID_MAX + 16];
    struct exchange_request request = { .op = ESCERTKE_OP_DELETE, .to = address };
    escertke_primitive rsp;

    snprintf(address, sizeof address, "%s/-/%s/pch", r->identity->cse_id, r->name);
    escertke_err err = exchange_send(&r->exchange, &request, &rsp, d);
    escertke_primitive_clear(&rsp);
    return err;
}

escertke_err registration_check(const struct identity *identity, escertke_detail *d)
{
    if (identity->cse_id[0])
        return ESCERTKE_OK;
    return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0001 7.2, R-ID-3",
                    "%s does not name its registrar CSE; say it with --registrar /CSE", identity->id.text);
}

escertke_err registration_run(struct registration *r, escertke_detail *d)
{
    bool there;
    escertke_err err;

    if ((err = registration_check(r->identity, d)) != ESCERTKE_OK)
        return err;
    registration_free(r);
    r->policy[0] = '\0';
    snprintf(r->address, sizeof r->address, "%s/%s", r->identity->cse_id, r->identity->stem);
    if ((err = create(r, &there, d)) != ESCERTKE_OK)
        return err;
    r->created = !there;
    if (!r->terminating) /* an <AE> that is there may be a terminating end-point's: it is left as it is */
        return ESCERTKE_OK;
    if (there && (err = update(r, d)) != ESCERTKE_OK)
        return err;
    if (there && r->poa && !r->had_rr && r->name[0] && (err = drop_channel(r, d)) != ESCERTKE_OK)
        return err;
    return registration_set_policy(r, d);
}

void registration_free(struct registration *r)
{
    json_decref(r->acor);
    r->acor = NULL;
}
