/* cmd_inspect.c - escertke inspect: what an input is, and who explains it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/pem.h"
#include "cert/fields.h"
#include "commands.h"
#include "identity.h"
#include "inspect.h"
#include "options.h"
#include "out.h"

struct settings {
    const char *trust, *id, *key;
    bool json;
};

static const struct option_def inspect_options[] = {
    TEXT_ROW("trust", "FILE", offsetof(struct settings, trust), NULL,
             "trust anchors in PEM: does the chain lead to one of them? For a CRL, the CA that signed it"),
    TEXT_ROW("id", "ID", offsetof(struct settings, id), identity_check_id,
             "Absolute AE-ID or CSE-ID: would a peer that expects this identity accept the certificate?"),
    TEXT_ROW("key", "FILE", offsetof(struct settings, key), NULL,
             "public or private key or certificate: is it the key of the certificate, or the one that the identifier names?"),
    FLAG_ROW("json", offsetof(struct settings, json), "JSON, one object for each thing found"),
    OPTION_END,
};

static const struct options_spec inspect_spec = {
    .command = "inspect",
    .synopsis = "[FILE|-|ni:///...] [--trust FILE] [--id ID] [--key FILE] [--json]",
    .about =
        "Explain what a file, or standard input, holds: certificates and chains, keys (of a private key only its kind and public "
        "half), public key identifiers, certificate requests, CRLs, ESCertKE messages (binary or base64), primitives in JSON. "
        "PEM or DER; several PEM blocks are explained in turn. Exit code 0 if all was explained, 4 if what was asked with "
        "--trust, --id or --key has the answer no or a certificate or CRL is malformed, 3 for a malformed message or primitive, "
        "2 for input of no known kind.",
    .groups = { inspect_options },
    .args_min = 0,
    .args_max = 1,
    .args_words = "FILE",
};

/* ---- PEM -------------------------------------------------------------------------------------------------------- */

static escertke_err pem_private(struct inspect *in, escertke_span block, escertke_detail *d)
{
    return inspect_private_key(in, block, true, d);
}

/* What a block is: explained from its octets, or, a private key, from its text, since it may be encrypted. */
static const struct {
    const char *label;
    escertke_err (*from_der)(struct inspect *in, escertke_span der, escertke_detail *d);
    escertke_err (*from_text)(struct inspect *in, escertke_span block, escertke_detail *d);
} blocks[] = {
    { "CERTIFICATE", NULL, NULL }, /* are collected: they make a chain */
    { "CERTIFICATE REQUEST", inspect_request, NULL },
    { "NEW CERTIFICATE REQUEST", inspect_request, NULL },
    { "X509 CRL", inspect_crl, NULL },
    { "PUBLIC KEY", inspect_public_key, NULL },
    { "PRIVATE KEY", NULL, pem_private },
    { "EC PRIVATE KEY", NULL, pem_private },
    { "RSA PRIVATE KEY", NULL, pem_private },
    { "ENCRYPTED PRIVATE KEY", NULL, pem_private },
};

static const char begin_mark[] = "-----BEGIN ";

static const uint8_t *find(escertke_span text, const char *mark)
{
    size_t len = strlen(mark);

    for (size_t i = 0; i + len <= text.len; i++)
        if (text.ptr[i] == (uint8_t)mark[0] && memcmp(text.ptr + i, mark, len) == 0)
            return text.ptr + i;
    return NULL;
}

/* Moves @p text to the next block and says its label; false at the end. */
static bool next_label(escertke_span *text, char *label, size_t cap)
{
    const uint8_t *at = text->len ? find(*text, begin_mark) : NULL;
    size_t len = 0;

    if (!at)
        return false;
    text->len -= (size_t)(at - text->ptr);
    text->ptr = at;
    const uint8_t *from = at + sizeof begin_mark - 1, *end = text->ptr + text->len;
    while (from < end && *from != '-' && *from != '\n' && len + 1 < cap)
        label[len++] = (char)*from++;
    label[len] = '\0';
    return true;
}

static void say_unknown(struct inspect *in, const char *label)
{
    json_t *thing = out_new_event("unknown");

    out_text(thing, "label", label);
    out_text(thing, "text", "a PEM block that this command does not explain");
    inspect_say(in, thing, "unknown");
}

/* Certificates are kept in @p der one behind the other until all have been read. */
struct pem_walk {
    struct inspect_certs certs;
    size_t at[INSPECT_CERTS_MAX + 1];
    escertke_buf der;
};

