#include "tls/gnutls_token.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "tls/gnutls.h"
#include "tls/token_uri.h"

#define CLAUSE "RFC 7512"

enum { P256_SIGNATURE_MAX = 72, SPKI_MAX = 256 };

struct esc_token_key {
    struct esc_token_key *next;     /* of open_keys */
    gnutls_privkey_t inner;         /* NULL: the token has failed and is to be asked anew */
    gnutls_pkcs11_privkey_t handle; /* inner's */
    char *name;                     /* its URI without PIN and module: for people */
    char *url;                      /* the same, and in which token: for GnuTLS */
    char pin[ESC_TOKEN_PIN_MAX + 1];
    bool pin_known; /* pin may still be given out */
    bool pin_given; /* a login with it has been tried */
    bool pin_asked; /* the token wanted one and there was none */
    bool pin_wrong;
    bool pin_final;                    /* it was not given: one wrong try more would have locked the token */
    bool each_time;                    /* CKA_ALWAYS_AUTHENTICATE */
    uint8_t proof[P256_SIGNATURE_MAX]; /* of proven, made when it was opened */
    size_t proof_len;
    uint8_t spki[SPKI_MAX]; /* as the token says */
    size_t spki_len;        /* 0: it does not */
};

static const uint8_t proven[] = "escertke: does this private key belong to that public key?";

/*
 * One at a time enters PKCS#11: GnuTLS adds modules to a list that it reads without a lock, and a key's session bears one
 * signature at a time in any case.
 */
static pthread_mutex_t token_lock = PTHREAD_MUTEX_INITIALIZER;
static struct esc_token_key *open_keys;

static void note_words(escertke_detail *d, int code)
{
    if (d && d->err == ESCERTKE_OK && code < 0)
        esc_printable(escertke_span_str(gnutls_strerror(code)), d->backend, sizeof d->backend);
}

static escertke_err refuse(escertke_detail *d, int code, const char *what, const char *name)
{
    note_words(d, code);
    return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, CLAUSE, "%s: %.160s", what, name);
}

static void forget_pin(struct esc_token_key *key)
{
    escertke_wipe(key->pin, sizeof key->pin);
    key->pin_known = false;
}

/* GnuTLS asks again and again as long as the token says that the PIN is wrong; it gets an answer once. */
static int give_pin(void *ctx, int attempt, const char *token_url, const char *token_label, unsigned flags, char *pin, size_t cap)
{
    struct esc_token_key *key = ctx;
    bool again = (flags & GNUTLS_PIN_CONTEXT_SPECIFIC) != 0;

    (void)token_url, (void)token_label;
    if (attempt > 0 || (flags & GNUTLS_PIN_WRONG)) {
        key->pin_wrong = true;
        forget_pin(key);
        return -1;
    }
    key->each_time = key->each_time || again;
    key->pin_final = (flags & GNUTLS_PIN_FINAL_TRY) && !again;
    key->pin_asked = true;
    if (!key->pin_known || key->pin_final || (key->pin_given && !again) || strlen(key->pin) >= cap)
        return -1;
    key->pin_given = true;
    memcpy(pin, key->pin, strlen(key->pin) + 1);
    return 0;
}

/* All tokens that may hold keys: how many of them fit the key's name, the first of these as *url, and what they are called. */
static int list_tokens(const struct esc_token_key *key, unsigned *fits, char **url, char *labels, size_t cap)
{
    size_t used = 0;
    char label[64], *token;
    unsigned flags;
    int code;

    labels[0] = '\0';
    for (unsigned i = 0; (code = gnutls_pkcs11_token_get_url(i, GNUTLS_PKCS11_URL_GENERIC, &token)) == 0; i++) {
        bool anchors = gnutls_pkcs11_token_get_flags(token, &flags) == 0 && (flags & GNUTLS_PKCS11_TOKEN_TRUSTED);
        if (!anchors && esc_token_uri_get(token, "token", label, sizeof label) && label[0] && used < cap)
            used += (size_t)snprintf(labels + used, cap - used, "%s%s", used ? ", " : "", label);
        if (!anchors && esc_token_uri_fits(key->name, token) && ++*fits == 1)
            *url = token;
        else
            gnutls_free(token);
    }
    return code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ? 0 : code; /* what ends the list */
}

