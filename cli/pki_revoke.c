/* pki_revoke.c - pki revoke: a certificate is to be on its CA's next CRL, or, held only, no longer. */
#include <ctype.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "commands.h"
#include "options.h"
#include "out.h"
#include "pki.h"
#include "pki_crl.h"
#include "pki_db.h"
#include "pki_name.h"

#define HOLD "certificateHold"

struct settings {
    const char *cert, *serial, *reason;
    bool release, json;
};

/* "4f:0A" as "4F0A": how libcrypto, openssl and people write serial numbers. */
static bool serial_text(const char *value, char out[PKI_SERIAL_MAX + 1])
{
    size_t len = 0;

    if (strncmp(value, "0x", 2) == 0 || strncmp(value, "0X", 2) == 0)
        value += 2;
    for (; *value; value++) {
        if (*value == ':')
            continue;
        if (!isxdigit((unsigned char)*value) || (len == PKI_SERIAL_MAX && out[0] != '0'))
            return false;
        if (len == 1 && out[0] == '0')
            len = 0;
        out[len++] = (char)toupper((unsigned char)*value);
    }
    out[len] = '\0';
    return len > 0;
}

static bool check_serial(const char *value, char *why, size_t cap)
{
    char text[PKI_SERIAL_MAX + 1];

    if (serial_text(value, text))
        return true;
    snprintf(why, cap, "expected a serial number of 20 octets at most in hexadecimal digits, as openssl x509 -serial shows it");
    return false;
}

static bool check_reason(const char *value, char *why, size_t cap)
{
    if (pki_reason_parse(value) >= 0)
        return true;
    snprintf(why, cap, "expected one of %s (RFC 5280 5.3.1)", pki_reason_words());
    return false;
}

static const struct option_def revoke_options[] = {
    TEXT_ROW("cert", "FILE", offsetof(struct settings, cert), NULL, "the certificate, PEM or DER; of several the first"),
    TEXT_ROW("serial", "HEX", offsetof(struct settings, serial), check_serial, "or its serial number, if this PKI has issued it"),
    TEXT_ROW("reason", "WORD", offsetof(struct settings, reason), check_reason,
             "unspecified (default), keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, "
             "certificateHold (can be taken back), privilegeWithdrawn, aACompromise"),
    FLAG_ROW("release", offsetof(struct settings, release), "take a certificateHold back"),
    FLAG_ROW("json", offsetof(struct settings, json), "what was done, as JSON"),
    OPTION_END,
};

static const struct options_spec revoke_spec = {
    .command = "pki revoke",
    .synopsis = "DIR (--cert FILE | --serial HEX) [--reason WORD | --release]",
    .about =
        "Revoke a certificate that a CA in DIR has issued, an end-point's or an issuing CA's. Peers learn of it by the next CRL: "
        "escertke pki crl. No private key is needed. Exit code 1 if it is revoked already, or none of this PKI.",
    .groups = { revoke_options },
    .args_min = 1,
    .args_max = 1,
    .args_words = "DIR",
};

/* The certificate in question. */
struct target {
    enum pki_ca ca; /* that issued it */
    char serial[PKI_SERIAL_MAX + 1];
    json_t *entry; /* owned; what is known of it */
};

static int refuse(const char *dir, const char *fmt, ...) ESCERTKE_PRINTF(2, 3);

static int refuse(const char *dir, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    out_words("pki revoke %s: %s", dir, text);
    return EXIT_LOCAL;
}

/* ---- which one ----------------------------------------------------------------------------------------------- */

/* Name of an end-point's certificate for people; a CA's has none. */
static void name_of(X509 *cert, char out[PKI_NAME_MAX + 1])
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    struct pki_name name;

    out[0] = '\0';
    if (names && sk_GENERAL_NAME_num(names) > 0 &&
        pki_name_read(sk_GENERAL_NAME_value(names, 0), ESCERTKE_FLAVOUR_BY_ID, &name, NULL) == ESCERTKE_OK)
        snprintf(out, PKI_NAME_MAX + 1, "%s", name.text);
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

static bool issued_by(X509 *cert, X509 *ca)
{
    EVP_PKEY *key = X509_get0_pubkey(ca);
    bool ok = X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(ca)) == 0 && key && X509_verify(cert, key) == 1;

    ERR_clear_error();
    return ok;
}

/* The CA of the folder that has signed the certificate. @return an exit code, OPTIONS_RUN if it is found */
static int find_issuer(X509 *cert, const char *dir, const char *file, enum pki_ca *out)
{
    bool found = false;

    for (int i = 0; i < PKI_CAS && !found; i++) {
        X509 *ca;
        if (pki_read_cert(dir, pki_ca_names[i], &ca, NULL) != ESCERTKE_OK)
            continue;
        bool itself = X509_cmp(cert, ca) == 0 && i == PKI_ROOT;
        found = !itself && issued_by(cert, ca);
        X509_free(ca);
        if (itself)
            return refuse(dir, "%s is the root itself; no CRL can revoke a trust anchor: take it out of every --trust", file);
        *out = (enum pki_ca)i;
    }
    return found ? OPTIONS_RUN : refuse(dir, "%s was issued by none of the CAs in this folder", file);
}