static escertke_err pem_block(struct inspect *in, escertke_span *text, const char *label, struct pem_walk *w, escertke_detail *d)
{
    escertke_span block = *text, whole = *text;
    size_t before = w->der.len;
    escertke_err err = ESCERTKE_OK;

    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        if (strcmp(blocks[i].label, label) != 0)
            continue;
        if (blocks[i].from_text) {
            text->ptr += sizeof begin_mark - 1;
            text->len -= sizeof begin_mark - 1;
            const uint8_t *next = find(*text, begin_mark);
            block.len = next ? (size_t)(next - block.ptr) : block.len;
            return blocks[i].from_text(in, block, d);
        }
        if ((err = esc_pem_next(text, label, &w->der)) != ESCERTKE_OK)
            return esc_fail(d, err == ESCERTKE_ERR_NOMEM ? err : ESCERTKE_ERR_CERT, "RFC 7468 2",
                            "%s: the block \"%s\" cannot be read: %s", in->name, label, escertke_err_text(err));
        if (blocks[i].from_der) {
            err = blocks[i].from_der(in, (escertke_span){ w->der.ptr + before, w->der.len - before }, d);
            w->der.len = before;
            return err;
        }
        if (w->certs.count < INSPECT_CERTS_MAX)
            w->at[w->certs.count++] = before;
        else
            w->certs.left_off++, w->der.len = before;
        return ESCERTKE_OK;
    }
    say_unknown(in, label);
    text->ptr = whole.ptr + sizeof begin_mark - 1;
    text->len = whole.len - (sizeof begin_mark - 1);
    return ESCERTKE_OK;
}

static escertke_err inspect_pem(struct inspect *in, escertke_span text, escertke_detail *d)
{
    struct pem_walk w = { .certs = { .count = 0 } };
    char label[64];
    escertke_err err = ESCERTKE_OK;

    escertke_buf_init(&w.der, INSPECT_MAX);
    while (err == ESCERTKE_OK && next_label(&text, label, sizeof label))
        err = pem_block(in, &text, label, &w, d);
    w.at[w.certs.count] = w.der.len;
    for (size_t i = 0; i < w.certs.count; i++)
        w.certs.der[i] = (escertke_span){ w.der.ptr + w.at[i], w.at[i + 1] - w.at[i] };
    if (err == ESCERTKE_OK && w.certs.count)
        err = inspect_certificates(in, &w.certs, d);
    escertke_buf_free(&w.der);
    return err;
}

/* ---- DER -------------------------------------------------------------------------------------------------------- */

static escertke_err der_certificate(struct inspect *in, escertke_span der, escertke_detail *d)
{
    const struct inspect_certs one = { .der = { der }, .count = 1 };

    return inspect_certificates(in, &one, d);
}

/* The body of what is signed tells by its first fields whether it is a certificate, a request or a CRL. */
static escertke_err der_signed(struct inspect *in, escertke_span der, const struct esc_signed *s, escertke_detail *d)
{
    struct der r = esc_der_init(s->body.value);
    struct der_tlv t;
    uint8_t tags[4] = { 0 };

    for (size_t i = 0; i < sizeof tags && esc_der_next(&r, &t); i++)
        tags[i] = t.tag;
    size_t first = tags[0] == DER_INTEGER ? 1 : 0;
    if (tags[0] == (DER_CONTEXT_CONSTRUCTED | 0))
        return der_certificate(in, der, d);
    if (tags[first + 2] == DER_UTC_TIME || tags[first + 2] == DER_GENERALIZED_TIME)
        return inspect_crl(in, der, d);
    if (first && (tags[3] == (DER_CONTEXT_CONSTRUCTED | 0) || !tags[3]))
        return inspect_request(in, der, d);
    return der_certificate(in, der, d);
}

static bool is_private_key(struct der r)
{
    struct der_tlv version, second;

    return esc_der_take(&r, DER_INTEGER, &version) && esc_der_next(&r, &second) &&
           (second.tag == DER_OCTET_STRING || (second.tag == DER_SEQUENCE && esc_der_peek(&r, DER_OCTET_STRING)));
}

static bool is_public_key(struct der r)
{
    struct der_tlv t;

    return esc_der_take(&r, DER_SEQUENCE, &t) && esc_der_take(&r, DER_BIT_STRING, &t) && esc_der_done(&r);
}

static escertke_err unknown_kind(const struct inspect *in, escertke_detail *d)
{
    esc_fail(
        d, ESCERTKE_ERR_CONFIG, "",
        "%s is nothing that is known here; looked for: PEM blocks, DER (certificate, certificate request, CRL, public or private "
        "key), a public key identifier (ni:///...), an ESCertKE message (TLS records, or their base64), a primitive or "
        "m2m:securityInfo in JSON",
        in->name);
    return d->err;
}

static escertke_err inspect_der(struct inspect *in, escertke_span der, escertke_detail *d)
{
    struct esc_signed s;
    struct der_tlv whole;

    if (esc_signed(der, &s))
        return der_signed(in, der, &s, d);
    if (!esc_der_only(der, DER_SEQUENCE, &whole))
        return unknown_kind(in, d);
    if (is_public_key(esc_der_init(whole.value)))
        return inspect_public_key(in, der, d);
    if (is_private_key(esc_der_init(whole.value)))
        return inspect_private_key(in, der, false, d);
    return unknown_kind(in, d);
}

