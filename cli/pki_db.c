#include "pki_db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"

#define FILE_NAME "issued"
#define LOCK_TRIES 600 /* of 50 ms */
#define KEY_MAX (8 + PKI_SERIAL_MAX)
#define LINE_MAX_OCTETS 4096 /* more than any event needs */

const char *const pki_ca_names[PKI_CAS] = { "root", "ca", "nodes" };

static escertke_err fail(const struct pki_db *db, const char *what, escertke_detail *d)
{
    return esc_fail(d, ESCERTKE_ERR_IO, "", "cannot %s %s: %s", what, db->path, strerror(errno));
}

/* ---- serial numbers, times ----------------------------------------------------------------------------------- */

bool pki_serial_text(const X509 *cert, char out[PKI_SERIAL_MAX + 1])
{
    BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *hex = n && !BN_is_negative(n) ? BN_bn2hex(n) : NULL;
    bool ok = hex && strlen(hex) <= PKI_SERIAL_MAX;

    if (ok)
        snprintf(out, PKI_SERIAL_MAX + 1, "%s", strspn(hex, "0") == strlen(hex) ? "0" : hex + strspn(hex, "0"));
    OPENSSL_free(hex);
    BN_free(n);
    return ok;
}

static int64_t expiry(const X509 *cert)
{
    struct tm tm;
    return ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int64_t pki_db_time(const json_t *entry, const char *member)
{
    return (int64_t)json_integer_value(json_object_get(entry, member));
}

/* ---- file ---------------------------------------------------------------------------------------------------- */

static escertke_err lock(struct pki_db *db, escertke_detail *d)
{
    const struct timespec pause = { 0, 50000000 };

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(db->fd, LOCK_EX | LOCK_NB) == 0)
            return ESCERTKE_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail(db, "lock", d);
        nanosleep(&pause, NULL);
    }
    return esc_fail(d, ESCERTKE_ERR_IO, "", "%s has been locked by another process for half a minute", db->path);
}

/* A last line without line feed was cut by a crash before anybody was told of it. What is no line of ours is left alone. */
static escertke_err heal(struct pki_db *db, escertke_detail *d)
{
    char tail[LINE_MAX_OCTETS];
    off_t size = lseek(db->fd, 0, SEEK_END), from = size > (off_t)sizeof tail ? size - (off_t)sizeof tail : 0;
    ssize_t len = size < 0 ? -1 : pread(db->fd, tail, sizeof tail, from), cut = len;

    if (len < 0)
        return fail(db, "read", d);
    while (cut > 0 && tail[cut - 1] != '\n')
        cut--;
    if (cut == len)
        return ESCERTKE_OK;
    if (tail[cut] != '{' || (cut == 0 && from > 0))
        return esc_fail(d, ESCERTKE_ERR_STORE, "", "%s: the end is no event of this PKI", db->path);
    return ftruncate(db->fd, from + cut) == 0 ? ESCERTKE_OK : fail(db, "mend", d);
}

static escertke_err append(struct pki_db *db, json_t *event, escertke_detail *d)
{
    char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
    size_t len = text ? strlen(text) : 0;
    off_t before = lseek(db->fd, 0, SEEK_END);
    escertke_err err = ESCERTKE_OK;

    json_decref(event);
    if (!text)
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "out of memory");
    text[len++] = '\n'; /* in the place of the NUL */
    ssize_t n = write(db->fd, text, len);
    if (n >= 0 && (size_t)n < len)
        errno = ENOSPC;
    if (before < 0 || n < 0 || (size_t)n < len || fsync(db->fd) != 0) {
        err = fail(db, "write", d);
        if (before >= 0 && ftruncate(db->fd, before) != 0) /* the next opening takes a cut line off, if that works no more */
            errno = 0;
    }
    free(text);
    return err;
}

/* ---- events -------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *event, const char *member)
{
    const char *text = json_string_value(json_object_get(event, member));
    return text ? text : "";
}

static bool ca_of(const json_t *event, enum pki_ca *out)
{
    const char *name = text_of(event, "ca");

    for (int i = 0; i < PKI_CAS; i++)
        if (strcmp(name, pki_ca_names[i]) == 0)
            return *out = (enum pki_ca)i, true;
    return false;
}

static void key_text(enum pki_ca ca, const char *serial, char out[KEY_MAX])
{
    snprintf(out, KEY_MAX, "%s %s", pki_ca_names[ca], serial);
}

bool pki_db_key(const char *key, enum pki_ca ca, const char **serial)
{
    size_t len = strlen(pki_ca_names[ca]);

    *serial = key + len + 1;
    return strncmp(key, pki_ca_names[ca], len) == 0 && key[len] == ' ';
}

json_t *pki_db_find(const struct pki_db *db, enum pki_ca ca, const char *serial)
{
    char key[KEY_MAX];

    key_text(ca, serial, key);
    return json_object_get(db->certs, key);
}

bool pki_db_is_revoked(const json_t *entry)
{
    return strcmp(text_of(entry, "event"), "revoked") == 0;
}

/* What an event makes of the state. False: not an event of ours. */
static bool take(struct pki_db *db, json_t *event)
{
    const char *word = text_of(event, "event"), *serial = text_of(event, "serial");
    char key[KEY_MAX];
    enum pki_ca ca;

    if (!ca_of(event, &ca) || !pki_db_time(event, "at"))
        return false;
    struct pki_crl_state *crl = &db->crls[ca];
    if (strcmp(word, "crl") == 0) {
        json_int_t number = json_integer_value(json_object_get(event, "number"));
        bool next = number > crl->number;
        *crl = (struct pki_crl_state){ number, pki_db_time(event, "at"), false };
        return next;
    }
    if (!*serial || strlen(serial) > PKI_SERIAL_MAX)
        return false;
    key_text(ca, serial, key);
    json_t *known = json_object_get(db->certs, key);
    if (strcmp(word, "issued") == 0)
        return !known && json_object_set(db->certs, key, event) == 0;
    crl->changed = true;
    if (strcmp(word, "released") == 0)
        return known && json_object_update_missing(event, known) == 0 && json_object_del(event, "reason") == 0 &&
               json_object_set(db->certs, key, event) == 0;
    return strcmp(word, "revoked") == 0 && *text_of(event, "reason") && json_object_set(db->certs, key, event) == 0;
}

