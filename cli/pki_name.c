#include "pki_name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "cert/names.h"
#include "cert/oid.h"
#include "out.h"
#include "pki.h"

#define AT(member) offsetof(struct pki_who, member)
#define ANYBODY "//m2m.example/cse" /* where only the form of a name is looked at */
#define DEVICE_ARCS 3u              /* manufacturer, model and serial number (TS-0001 annex H) */

/* ---- options ------------------------------------------------------------------------------------------------- */

static bool check_ae_id(const char *value, char *why, size_t cap)
{
    escertke_id id;
    bool ok = escertke_id_parse(escertke_span_str(value), &id) == ESCERTKE_OK &&
              (id.kind == ESCERTKE_ID_AE_C || id.kind == ESCERTKE_ID_CSE_OR_AE_S);

    if (!ok)
        snprintf(why, cap, "expected an Absolute AE-ID, //SP/CSE/Cname or //SP/Sname (TS-0004 6.2.3)");
    return ok;
}

static bool check_cse_id(const char *value, char *why, size_t cap)
{
    escertke_id id;
    bool ok = escertke_id_parse(escertke_span_str(value), &id) == ESCERTKE_OK && id.kind != ESCERTKE_ID_AE_C;

    if (!ok)
        snprintf(why, cap, "expected an Absolute CSE-ID, //SP/CSE (TS-0004 6.2.3)");
    return ok;
}

bool pki_check_peer_id(const char *value, char *why, size_t cap)
{
    escertke_id id;
    bool ok = escertke_id_parse(escertke_span_str(value), &id) == ESCERTKE_OK;

    if (!ok)
        snprintf(why, cap, "expected an Absolute AE-ID or CSE-ID (TS-0004 6.2.3)");
    return ok;
}

/* Characters of a URI, and of text in an otherName; neither a wildcard nor what a shell or a terminal minds. */
static bool is_plain(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~' || strchr("\"<>\\^`{|}*", *text))
            return false;
    return true;
}

/* Can a peer be told to expect this name of that flavour? The library itself says so. */
static bool can_be_expected(escertke_flavour flavour, const char *san)
{
    escertke_expect expect = { .flavour = flavour, .id = ANYBODY, .san = san };

    return is_plain(san) && strlen(san) <= PKI_NAME_MAX && escertke_expect_check(&expect, NULL) == ESCERTKE_OK;
}

static bool check_node_id(const char *value, char *why, size_t cap)
{
    if (can_be_expected(ESCERTKE_FLAVOUR_NODE, value))
        return true;
    snprintf(why, cap,
             "expected an M2M-Node-ID as URN (urn:gsma:imei:...), as object identifier (0.2.481.1...), or for another form "
             "TYPE-ID:VALUE, an object identifier and a text (TS-0001 7.1.5)");
    return false;
}

/* "0.2.481.1.100.3030.10011", whose last three arcs are the device's own, as "0.2.481.1:100.3030.10011". */
static bool split_device_id(const char *value, char *out, size_t cap)
{
    struct esc_oid oid;
    size_t arcs = 0, len = strlen(value), cut = len;

    if (!esc_oid_parse(escertke_span_str(value), &oid))
        return false;
    for (size_t i = len; i > 0 && arcs < DEVICE_ARCS; i--)
        if (value[i - 1] == '.') {
            arcs++;
            cut = i - 1;
        }
    bool higher = arcs == DEVICE_ARCS && esc_oid_parse((escertke_span){ (const uint8_t *)value, cut }, &oid);
    return higher && snprintf(out, cap, "%.*s:%s", (int)cut, value, value + cut + 1) < (int)cap;
}

static bool device_id_text(const char *value, char out[PKI_NAME_MAX + 1])
{
    if (strchr(value, ':'))
        return can_be_expected(ESCERTKE_FLAVOUR_DEVICE, value) && snprintf(out, PKI_NAME_MAX + 1, "%s", value) > 0;
    return split_device_id(value, out, PKI_NAME_MAX + 1);
}

static bool check_device_id(const char *value, char *why, size_t cap)
{
    char text[PKI_NAME_MAX + 1];

    if (device_id_text(value, text))
        return true;
    snprintf(
        why, cap,
        "expected a hardware instance identifier as TYPE-ID:ARCS, e.g. 0.2.481.1:100.3030.10011, or as one object identifier "
        "that ends in manufacturer, model and serial number (TS-0003 10.1.1.4)");
    return false;
}

