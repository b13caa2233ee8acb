/* pki_ca.c - pki init: a root, and issuing CAs whose name constraints hold them to one service provider domain. */
#include <escertke/m2m.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "commands.h"
#include "files.h"
#include "options.h"
#include "pki.h"
#include "pki_crl.h"
#include "pki_db.h"

#define ROOT_DAYS (20 * 365 + 5)
#define CA_DAYS (10 * 365 + 2)
#define CA_KEY_USAGE "critical,keyCertSign,cRLSign,digitalSignature"

struct settings {
    const char *sp;
    bool nodes;
};

static const struct option_def init_options[] = {
    NEEDED_TEXT_ROW("sp", "DOMAIN", offsetof(struct settings, sp), pki_check_sp,
                    "domain of the M2M service provider, e.g. m2m.example.org; the issuing CA can issue for no other"),
    FLAG_ROW(
        "nodes", offsetof(struct settings, nodes),
        "a second issuing CA under the same root, for Node-IDs that are URNs: they have no host, which a URI name constraint "
        "demands. Also added to a PKI that is there and holds root.key"),
    OPTION_END,
};

static const struct options_spec init_spec = {
    .command = "pki init",
    .synopsis = "DIR --sp DOMAIN [--nodes]",
    .about =
        "Make a PKI in DIR: root.crt and root.key (the trust anchor; keep the key off-line), root.crl (its first CRL), ca.crt "
        "and ca.key (the issuing CA with name constraints for the domain, TS-0003 10.1.1.5), with --nodes also nodes.crt and "
        "nodes.key. P-256 and SHA-256; keys are readable by their owner only. Refuses a folder that holds a PKI already.",
    .groups = { init_options },
    .args_min = 1,
    .args_max = 1,
    .args_words = "DIR",
};

/* The CAs of one folder. */
struct cas {
    struct pki_pair pair[PKI_CAS];
    const char *sp;
};

static escertke_err make_root(const char *sp, struct pki_pair *root, escertke_detail *d)
{
    char name[ESCERTKE_ID_MAX + 32];
    escertke_err err;

    snprintf(name, sizeof name, "oneM2M root of %s", sp);
    struct pki_subject subject = { name, NULL, ROOT_DAYS };
    if ((err = pki_new_key(root, d)) != ESCERTKE_OK || (err = pki_new_cert(&subject, root, d)) != ESCERTKE_OK ||
        (err = pki_add_extension(root->cert, NID_basic_constraints, "critical,CA:TRUE", d)) != ESCERTKE_OK ||
        (err = pki_add_extension(root->cert, NID_key_usage, CA_KEY_USAGE, d)) != ESCERTKE_OK)
        return err;
    return pki_sign(root->cert, root->key, d);
}

/* The URI constraint stands twice: "m2m.example.org" is that host alone, ".m2m.example.org" the hosts below it (RFC
 * 5280 4.2.1.10). */
static escertke_err constrain_to_domain(X509 *cert, const char *sp, escertke_detail *d)
{
    char text[4 * ESCERTKE_ID_MAX + 64];

    snprintf(text, sizeof text, "critical,permitted;URI:%s,permitted;URI:.%s,permitted;DNS:%s", sp, sp, sp);
    return pki_add_extension(cert, NID_name_constraints, text, d);
}

