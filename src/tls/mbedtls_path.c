/*
 * mbedtls_path.c - what a peer has sent, ordered into one path to a trust anchor, each signature verified. Mbed TLS's own search
 * takes the first issuer it finds, looks only behind a certificate for it and by the machine's clock; it is asked for signatures
 * alone.
 */
#include "tls/mbedtls.h"

#include <string.h>

enum answer { NOT_ASKED, YES, NO };

struct search {
    const mbedtls_x509_crt *sent[ESC_SENT_MAX], *trust;
    size_t sent_count;
    bool valid_now[ESC_SENT_MAX];
    enum answer signed_by[ESC_SENT_MAX][ESC_SENT_MAX]; /* a certificate, by another: asked once */
    enum answer has_anchor[ESC_SENT_MAX];
    const mbedtls_x509_crt *anchor[ESC_SENT_MAX];
    size_t way[ESC_SENT_MAX]; /* places in sent, leaf first */
    size_t count;
    bool by_name; /* signatures among what was sent do not count: to say what is wrong */
};

static escertke_span der_of(const mbedtls_x509_crt *cert)
{
    return (escertke_span){ cert->raw.p, cert->raw.len };
}

static bool named(const mbedtls_x509_crt *cert, const mbedtls_x509_crt *issuer)
{
    return cert->issuer_raw.len == issuer->subject_raw.len &&
           memcmp(cert->issuer_raw.p, issuer->subject_raw.p, cert->issuer_raw.len) == 0;
}

/* Does the signature hold? Of what algorithm it is, and on what key, is judged by escertke_cert_check_path. */
static bool signature_holds(const mbedtls_x509_crt *cert, const mbedtls_x509_crt *issuer)
{
    const mbedtls_md_info_t *md = mbedtls_md_info_from_type(cert->sig_md);
    mbedtls_pk_context *key = (mbedtls_pk_context *)(uintptr_t)&issuer->pk; /* only read: the library copies its group */
    unsigned char hash[MBEDTLS_MD_MAX_SIZE];

    return md && mbedtls_md(md, cert->tbs.p, cert->tbs.len, hash) == 0 && mbedtls_pk_can_do(key, cert->sig_pk) &&
           mbedtls_pk_verify_ext(cert->sig_pk, cert->sig_opts, key, cert->sig_md, hash, mbedtls_md_get_size(md), cert->sig.p,
                                 cert->sig.len) == 0;
}

static bool issued(struct search *s, size_t cert, size_t issuer)
{
    enum answer *answer = &s->signed_by[cert][issuer];

    if (!named(s->sent[cert], s->sent[issuer]))
        return false;
    if (s->by_name)
        return true;
    if (*answer == NOT_ASKED)
        *answer = signature_holds(s->sent[cert], s->sent[issuer]) ? YES : NO;
    return *answer == YES;
}

static bool find_anchor(struct search *s, size_t cert)
{
    if (s->has_anchor[cert] == NOT_ASKED) {
        const mbedtls_x509_crt *at = s->trust;
        while (at && !(named(s->sent[cert], at) && signature_holds(s->sent[cert], at)))
            at = at->next;
        s->anchor[cert] = at;
        s->has_anchor[cert] = at ? YES : NO;
    }
    return s->has_anchor[cert] == YES;
}

static bool on_way(const struct search *s, size_t cert)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->way[i] == cert)
            return true;
    return false;
}

/*
 * From the leaf upwards, an anchor as soon as there is one. Of several issuers (cross-signed CAs) each is tried, those that are
 * valid now first. At most five certificates are sent, so at most 4! ways are tried, and 20 signatures verified.
 */
static bool order(struct search *s)
{
    const size_t at = s->way[s->count - 1], count = s->sent_count;

    if (find_anchor(s, at))
        return true;
    for (size_t i = 0; i < 2 * count; i++) {
        size_t issuer = i < count ? i : i - count;
        if (on_way(s, issuer) || s->valid_now[issuer] != (i < count) || !issued(s, at, issuer))
            continue;
        s->way[s->count++] = issuer;
        if (order(s))
            return true;
        s->count--;
    }
    return false;
}

/* A leaf may be an anchor although nobody trusts who issued it (RFC 5280 6.1.1 (d)). */
static bool leaf_is_anchor(const struct search *s)
{
    for (const mbedtls_x509_crt *at = s->trust; at; at = at->next)
        if (escertke_span_equal(der_of(s->sent[0]), der_of(at)))
            return true;
    return false;
}

static void begin(struct search *s, const mbedtls_x509_crt *list, int64_t unix_s)
{
    escertke_cert cert;

    for (; list && s->sent_count < ESC_SENT_MAX; list = list->next) {
        s->valid_now[s->sent_count] = escertke_cert_parse(der_of(list), &cert, NULL) == ESCERTKE_OK &&
                                      unix_s >= cert.not_before && unix_s <= cert.not_after;
        s->sent[s->sent_count++] = list;
    }
    s->way[s->count++] = 0;
}

enum esc_mbedtls_found esc_mbedtls_find_path(const mbedtls_x509_crt *sent, const mbedtls_x509_crt *trust, int64_t unix_s,
                                             escertke_span *path, size_t *count)
{
    struct search s = { .trust = trust };

    if (!sent)
        return ESC_MBEDTLS_NO_PATH;
    begin(&s, sent, unix_s);
    bool found = order(&s);
    if (!found && !leaf_is_anchor(&s)) {
        s.by_name = true;
        return order(&s) ? ESC_MBEDTLS_BAD_SIGNATURE : ESC_MBEDTLS_NO_PATH;
    }
    for (*count = 0; *count < s.count; ++*count)
        path[*count] = der_of(s.sent[s.way[*count]]);
    /* A certificate that is itself its anchor stands once on its path. */
    const mbedtls_x509_crt *anchor = s.anchor[s.way[s.count - 1]];
    if (found && !escertke_span_equal(der_of(anchor), path[*count - 1]))
        path[(*count)++] = der_of(anchor);
    return ESC_MBEDTLS_PATH;
}
