/* pki_crls.c - pki crl: one file with the CRL of every CA in a folder, as peers' --crl wants it. */
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "commands.h"
#include "files.h"
#include "options.h"
#include "out.h"
#include "pki.h"
#include "pki_crl.h"
#include "pki_db.h"

#define CRL_DAYS 30
#define DAY_S 86400
#define CRL_HEAD "-----BEGIN X509 CRL-----"

struct settings {
    const char *out;
    long days;
    bool force, json;
};

static const struct option_def crl_options[] = {
    NUMBER_ROW(
        "days", "N", offsetof(struct settings, days), 1, 365,
        "the issuing CAs' lists are good for so long, default 30; peers that have one refuse when it has run out. The root's "
        "is good for 365 days"),
    TEXT_ROW("out", "FILE", offsetof(struct settings, out), NULL, "where to, default DIR/crl.pem; a file of CRLs is replaced"),
    FLAG_ROW("force", offsetof(struct settings, force), "replace a file of another kind too"),
    FLAG_ROW("json", offsetof(struct settings, json), "what was made, as JSON, an object per CA"),
    OPTION_END,
};

static const struct options_spec crl_spec = {
    .command = "pki crl",
    .synopsis = "DIR [--days N] [--out FILE]",
    .about =
        "Make new CRLs of the CAs in DIR, all in one PEM file for --crl. If root.key is kept elsewhere, the root's last list "
        "(DIR/root.crl) is taken while it is good and nothing has been revoked that it would have to hold. An expired "
        "certificate is on one more list and then on none (RFC 5280 3.3).",
    .groups = { crl_options },
    .args_min = 1,
    .args_max = 1,
    .args_words = "DIR",
};

struct work {
    const struct settings *s;
    const char *dir;
    char out[PATH_MAX];
    struct pki_db db;
    struct pki_crl crls[PKI_CAS]; /* list NULL: no such CA */
};

/* What is there must be a file of CRLs, so that a slip of the hand costs nobody a key. */
static escertke_err check_out(const struct work *w, escertke_detail *d)
{
    char head[sizeof CRL_HEAD] = "";
    FILE *f;

    if (w->s->force || !file_exists(w->out))
        return ESCERTKE_OK;
    f = fopen(w->out, "r");
    bool same = f && fgets(head, sizeof head, f) && strcmp(head, CRL_HEAD) == 0;
    if (f)
        fclose(f);
    return same ? ESCERTKE_OK
                : esc_fail(d, ESCERTKE_ERR_IO, "", "%s exists already and is no file of CRLs; --force replaces it", w->out);
}

static bool has_file(const struct work *w, enum pki_ca place, const char *suffix)
{
    char path[PATH_MAX];

    return pki_path(w->dir, pki_ca_names[place], suffix, path, sizeof path) && file_exists(path);
}

static escertke_err make(struct work *w, enum pki_ca place, long days, escertke_detail *d)
{
    struct pki_pair ca;
    escertke_err err = pki_read_pair(w->dir, pki_ca_names[place], &ca, d);

    if (err == ESCERTKE_OK)
        err = pki_crl_make(&ca, place, &w->db, days, &w->crls[place], d);
    pki_pair_free(&ca);
    return err;
}

static int64_t seconds(const ASN1_TIME *t)
{
    struct tm tm;
    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static escertke_err read_list(const char *path, X509_CRL **out, escertke_detail *d)
{
    escertke_buf file;
    escertke_err err = file_read(path, &file, d);

    *out = NULL;
    if (err == ESCERTKE_OK) {
        BIO *bio = BIO_new_mem_buf(file.ptr, (int)file.len);
        *out = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
        ERR_clear_error();
        if (!*out)
            err = esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "%s: expected a CRL in PEM", path);
    }
    escertke_buf_free(&file);
    return err;
}

static escertke_err need_root_key(const struct work *w, const char *why, escertke_detail *d)
{
    return esc_fail(d, ESCERTKE_ERR_IO, "RFC 5280 5.1",
                    "%s/root.key is not there, and %s; put the key there, make the CRLs, and take it "
                    "away again",
                    w->dir, why);
}

