#include "pki_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "base/fail.h"
#include "files.h"
#include "out.h"
#include "pki.h"
#include "tls/gnutls_token.h"
#include "token.h"

struct pki_key {
    struct esc_token_key *token; /* or: */
    EVP_PKEY *pem;
    uint8_t *der; /* pem's public half */
    escertke_span spki;
};

static int no_password(char *buf, int size, int rwflag, void *ctx)
{
    (void)buf, (void)size, (void)rwflag, (void)ctx;
    return -1;
}

static escertke_err open_file(const char *path, struct pki_key *k, escertke_detail *d)
{
    char group[32] = "";
    size_t group_len;
    escertke_buf file;
    escertke_err err = file_read(path, &file, d);

    if (err == ESCERTKE_OK) {
        BIO *bio = BIO_new_mem_buf(file.ptr, (int)file.len);
        k->pem = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
        BIO_free(bio);
    }
    escertke_buf_free(&file);
    if (err != ESCERTKE_OK)
        return err;
    if (!k->pem) {
        ERR_clear_error();
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "", "%s: expected a private key in PEM that is not encrypted", path);
    }
    if (!EVP_PKEY_is_a(k->pem, "EC") || EVP_PKEY_get_group_name(k->pem, group, sizeof group, &group_len) != 1 ||
        OBJ_sn2nid(group) != NID_X9_62_prime256v1) {
        ERR_clear_error();
        return esc_fail(d, ESCERTKE_ERR_CREDENTIAL, "TS-0003 10.1.1.2", "%s: expected a private key on P-256, found %s", path,
                        group[0] ? group : EVP_PKEY_get0_type_name(k->pem));
    }
    int len = i2d_PUBKEY(k->pem, &k->der);
    if (len <= 0)
        return pki_fail(d, "the public key cannot be written");
    k->spki = (escertke_span){ k->der, (size_t)len };
    if (file_is_open_to_others(path))
        out_words("warning: the private key %s can be read by others; chmod 600 mends it", path);
    return ESCERTKE_OK;
}

static escertke_err open_token(const char *uri, const char *pin_file, struct pki_key *k, escertke_detail *d)
{
    char pin[TOKEN_PIN_CAP];
    escertke_err err;

    token_warn(uri, pin_file);
    if ((err = token_pin(pin_file, pin, d)) != ESCERTKE_OK)
        return err;
    err = esc_token_key_open(uri, pin[0] ? pin : NULL, &k->token, d);
    escertke_wipe(pin, sizeof pin);
    return err == ESCERTKE_OK ? esc_token_key_spki(k->token, &k->spki, d) : err;
}

escertke_err pki_key_open(const char *where, const char *pin_file, struct pki_key **out, escertke_detail *d)
{
    escertke_err err = token_check(where, pin_file, d);
    struct pki_key *k;

    *out = NULL;
    if (err != ESCERTKE_OK)
        return err;
    if (!(k = calloc(1, sizeof *k)))
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "out of memory");
    err = token_is(where) ? open_token(where, pin_file, k, d) : open_file(where, k, d);
    if (err == ESCERTKE_OK)
        *out = k;
    else
        pki_key_close(k);
    return err;
}

escertke_span pki_key_spki(const struct pki_key *k)
{
    return k->spki;
}

escertke_err pki_key_sign(struct pki_key *k, escertke_span data, escertke_buf *signature, escertke_detail *d)
{
    EVP_MD_CTX *ctx;
    uint8_t *at;
    size_t len;

    if (k->token)
        return esc_token_key_sign(k->token, data, signature, d);
    if (!(ctx = EVP_MD_CTX_new()))
        return pki_fail(d, "signing");
    escertke_err err = ESCERTKE_OK;
    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->pem) != 1 ||
        EVP_DigestSign(ctx, NULL, &len, data.ptr, data.len) != 1)
        err = pki_fail(d, "signing");
    else if ((err = escertke_buf_reserve(signature, len, &at)) == ESCERTKE_OK) {
        if (EVP_DigestSign(ctx, at, &len, data.ptr, data.len) == 1)
            signature->len += len;
        else
            err = pki_fail(d, "signing");
    }
    EVP_MD_CTX_free(ctx);
    return err;
}

void pki_key_close(struct pki_key *k)
{
    if (!k)
        return;
    esc_token_key_close(k->token);
    EVP_PKEY_free(k->pem);
    OPENSSL_free(k->der);
    free(k);
}