static int find_by_cert(const char *dir, const char *file, const struct pki_db *db, struct target *t)
{
    STACK_OF(X509) *certs = NULL;
    char name[PKI_NAME_MAX + 1];
    escertke_detail d;
    int code;

    escertke_detail_init(&d);
    escertke_err err = pki_read_certs(file, &certs, &d);
    if (err != ESCERTKE_OK) {
        code = out_failure(err, &d, "pki revoke %s", dir);
    } else if ((code = find_issuer(sk_X509_value(certs, 0), dir, file, &t->ca)) == OPTIONS_RUN) {
        X509 *cert = sk_X509_value(certs, 0);
        name_of(cert, name);
        if (!pki_serial_text(cert, t->serial))
            code = refuse(dir, "%s has a serial number that is negative or longer than 20 octets", file);
        else if (!(t->entry = json_incref(pki_db_find(db, t->ca, t->serial))) && !(t->entry = pki_db_new_entry(cert, name)))
            code = refuse(dir, "out of memory");
    }
    sk_X509_pop_free(certs, X509_free);
    return code;
}

static int find_by_serial(const char *dir, const char *serial, const struct pki_db *db, struct target *t)
{
    if (!serial_text(serial, t->serial))
        return refuse(dir, "%s is no serial number", serial);
    for (int i = 0; i < PKI_CAS; i++) {
        json_t *entry = pki_db_find(db, (enum pki_ca)i, t->serial);
        if (entry && t->entry)
            return refuse(dir, "two CAs have issued a certificate with the serial number %s; say which with --cert FILE",
                          t->serial);
        if (!entry)
            continue;
        t->ca = (enum pki_ca)i;
        t->entry = json_incref(entry);
    }
    return t->entry ? OPTIONS_RUN
                    : refuse(dir,
                             "no certificate with the serial number %s is written down here; if it was issued before this PKI "
                             "kept a record, revoke it with --cert FILE",
                             t->serial);
}

/* ---- what happens to it -------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *entry, const char *member)
{
    const char *text = json_string_value(json_object_get(entry, member));
    return text ? text : "";
}

/* May it be done? @return OPTIONS_RUN if so */
static int check_state(const struct settings *s, const char *dir, const struct target *t)
{
    bool revoked = pki_db_is_revoked(t->entry), held = revoked && strcmp(text_of(t->entry, "reason"), HOLD) == 0;
    char at[24];

    out_time(pki_db_time(t->entry, "at"), at);
    if (s->release)
        return held ? OPTIONS_RUN
                    : refuse(dir, "%s is not on hold, so there is nothing to take back%s%s", t->serial,
                             revoked ? "; it is revoked for good: " : "", revoked ? text_of(t->entry, "reason") : "");
    if (!revoked || (held && strcmp(s->reason, HOLD) != 0))
        return OPTIONS_RUN;
    return refuse(dir, "%s is revoked already, since %s: %s", t->serial, at, text_of(t->entry, "reason"));
}

static void say_done(const struct settings *s, const char *dir, const struct target *t)
{
    json_t *event = out_new_event(s->release ? "released" : "revoked");
    const char *name = text_of(t->entry, "name");

    out_text(event, "ca", pki_ca_names[t->ca]);
    out_text(event, "serial", t->serial);
    out_text(event, "san", *name ? name : NULL);
    out_text(event, "reason", s->release ? NULL : s->reason);
    out_event(event, "%s %s%s%s", s->release ? "released" : "revoked", t->serial, *name ? " " : "", name);
    if (pki_db_time(t->entry, "expires") < time(NULL))
        out_words("it has expired, so peers refuse it anyway");
    out_words("peers learn of it by the next CRL: escertke pki crl %s", dir);
}

static int revoke(const struct settings *s, const char *dir)
{
    struct target t = { .entry = NULL };
    struct pki_db db = { .fd = -1 };
    escertke_detail d;
    X509 *ca;
    int code;

    escertke_detail_init(&d);
    escertke_err err = pki_read_cert(dir, pki_ca_names[PKI_ISSUING], &ca, &d); /* else it is no PKI, and gets no database */
    X509_free(ca);
    if (err == ESCERTKE_OK)
        err = pki_db_open(dir, &db, &d);
    if (err == ESCERTKE_OK) {
        code = s->cert ? find_by_cert(dir, s->cert, &db, &t) : find_by_serial(dir, s->serial, &db, &t);
        if (code == OPTIONS_RUN && (code = check_state(s, dir, &t)) == OPTIONS_RUN) {
            err = s->release ? pki_db_add_released(&db, t.ca, t.serial, &d)
                             : pki_db_add_revoked(&db, t.ca, t.serial, s->reason, t.entry, &d);
            code = EXIT_DONE;
        }
    }
    pki_db_close(&db);
    if (err != ESCERTKE_OK)
        code = out_failure(err, &d, "pki revoke %s", dir);
    else if (code == EXIT_DONE)
        say_done(s, dir, &t);
    json_decref(t.entry);
    return code;
}

int cmd_pki_revoke(int argc, char **argv)
{
    struct settings s = { .reason = "unspecified" };
    struct options o;
    int code = options_parse(&revoke_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN) {
        out_use_json(s.json);
        if (!s.cert == !s.serial)
            code = out_usage(revoke_spec.command, "expected one of --cert and --serial, found %s", s.cert ? "both" : "neither");
        else if (s.release && options_given(&o, "reason"))
            code = out_usage(revoke_spec.command, "--release takes a revocation back and has no --reason");
        else
            code = revoke(&s, o.args[0]);
    }
    options_free(&o);
    return code;
}