/* ---- anything --------------------------------------------------------------------------------------------------- */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static escertke_span trim(escertke_span text)
{
    while (text.len && is_space(text.ptr[0]))
        text.ptr++, text.len--;
    while (text.len && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static bool is_records(escertke_span octets)
{
    return octets.len > 2 && octets.ptr[0] >= 20 && octets.ptr[0] <= 23 && octets.ptr[1] == 3;
}

static escertke_err inspect_text(struct inspect *in, escertke_span text, escertke_detail *d)
{
    char identifier[256];

    if (text.len < sizeof identifier && text.len > 3 && memcmp(text.ptr, "ni:", 3) == 0) {
        snprintf(identifier, sizeof identifier, "%.*s", (int)text.len, (const char *)text.ptr);
        return inspect_identifier(in, identifier, d);
    }
    if (text.len && text.ptr[0] == '{')
        return inspect_json(in, text, d);
    escertke_buf octets;
    escertke_buf_init(&octets, INSPECT_MAX);
    escertke_err err = text.len ? escertke_base64_decode(text, &octets) : ESCERTKE_ERR_BASE64;
    if (err == ESCERTKE_OK && is_records(escertke_buf_span(&octets)))
        err = inspect_message(in, escertke_buf_span(&octets), d);
    else if (err == ESCERTKE_OK && octets.len && octets.ptr[0] == DER_SEQUENCE)
        err = inspect_der(in, escertke_buf_span(&octets), d);
    else
        err = unknown_kind(in, d);
    escertke_buf_free(&octets);
    return err;
}

static escertke_err inspect_any(struct inspect *in, escertke_span octets, escertke_detail *d)
{
    if (octets.len && find(octets, begin_mark))
        return inspect_pem(in, octets, d);
    if (octets.len && octets.ptr[0] == DER_SEQUENCE)
        return inspect_der(in, octets, d);
    if (is_records(octets))
        return inspect_message(in, octets, d);
    return inspect_text(in, trim(octets), d);
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static escertke_err read_input(struct inspect *in, int fd, escertke_buf *out, escertke_detail *d)
{
    for (;;) {
        uint8_t *at;
        size_t room = INSPECT_MAX + 1 - out->len < 65536 ? INSPECT_MAX + 1 - out->len : 65536;
        if (escertke_buf_reserve(out, room, &at) != ESCERTKE_OK)
            return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "reading %s: out of memory", in->name);
        ssize_t n = read(fd, at, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return esc_fail(d, ESCERTKE_ERR_IO, "", "cannot read %s: %s", in->name, strerror(errno));
        out->len += (size_t)n;
        if (out->len > INSPECT_MAX)
            return esc_fail(d, ESCERTKE_ERR_TOO_LARGE, "", "%s is larger than %u octets", in->name, INSPECT_MAX);
        if (n == 0)
            return ESCERTKE_OK;
    }
}

static escertke_err inspect_file(struct inspect *in, const char *path, escertke_detail *d)
{
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    escertke_buf input;

    if (fd < 0)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "cannot open %s: %s", path, strerror(errno));
    escertke_buf_init(&input, INSPECT_MAX + 1);
    escertke_err err = read_input(in, fd, &input, d);
    if (path)
        close(fd);
    if (err == ESCERTKE_OK)
        err = inspect_any(in, escertke_buf_span(&input), d);
    escertke_buf_free(&input); /* wiped: it may be a private key */
    return err;
}

int cmd_inspect(int argc, char **argv)
{
    struct settings s = { .trust = NULL };
    struct options o;
    escertke_detail d;
    int code = options_parse(&inspect_spec, argc, argv, &s, &o);

    if (code == OPTIONS_RUN) {
        const char *arg = o.args_count ? o.args[0] : "-";
        bool is_stdin = strcmp(arg, "-") == 0, is_text = strncmp(arg, "ni:", 3) == 0;
        struct inspect in = { .name = is_stdin  ? "standard input"
                                      : is_text ? "the argument"
                                                : arg,
                              .trust = s.trust,
                              .id = s.id,
                              .key = s.key,
                              .now_s = (int64_t)time(NULL) };
        out_use_json(s.json);
        escertke_detail_init(&d);
        escertke_err err = is_text ? inspect_identifier(&in, arg, &d) : inspect_file(&in, is_stdin ? NULL : arg, &d);
        code = err != ESCERTKE_OK ? out_failure(err, &d, "inspect %s", in.name) : in.refused ? EXIT_AUTH : EXIT_DONE;
        if (err == ESCERTKE_OK && in.refused)
            out_words("inspect %s: explained, but what was asked has the answer no", in.name);
    }
    options_free(&o);
    return code;
}
