/* pki_issue.c - pki issue: leaf certificates as TS-0003 10.1.1 wants them, inside the issuing CA's name constraints. */
#include <escertke/m2m.h>

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "commands.h"
#include "files.h"
#include "options.h"
#include "pki.h"

#define LEAF_DAYS 365

struct settings {
    const char *ae_id, *cse_id, *node_id, *device_id, *dns, *out;
    long days;
    bool force;
};

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

static bool is_oid(const char *value)
{
    ASN1_OBJECT *oid = value[strspn(value, "0123456789.")] == '\0' ? OBJ_txt2obj(value, 1) : NULL;
    bool ok = oid != NULL;

    ASN1_OBJECT_free(oid);
    return ok;
}

/* scheme ":" something, in printable ASCII */
static bool is_uri(const char *value)
{
    size_t scheme = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    if (!isalpha((unsigned char)value[0]) || value[scheme] != ':' || !value[scheme + 1] || strlen(value) > ESCERTKE_ID_MAX)
        return false;
    for (const char *at = value; *at; at++)
        if (*at <= ' ' || *at > '~' || strchr("\"<>\\^`{|}", *at))
            return false;
    return true;
}

static bool check_node_id(const char *value, char *why, size_t cap)
{
    if (is_oid(value) || is_uri(value))
        return true;
    snprintf(why, cap,
             "expected an M2M-Node-ID as URN (urn:gsma:imei:...) or as object identifier (0.2.481.1...) (TS-0001 7.1.5)");
    return false;
}

static const struct option_def issue_options[] = {
    TEXT_ROW("ae-id", "ID", offsetof(struct settings, ae_id), check_ae_id,
             "Absolute AE-ID, //SP/CSE/Cname or //SP/Sname: a URI SAN with exactly these octets"),
    TEXT_ROW("cse-id", "ID", offsetof(struct settings, cse_id), check_cse_id,
             "Absolute CSE-ID, //SP/CSE: a dNSName SAN with the CSE's public domain name"),
    TEXT_ROW("node-id", "ID", offsetof(struct settings, node_id), check_node_id,
             "M2M-Node-ID: a URN (URI SAN; needs a PKI made with --nodes) or an object identifier (registeredID SAN)"),
    TEXT_ROW("device-id", "ID", offsetof(struct settings, device_id), NULL,
             "hardware instance identifier; device certificates are not supported by this version"),
    TEXT_ROW("dns", "NAME", offsetof(struct settings, dns), pki_check_dns,
             "with --cse-id: the CSE's public domain name; without it CSE.SP, which is right for an IN-CSE "
             "(an MN-CSE below it has MN.IN.SP)"),
    NUMBER_ROW("days", "N", offsetof(struct settings, days), 1, 3650, "validity, default 365, never beyond the issuing CA's"),
    NEEDED_TEXT_ROW("out", "PREFIX", offsetof(struct settings, out), NULL,
                    "write PREFIX.key (mode 0600) and PREFIX.crt (leaf, then issuing CA)"),
    FLAG_ROW("force", offsetof(struct settings, force), "replace existing files"),
    OPTION_END,
};

static const struct options_spec issue_spec = {
    .command = "pki issue",
    .synopsis = "DIR --ae-id|--cse-id|--node-id ID [--dns NAME] [--days N] --out PREFIX",
    .about = "Issue a new key and certificate from the issuing CA in DIR (made by pki init). The identity must lie in the CA's "
             "domain. "
             "The certificate has keyUsage digitalSignature, no extended key usage, and the identity as its only subject "
             "alternative name "
             "(TS-0003 10.1.1).",
    .groups = { issue_options },
    .args_min = 1,
    .args_max = 1,
    .args_words = "DIR",
};

/* The one subject alternative name of the new certificate. */
struct san {
    int type; /* GEN_URI, GEN_DNS, GEN_RID */
    char text[ESCERTKE_ID_MAX + 1];
    char host[ESCERTKE_ID_MAX + 1]; /* what the name constraints are about; "" = nothing */
};

/* Does a permitted subtree cover the host? A DNS constraint covers the names below it too, a URI one only with a leading dot. */
static bool covers(int type, const char *base, const char *host)
{
    size_t base_len = strlen(base), host_len = strlen(host);

    if (type == GEN_DNS && (base_len == 0 || strcasecmp(base, host) == 0))
        return true;
    if (type == GEN_URI && base[0] != '.')
        return strcasecmp(base, host) == 0;
    size_t tail = base[0] == '.' ? base_len : base_len + 1;
    return host_len > tail && strcasecmp(host + host_len - base_len, base) == 0 && host[host_len - tail] == '.';
}