/* GnuTLS would take the first token that fits, and a PIN must not go to another token than the one that is meant. */
static escertke_err find_token(struct esc_token_key *key, escertke_detail *d)
{
    char labels[160], *url = NULL;
    unsigned fits = 0;
    int code = list_tokens(key, &fits, &url, labels, sizeof labels);
    bool narrowed = strstr(key->name, "slot-") || strstr(key->name, "library-"); /* at this, GnuTLS itself looks */
    escertke_err err = ESCERTKE_OK;

    if (!fits) {
        note_words(d, code);
        err = esc_fail(d, ESCERTKE_ERR_CREDENTIAL, CLAUSE,
                       "no token fits %.100s: put it in, or make its PKCS#11 module known (module-path= or p11-kit); found: %s",
                       key->name, labels[0] ? labels : "none");
    } else if (fits > 1 && !narrowed) {
        err = esc_fail(d, ESCERTKE_ERR_CREDENTIAL, CLAUSE, "%u tokens fit %.100s; name one of them with token= or serial=: %s",
                       fits, key->name, labels);
    } else {
        key->url = fits > 1 ? esc_strndup(key->name, strlen(key->name)) : esc_token_uri_narrow(key->name, url);
        err = key->url ? ESCERTKE_OK : ESCERTKE_ERR_NOMEM;
    }
    gnutls_free(url);
    return err;
}

static escertke_err load_module(const char *path, escertke_detail *d)
{
    int code = path ? gnutls_pkcs11_add_provider(path, NULL) : 0;

    if (code >= 0)
        return ESCERTKE_OK;
    return refuse(d, code,
                  code == GNUTLS_E_PKCS11_LOAD_ERROR
                      ? "this is no PKCS#11 module that can be loaded; module-path= is expected to name one"
                      : "this PKCS#11 module does not start; its own configuration or its token may be missing",
                  path);
}

static void drop(struct esc_token_key *key)
{
    if (key->inner)
        gnutls_privkey_deinit(key->inner);
    key->inner = NULL;
}

static int import(struct esc_token_key *key)
{
    int code = gnutls_privkey_init(&key->inner);

    if (code >= 0 && (code = gnutls_pkcs11_privkey_init(&key->handle)) >= 0) {
        gnutls_pkcs11_privkey_set_pin_function(key->handle, give_pin, key);
        if ((code = gnutls_pkcs11_privkey_import_url(key->handle, key->url, 0)) < 0 ||
            (code = gnutls_privkey_import_pkcs11(key->inner, key->handle, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE)) < 0)
            gnutls_pkcs11_privkey_deinit(key->handle);
    }
    if (code < 0)
        drop(key);
    return code;
}

static escertke_err explain(const struct esc_token_key *key, int code, escertke_detail *d)
{
    const char *what = "the token does not give access to the private key";

    if (code == GNUTLS_E_MEMORY_ERROR)
        return ESCERTKE_ERR_NOMEM;
    if (key->pin_final)
        what = "one more wrong PIN would lock the token, so this one was not tried; log in with another program first";
    else if (key->pin_wrong || (key->pin_given && code == GNUTLS_E_PKCS11_PIN_ERROR))
        what = "the token does not accept the PIN; it was tried once";
    else if (code == GNUTLS_E_PKCS11_PIN_LOCKED)
        what = "the token's PIN is locked; its security officer can unlock it";
    else if (key->pin_asked && !key->pin_given)
        what = "the token wants a PIN and none is configured; give one in a PIN file or by pin-source";
    else if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || code == GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE)
        what = "the token has no private key of that object or id";
    return refuse(d, code, what, key->name);
}

/* GnuTLS would take the first object that fits. The token is open now, so that it shows all there are. */
static escertke_err check_single(const struct esc_token_key *key, escertke_detail *d)
{
    gnutls_pkcs11_obj_t *found = NULL;
    unsigned count = 0;
    int code = gnutls_pkcs11_obj_list_import_url4(&found, &count, key->url, GNUTLS_PKCS11_OBJ_FLAG_PRIVKEY);

    for (unsigned i = 0; code >= 0 && i < count; i++)
        gnutls_pkcs11_obj_deinit(found[i]);
    if (code >= 0)
        gnutls_free(found);
    return code >= 0 && count > 1
               ? refuse(d, 0, "the token has several private keys of that object or id; name one of them by both", key->name)
               : ESCERTKE_OK;
}

/* The public half, if the token has it: a curve other than P-256 shows there. */
static escertke_err read_public(struct esc_token_key *key, escertke_detail *d)
{
    gnutls_datum_t der = { NULL, 0 };
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_SECP256R1;
    gnutls_pubkey_t public_key;

    if (gnutls_pubkey_init(&public_key) < 0)
        return ESCERTKE_ERR_NOMEM;
    if (gnutls_pubkey_import_privkey(public_key, key->inner, GNUTLS_KEY_DIGITAL_SIGNATURE, 0) == 0 &&
        gnutls_pubkey_export_ecc_raw(public_key, &curve, NULL, NULL) == 0 &&
        gnutls_pubkey_export2(public_key, GNUTLS_X509_FMT_DER, &der) == 0 && der.size <= sizeof key->spki) {
        memcpy(key->spki, der.data, der.size);
        key->spki_len = der.size;
    }
    gnutls_free(der.data);
    gnutls_pubkey_deinit(public_key);
    if (curve == GNUTLS_ECC_CURVE_SECP256R1)
        return ESCERTKE_OK;
    return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "TS-0003 10.1.1.2",
                    "a private key on P-256 is expected, and this one is on %s: %.160s", gnutls_ecc_curve_get_name(curve),
                    key->name);
}

