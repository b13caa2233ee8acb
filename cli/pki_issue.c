/* pki_issue.c - pki issue: leaf certificates as TS-0003 10.1.1 wants them, inside the issuing CA's name constraints. */
#include <escertke/cert.h>

#include <limits.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/fail.h"
#include "commands.h"
#include "files.h"
#include "options.h"
#include "pki.h"
#include "pki_db.h"
#include "pki_name.h"
#include "pki_request.h"

#define LEAF_DAYS 365
#define CHAIN_MAX 3 /* leaf, issuing CA, root */

struct settings {
    struct pki_who who; /* first: see pki_name.h */
    const char *csr, *out;
    long days;
    bool force, json;
};

static const struct option_def issue_options[] = {
    TEXT_ROW(
        "id", "ID", offsetof(struct settings, who.peer_id), pki_check_peer_id,
        "with --node-id and --device-id: the Absolute AE-ID or CSE-ID of who will use the certificate, for the printed rule"),
    TEXT_ROW("csr", "FILE", offsetof(struct settings, csr), NULL,
             "issue to the key and the name in this request (PEM or DER); an ID given as well must be the request's"),
    NUMBER_ROW("days", "N", offsetof(struct settings, days), 1, 3650, "validity, default 365, never beyond the issuing CA's"),
    NEEDED_TEXT_ROW("out", "PREFIX", offsetof(struct settings, out), NULL,
                    "write PREFIX.key (mode 0600, not with --csr) and PREFIX.crt (leaf, then issuing CA)"),
    FLAG_ROW("force", offsetof(struct settings, force), "replace existing files"),
    FLAG_ROW("json", offsetof(struct settings, json), "what was issued, as JSON"),
    OPTION_END,
};

static const struct options_spec issue_spec = {
    .command = "pki issue",
    .synopsis = "DIR (" PKI_WHO_SYNOPSIS " [--id ID] | --csr FILE) [--days N] --out PREFIX",
    .about =
        "Issue a certificate from the PKI in DIR (made by pki init), to a new key or to the key of a request. AE-IDs and "
        "domain names must lie in the PKI's domain. The certificate has keyUsage digitalSignature, no extended key usage, and "
        "the identity as its only subject alternative name (TS-0003 10.1.1). A CA that pki revoke has revoked issues nothing. "
        "Prints the --peer rule with which peers expect it.",
    .groups = { pki_who_options, issue_options },
    .args_min = 1,
    .args_max = 1,
    .args_words = "DIR",
};

/* What is being issued. */
struct issue {
    const struct settings *s;
    const char *dir;
    struct pki_name name;
    enum pki_ca ca_place;
    struct pki_pair ca, leaf; /* leaf.key: the public half alone if it came in a request */
    X509 *root;               /* NULL: not in the folder */
    char key_path[PATH_MAX], cert_path[PATH_MAX];
};

/* ---- name constraints ---------------------------------------------------------------------------------------- */

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

static bool permits(X509 *ca, int type, const char *host, char *shown, size_t cap, bool *constrained)
{
    NAME_CONSTRAINTS *nc = X509_get_ext_d2i(ca, NID_name_constraints, NULL, NULL);
    bool ok = false;

    *constrained = false;
    shown[0] = '\0';
    for (int i = 0; nc && i < sk_GENERAL_SUBTREE_num(nc->permittedSubtrees); i++) {
        const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, i)->base;
        char text[PKI_NAME_MAX + 1];
        if (base->type != type)
            continue;
        snprintf(text, sizeof text, "%.*s", ASN1_STRING_length(base->d.ia5), (const char *)ASN1_STRING_get0_data(base->d.ia5));
        size_t used = strlen(shown);
        snprintf(shown + used, cap - used, "%s%s", used ? ", " : "", text);
        *constrained = true;
        ok = ok || covers(type, text, host);
    }
    NAME_CONSTRAINTS_free(nc);
    return ok || !*constrained;
}

