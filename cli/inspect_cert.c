/* inspect_cert.c - one certificate in words. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "cert/constraints.h"
#include "cert/names.h"
#include "cert/san.h"
#include "cert/words.h"
#include "inspect.h"
#include "out.h"

#define SAN_SHOWN_MAX 64u

static void put_name(json_t *thing, const char *member, escertke_span name)
{
    char text[512];

    esc_dn_text(name, text, sizeof text);
    out_text(thing, member, *text ? text : "(empty)");
}

static void put_serial(json_t *thing, escertke_span serial)
{
    char hex[2 * 32 + 1];

    if (serial.len > 32)
        serial.len = 32;
    escertke_hex(serial, hex);
    out_text(thing, "serial", hex);
}

static void put_validity(json_t *thing, const escertke_cert *c, int64_t now_s)
{
    char date[64], text[96];

    inspect_date(thing, "not_before", c->not_before);
    inspect_date(thing, "not_after", c->not_after);
    bool early = now_s < c->not_before;
    esc_date_text(early ? c->not_before : c->not_after, now_s, date, sizeof date);
    snprintf(text, sizeof text, "%s%s", early ? "not yet valid; from " : now_s > c->not_after ? "expired " : "until ", date);
    out_text(thing, "validity", text);
    out_number(thing, "days_left", (json_int_t)((c->not_after - now_s) / 86400));
}

static void put_key(json_t *thing, const escertke_cert *c)
{
    char text[96], ni[72];

    snprintf(text, sizeof text, "%s%s", c->key_is_p256 ? "secp256r1" : esc_key_kind(c->spki),
             !c->key_is_p256          ? ""
             : c->key_is_uncompressed ? ", uncompressed point"
                                      : ", another form of point");
    out_text(thing, "key", text);
    inspect_ni(c->spki, 256, ni);
    out_text(thing, "public_key_identifier", ni);
    out_text(thing, "signature", c->sig_is_ecdsa_sha256 ? "ecdsa-with-SHA256" : "another algorithm");
}

static void put_usage(json_t *thing, const escertke_cert *c)
{
    static const char *const bits[] = { "digitalSignature", "nonRepudiation", "keyEncipherment",
                                        "dataEncipherment", "keyAgreement",   "keyCertSign",
                                        "cRLSign",          "encipherOnly",   "decipherOnly" };
    char text[256] = "";

    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        if (c->key_usage & 0x8000u >> i)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", *text ? ", " : "", bits[i]);
    out_text(thing, "key_usage", c->has_key_usage ? text : "none said");
    if (c->has_eku)
        out_text(thing, "extended_key_usage",
                 c->eku_client && c->eku_server ? "clientAuth and serverAuth"
                 : c->eku_client                ? "clientAuth (initiators only)"
                 : c->eku_server                ? "serverAuth (terminators only)"
                                                : "neither clientAuth nor serverAuth");
    if (c->is_ca && c->path_len >= 0)
        snprintf(text, sizeof text, "CA, at most %d CAs below it", c->path_len);
    else
        snprintf(text, sizeof text, "%s", c->is_ca ? "CA" : "no CA");
    out_text(thing, "basic_constraints", text);
}

static void put_names(json_t *thing, const escertke_cert *c)
{
    json_t *list = json_array();
    struct der walk = esc_der_init(c->san);
    struct esc_name name;
    size_t left_off = 0;
    char text[300];

    while (!esc_der_done(&walk) && esc_general_name(&walk, &name)) {
        if (json_array_size(list) == SAN_SHOWN_MAX) {
            left_off++;
            continue;
        }
        esc_name_text(&name, text, sizeof text);
        inspect_add(list, "%s %s", esc_name_kind(name.type), text);
    }
    if (left_off)
        inspect_add(list, "and %zu more", left_off);
    if (!c->san.len)
        inspect_add(list, "none");
    json_object_set_new(thing, "names", list);
}

static void put_constraints(json_t *thing, const escertke_cert *c)
{
    char text[1000];
    json_t *list;

    if (!c->has_name_constraints)
        return;
    list = json_array();
    for (int excluded = 0; excluded < 2; excluded++)
        if (!esc_constraints_text(c, excluded, text, sizeof text))
            inspect_add(list, "malformed");
        else if (*text)
            inspect_add(list, "%s: %s", excluded ? "excluded" : "permitted", text);
    json_object_set_new(thing, "name_constraints", list);
}

/* Findings of the profile, as the lint has them for one certificate alone. */
static void add_finding(void *ctx, escertke_lint_level level, size_t position, const char *clause, const char *text)
{
    static const char *const levels[] = { "note", "warning", "error" };
    json_t *finding = json_object();

    (void)position;
    out_text(finding, "level", levels[level]);
    out_text(finding, "clause", clause);
    out_text(finding, "text", text);
    json_array_append_new(ctx, finding);
}

/* An end-point's certificate is judged alone; a CA's only as part of a chain, which inspect_certificates does. */
static void put_profile(json_t *thing, const struct inspect *in, const escertke_cert *c)
{
    json_t *list = json_array(), *rules;

    escertke_err err = escertke_cert_lint(&c->der, 1, in->now_s, false, add_finding, list);
    out_text(thing, "profile", err == ESCERTKE_OK ? "kept" : "not kept: peers refuse it");
    json_object_set_new(thing, "findings", list);
    rules = inspect_peer_rules(in, c);
    if (json_array_size(rules))
        json_object_set(thing, "peer_rule", rules);
    json_decref(rules);
}

escertke_err inspect_certificate(struct inspect *in, escertke_span der, size_t at, const char *place, escertke_detail *d)
{
    escertke_cert c;
    char heading[64], fingerprint[65];
    uint8_t digest[32];
    escertke_err err = escertke_cert_parse(der, &c, d);
    json_t *thing;

    if (err != ESCERTKE_OK)
        return err;
    thing = out_new_event("certificate");
    out_number(thing, "position", (json_int_t)at);
    out_text(thing, "place", place);
    put_name(thing, "subject", c.subject);
    put_name(thing, "issuer", c.issuer);
    put_serial(thing, c.serial);
    put_validity(thing, &c, in->now_s);
    put_key(thing, &c);
    put_usage(thing, &c);
    put_names(thing, &c);
    put_constraints(thing, &c);
    if (inspect_sha256(der, digest)) {
        escertke_hex((escertke_span){ digest, sizeof digest }, fingerprint);
        out_text(thing, "sha256", fingerprint);
    }
    if (!c.is_ca)
        put_profile(thing, in, &c);
    snprintf(heading, sizeof heading, "certificate %zu: %s", at + 1, place);
    inspect_say(in, thing, heading);
    return ESCERTKE_OK;
}
