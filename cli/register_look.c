/* register_look.c - what was registered, looked at later: is it still there, does it go on; and its end. */
#include "register.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "out.h"

/* What a look at one resource came to. */
struct sight {
    json_t *resource; /* NULL: not to be had */
    int rsc;
    char words[160]; /* the CSE's */
};

static escertke_err look_at(struct registration *r, const char *address, const char *name, struct sight *out, escertke_detail *d)
{
    struct exchange_request request = { .op = ESCERTKE_OP_RETRIEVE, .to = address };
    escertke_primitive rsp;
    escertke_err err = exchange_send(&r->exchange, &request, &rsp, d);

    memset(out, 0, sizeof *out);
    if (err == ESCERTKE_OK) {
        out->rsc = rsp.rsc;
        out->resource = rsp.rsc == ESCERTKE_RSC_OK ? exchange_resource(&rsp, name) : NULL;
        escertke_dbg_read(rsp.format, escertke_buf_span(&rsp.content), out->words, sizeof out->words);
    }
    escertke_primitive_clear(&rsp);
    return err;
}

/* ---- expirationTime -------------------------------------------------------------------------------------------- */

/* Seconds since 1970; 0 = none, or no timestamp. */
static int64_t time_of(const json_t *resource, const char *name)
{
    const char *text = json_string_value(json_object_get(resource, name));
    int64_t unix_ms;

    if (!text || escertke_timestamp_parse(escertke_span_str(text), &unix_ms) != ESCERTKE_OK)
        return 0;
    return unix_ms / 1000;
}

static escertke_err set_expiry(struct registration *r, const char *address, const char *name, int64_t et, escertke_detail *d)
{
    char text[16];
    escertke_primitive rsp;

    escertke_timestamp_format(et, text);
    struct exchange_request request = { .op = ESCERTKE_OP_UPDATE,
                                        .to = address,
                                        .content = json_pack("{s:{s:s}}", name, "et", text) };
    escertke_err err = exchange_send(&r->exchange, &request, &rsp, d);
    if (err == ESCERTKE_OK && rsp.rsc != ESCERTKE_RSC_UPDATED && rsp.rsc != ESCERTKE_RSC_OK) {
        escertke_detail why;
        escertke_detail_init(&why);
        (void)exchange_refused(&rsp, "more time for it", &why);
        out_words("warning: %s expires at %s: %s", address, text, why.reason);
    }
    escertke_primitive_clear(&rsp);
    return err;
}

/* Half of the time that the CSE has given is over: ask for as much again. @param left_s  until then, lowered */
static escertke_err renew(struct registration *r, const char *address, const char *name, const json_t *resource, int64_t now_s,
                          int64_t *left_s, escertke_detail *d)
{
    int64_t et = time_of(resource, "et"), since = time_of(resource, "lt");

    if (!since)
        since = time_of(resource, "ct");
    if (!et || et <= now_s || since > now_s || since >= et)
        return ESCERTKE_OK; /* none; or clocks that do not agree, where the next look finds what has become of it */
    int64_t half_s = (et - since) / 2, due_s = et - half_s - now_s;
    if (due_s <= 0) {
        escertke_err err = set_expiry(r, address, name, now_s + (et - since), d);
        if (err != ESCERTKE_OK)
            return err;
        due_s = half_s;
    }
    if (due_s < 1)
        due_s = 1;
    if (due_s < *left_s)
        *left_s = due_s;
    return ESCERTKE_OK;
}

/* ---- is it there -------------------------------------------------------------------------------------------------- */

static bool lists(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *item = json_string_value(json_array_get(list, i));
        if (item && strcmp(item, text) == 0)
            return true;
    }
    return false;
}

/* A fault of the CSE says nothing about what it has. */
static bool is_fault(int rsc)
{
    return rsc / 1000 == 5 || rsc == ESCERTKE_RSC_REQUEST_TIMEOUT;
}

static escertke_err no_answer(const char *address, const struct sight *s, escertke_detail *d)
{
    d->rsc = s->rsc;
    return esc_fail(d, ESCERTKE_ERR_UNREACHABLE, "TS-0004 6.6.3", "looking at %s: the CSE answered %d %s%s%s", address, s->rsc,
                    escertke_rsc_name(s->rsc), s->words[0] ? ": " : "", s->words);
}

static void say_lost(const char *address, const struct sight *s, char *lost, size_t cap)
{
    if (s->rsc == ESCERTKE_RSC_OK)
        snprintf(lost, cap, "%s is something else now", address);
    else
        snprintf(lost, cap, "the CSE answered %d %s to a Retrieve of %s%s%s", s->rsc, escertke_rsc_name(s->rsc), address,
                 s->words[0] ? ": " : "", s->words);
}

/* One resource: there, lost, or a fault. Goes on with its expirationTime. */
static escertke_err look(struct registration *r, const char *address, const char *name, int64_t now_s, int64_t *left_s,
                         struct sight *s, char *lost, size_t cap, escertke_detail *d)
{
    escertke_err err = look_at(r, address, name, s, d);

    if (err != ESCERTKE_OK)
        return err;
    if (is_fault(s->rsc))
        return no_answer(address, s, d);
    if (s->resource)
        return renew(r, address, name, s->resource, now_s, left_s, d);
    say_lost(address, s, lost, cap);
    return ESCERTKE_OK;
}

escertke_err registration_look(struct registration *r, escertke_now now, char *lost, size_t cap, unsigned *next_s,
                               escertke_detail *d)
{
    int64_t left_s = INT64_MAX;
    struct sight ae, acp = { NULL, 0, "" };

    lost[0] = '\0';
    *next_s = 0;
    escertke_err err = look(r, r->address, "m2m:ae", now.unix_s, &left_s, &ae, lost, cap, d);
    if (err == ESCERTKE_OK && !lost[0] && r->poa && !lists(json_object_get(ae.resource, "poa"), r->poa))
        snprintf(lost, cap, "the poa of %s is another", r->address);
    if (err == ESCERTKE_OK && !lost[0] && r->policy[0])
        err = look(r, r->policy, "m2m:acp", now.unix_s, &left_s, &acp, lost, cap, d);
    if (err == ESCERTKE_OK && !lost[0] && left_s != INT64_MAX)
        *next_s = left_s > UINT_MAX ? UINT_MAX : (unsigned)left_s;
    json_decref(ae.resource);
    json_decref(acp.resource);
    return err;
}

escertke_err registration_keep_up(struct registration *r, const char *address, const char *name, escertke_now now,
                                  unsigned *next_s, escertke_detail *d)
{
    int64_t left_s = *next_s ? *next_s : INT64_MAX;
    char lost[320] = "";
    struct sight s;
    escertke_err err = look(r, address, name, now.unix_s, &left_s, &s, lost, sizeof lost, d);

    json_decref(s.resource);
    if (err == ESCERTKE_OK && left_s != INT64_MAX)
        *next_s = left_s > UINT_MAX ? UINT_MAX : (unsigned)left_s;
    return err;
}

escertke_err registration_remove(struct registration *r, escertke_detail *d)
{
    struct exchange_request request = { .op = ESCERTKE_OP_DELETE, .to = r->address };
    escertke_primitive rsp;
    escertke_err err = exchange_send(&r->exchange, &request, &rsp, d);

    if (err == ESCERTKE_OK && rsp.rsc != ESCERTKE_RSC_DELETED && rsp.rsc != ESCERTKE_RSC_OK && rsp.rsc != ESCERTKE_RSC_NOT_FOUND)
        err = exchange_refused(&rsp, "deleting the <AE>", d);
    escertke_primitive_clear(&rsp);
    return err;
}