static escertke_err check_constraints(X509 *ca, const struct pki_name *name, escertke_detail *d)
{
    char shown[ESCERTKE_ID_MAX * 2], host[PKI_NAME_MAX + 1] = "";
    bool constrained, has_host = pki_name_host(name, host);

    if (name->type != GEN_URI && name->type != GEN_DNS)
        return ESCERTKE_OK;
    bool ok = permits(ca, name->type, host, shown, sizeof shown, &constrained);
    if (!has_host && constrained)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0003 10.1.1.7, RFC 5280 4.2.1.10",
                        "the issuing CA has a URI name constraint (%s), and a URN has no host that could satisfy it; "
                        "make an issuing CA for such names with: escertke pki init DIR --sp DOMAIN --nodes",
                        shown);
    if (has_host && name->type == GEN_URI && !constrained)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0003 10.1.1.5",
                        "an AE-ID, as any URI with a host, needs an issuing CA with a URI name constraint and this one has none; "
                        "make a PKI with one with: escertke pki init DIR2 --sp DOMAIN");
    if (ok)
        return ESCERTKE_OK;
    return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0003 10.1.1.5, RFC 5280 4.2.1.10",
                    "the issuing CA's name constraints do not allow %s: expected a name in %s", host, shown);
}

/* A URI without a host is for the CA that has no URI constraint; an older PKI may have no other. */
static escertke_err read_cas(struct issue *i, escertke_detail *d)
{
    char path[PATH_MAX], host[PKI_NAME_MAX + 1];
    escertke_err err;

    if (!pki_path(i->dir, pki_ca_names[PKI_NODES], "crt", path, sizeof path))
        return esc_fail(d, ESCERTKE_ERR_IO, "", "the folder's name is too long");
    bool nodes = i->name.type == GEN_URI && !pki_name_host(&i->name, host) && file_exists(path);
    i->ca_place = nodes ? PKI_NODES : PKI_ISSUING;
    if ((err = pki_read_pair(i->dir, pki_ca_names[i->ca_place], &i->ca, d)) != ESCERTKE_OK)
        return err;
    if (pki_read_cert(i->dir, pki_ca_names[PKI_ROOT], &i->root, NULL) != ESCERTKE_OK)
        i->root = NULL; /* the anchor may be kept elsewhere */
    return check_constraints(i->ca.cert, &i->name, d);
}

/* ---- requests ------------------------------------------------------------------------------------------------ */

/* What a request is refused for, and what of it is left. */
struct verdict {
    escertke_detail *d;
    const char *path;
};

static void hear(void *ctx, escertke_lint_level level, escertke_err err, const char *clause, const char *text)
{
    struct verdict *v = ctx;

    if (level == ESCERTKE_LINT_ERROR)
        (void)esc_fail(v->d, err, clause, "%s: %s", v->path, text);
    else
        out_words("%s: %s (%s)", v->path, text, clause);
}

static escertke_flavour wanted_flavour(const struct pki_who *who)
{
    return who->ae_id       ? ESCERTKE_FLAVOUR_AE
           : who->cse_id    ? ESCERTKE_FLAVOUR_CSE
           : who->node_id   ? ESCERTKE_FLAVOUR_NODE
           : who->device_id ? ESCERTKE_FLAVOUR_DEVICE
                            : ESCERTKE_FLAVOUR_BY_ID;
}

/* The name is the request's. Options can only confirm it, and add what it does not say. */
static escertke_err take_name(struct issue *i, escertke_detail *d)
{
    const struct pki_who *who = &i->s->who;
    struct pki_name given;
    escertke_err err;

    if (who->peer_id && i->name.id[0] && strcmp(who->peer_id, i->name.id) != 0)
        return esc_fail(d, ESCERTKE_ERR_IDENTITY, "TS-0003 8.1.2.5", "%s asks for %s, --id is %s", i->s->csr, i->name.id,
                        who->peer_id);
    if (who->peer_id && !i->name.id[0])
        snprintf(i->name.id, sizeof i->name.id, "%s", who->peer_id);
    if (wanted_flavour(who) == ESCERTKE_FLAVOUR_BY_ID)
        return ESCERTKE_OK;
    if ((err = pki_name_make(who, &given, d)) != ESCERTKE_OK)
        return err;
    if (!pki_name_equal(&given, &i->name))
        return esc_fail(d, ESCERTKE_ERR_IDENTITY, "TS-0003 10.1.4", "%s asks for %s as %s, expected %s as %s", i->s->csr,
                        i->name.text, escertke_flavour_name(i->name.flavour), given.text, escertke_flavour_name(given.flavour));
    i->name = given;
    return ESCERTKE_OK;
}

static escertke_err take_request(struct issue *i, escertke_detail *d)
{
    X509_REQ *req;
    struct verdict v = { d, i->s->csr };
    escertke_err err = pki_request_read(i->s->csr, &req, d);

    if (err != ESCERTKE_OK)
        return err;
    err = pki_request_judge(req, wanted_flavour(&i->s->who), hear, &v, &i->name);
    if (err == ESCERTKE_OK && !(i->leaf.key = X509_REQ_get_pubkey(req)))
        err = pki_fail(d, "taking the request's key");
    X509_REQ_free(req);
    return err == ESCERTKE_OK ? take_name(i, d) : err;
}

