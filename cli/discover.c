#include "discover.h"

#include <stdio.h>
#include <string.h>

#include "m2m/serialization.h"
#include "out.h"

/* What one Retrieve says about the next one. */
enum outcome {
    FOUND,   /* esi is there */
    ABSENT,  /* the resource is there, and has none */
    UNCLEAR, /* a CSE that does not give a part of a resource answers so */
    REFUSED  /* and would be the whole one */
};

static void take_name(struct discovery *f, const escertke_primitive *rsp)
{
    const char *name;
    json_t *root, *value;

    if (esc_serial_load_content(rsp->format, escertke_buf_span(&rsp->content), &root, &name, &value, NULL) != ESCERTKE_OK)
        return;
    snprintf(f->resource, sizeof f->resource, "%s", name);
    json_decref(root);
}

/* The first reason stays: the first place is the one where it is expected. */
static void because(struct discovery *f, const char *text)
{
    if (!f->why[0])
        snprintf(f->why, sizeof f->why, "%.199s", text);
}

static enum outcome judge_refusal(struct discovery *f, const escertke_primitive *rsp)
{
    char text[160];
    int rsc = rsp->rsc;

    snprintf(text, sizeof text, "the CSE answered %d %s to a Retrieve of it", rsc, escertke_rsc_name(rsc));
    because(f, text);
    return rsc == ESCERTKE_RSC_BAD_REQUEST || rsc == ESCERTKE_RSC_NOT_IMPLEMENTED || rsc == ESCERTKE_RSC_NOT_FOUND ||
                   rsc == ESCERTKE_RSC_OPERATION_NOT_ALLOWED || rsc == ESCERTKE_RSC_CONTENTS_UNACCEPTABLE
               ? UNCLEAR
               : REFUSED;
}

static enum outcome judge(struct discovery *f, const escertke_primitive *rsp)
{
    escertke_detail d;

    if (rsp->rsc != ESCERTKE_RSC_OK)
        return judge_refusal(f, rsp);
    escertke_detail_init(&d);
    switch (escertke_esi_find(rsp->format, escertke_buf_span(&rsp->content), &f->esi, &d)) {
    case ESCERTKE_OK: take_name(f, rsp); return FOUND;
    case ESCERTKE_ERR_NOT_FOUND: because(f, "the resource does not show the attribute"); return ABSENT;
    default: because(f, d.reason[0] ? d.reason : "what came is no resource with esi"); return UNCLEAR;
    }
}

static escertke_err ask(struct discovery *f, const char *address, bool partial, enum outcome *out, escertke_detail *d)
{
    const struct exchange_request request = { .op = ESCERTKE_OP_RETRIEVE, .to = address, .atrl = partial ? "esi" : NULL };
    escertke_primitive rsp;
    escertke_err err = exchange_send(&f->exchange, &request, &rsp, d);

    *out = err == ESCERTKE_OK ? judge(f, &rsp) : REFUSED;
    escertke_primitive_clear(&rsp);
    if (*out != FOUND)
        return err;
    f->partial = partial;
    snprintf(f->address, sizeof f->address, "%s", address);
    return err;
}

static escertke_err look_at(struct discovery *f, const char *address, bool *found, escertke_detail *d)
{
    enum outcome outcome;
    char first[sizeof f->why];

    escertke_err err = ask(f, address, true, &outcome, d);
    if (err == ESCERTKE_OK && outcome == UNCLEAR) {
        memcpy(first, f->why, sizeof first);
        f->why[0] = '\0'; /* what is said of the whole resource is the clearer word, if anything is */
        err = ask(f, address, false, &outcome, d);
        because(f, first);
    }
    *found = outcome == FOUND;
    return err;
}

/* The <remoteCSE> of the peer at the own registrar, by the name that most give it: its CSE-ID. */
static bool at_registrar(const struct discovery *f, char *out, size_t cap)
{
    const struct identity *self = f->identity;
    const char *registrar = self->registrar_id[0] ? strrchr(self->registrar_id, '/') : "";
    escertke_id peer;

    if (!f->target->is_cse || !*registrar || escertke_id_parse(escertke_span_str(f->peer), &peer) != ESCERTKE_OK ||
        strcmp(f->peer, self->registrar_id) == 0 || strncmp(f->peer, self->sp_id, peer.sp_len) != 0)
        return false;
    return snprintf(out, cap, "%s/-%s", registrar, peer.text + peer.sp_len) < (int)cap;
}

static const char *kind_of(const char *resource)
{
    static const char *const kinds[][2] = {
        { "m2m:ae", "<AE>" },      { "m2m:csr", "<remoteCSE>" },      { "m2m:cb", "<CSEBase>" },
        { "m2m:aeA", "<AEAnnc>" }, { "m2m:csrA", "<remoteCSEAnnc>" }, { "m2m:cbA", "<CSEBaseAnnc>" },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i][0], resource) == 0)
            return kinds[i][1];
    return "resource";
}

static void say(const struct discovery *f)
{
    json_t *event = out_new_event("discovered"), *esf = json_array();

    out_text(event, "peer", f->peer);
    out_text(event, "address", f->address);
    out_text(event, "resource", f->resource[0] ? f->resource : NULL);
    for (size_t i = 0; i < f->esi.esf_count; i++)
        json_array_append_new(esf, json_integer(f->esi.esf[i]));
    if (f->resource[0])
        json_object_set(event, "esf", esf);
    json_decref(esf);
    json_object_set_new(event, "escertke", json_boolean(f->supported));
    out_text(event, "reason", f->supported ? NULL : f->why);
    if (f->supported)
        out_event(event, "esi of %s, the %s of %s, says 43: it supports ESCertKE%s", f->address, kind_of(f->resource), f->peer,
                  f->partial ? "" : " (read with the whole resource)");
    else
        out_event(event, "no esi says that %s supports ESCertKE", f->peer);
}

escertke_err discover(struct discovery *f, escertke_detail *d)
{
    char registrar[2 * ESCERTKE_ID_MAX];
    const char *const places[] = { f->place, f->target->address,
                                   at_registrar(f, registrar, sizeof registrar) ? registrar : NULL };
    bool found = false;

    for (size_t i = 0; i < sizeof places / sizeof *places && !found; i++) {
        if (!places[i])
            continue;
        if (!f->address[0])
            snprintf(f->address, sizeof f->address, "%s", places[i]);
        escertke_err err = look_at(f, places[i], &found, d);
        if (err != ESCERTKE_OK)
            return err;
    }
    f->supported = found && escertke_esi_has(&f->esi, ESCERTKE_SUID_ESCERTKE);
    if (found && !f->supported)
        snprintf(f->why, sizeof f->why, "it does not contain 43");
    say(f);
    return ESCERTKE_OK;
}