/*
 * GnuTLS 3.7 opens a session anew that has ended. Where it cannot, a signature would leave its lock locked, and the next one
 * would wait for ever: so it is made to look before, and what has failed is not used again.
 */
static int sign_hash(struct esc_token_key *key, const gnutls_datum_t *hash, gnutls_datum_t *signature)
{
    if (key->inner && (int)gnutls_pkcs11_privkey_status(key->handle) <= 0) /* its errors are negative, in an unsigned */
        drop(key);
    int code = key->inner ? 0 : import(key);
    if (code >= 0)
        code = gnutls_privkey_sign_hash2(key->inner, GNUTLS_SIGN_ECDSA_SHA256, 0, hash, signature);
    if (code < 0) {
        drop(key);
        forget_pin(key);
    }
    return code;
}

static int sign(struct esc_token_key *key, const void *data, size_t len, gnutls_datum_t *signature)
{
    uint8_t digest[32];
    gnutls_datum_t hash = { digest, sizeof digest };
    int code = gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, digest);

    return code < 0 ? code : sign_hash(key, &hash, signature);
}

/* What it signs is kept: whose key it is shows when a public key is at hand. */
static escertke_err prove(struct esc_token_key *key, escertke_detail *d)
{
    gnutls_datum_t signature = { NULL, 0 };
    int code = sign(key, proven, sizeof proven, &signature);
    escertke_err err = ESCERTKE_OK;

    if (code < 0)
        err = explain(key, code, d);
    else if (signature.size > sizeof key->proof)
        err = refuse(d, 0, "a private key on P-256 is expected, and the signatures of this one are longer", key->name);
    else
        memcpy(key->proof, signature.data, key->proof_len = signature.size);
    gnutls_free(signature.data);
    if (!key->each_time)
        forget_pin(key);
    return err;
}

static escertke_err open_token(struct esc_token_key *key, const char *module, escertke_detail *d)
{
    escertke_err err;
    int code;

    if ((err = load_module(module, d)) != ESCERTKE_OK || (err = find_token(key, d)) != ESCERTKE_OK)
        return err;
    if ((code = import(key)) < 0)
        return explain(key, code, d);
    int algorithm = gnutls_privkey_get_pk_algorithm(key->inner, NULL);
    if (algorithm != GNUTLS_PK_ECDSA)
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "TS-0003 10.1.1.2",
                        "a private key on P-256 is expected, and this one is %s: %.160s",
                        gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm), key->name);
    if ((err = check_single(key, d)) != ESCERTKE_OK || (err = read_public(key, d)) != ESCERTKE_OK)
        return err;
    return prove(key, d);
}

static escertke_err take_pin(struct esc_token_key *key, const char *pin, const struct esc_token_uri *uri, escertke_detail *d)
{
    const char *from = pin ? pin : uri->pin;

    if (from && (!from[0] || strlen(from) > ESC_TOKEN_PIN_MAX))
        return refuse(d, 0, from[0] ? "the PIN is longer than 255 octets" : "the PIN is empty", key->name);
    escertke_err err = !from && uri->pin_file ? esc_token_read_pin(uri->pin_file, key->pin, d) : ESCERTKE_OK;
    if (from)
        memcpy(key->pin, from, strlen(from));
    key->pin_known = err == ESCERTKE_OK && key->pin[0];
    return err;
}

escertke_err esc_token_key_open(const char *text, const char *pin, struct esc_token_key **out, escertke_detail *d)
{
    struct esc_token_key *key = esc_zalloc(sizeof *key);
    struct esc_token_uri uri = { NULL, NULL, NULL, NULL };
    escertke_err err = key ? esc_token_uri_parse(text, &uri, d) : ESCERTKE_ERR_NOMEM;

    *out = NULL;
    if (err == ESCERTKE_OK) {
        key->name = uri.name;
        uri.name = NULL;
        err = take_pin(key, pin, &uri, d);
    }
    if (err == ESCERTKE_OK) {
        pthread_mutex_lock(&token_lock);
        key->next = open_keys;
        open_keys = key;
        err = open_token(key, uri.module, d);
        pthread_mutex_unlock(&token_lock);
    }
    esc_token_uri_free(&uri);
    if (err == ESCERTKE_OK)
        *out = key;
    else
        esc_token_key_close(key);
    return err;
}