/* ---- certificate --------------------------------------------------------------------------------------------- */

static escertke_err make_leaf(struct issue *i, escertke_detail *d)
{
    char label[PKI_NAME_MAX + 8];
    struct pki_subject subject = { label, &i->ca, i->s->days };
    escertke_err err;

    pki_name_label(&i->name, label, sizeof label);
    if (!i->leaf.key && (err = pki_new_key(&i->leaf, d)) != ESCERTKE_OK)
        return err;
    if ((err = pki_new_cert(&subject, &i->leaf, d)) != ESCERTKE_OK ||
        (err = pki_add_extension(i->leaf.cert, NID_key_usage, "critical,digitalSignature", d)) != ESCERTKE_OK)
        return err;
    GENERAL_NAMES *names = pki_name_list(&i->name);
    bool ok = names && X509_add1_ext_i2d(i->leaf.cert, NID_subject_alt_name, names, 0, 0) == 1;
    GENERAL_NAMES_free(names);
    return ok ? pki_sign(i->leaf.cert, i->ca.key, d) : pki_fail(d, "subjectAltName");
}

/* The verdict that every peer will come to, before the certificate is given to anybody. */
static escertke_err check_leaf(struct issue *i, escertke_detail *d)
{
    X509 *const certs[CHAIN_MAX] = { i->leaf.cert, i->ca.cert, i->root };
    escertke_span path[CHAIN_MAX];
    uint8_t *der[CHAIN_MAX] = { NULL };
    struct escertke_expect expect = { .flavour = i->name.flavour, .id = i->name.id, .san = i->name.text };
    escertke_err err = ESCERTKE_OK;
    size_t count = 0;
    int alert;

    if (!i->name.id[0])
        expect.id = "//m2m.example/cse"; /* san alone is compared */
    for (; err == ESCERTKE_OK && count < CHAIN_MAX && certs[count]; count++) {
        int len = i2d_X509(certs[count], &der[count]);
        path[count] = (escertke_span){ der[count], len > 0 ? (size_t)len : 0 };
        if (len <= 0)
            err = pki_fail(d, "encoding a certificate");
    }
    if (err == ESCERTKE_OK)
        err = escertke_cert_check_path(path, count, &expect, (int64_t)time(NULL), &alert, d);
    for (size_t k = 0; k < CHAIN_MAX; k++)
        OPENSSL_free(der[k]);
    return err;
}

/* ---- files and words ----------------------------------------------------------------------------------------- */

/* All names are looked at first, so that no new key stands beside an old certificate. */
static escertke_err check_files(struct issue *i, escertke_detail *d)
{
    if (snprintf(i->key_path, sizeof i->key_path, "%s.key", i->s->out) >= (int)sizeof i->key_path ||
        snprintf(i->cert_path, sizeof i->cert_path, "%s.crt", i->s->out) >= (int)sizeof i->cert_path)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "the file name is too long");
    if (i->s->csr)
        i->key_path[0] = '\0';
    for (int k = 0; k < 2 && !i->s->force; k++) {
        const char *path = k ? i->cert_path : i->key_path;
        if (*path && file_exists(path))
            return esc_fail(d, ESCERTKE_ERR_IO, "", "%s exists already; --force replaces it", path);
    }
    return ESCERTKE_OK;
}

static escertke_err write_files(const struct issue *i, escertke_detail *d)
{
    X509 *const chain[] = { i->leaf.cert, i->ca.cert, NULL };
    escertke_err err = i->key_path[0] ? pki_write_key(i->key_path, i->leaf.key, i->s->force, d) : ESCERTKE_OK;

    return err == ESCERTKE_OK ? pki_write_certs(i->cert_path, chain, i->s->force, d) : err;
}

/* What a revoked CA issues is refused by every peer that has the CRL; who has none yet must not be left to find that out. */
static escertke_err check_ca_not_revoked(const struct issue *i, const struct pki_db *db, escertke_detail *d)
{
    char serial[PKI_SERIAL_MAX + 1], at[24];
    json_t *entry = pki_serial_text(i->ca.cert, serial) ? pki_db_find(db, PKI_ROOT, serial) : NULL;
    const char *reason = json_string_value(json_object_get(entry, "reason"));

    if (!entry || !pki_db_is_revoked(entry))
        return ESCERTKE_OK;
    out_time(pki_db_time(entry, "at"), at);
    return esc_fail(d, ESCERTKE_ERR_REVOKED, "RFC 5280 6.3", "%s/%s.crt has been revoked since %s (%s), so it issues nothing; %s",
                    i->dir, pki_ca_names[i->ca_place], at, reason ? reason : "no reason given",
                    reason && strcmp(reason, "certificateHold") == 0
                        ? "pki revoke --release takes a hold back"
                        : "make another PKI with: escertke pki init DIR2 --sp DOMAIN");
}