static bool permits(X509 *ca, const struct san *san, char *shown, size_t cap, bool *constrained)
{
    NAME_CONSTRAINTS *nc = X509_get_ext_d2i(ca, NID_name_constraints, NULL, NULL);
    bool ok = false;

    *constrained = false;
    shown[0] = '\0';
    for (int i = 0; nc && i < sk_GENERAL_SUBTREE_num(nc->permittedSubtrees); i++) {
        const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, i)->base;
        char text[ESCERTKE_ID_MAX + 1];
        if (base->type != san->type)
            continue;
        snprintf(text, sizeof text, "%.*s", ASN1_STRING_length(base->d.ia5), (const char *)ASN1_STRING_get0_data(base->d.ia5));
        size_t used = strlen(shown);
        snprintf(shown + used, cap - used, "%s%s", used ? ", " : "", text);
        *constrained = true;
        ok = ok || covers(san->type, text, san->host);
    }
    NAME_CONSTRAINTS_free(nc);
    return ok || !*constrained;
}

static escertke_err check_constraints(X509 *ca, const struct settings *s, const struct san *san, escertke_detail *d)
{
    char shown[ESCERTKE_ID_MAX * 2];
    bool constrained;

    if (san->type == GEN_RID)
        return ESCERTKE_OK;
    bool ok = permits(ca, san, shown, sizeof shown, &constrained);
    if (s->node_id && constrained)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0003 10.1.1.7, RFC 5280 4.2.1.10",
                        "the issuing CA has a URI name constraint (%s), and a URN has no host that could satisfy it; "
                        "make a PKI for nodes with: escertke pki init DIR2 --sp DOMAIN --nodes",
                        shown);
    if (s->ae_id && !constrained)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0003 10.1.1.5",
                        "an AE-ID certificate needs an issuing CA with a URI name constraint and this one has none; "
                        "make a PKI for AEs with: escertke pki init DIR2 --sp DOMAIN");
    if (ok)
        return ESCERTKE_OK;
    return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0003 10.1.1.5, RFC 5280 4.2.1.10",
                    "the issuing CA's name constraints do not allow %s: expected a name in %s", san->host, shown);
}

static escertke_err make_san(const struct settings *s, struct san *san, escertke_detail *d)
{
    const char *text = s->ae_id ? s->ae_id : s->cse_id ? s->cse_id : s->node_id;
    escertke_id id;

    memset(san, 0, sizeof *san);
    san->type = s->cse_id ? GEN_DNS : s->node_id && is_oid(s->node_id) ? GEN_RID : GEN_URI;
    snprintf(san->text, sizeof san->text, "%s", text);
    if (s->node_id)
        return ESCERTKE_OK;
    escertke_err err = escertke_id_parse(escertke_span_str(text), &id);
    if (err != ESCERTKE_OK)
        return esc_fail(d, err, "TS-0004 6.2.3", "not an Absolute identifier: %s", text);
    if (s->ae_id) {
        snprintf(san->host, sizeof san->host, "%.*s", (int)id.sp_len - 2, id.text + 2);
        return ESCERTKE_OK;
    }
    if (s->dns) {
        for (size_t i = 0; i <= strlen(s->dns); i++)
            san->text[i] = (char)tolower((unsigned char)s->dns[i]);
    } else if ((err = escertke_id_domain_name(&id, NULL, san->text)) != ESCERTKE_OK) {
        return esc_fail(d, err, "TS-0001 6.5.1.1", "%s has no public domain name; give one with --dns", text);
    }
    memcpy(san->host, san->text, sizeof san->host);
    return ESCERTKE_OK;
}

static bool add_name(GENERAL_NAMES *names, const struct san *san)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    void *value = NULL;

    if (san->type == GEN_RID) {
        value = OBJ_txt2obj(san->text, 1);
    } else {
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        if (text && ASN1_STRING_set(text, san->text, -1))
            value = text;
        else
            ASN1_IA5STRING_free(text);
    }
    if (!name || !value || !sk_GENERAL_NAME_push(names, name)) {
        if (san->type == GEN_RID)
            ASN1_OBJECT_free(value);
        else
            ASN1_IA5STRING_free(value);
        GENERAL_NAME_free(name);
        return false;
    }
    GENERAL_NAME_set0_value(name, san->type, value);
    return true;
}