/* The root's last list, made when its key was there. */
static escertke_err take_root_list(struct work *w, escertke_detail *d)
{
    struct pki_crl *crl = &w->crls[PKI_ROOT];
    char path[PATH_MAX];
    X509 *root;
    escertke_err err;

    if (!pki_path(w->dir, pki_ca_names[PKI_ROOT], "crl", path, sizeof path) || !file_exists(path))
        return need_root_key(w, "no list of the root has been made", d);
    if (w->db.crls[PKI_ROOT].changed)
        return need_root_key(w, "an issuing CA has been revoked or released since the root's last list", d);
    if ((err = pki_read_cert(w->dir, pki_ca_names[PKI_ROOT], &root, d)) != ESCERTKE_OK ||
        (err = read_list(path, &crl->list, d)) != ESCERTKE_OK) {
        X509_free(root);
        return err;
    }
    bool good = X509_CRL_verify(crl->list, X509_get0_pubkey(root)) == 1;
    X509_free(root);
    ERR_clear_error();
    if (!good)
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "RFC 5280 6.3.3", "%s was not signed by the root in this folder", path);
    crl->next_update = seconds(X509_CRL_get0_nextUpdate(crl->list));
    crl->number = w->db.crls[PKI_ROOT].number;
    int entries = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl->list)); /* -1: none */
    crl->entries = entries > 0 ? (size_t)entries : 0;
    int64_t left = crl->next_update - (int64_t)time(NULL);
    if (left <= 0)
        return need_root_key(w, "the root's last list has run out", d);
    if (left < (int64_t)w->s->days * DAY_S)
        out_words("the root's list runs out before the others; put %s/root.key there some time and make the CRLs again", w->dir);
    return ESCERTKE_OK;
}

/* The file: the root's list first. */
static escertke_err write_lists(struct work *w, escertke_detail *d)
{
    X509_CRL *lists[PKI_CAS + 1] = { NULL }, *root[] = { w->crls[PKI_ROOT].list, NULL };
    char path[PATH_MAX];
    escertke_err err = ESCERTKE_OK;
    size_t count = 0;

    if (has_file(w, PKI_ROOT, "key") && pki_path(w->dir, pki_ca_names[PKI_ROOT], "crl", path, sizeof path))
        err = pki_crl_write(path, root, d);
    for (int i = 0; i < PKI_CAS; i++)
        if (w->crls[i].list)
            lists[count++] = w->crls[i].list;
    return err == ESCERTKE_OK ? pki_crl_write(w->out, lists, d) : err;
}

static escertke_err make_all(struct work *w, escertke_detail *d)
{
    escertke_err err;

    if ((err = pki_db_open(w->dir, &w->db, d)) != ESCERTKE_OK || (err = check_out(w, d)) != ESCERTKE_OK ||
        (err = make(w, PKI_ISSUING, w->s->days, d)) != ESCERTKE_OK ||
        (has_file(w, PKI_NODES, "crt") && (err = make(w, PKI_NODES, w->s->days, d)) != ESCERTKE_OK))
        return err;
    err = has_file(w, PKI_ROOT, "key") ? make(w, PKI_ROOT, PKI_ROOT_CRL_DAYS, d) : take_root_list(w, d);
    return err == ESCERTKE_OK ? write_lists(w, d) : err;
}

static void say_made(const struct work *w)
{
    for (int i = 0; i < PKI_CAS; i++) {
        const struct pki_crl *crl = &w->crls[i];
        char until[24];
        if (!crl->list)
            continue;
        json_t *event = out_new_event("crl");
        out_time(crl->next_update, until);
        out_text(event, "ca", pki_ca_names[i]);
        out_number(event, "number", crl->number);
        out_number(event, "entries", (json_int_t)crl->entries);
        out_text(event, "next_update", until);
        out_text(event, "file", w->out);
        out_event(event, "%-6snumber %lld, %zu revoked, good until %s", pki_ca_names[i], (long long)crl->number, crl->entries,
                  until);
    }
    out_words("written to %s; peers read it with --crl, and again at SIGHUP", w->out);
}

static escertke_err run(const struct settings *s, const char *dir, escertke_detail *d)
{
    struct work w = { .s = s, .dir = dir, .db = { .fd = -1 } };
    X509 *ca;
    escertke_err err = pki_read_cert(dir, pki_ca_names[PKI_ISSUING], &ca, d); /* else it is no PKI, and gets no database */
    int len = s->out ? snprintf(w.out, sizeof w.out, "%s", s->out) : snprintf(w.out, sizeof w.out, "%s/crl.pem", dir);

    X509_free(ca);
    if (err == ESCERTKE_OK && len >= (int)sizeof w.out)
        err = esc_fail(d, ESCERTKE_ERR_IO, "", "the file name is too long");
    if (err == ESCERTKE_OK && (err = make_all(&w, d)) == ESCERTKE_OK)
        say_made(&w);
    for (int i = 0; i < PKI_CAS; i++)
        X509_CRL_free(w.crls[i].list);
    pki_db_close(&w.db);
    return err;
}

int cmd_pki_crl(int argc, char **argv)
{
    struct settings s = { .days = CRL_DAYS };
    struct options o;
    escertke_detail d;
    int code = options_parse(&crl_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN) {
        out_use_json(s.json);
        escertke_detail_init(&d);
        escertke_err err = run(&s, o.args[0], &d);
        code = err == ESCERTKE_OK ? EXIT_DONE : out_failure(err, &d, "pki crl %s", o.args[0]);
    }
    options_free(&o);
    return code;
}