/* Any URI constraint shuts URNs out; what is left to say is that this CA issues to no CSE: every domain name is excluded. */
static escertke_err constrain_to_nodes(X509 *cert, escertke_detail *d)
{
    NAME_CONSTRAINTS *nc = NAME_CONSTRAINTS_new();
    GENERAL_SUBTREE *subtree = GENERAL_SUBTREE_new();
    ASN1_IA5STRING *all = ASN1_IA5STRING_new();
    bool ok = nc && subtree && all && ASN1_STRING_set(all, "", 0) == 1 &&
              (nc->excludedSubtrees = sk_GENERAL_SUBTREE_new_null()) != NULL;

    if (ok) {
        GENERAL_NAME_set0_value(subtree->base, GEN_DNS, all);
        all = NULL;
        ok = sk_GENERAL_SUBTREE_push(nc->excludedSubtrees, subtree) > 0;
    }
    if (ok) {
        subtree = NULL;
        ok = X509_add1_ext_i2d(cert, NID_name_constraints, nc, 1, 0) == 1;
    }
    ASN1_IA5STRING_free(all);
    GENERAL_SUBTREE_free(subtree);
    NAME_CONSTRAINTS_free(nc);
    return ok ? ESCERTKE_OK : pki_fail(d, "nameConstraints");
}