static escertke_err load(struct pki_db *db, escertke_detail *d)
{
    int fd = dup(db->fd);
    FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
    char *line = NULL;
    size_t cap = 0, number = 0;
    ssize_t len;
    escertke_err err = ESCERTKE_OK;

    if (!f) {
        if (fd >= 0)
            close(fd);
        return fail(db, "read", d);
    }
    rewind(f);
    db->certs = json_object();
    while (err == ESCERTKE_OK && db->certs && (len = getline(&line, &cap, f)) > 0) {
        json_t *event = json_loadb(line, (size_t)len, JSON_REJECT_DUPLICATES, NULL);
        number++;
        if (!event || !take(db, event))
            err = esc_fail(d, ESCERTKE_ERR_STORE, "", "%s: line %zu is no event of this PKI, or out of its order", db->path,
                           number);
        json_decref(event);
    }
    if (err == ESCERTKE_OK && !db->certs)
        err = esc_fail(d, ESCERTKE_ERR_NOMEM, "", "out of memory");
    if (err == ESCERTKE_OK && ferror(f))
        err = fail(db, "read", d);
    free(line);
    fclose(f);
    return err;
}

escertke_err pki_db_open(const char *dir, struct pki_db *db, escertke_detail *d)
{
    char path[PATH_MAX];
    escertke_err err;

    *db = (struct pki_db){ .fd = -1 };
    if (snprintf(path, sizeof path, "%s/%s", dir, FILE_NAME) >= (int)sizeof path)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "the folder's name is too long");
    if (!(db->path = strdup(path)))
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "out of memory");
    db->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (db->fd < 0)
        return fail(db, "open", d);
    if ((err = lock(db, d)) == ESCERTKE_OK && (err = heal(db, d)) == ESCERTKE_OK)
        err = load(db, d);
    return err;
}

void pki_db_close(struct pki_db *db)
{
    if (db->fd >= 0)
        close(db->fd); /* unlocks */
    json_decref(db->certs);
    free((char *)(uintptr_t)db->path);
    *db = (struct pki_db){ .fd = -1 };
}

/* Members that every event begins with; NULL = out of memory. */
static json_t *new_event(const char *word, enum pki_ca ca, int64_t at)
{
    return json_pack("{s:s, s:I, s:s}", "event", word, "at", (json_int_t)at, "ca", pki_ca_names[ca]);
}

json_t *pki_db_new_entry(X509 *cert, const char *name)
{
    return json_pack("{s:I, s:s}", "expires", (json_int_t)expiry(cert), "name", name);
}

escertke_err pki_db_add_issued(struct pki_db *db, enum pki_ca ca, X509 *cert, const char *name, escertke_detail *d)
{
    char serial[PKI_SERIAL_MAX + 1];
    json_t *event = new_event("issued", ca, time(NULL)), *entry = pki_db_new_entry(cert, name);

    if (!event || !entry || !pki_serial_text(cert, serial) || json_object_set_new(event, "serial", json_string(serial)) != 0 ||
        json_object_update(event, entry) != 0) {
        json_decref(event);
        event = NULL;
    }
    json_decref(entry);
    return append(db, event, d);
}

static escertke_err add(struct pki_db *db, json_t *event, const char *serial, escertke_detail *d)
{
    if (json_object_set_new(event, "serial", json_string(serial)) != 0) {
        json_decref(event);
        event = NULL;
    }
    return append(db, event, d);
}

escertke_err pki_db_add_revoked(struct pki_db *db, enum pki_ca ca, const char *serial, const char *reason, json_t *entry,
                                escertke_detail *d)
{
    json_t *event = new_event("revoked", ca, time(NULL));

    if (json_object_set_new(event, "reason", json_string(reason)) != 0 ||
        json_object_set(event, "expires", json_object_get(entry, "expires")) != 0 ||
        json_object_set(event, "name", json_object_get(entry, "name")) != 0) {
        json_decref(event);
        event = NULL;
    }
    return add(db, event, serial, d);
}

escertke_err pki_db_add_released(struct pki_db *db, enum pki_ca ca, const char *serial, escertke_detail *d)
{
    return add(db, new_event("released", ca, time(NULL)), serial, d);
}

escertke_err pki_db_next_crl(struct pki_db *db, enum pki_ca ca, int64_t now_s, json_int_t *number, escertke_detail *d)
{
    json_t *event = new_event("crl", ca, now_s);

    *number = db->crls[ca].number + 1;
    if (json_object_set_new(event, "number", json_integer(*number)) != 0) {
        json_decref(event);
        event = NULL;
    }
    return append(db, event, d);
}