const struct option_def pki_who_options[] = {
    TEXT_ROW("ae-id", "ID", AT(ae_id), check_ae_id,
             "Absolute AE-ID, //SP/CSE/Cname or //SP/Sname: a URI SAN with exactly these octets"),
    TEXT_ROW("cse-id", "ID", AT(cse_id), check_cse_id,
             "Absolute CSE-ID, //SP/CSE: a dNSName SAN with the CSE's public domain name"),
    TEXT_ROW("node-id", "ID", AT(node_id), check_node_id,
             "M2M-Node-ID: a URI or URN (URI SAN), an object identifier (registeredID), or TYPE-ID:VALUE (otherName)"),
    TEXT_ROW("device-id", "ID", AT(device_id), check_device_id,
             "hardware instance identifier, TYPE-ID:ARCS or one object identifier whose last three arcs are manufacturer, model "
             "and serial number: an otherName SAN"),
    TEXT_ROW("dns", "NAME", AT(dns), pki_check_dns,
             "with --cse-id: the CSE's public domain name; without it CSE.SP, which is right for an IN-CSE "
             "(an MN-CSE below it has MN.IN.SP)"),
    OPTION_END,
};

int pki_who_check(const struct pki_who *who, bool optional, const char *command)
{
    int identities = (who->ae_id != NULL) + (who->cse_id != NULL) + (who->node_id != NULL) + (who->device_id != NULL);

    if (identities > 1 || (!identities && !optional))
        return out_usage(command, "expected one of --ae-id, --cse-id, --node-id and --device-id, found %d", identities);
    if (who->dns && !who->cse_id)
        return out_usage(command, "--dns goes with --cse-id only: the other certificates carry no domain name");
    if (who->peer_id && (who->ae_id || who->cse_id))
        return out_usage(command, "--id goes with --node-id and --device-id: the other certificates say who holds them");
    return OPTIONS_RUN;
}

/* ---- making -------------------------------------------------------------------------------------------------- */

static void lower(char *text)
{
    for (; *text; text++)
        *text = (char)tolower((unsigned char)*text);
}

static escertke_err make_ae(const char *value, struct pki_name *out, escertke_detail *d)
{
    escertke_id id;

    if (escertke_id_parse(escertke_span_str(value), &id) != ESCERTKE_OK || id.kind == ESCERTKE_ID_CSE)
        return esc_fail(d, ESCERTKE_ERR_ID, "TS-0004 6.2.3", "expected an Absolute AE-ID, found %s", value);
    *out = (struct pki_name){ .flavour = ESCERTKE_FLAVOUR_AE, .type = GEN_URI };
    memcpy(out->text, id.text, sizeof id.text);
    memcpy(out->id, id.text, sizeof id.text);
    return ESCERTKE_OK;
}

/* @p value NULL: the CSE-ID is not known, only its domain name. */
static escertke_err make_cse(const char *value, const char *dns, struct pki_name *out, escertke_detail *d)
{
    escertke_id id;
    char why[160];

    *out = (struct pki_name){ .flavour = ESCERTKE_FLAVOUR_CSE, .type = GEN_DNS };
    if (value) {
        if (escertke_id_parse(escertke_span_str(value), &id) != ESCERTKE_OK)
            return esc_fail(d, ESCERTKE_ERR_ID, "TS-0004 6.2.3", "expected an Absolute CSE-ID, found %s", value);
        memcpy(out->id, id.text, sizeof id.text);
        if (!dns && escertke_id_domain_name(&id, NULL, out->text) != ESCERTKE_OK)
            return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0001 6.5.1.1", "%s has no public domain name; give one with --dns",
                            value);
    }
    if (dns && !pki_check_dns(dns, why, sizeof why))
        return esc_fail(d, ESCERTKE_ERR_PROFILE, "TS-0003 10.1.1.6", "%.253s: %s", dns, why);
    if (dns)
        snprintf(out->text, sizeof out->text, "%s", dns);
    lower(out->text);
    return ESCERTKE_OK;
}

static int node_type(const char *value)
{
    struct esc_oid oid;
    const char *colon = strchr(value, ':');

    if (esc_oid_parse(escertke_span_str(value), &oid))
        return GEN_RID;
    return colon && esc_oid_parse((escertke_span){ (const uint8_t *)value, (size_t)(colon - value) }, &oid) ? GEN_OTHERNAME
                                                                                                            : GEN_URI;
}

static escertke_err make_configured(escertke_flavour flavour, const char *value, const char *id, struct pki_name *out,
                                    escertke_detail *d)
{
    bool node = flavour == ESCERTKE_FLAVOUR_NODE;

    *out = (struct pki_name){ .flavour = flavour, .type = node ? node_type(value) : GEN_OTHERNAME };
    snprintf(out->id, sizeof out->id, "%s", id ? id : "");
    if (node ? can_be_expected(flavour, value) : device_id_text(value, out->text)) {
        if (node)
            snprintf(out->text, sizeof out->text, "%s", value);
        return ESCERTKE_OK;
    }
    return esc_fail(d, ESCERTKE_ERR_CONFIG, node ? "TS-0001 7.1.5" : "TS-0003 10.1.1.4", "no %s that a peer could expect: %s",
                    node ? "M2M-Node-ID" : "hardware instance identifier", value);
}