bool esc_token_key_fits(const struct esc_token_key *key, escertke_span spki)
{
    return esc_gnutls_ecdsa_verify(spki, (escertke_span){ proven, sizeof proven },
                                   (escertke_span){ key->proof, key->proof_len }) == ESCERTKE_OK;
}

escertke_err esc_token_key_spki(const struct esc_token_key *key, escertke_span *spki, escertke_detail *d)
{
    *spki = (escertke_span){ key->spki, key->spki_len };
    if (!key->spki_len)
        return refuse(d, 0, "the token does not tell the public half of the private key; store the public key beside it",
                      key->name);
    if (!esc_token_key_fits(key, *spki))
        return refuse(d, 0, "the public key that the token has under that object or id is not the private key's", key->name);
    return ESCERTKE_OK;
}

escertke_err esc_token_key_sign(struct esc_token_key *key, escertke_span data, escertke_buf *signature, escertke_detail *d)
{
    gnutls_datum_t made = { NULL, 0 };

    pthread_mutex_lock(&token_lock);
    int code = sign(key, data.ptr, data.len, &made);
    pthread_mutex_unlock(&token_lock);
    escertke_err err = code == GNUTLS_E_MEMORY_ERROR ? ESCERTKE_ERR_NOMEM : ESCERTKE_OK;
    if (code < 0 && err == ESCERTKE_OK) {
        note_words(d, code);
        err = esc_fail(d, ESCERTKE_ERR_BACKEND, CLAUSE, "the token does not sign; is it still there? %.160s", key->name);
    } else if (err == ESCERTKE_OK) {
        err = escertke_buf_append(signature, made.data, made.size);
    }
    gnutls_free(made.data);
    return err;
}

void esc_token_key_close(struct esc_token_key *key)
{
    if (!key)
        return;
    pthread_mutex_lock(&token_lock);
    for (struct esc_token_key **at = &open_keys; *at; at = &(*at)->next)
        if (*at == key) {
            *at = key->next;
            break;
        }
    drop(key);
    pthread_mutex_unlock(&token_lock);
    esc_release(key->name);
    esc_release(key->url);
    esc_release_wiped(key, sizeof *key);
}

bool esc_token_restart(void)
{
    gnutls_datum_t signature;
    bool alive = false;

    pthread_mutex_lock(&token_lock);
    for (struct esc_token_key *key = open_keys; key && !alive; key = key->next) {
        signature = (gnutls_datum_t){ NULL, 0 };
        alive = sign(key, proven, sizeof proven, &signature) >= 0; /* what does not sign has no session any more */
        gnutls_free(signature.data);
    }
    if (!alive)
        gnutls_pkcs11_deinit(); /* the next use begins anew */
    pthread_mutex_unlock(&token_lock);
    return !alive;
}

/* The same key as GnuTLS wants it in its credentials. */
static int sign_for_gnutls(gnutls_privkey_t outer, gnutls_sign_algorithm_t algorithm, void *ctx, unsigned flags,
                           const gnutls_datum_t *hash, gnutls_datum_t *signature)
{
    struct esc_token_key *key = ctx;

    (void)outer, (void)flags;
    if (algorithm != GNUTLS_SIGN_ECDSA_SHA256)
        return GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
    pthread_mutex_lock(&token_lock);
    int code = sign_hash(key, hash, signature);
    pthread_mutex_unlock(&token_lock);
    return code < 0 && code != GNUTLS_E_MEMORY_ERROR ? GNUTLS_E_PKCS11_ERROR : code;
}

static int tell_gnutls(gnutls_privkey_t outer, unsigned flags, void *ctx)
{
    (void)outer, (void)ctx;
    if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
        return GNUTLS_PK_ECDSA;
    if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
        return 256;
    if (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO)
        return GNUTLS_FLAGS_TO_SIGN_ALGO(flags) == GNUTLS_SIGN_ECDSA_SHA256;
    return -1;
}

static void close_for_gnutls(gnutls_privkey_t outer, void *ctx)
{
    (void)outer;
    esc_token_key_close(ctx);
}

int esc_gnutls_token_privkey(struct esc_token_key *key, gnutls_privkey_t *out)
{
    int code = gnutls_privkey_init(out);

    if (code < 0)
        return code;
    code = gnutls_privkey_import_ext4(*out, key, NULL, sign_for_gnutls, NULL, close_for_gnutls, tell_gnutls, 0);
    if (code < 0)
        gnutls_privkey_deinit(*out);
    return code;
}