/* The PKI knows of the certificate before anybody has it. */
static escertke_err give_out(struct issue *i, escertke_detail *d)
{
    struct pki_db db;
    escertke_err err;

    if ((err = pki_db_open(i->dir, &db, d)) == ESCERTKE_OK && (err = check_ca_not_revoked(i, &db, d)) == ESCERTKE_OK &&
        (err = check_files(i, d)) == ESCERTKE_OK &&
        (err = pki_db_add_issued(&db, i->ca_place, i->leaf.cert, i->name.text, d)) == ESCERTKE_OK)
        err = write_files(i, d);
    pki_db_close(&db);
    return err;
}

/* In single quotes, for a shell. */
static void quote(const char *text, char *out, size_t cap)
{
    size_t len = 0;

    for (out[len++] = '\''; *text && len + 6 < cap; text++) {
        if (*text == '\'') {
            memcpy(out + len, "'\\''", 4);
            len += 4;
        } else {
            out[len++] = *text;
        }
    }
    out[len++] = '\'';
    out[len] = '\0';
}

static void say_issued(const struct issue *i)
{
    char serial[PKI_SERIAL_MAX + 1], rule[PKI_RULE_MAX], quoted[4 * PKI_RULE_MAX + 8], expires[24];
    bool has_rule = pki_name_rule(&i->name, rule);
    json_t *event = out_new_event("issued");
    struct tm tm = { 0 };

    out_words("issued %s%s%s to %s %s", i->cert_path, i->key_path[0] ? " and " : "", i->key_path,
              escertke_flavour_name(i->name.flavour), i->name.text);
    if (has_rule && !i->name.id[0])
        out_words(
            "in the rule, ID stands for the Absolute AE-ID or CSE-ID of who uses the certificate, which it does not say (--id)");
    if (!has_rule)
        out_words("no --peer rule can say a name with a comma; peers built on the library can expect it");
    if (!pki_serial_text(i->leaf.cert, serial))
        serial[0] = '\0';
    ASN1_TIME_to_tm(X509_get0_notAfter(i->leaf.cert), &tm);
    out_time((int64_t)timegm(&tm), expires);
    out_text(event, "flavour", escertke_flavour_name(i->name.flavour));
    out_text(event, "san", i->name.text);
    out_text(event, "serial", serial);
    out_text(event, "expires", expires);
    out_text(event, "cert", i->cert_path);
    out_text(event, "key", i->key_path[0] ? i->key_path : NULL);
    out_text(event, "rule", has_rule ? rule : NULL);
    quote(rule, quoted, sizeof quoted);
    if (has_rule || out_is_json())
        out_event(event, "--peer %s", quoted);
    else
        json_decref(event);
}

static escertke_err issue(const struct settings *s, const char *dir, escertke_detail *d)
{
    struct issue i = { .s = s, .dir = dir };
    escertke_err err = s->csr ? take_request(&i, d) : pki_name_make(&s->who, &i.name, d);

    if (err == ESCERTKE_OK && (err = read_cas(&i, d)) == ESCERTKE_OK && (err = make_leaf(&i, d)) == ESCERTKE_OK &&
        (err = check_leaf(&i, d)) == ESCERTKE_OK && (err = give_out(&i, d)) == ESCERTKE_OK)
        say_issued(&i);
    pki_pair_free(&i.ca);
    pki_pair_free(&i.leaf);
    X509_free(i.root);
    return err;
}

int cmd_pki_issue(int argc, char **argv)
{
    struct settings s = { .days = LEAF_DAYS };
    struct options o;
    escertke_detail d;
    int code = options_parse(&issue_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN && (code = pki_who_check(&s.who, s.csr != NULL, issue_spec.command)) == OPTIONS_RUN) {
        out_use_json(s.json);
        escertke_detail_init(&d);
        escertke_err err = issue(&s, o.args[0], &d);
        code = err == ESCERTKE_OK ? EXIT_DONE : out_failure(err, &d, "pki issue %s", s.out);
    }
    options_free(&o);
    return code;
}