escertke_err pki_name_make(const struct pki_who *who, struct pki_name *out, escertke_detail *d)
{
    if (who->ae_id)
        return make_ae(who->ae_id, out, d);
    if (who->cse_id)
        return make_cse(who->cse_id, who->dns, out, d);
    if (who->node_id)
        return make_configured(ESCERTKE_FLAVOUR_NODE, who->node_id, who->peer_id, out, d);
    return make_configured(ESCERTKE_FLAVOUR_DEVICE, who->device_id, who->peer_id, out, d);
}

/* ---- from and to a subjectAltName ---------------------------------------------------------------------------- */

static bool text_of_string(const ASN1_STRING *s, char out[PKI_NAME_MAX + 1])
{
    int len = ASN1_STRING_length(s);

    if (len <= 0 || len > (int)PKI_NAME_MAX || memchr(ASN1_STRING_get0_data(s), '\0', (size_t)len))
        return false;
    snprintf(out, PKI_NAME_MAX + 1, "%.*s", len, (const char *)ASN1_STRING_get0_data(s));
    return true;
}

static bool text_of_other(const GENERAL_NAME *name, char out[PKI_NAME_MAX + 1])
{
    uint8_t *der = NULL;
    int len = i2d_GENERAL_NAME((GENERAL_NAME *)(uintptr_t)name, &der);
    struct der walk = esc_der_init((escertke_span){ der, len > 0 ? (size_t)len : 0 });
    struct esc_name read;
    struct esc_other other;
    bool ok = len > 0 && esc_general_name(&walk, &read) && read.type == NAME_OTHER && esc_other_read(read.value, &other);

    if (ok)
        esc_other_text(read.value, out, PKI_NAME_MAX + 1);
    const char *colon = ok ? strchr(out, ':') : NULL;
    ok = colon && strlen(out) < PKI_NAME_MAX; /* else it may have been cut */
    if (ok && other.tag == DER_UTF8_STRING)   /* else a character may have been made printable */
        ok = escertke_span_equal(other.value, escertke_span_str(colon + 1));
    OPENSSL_free(der);
    return ok;
}

/* A URI is an AE's if it is an Absolute AE-ID; what begins so and is none is nobody's. */
static escertke_err read_uri(const char *text, escertke_flavour wanted, struct pki_name *out, escertke_detail *d)
{
    escertke_id id;
    bool absolute = escertke_id_parse(escertke_span_str(text), &id) == ESCERTKE_OK;

    if (absolute && id.kind != ESCERTKE_ID_CSE && wanted != ESCERTKE_FLAVOUR_NODE)
        return make_ae(text, out, d);
    return make_configured(ESCERTKE_FLAVOUR_NODE, text, NULL, out, d);
}

escertke_err pki_name_read(const GENERAL_NAME *name, escertke_flavour wanted, struct pki_name *out, escertke_detail *d)
{
    char text[PKI_NAME_MAX + 1] = "";
    bool node = wanted == ESCERTKE_FLAVOUR_NODE;

    switch (name->type) {
    case GEN_DNS:
    case GEN_URI:
        if (!text_of_string(name->d.ia5, text))
            return esc_fail(d, ESCERTKE_ERR_PROFILE, "RFC 5280 4.2.1.6",
                            "a name in the subjectAltName is empty, longer than %u "
                            "characters, or holds a NUL",
                            PKI_NAME_MAX);
        return name->type == GEN_URI ? read_uri(text, wanted, out, d) : make_cse(NULL, text, out, d);
    case GEN_RID:
        if (OBJ_obj2txt(text, sizeof text, name->d.rid, 1) <= 0 || strlen(text) + 1 == sizeof text)
            break;
        return make_configured(ESCERTKE_FLAVOUR_NODE, text, NULL, out, d);
    case GEN_OTHERNAME:
        if (!text_of_other(name, text))
            break;
        return make_configured(node ? ESCERTKE_FLAVOUR_NODE : ESCERTKE_FLAVOUR_DEVICE, text, NULL, out, d);
    default: break;
    }
    return esc_fail(
        d, ESCERTKE_ERR_PROFILE, "TS-0003 8.1.2.1",
        "the subjectAltName holds no name of an AE, CSE, node or device: expected a URI, a dNSName, a registeredID, or "
        "an otherName with arcs or a text");
}

bool pki_name_equal(const struct pki_name *a, const struct pki_name *b)
{
    if (a->type != b->type || a->flavour != b->flavour)
        return false;
    return (a->type == GEN_DNS ? strcasecmp(a->text, b->text) : strcmp(a->text, b->text)) == 0;
}