static escertke_err add_san(X509 *cert, const struct san *san, escertke_detail *d)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool ok = names && add_name(names, san) && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1;

    GENERAL_NAMES_free(names);
    return ok ? ESCERTKE_OK : pki_fail(d, "subjectAltName");
}

static escertke_err make_leaf(const struct settings *s, const struct san *san, const struct pki_pair *ca, struct pki_pair *leaf,
                              escertke_detail *d)
{
    char name[ESCERTKE_ID_MAX + 8];
    struct pki_subject subject = { name, ca, s->days };
    escertke_err err;

    /* A common name that looks like a domain name would be held against the name constraints by some verifiers. */
    snprintf(name, sizeof name, "%s%s", s->node_id ? "node " : "", san->text);
    if ((err = pki_new_key(leaf, d)) != ESCERTKE_OK || (err = pki_new_cert(&subject, leaf, d)) != ESCERTKE_OK ||
        (err = pki_add_extension(leaf->cert, NID_key_usage, "critical,digitalSignature", d)) != ESCERTKE_OK ||
        (err = add_san(leaf->cert, san, d)) != ESCERTKE_OK)
        return err;
    return pki_sign(leaf->cert, ca->key, d);
}

/* Both names are looked at first, so that no new key stands beside an old certificate. */
static escertke_err write_leaf(const struct settings *s, const struct pki_pair *ca, const struct pki_pair *leaf,
                               escertke_detail *d)
{
    char key_path[PATH_MAX], cert_path[PATH_MAX];
    X509 *const chain[] = { leaf->cert, ca->cert, NULL };

    if (snprintf(key_path, sizeof key_path, "%s.key", s->out) >= (int)sizeof key_path)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "the file name is too long");
    snprintf(cert_path, sizeof cert_path, "%.*s.crt", PATH_MAX - 8, s->out);
    for (int i = 0; i < 2 && !s->force; i++)
        if (file_exists(i ? cert_path : key_path))
            return esc_fail(d, ESCERTKE_ERR_IO, "", "%s exists already; --force replaces it", i ? cert_path : key_path);
    escertke_err err = pki_write_key(key_path, leaf->key, s->force, d);
    return err != ESCERTKE_OK ? err : pki_write_certs(cert_path, chain, s->force, d);
}

static escertke_err issue(const struct settings *s, const char *dir, escertke_detail *d)
{
    struct pki_pair ca = { NULL, NULL }, leaf = { NULL, NULL };
    struct san san;
    escertke_err err;

    if ((err = make_san(s, &san, d)) == ESCERTKE_OK && (err = pki_read_pair(dir, "ca", &ca, d)) == ESCERTKE_OK &&
        (err = check_constraints(ca.cert, s, &san, d)) == ESCERTKE_OK &&
        (err = make_leaf(s, &san, &ca, &leaf, d)) == ESCERTKE_OK && (err = write_leaf(s, &ca, &leaf, d)) == ESCERTKE_OK)
        out_words("issued %s.crt and %s.key to %s", s->out, s->out, san.text);
    pki_pair_free(&ca);
    pki_pair_free(&leaf);
    return err;
}

static int check_settings(const struct settings *s)
{
    int identities = (s->ae_id != NULL) + (s->cse_id != NULL) + (s->node_id != NULL) + (s->device_id != NULL);

    if (s->device_id)
        return out_usage(issue_spec.command,
                         "--device-id: device certificates (TS-0003 10.1.1.4) are not supported by this version; "
                         "issue an AE-ID, CSE-ID or Node-ID certificate");
    if (identities != 1)
        return out_usage(issue_spec.command, "expected one of --ae-id, --cse-id and --node-id, found %d", identities);
    if (s->dns && !s->cse_id)
        return out_usage(issue_spec.command, "--dns goes with --cse-id only: the other certificates carry no domain name");
    return OPTIONS_RUN;
}

int cmd_pki_issue(int argc, char **argv)
{
    struct settings s = { .days = LEAF_DAYS };
    struct options o;
    escertke_detail d;
    int code = options_parse(&issue_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN && (code = check_settings(&s)) == OPTIONS_RUN) {
        escertke_detail_init(&d);
        escertke_err err = issue(&s, o.args[0], &d);
        code = err == ESCERTKE_OK ? EXIT_DONE : out_failure(err, &d, "pki issue %s", s.out);
    }
    options_free(&o);
    return code;
}
