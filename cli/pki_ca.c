/* pki_ca.c - pki init: a root and an issuing CA whose name constraints hold it to one service provider domain. */
#include <escertke/m2m.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "commands.h"
#include "files.h"
#include "options.h"
#include "pki.h"

#define ROOT_DAYS (20 * 365 + 5)
#define CA_DAYS (10 * 365 + 2)

struct settings {
    const char *sp;
    bool nodes;
};

static const struct option_def init_options[] = {
    NEEDED_TEXT_ROW("sp", "DOMAIN", offsetof(struct settings, sp), pki_check_sp,
                    "domain of the M2M service provider, e.g. m2m.example.org; the issuing CA can issue for nothing else"),
    FLAG_ROW("nodes", offsetof(struct settings, nodes),
             "a PKI for nodes with a URN as M2M-Node-ID: the issuing CA gets no URI name constraint, which a URN cannot satisfy; "
             "it cannot issue to AEs"),
    OPTION_END,
};

static const struct options_spec init_spec = {
    .command = "pki init",
    .synopsis = "DIR --sp DOMAIN",
    .about = "Make a PKI in DIR: root.crt and root.key (the trust anchor; keep the key off-line), ca.crt and ca.key (the issuing "
             "CA with "
             "name constraints for the domain, TS-0003 10.1.1.5). P-256 and SHA-256; keys are readable by their owner only. "
             "Refuses a folder that holds a PKI already.",
    .groups = { init_options },
    .args_min = 1,
    .args_max = 1,
    .args_words = "DIR",
};

static escertke_err make_root(const char *sp, struct pki_pair *root, escertke_detail *d)
{
    char name[ESCERTKE_ID_MAX + 32];
    escertke_err err;

    snprintf(name, sizeof name, "oneM2M root of %s", sp);
    struct pki_subject subject = { name, NULL, ROOT_DAYS };
    if ((err = pki_new_key(root, d)) != ESCERTKE_OK || (err = pki_new_cert(&subject, root, d)) != ESCERTKE_OK ||
        (err = pki_add_extension(root->cert, NID_basic_constraints, "critical,CA:TRUE", d)) != ESCERTKE_OK ||
        (err = pki_add_extension(root->cert, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature", d)) != ESCERTKE_OK)
        return err;
    return pki_sign(root->cert, root->key, d);
}

/* The URI constraint stands twice: "m2m.example.org" is that host alone, ".m2m.example.org" the hosts below it (RFC
 * 5280 4.2.1.10). */
static escertke_err add_name_constraints(X509 *cert, const struct settings *s, const char *sp, escertke_detail *d)
{
    char text[4 * ESCERTKE_ID_MAX + 64];

    if (s->nodes)
        snprintf(text, sizeof text, "critical,permitted;DNS:%s", sp);
    else
        snprintf(text, sizeof text, "critical,permitted;URI:%s,permitted;URI:.%s,permitted;DNS:%s", sp, sp, sp);
    return pki_add_extension(cert, NID_name_constraints, text, d);
}

static escertke_err make_ca(const struct settings *s, const char *sp, const struct pki_pair *root, struct pki_pair *ca,
                            escertke_detail *d)
{
    char name[ESCERTKE_ID_MAX + 32];
    escertke_err err;

    snprintf(name, sizeof name, "oneM2M CA of %s", sp);
    struct pki_subject subject = { name, root, CA_DAYS };
    if ((err = pki_new_key(ca, d)) != ESCERTKE_OK || (err = pki_new_cert(&subject, ca, d)) != ESCERTKE_OK ||
        (err = pki_add_extension(ca->cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0", d)) != ESCERTKE_OK ||
        (err = pki_add_extension(ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature", d)) != ESCERTKE_OK ||
        (err = add_name_constraints(ca->cert, s, sp, d)) != ESCERTKE_OK)
        return err;
    return pki_sign(ca->cert, root->key, d);
}

static escertke_err refuse_initialised(const char *dir, escertke_detail *d)
{
    static const char *const names[][2] = { { "root", "key" }, { "root", "crt" }, { "ca", "key" }, { "ca", "crt" } };
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!pki_path(dir, names[i][0], names[i][1], path, sizeof path))
            return esc_fail(d, ESCERTKE_ERR_IO, "", "the folder's name is too long");
        if (file_exists(path))
            return esc_fail(d, ESCERTKE_ERR_IO, "", "%s exists: %s holds a PKI already; choose another folder", path, dir);
    }
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

static escertke_err init(const struct settings *s, const char *dir, escertke_detail *d)
{
    struct pki_pair root = { NULL, NULL }, ca = { NULL, NULL };
    const char *sp = strncmp(s->sp, "//", 2) == 0 ? s->sp + 2 : s->sp;
    escertke_err err;

    if ((err = refuse_initialised(dir, d)) == ESCERTKE_OK && (err = file_make_folder(dir, d)) == ESCERTKE_OK &&
        (err = make_root(sp, &root, d)) == ESCERTKE_OK && (err = make_ca(s, sp, &root, &ca, d)) == ESCERTKE_OK &&
        (err = write_pair(dir, "root", &root, d)) == ESCERTKE_OK)
        err = write_pair(dir, "ca", &ca, d);
    pki_pair_free(&root);
    pki_pair_free(&ca);
    return err;
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
            out_words("%s: trust anchor %s/root.crt, issuing CA %s/ca.crt; keep %s/root.key off-line", s.sp, o.args[0], o.args[0],
                      o.args[0]);
        code = err == ESCERTKE_OK ? EXIT_DONE : out_failure(err, &d, "pki init %s", o.args[0]);
    }
    options_free(&o);
    return code;
}