bool pki_name_host(const struct pki_name *name, char *host)
{
    escertke_span found = escertke_span_str(name->text);

    if (name->type != GEN_DNS && (name->type != GEN_URI || !esc_uri_host(found, &found)))
        return false;
    snprintf(host, PKI_NAME_MAX + 1, "%.*s", (int)found.len, (const char *)found.ptr);
    return true;
}

static ASN1_STRING *new_string(int type, const char *text)
{
    ASN1_STRING *s = ASN1_STRING_type_new(type);

    if (s && ASN1_STRING_set(s, text, -1))
        return s;
    ASN1_STRING_free(s);
    return NULL;
}

/* The arcs after the type-id as RELATIVE-OID, or a text. */
static ASN1_TYPE *new_other_value(const struct esc_oid *whole, size_t type_len, const char *text)
{
    uint8_t tlv[OID_MAX + 4] = { DER_RELATIVE_OID };
    const uint8_t *at = tlv;
    size_t len = whole->len - type_len, head = 2;

    if (!len) {
        ASN1_TYPE *value = ASN1_TYPE_new();
        ASN1_STRING *s = new_string(V_ASN1_UTF8STRING, text);
        if (value && s)
            return ASN1_TYPE_set(value, V_ASN1_UTF8STRING, s), value;
        ASN1_TYPE_free(value);
        ASN1_STRING_free(s);
        return NULL;
    }
    if (len > 127)
        tlv[head++ - 1] = 0x81;
    tlv[head - 1] = (uint8_t)len;
    memcpy(tlv + head, whole->octets + type_len, len);
    return d2i_ASN1_TYPE(NULL, &at, (long)(head + len));
}

static OTHERNAME *new_other(const char *text)
{
    const char *colon = strchr(text, ':');
    escertke_span type_id = { (const uint8_t *)text, (size_t)(colon - text) };
    char type_text[PKI_NAME_MAX + 1];
    struct esc_oid oid;
    OTHERNAME *other = OTHERNAME_new();

    if (!other || !esc_oid_parse(type_id, &oid))
        return OTHERNAME_free(other), NULL;
    size_t type_len = oid.len;
    if (!esc_oid_add_arcs(&oid, escertke_span_str(colon + 1)))
        oid.len = type_len;
    snprintf(type_text, sizeof type_text, "%.*s", (int)type_id.len, text);
    ASN1_OBJECT_free(other->type_id);
    ASN1_TYPE_free(other->value);
    other->type_id = OBJ_txt2obj(type_text, 1);
    other->value = new_other_value(&oid, type_len, colon + 1);
    if (other->type_id && other->value)
        return other;
    OTHERNAME_free(other);
    return NULL;
}

static void *new_value(const struct pki_name *name)
{
    switch (name->type) {
    case GEN_RID: return OBJ_txt2obj(name->text, 1);
    case GEN_OTHERNAME: return new_other(name->text);
    default: return new_string(V_ASN1_IA5STRING, name->text);
    }
}

GENERAL_NAMES *pki_name_list(const struct pki_name *name)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *one = GENERAL_NAME_new();
    void *value = one ? new_value(name) : NULL;

    if (value)
        GENERAL_NAME_set0_value(one, name->type, value);
    if (value && names && sk_GENERAL_NAME_push(names, one))
        return names;
    GENERAL_NAME_free(one);
    GENERAL_NAMES_free(names);
    return NULL;
}

/* ---- words --------------------------------------------------------------------------------------------------- */

void pki_name_label(const struct pki_name *name, char *out, size_t cap)
{
    bool plain = name->flavour == ESCERTKE_FLAVOUR_AE || name->flavour == ESCERTKE_FLAVOUR_CSE;

    snprintf(out, cap, "%s%s%s", plain ? "" : escertke_flavour_name(name->flavour), plain ? "" : " ", name->text);
}

bool pki_name_rule(const struct pki_name *name, char out[PKI_RULE_MAX])
{
    char computed[ESCERTKE_ID_MAX + 1] = "";
    escertke_expect expect = { .flavour = name->flavour, .id = name->id };

    if (name->flavour == ESCERTKE_FLAVOUR_AE)
        snprintf(computed, sizeof computed, "%s", name->id);
    else if (name->flavour == ESCERTKE_FLAVOUR_CSE && name->id[0] &&
             escertke_expect_domain_name(&expect, computed) != ESCERTKE_OK)
        computed[0] = '\0';
    bool same = strcmp(computed, name->text) == 0;
    snprintf(out, PKI_RULE_MAX, "%s,flavour=%s%s%s", name->id[0] ? name->id : "ID", escertke_flavour_name(name->flavour),
             same ? "" : ",san=", same ? "" : name->text);
    return same || !strchr(name->text, ',');
}