static escertke_err make_issuing(struct cas *c, enum pki_ca place, escertke_detail *d)
{
    char name[ESCERTKE_ID_MAX + 32];
    struct pki_pair *ca = &c->pair[place];
    struct pki_subject subject = { name, &c->pair[PKI_ROOT], CA_DAYS };
    escertke_err err;

    snprintf(name, sizeof name, "oneM2M %s of %s", place == PKI_NODES ? "node CA" : "CA", c->sp);
    if ((err = pki_new_key(ca, d)) != ESCERTKE_OK || (err = pki_new_cert(&subject, ca, d)) != ESCERTKE_OK ||
        (err = pki_add_extension(ca->cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0", d)) != ESCERTKE_OK ||
        (err = pki_add_extension(ca->cert, NID_key_usage, CA_KEY_USAGE, d)) != ESCERTKE_OK)
        return err;
    err = place == PKI_NODES ? constrain_to_nodes(ca->cert, d) : constrain_to_domain(ca->cert, c->sp, d);
    return err == ESCERTKE_OK ? pki_sign(ca->cert, c->pair[PKI_ROOT].key, d) : err;
}

/* Is a file of that CA there? */
static bool holds(const char *dir, enum pki_ca place, char *path, size_t cap)
{
    static const char *const suffixes[] = { "key", "crt" };

    for (size_t i = 0; i < 2; i++)
        if (!pki_path(dir, pki_ca_names[place], suffixes[i], path, cap) || file_exists(path))
            return true;
    return false;
}

static escertke_err refuse_initialised(const char *dir, enum pki_ca from, escertke_detail *d)
{
    char path[PATH_MAX];

    if (!pki_path(dir, pki_ca_names[PKI_NODES], "crt", path, sizeof path))
        return esc_fail(d, ESCERTKE_ERR_IO, "", "the folder's name is too long");
    for (int i = (int)from; i < PKI_CAS; i++)
        if (holds(dir, (enum pki_ca)i, path, sizeof path))
            return esc_fail(d, ESCERTKE_ERR_IO, "", "%s exists: %s holds a PKI already; choose another folder", path, dir);
    return ESCERTKE_OK;
}

static escertke_err write_pair(const char *dir, const char *name, const struct pki_pair *pair, escertke_detail *d)
{
    char path[PATH_MAX];
    X509 *const certs[] = { pair->cert, NULL };

    pki_path(dir, name, "key", path, sizeof path);
    escertke_err err = pki_write_key(path, pair->key, false, d);
    if (err != ESCERTKE_OK)
        return err;
    pki_path(dir, name, "crt", path, sizeof path);
    return pki_write_certs(path, certs, false, d);
}

/* Into the database first: a CA that nobody could revoke by its serial number must not be there. */
static escertke_err add_issuing(struct cas *c, enum pki_ca place, const char *dir, struct pki_db *db, escertke_detail *d)
{
    escertke_err err = make_issuing(c, place, d);

    if (err == ESCERTKE_OK)
        err = pki_db_add_issued(db, PKI_ROOT, c->pair[place].cert, pki_ca_names[place], d);
    return err == ESCERTKE_OK ? write_pair(dir, pki_ca_names[place], &c->pair[place], d) : err;
}

static escertke_err write_root_crl(const struct pki_pair *root, const char *dir, struct pki_db *db, escertke_detail *d)
{
    char path[PATH_MAX];
    struct pki_crl crl;
    escertke_err err = pki_crl_make(root, PKI_ROOT, db, PKI_ROOT_CRL_DAYS, &crl, d);
    X509_CRL *const lists[] = { crl.list, NULL };

    if (err == ESCERTKE_OK && pki_path(dir, pki_ca_names[PKI_ROOT], "crl", path, sizeof path))
        err = pki_crl_write(path, lists, d);
    X509_CRL_free(crl.list);
    return err;
}

/* root.key comes before what it signs, so that a crash leaves a folder that is refused and not one that is half a PKI. */
static escertke_err make_new(const struct settings *s, const char *dir, struct cas *c, struct pki_db *db, escertke_detail *d)
{
    struct pki_pair *root = &c->pair[PKI_ROOT];
    escertke_err err;

    if ((err = refuse_initialised(dir, PKI_ROOT, d)) != ESCERTKE_OK || (err = make_root(c->sp, root, d)) != ESCERTKE_OK ||
        (err = write_pair(dir, pki_ca_names[PKI_ROOT], root, d)) != ESCERTKE_OK ||
        (err = add_issuing(c, PKI_ISSUING, dir, db, d)) != ESCERTKE_OK ||
        (s->nodes && (err = add_issuing(c, PKI_NODES, dir, db, d)) != ESCERTKE_OK))
        return err;
    return write_root_crl(root, dir, db, d);
}

static escertke_err add_nodes(const char *dir, struct cas *c, struct pki_db *db, escertke_detail *d)
{
    escertke_err err;

    if ((err = refuse_initialised(dir, PKI_NODES, d)) != ESCERTKE_OK ||
        (err = pki_read_pair(dir, pki_ca_names[PKI_ROOT], &c->pair[PKI_ROOT], d)) != ESCERTKE_OK)
        return err;
    return add_issuing(c, PKI_NODES, dir, db, d);
}

static escertke_err init(const struct settings *s, const char *dir, escertke_detail *d)
{
    struct cas c = { .sp = strncmp(s->sp, "//", 2) == 0 ? s->sp + 2 : s->sp };
    struct pki_db db = { .fd = -1 };
    char path[PATH_MAX];
    escertke_err err = ESCERTKE_OK;
    bool add = s->nodes && holds(dir, PKI_ROOT, path, sizeof path);

    if (!add)
        err = refuse_initialised(dir, PKI_ROOT, d); /* again under the lock */
    if (err == ESCERTKE_OK && (err = file_make_folder(dir, d)) == ESCERTKE_OK && (err = pki_db_open(dir, &db, d)) == ESCERTKE_OK)
        err = add ? add_nodes(dir, &c, &db, d) : make_new(s, dir, &c, &db, d);
    pki_db_close(&db);
    for (int i = 0; i < PKI_CAS; i++)
        pki_pair_free(&c.pair[i]);
    return err;
}

static void say_made(const struct settings *s, const char *dir)
{
    out_words("%s: trust anchor %s/root.crt, issuing CA %s/ca.crt; keep %s/root.key off-line", s->sp, dir, dir, dir);
    if (s->nodes)
        out_words("%s: issuing CA %s/nodes.crt for Node-IDs that are URNs", s->sp, dir);
}

int cmd_pki_init(int argc, char **argv)
{
    struct settings s = { NULL, false };
    struct options o;
    escertke_detail d;
    int code = options_parse(&init_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN) {
        escertke_detail_init(&d);
        escertke_err err = init(&s, o.args[0], &d);
        if (err == ESCERTKE_OK)
            say_made(&s, o.args[0]);
        code = err == ESCERTKE_OK ? EXIT_DONE : out_failure(err, &d, "pki init %s", o.args[0]);
    }
    options_free(&o);
    return code;
}
