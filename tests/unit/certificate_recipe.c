#include "certificate_recipe.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 4096
#define BYTES 8192
#define need(ok, what, word) recipe_need(ok, what, word)
#define trim(s) recipe_trim(s)
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- values ------------------------------------------------------------------------------------------------- */

/* Names and other octets that the parameters of the certificate in the making borrow. */
static uint8_t bytes[BYTES];
static size_t byte_count;
static struct pki_name san[NAMES], permitted[NAMES], excluded[NAMES];
static char fill_text[NAMES][40];

static uint8_t *take(const void *in, size_t len)
{
    uint8_t *at = bytes + byte_count;

    need(byte_count + len < sizeof bytes, "values are too long", "");
    if (len)
        memcpy(at, in, len);
    at[len] = 0;
    byte_count += len + 1;
    return at;
}

static uint8_t *hex(const char *text, size_t *len)
{
    uint8_t out[1024];

    *len = strlen(text) / 2;
    need(*len <= sizeof out && escertke_unhex(text, out, *len) == ESCERTKE_OK, "expected hexadecimal digits", text);
    return take(out, *len);
}

/* %20 and the like; the rest as it stands. */
static uint8_t *unescape(const char *text, size_t *len)
{
    uint8_t out[1024];

    for (*len = 0; *text; ++*len) {
        need(*len < sizeof out, "too long", text);
        if (*text == '%') {
            char digits[3] = { text[1], text[1] ? text[2] : '\0', '\0' };
            need(escertke_unhex(digits, out + *len, 1) == ESCERTKE_OK, "expected two digits behind %", text);
            text += 3;
        } else {
            out[*len] = (uint8_t)*text++;
        }
    }
    return take(out, *len);
}

static uint8_t *oid(const char *text, size_t *len)
{
    ASN1_OBJECT *o = OBJ_txt2obj(text, 1);

    need(o != NULL, "not an OID", text);
    *len = OBJ_length(o);
    uint8_t *at = take(OBJ_get0_data(o), *len);
    ASN1_OBJECT_free(o);
    return at;
}

static size_t tlv(uint8_t *out, uint8_t tag, const uint8_t *value, size_t len)
{
    need(len < 128, "too long for this writer", "");
    out[0] = tag;
    out[1] = (uint8_t)len;
    memcpy(out + 2, value, len);
    return len + 2;
}

/* hw=rel:TYPE:ARCS, oid:TYPE:ARCS, utf8:TYPE:TEXT, ia5:TYPE:TEXT, der:TYPE:HEX (a whole value). */
static uint8_t *hardware(const char *text, size_t *len)
{
    char kind[8], type[64], rest[128], whole[200];
    uint8_t value[256], inner[300], out[400];
    size_t n, used, type_len, value_len = 0;

    need(sscanf(text, "%7[^:]:%63[^:]:%127s", kind, type, rest) == 3, "expected KIND:TYPE:VALUE", text);
    const uint8_t *type_id = oid(type, &type_len);
    if (strcmp(kind, "rel") == 0 || strcmp(kind, "oid") == 0) {
        snprintf(whole, sizeof whole, "%s.%s", type, rest);
        const uint8_t *all = oid(whole, &n);
        size_t skip = *kind == 'r' ? type_len : 0;
        value_len = tlv(value, *kind == 'r' ? 0x0D : 0x06, all + skip, n - skip);
    } else if (strcmp(kind, "utf8") == 0 || strcmp(kind, "ia5") == 0) {
        const uint8_t *plain = unescape(rest, &n);
        value_len = tlv(value, *kind == 'u' ? 0x0C : 0x16, plain, n);
    } else {
        need(strcmp(kind, "der") == 0, "no such kind", kind);
        const uint8_t *plain = hex(rest, &value_len);
        need(value_len <= sizeof value, "too long", rest);
        memcpy(value, plain, value_len);
    }
    n = tlv(inner, 0xA0, value, value_len);
    used = tlv(out, 0x06, type_id, type_len);
    memcpy(out + used, inner, n);
    *len = used + n;
    return take(out, *len);
}

static const struct {
    const char *word;
    enum pki_name_type type;
    uint8_t *(*read)(const char *text, size_t *len);
} name_words[] = {
    { "uri", PKI_URI, unescape },  { "dns", PKI_DNS, unescape }, { "email", PKI_EMAIL, unescape },
    { "rid", PKI_RID, oid },       { "rid-hex", PKI_RID, hex },  { "ip", PKI_IP, hex },
    { "hw", PKI_OTHER, hardware }, { "other", PKI_OTHER, hex },  { "dir", PKI_DIR, unescape },
};

static bool set_name(const char *word, const char *value, struct pki_name *list, size_t *count)
{
    for (size_t i = 0; i < COUNT(name_words); i++) {
        if (strcmp(word, name_words[i].word) != 0)
            continue;
        size_t len;
        need(*count < NAMES, "too many names", word);
        struct pki_name *n = &list[(*count)++];
        *n = (struct pki_name){ .type = name_words[i].type, .value = name_words[i].read(value, &len) };
        n->len = n->type == PKI_DIR ? 0 : len;
        return true;
    }
    return false;
}

/* ---- one certificate ---------------------------------------------------------------------------------------- */

/* What is done to the octets when the certificate is made. */
struct change {
    size_t cut;
    const char *add, *swap;
};

struct making {
    struct pki_params p;
    struct change change;
    int of, by; /* of another certificate's key and name; signed by; -1 = as the place says */
};

static const struct {
    const char *word;
    size_t offset; /* of a bool */
} flags[] = {
    { "no-ku", offsetof(struct pki_params, no_key_usage) },
    { "no-bc", offsetof(struct pki_params, no_basic_constraints) },
    { "empty-san", offsetof(struct pki_params, empty_san) },
    { "twice-san", offsetof(struct pki_params, repeat_san) },
    { "twice-ku", offsetof(struct pki_params, repeat_key_usage) },
    { "critical", offsetof(struct pki_params, unknown_critical) },
    { "bad-sig", offsetof(struct pki_params, corrupt_signature) },
    { "long-sig", offsetof(struct pki_params, long_signature) },
    { "padded-sig", offsetof(struct pki_params, padded_signature) },
    { "no-sig", offsetof(struct pki_params, no_signature) },
    { "other-sig", offsetof(struct pki_params, other_signature) },
    { "off-curve", offsetof(struct pki_params, point_off_curve) },
    { "v1", offsetof(struct pki_params, version_1) },
    { "negative-serial", offsetof(struct pki_params, negative_serial) },
    { "zero-serial", offsetof(struct pki_params, zero_serial) },
    { "long-serial", offsetof(struct pki_params, long_serial) },
    { "is-ca", offsetof(struct pki_params, is_ca) },
};

static enum pki_key key_kind(const char *word)
{
    static const char *const kinds[] = { "p256", "compressed", "explicit", "p384", "p521", "k256", "rsa", "ed25519" };

    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strcmp(word, kinds[i]) == 0)
            return (enum pki_key)i;
    need(false, "no such key", word);
    return PKI_P256;
}

static int eku_bits(const char *text)
{
    return (strstr(text, "client") ? PKI_EKU_CLIENT : 0) | (strstr(text, "server") ? PKI_EKU_SERVER : 0) |
           (strstr(text, "any") ? PKI_EKU_ANY : 0) | (strstr(text, "other") ? PKI_EKU_OTHER : 0);
}

static void fill(struct pki_params *p, size_t count)
{
    need(p->san_count + count <= NAMES, "too many names", "fill");
    for (size_t i = 0; i < count; i++) {
        snprintf(fill_text[i], sizeof fill_text[i], "h%zu.m2m.example.org", i);
        san[p->san_count++] = (struct pki_name){ PKI_DNS, fill_text[i], 0 };
    }
}

static void set_text(const char **field, const char *value)
{
    size_t len;

    *field = (const char *)unescape(value, &len);
}

static void set_value(struct making *m, const char *word, const char *value)
{
    struct pki_params *p = &m->p;

    if (set_name(word, value, san, &p->san_count) ||
        (strncmp(word, "allow-", 6) == 0 && set_name(word + 6, value, permitted, &p->permitted_count)) ||
        (strncmp(word, "forbid-", 7) == 0 && set_name(word + 7, value, excluded, &p->excluded_count)))
        return;
    if (strcmp(word, "cn") == 0)
        set_text(&p->cn, value);
    else if (strcmp(word, "issuer-cn") == 0)
        set_text(&p->issuer_cn, value);
    else if (strcmp(word, "subject-email") == 0)
        set_text(&p->email, value);
    else if (strcmp(word, "before") == 0)
        p->not_before_s = atol(value);
    else if (strcmp(word, "after") == 0)
        p->not_after_s = atol(value);
    else if (strcmp(word, "raw-before") == 0)
        set_text(&p->raw_not_before, value);
    else if (strcmp(word, "raw-after") == 0)
        set_text(&p->raw_not_after, value);
    else if (strcmp(word, "digest") == 0)
        set_text(&p->digest, value);
    else if (strcmp(word, "key") == 0)
        p->key = key_kind(value);
    else if (strcmp(word, "ku") == 0)
        p->key_usage = (uint16_t)strtoul(value, NULL, 16);
    else if (strcmp(word, "eku") == 0)
        p->eku = eku_bits(value);
    else if (strcmp(word, "pathlen") == 0)
        p->has_path_len = true, p->path_len = atoi(value);
    else if (strcmp(word, "minimum") == 0)
        p->constraint_minimum = atoi(value);
    else if (strcmp(word, "maximum") == 0)
        p->constraint_maximum = atoi(value);
    else if (strcmp(word, "fill") == 0)
        fill(p, (size_t)atol(value));
    else if (strcmp(word, "of") == 0)
        m->of = atoi(value);
    else if (strcmp(word, "by") == 0)
        m->by = strcmp(value, "stranger") == 0 ? RECIPE_CERTS : atoi(value);
    else if (strcmp(word, "der-cut") == 0)
        m->change.cut = (size_t)atol(value);
    else if (strcmp(word, "der-add") == 0)
        set_text(&m->change.add, value);
    else if (strcmp(word, "der-swap") == 0)
        set_text(&m->change.swap, value);
    else
        need(false, "no such word", word);
}

static void set_word(struct making *m, char *word)
{
    char *value = strchr(word, '=');

    if (value) {
        *value++ = '\0';
        set_value(m, word, value);
        return;
    }
    for (size_t i = 0; i < COUNT(flags); i++) {
        if (strcmp(word, flags[i].word) != 0)
            continue;
        *(bool *)((char *)&m->p + flags[i].offset) = true;
        return;
    }
    need(false, "no such word", word);
}

static bool is_raw_word(const char *word)
{
    return strcmp(word, "raw") == 0;
}

/* "leaf uri=... key=p384": the kind gives the defaults. */
static void read_making(char *text, size_t place, struct making *m)
{
    static char cn[32];
    char *save, *word = strtok_r(text, " ", &save);
    bool is_ca = word && (strcmp(word, "ca") == 0 || strcmp(word, "root") == 0);

    need(word && (is_ca || strcmp(word, "leaf") == 0 || is_raw_word(word)), "expected leaf, ca, root or raw", word ? word : "");
    byte_count = 0;
    snprintf(cn, sizeof cn, "%s %zu", word, place);
    *m = (struct making){
        .p = { .cn = cn, .is_ca = is_ca, .san = san, .permitted = permitted, .excluded = excluded, .base_s = RECIPE_NOW },
        .of = -1,
        .by = -1
    };
    while ((word = strtok_r(NULL, " ", &save)) != NULL)
        set_word(m, word);
}

static uint8_t *find(uint8_t *in, size_t len, const uint8_t *what, size_t what_len)
{
    for (size_t i = 0; i + what_len <= len; i++)
        if (memcmp(in + i, what, what_len) == 0)
            return in + i;
    return NULL;
}

/* The octets as asked for, and what libcrypto makes of them. */
static void change_der(struct recipe *r, size_t at, const struct change *c)
{
    char from_text[256], to_text[256];
    size_t from_len, to_len, len = r->span[at].len, add_len = 0;

    need(c->cut <= len, "nothing would be left", "der-cut");
    len -= c->cut;
    if (c->add) {
        const uint8_t *more = hex(c->add, &add_len);
        r->der[at] = realloc(r->der[at], len + add_len);
        need(r->der[at] != NULL, "memory", "");
        memcpy(r->der[at] + len, more, add_len);
        len += add_len;
    }
    if (c->swap) {
        need(sscanf(c->swap, "%255[^:]:%255s", from_text, to_text) == 2, "expected HEX:HEX", c->swap);
        const uint8_t *from = hex(from_text, &from_len), *to = hex(to_text, &to_len);
        uint8_t *place = find(r->der[at], len, from, from_len);
        need(place && from_len == to_len, "not in the certificate, or of another length", c->swap);
        memcpy(place, to, to_len);
    }
    r->span[at] = (escertke_span){ r->der[at], len };
    if (r->raw || !(c->cut || c->add || c->swap))
        return;
    const unsigned char *from = r->der[at];
    X509_free(r->cert[at].x509);
    r->cert[at].x509 = d2i_X509(NULL, &from, (long)len);
    if (r->cert[at].x509 && from != r->der[at] + len) { /* it would not send the octets behind */
        X509_free(r->cert[at].x509);
        r->cert[at].x509 = NULL;
    }
}

static const struct pki_cert *stranger(void)
{
    static struct pki_cert cert; /* one for the whole run */

    if (!cert.x509)
        cert = pki_make(&(struct pki_params){ .cn = "Stranger", .is_ca = true, .base_s = RECIPE_NOW });
    return &cert;
}

static const struct pki_cert *rsa(void)
{
    static struct pki_cert cert; /* slow to make */

    if (!cert.x509)
        cert = pki_make(&(struct pki_params){ .key = PKI_RSA2048 });
    return &cert;
}

static void make_one(struct recipe *r, char *text, size_t at, bool on_path)
{
    struct making m;
    char cn[64];

    read_making(text, at, &m);
    size_t above = at + 1;
    if (m.by >= 0)
        m.p.issuer = m.by == RECIPE_CERTS ? stranger() : &r->cert[m.by];
    else if (on_path && above < r->path_count)
        m.p.issuer = &r->cert[above];
    if (m.of >= 0) {
        m.p.reuse_key = &r->cert[m.of];
        X509_NAME_get_text_by_NID(X509_get_subject_name(r->cert[m.of].x509), NID_commonName, cn, sizeof cn);
        m.p.cn = cn;
    } else if (m.p.key == PKI_RSA2048) {
        m.p.reuse_key = rsa();
    }
    if (at == 0)
        r->leaf_key = m.p.key;
    r->cert[at] = pki_make(&m.p);
    r->der[at] = r->raw ? pki_spki(&r->cert[at], &r->span[at].len) : pki_der(&r->cert[at], &r->span[at].len);
    change_der(r, at, &m.change);
}

/* ---- a whole chain ------------------------------------------------------------------------------------------ */

static size_t read_places(char *text, size_t *out)
{
    size_t count = 0;
    char *save;

    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        need(count < RECIPE_CERTS, "too many", word);
        out[count++] = strcmp(word, "stranger") == 0 ? RECIPE_CERTS - 1 : (size_t)atoi(word);
    }
    return count;
}

static void make_path(struct recipe *r, char *text)
{
    char *part[RECIPE_CERTS], *save;

    for (char *word = strtok_r(text, "<", &save); word; word = strtok_r(NULL, "<", &save)) {
        need(r->path_count < RECIPE_CERTS - 1, "chain too long", word);
        part[r->path_count++] = trim(word);
    }
    need(r->path_count > 0, "no chain", text);
    r->raw = strncmp(part[0], "raw", 3) == 0;
    r->count = r->path_count;
    for (size_t i = r->path_count; i-- > 0;)
        make_one(r, part[i], i, true);
    for (size_t i = 0; i < r->path_count; i++)
        r->path[i] = r->send[i] = i;
    r->send_count = r->path_count > 1 ? r->path_count - 1 : 1;
    r->trust[0] = r->path_count - 1;
    r->trust_count = 1;
}

/* The next clause, up to "; ": a semicolon alone may belong to a URI. */
static char *next_clause(char **rest)
{
    char *clause = *rest, *end = clause ? strstr(clause, "; ") : NULL;

    *rest = end ? end + 2 : NULL;
    if (end)
        *end = '\0';
    return clause ? trim(clause) : NULL;
}

static void add_clause(struct recipe *r, char *clause)
{
    if (strncmp(clause, "send ", 5) == 0) {
        r->send_count = read_places(clause + 5, r->send);
    } else if (strncmp(clause, "trust ", 6) == 0) {
        r->trust_count = read_places(clause + 6, r->trust);
    } else if (strncmp(clause, "path ", 5) == 0) {
        r->path_count = read_places(clause + 5, r->path);
    } else {
        need(strncmp(clause, "also ", 5) == 0 && r->count < RECIPE_CERTS - 1, "expected also, send, path or trust", clause);
        make_one(r, trim(clause + 5), r->count, false);
        r->count++;
    }
}

void recipe_make(const struct recipe_line *line, struct recipe *out)
{
    char text[4096], *rest = text, *clause;

    recipe_reading = line;
    memset(out, 0, sizeof *out);
    snprintf(text, sizeof text, "%s", line->chain);
    make_path(out, next_clause(&rest));
    while ((clause = next_clause(&rest)) != NULL)
        add_clause(out, clause);
}

void recipe_free(struct recipe *r)
{
    for (size_t i = 0; i < r->count; i++) {
        pki_cert_free(&r->cert[i]);
        free(r->der[i]);
    }
}

char *recipe_pem(const struct recipe *r, const size_t *places, size_t count)
{
    const struct pki_cert *certs[RECIPE_CERTS];

    for (size_t i = 0; i < count; i++) {
        certs[i] = places[i] == RECIPE_CERTS - 1 ? stranger() : &r->cert[places[i]];
        if (!certs[i]->x509)
            return NULL;
    }
    return pki_chain_pem(certs, count);
}

void recipe_digest(const struct recipe *r, uint8_t out[32])
{
    need(EVP_Digest(r->span[0].ptr, r->span[0].len, out, NULL, EVP_sha256(), NULL) == 1, "digest", "");
}

void recipe_expect(const struct recipe_line *line, const struct recipe *r, char *text, escertke_expect *out)
{
    static char pin[80];
    uint8_t digest[32];
    char *save, *word = strtok_r(text, " ", &save);

    recipe_reading = line;
    *out = (escertke_expect){ .strict = false };
    need(word && (strcmp(word, "any") == 0 || escertke_flavour_parse(word, &out->flavour) == ESCERTKE_OK), "no such flavour",
         line->name);
    out->id = strtok_r(NULL, " ", &save);
    while ((word = strtok_r(NULL, " ", &save)) != NULL) {
        if (strncmp(word, "san=", 4) == 0) {
            out->san = word + 4;
        } else if (strncmp(word, "pin=own:", 8) == 0) {
            recipe_digest(r, digest);
            need(escertke_key_identifier(digest, atoi(word + 8), pin) == ESCERTKE_OK, "no such identifier", word);
            out->pin = pin;
        } else if (strncmp(word, "pin=", 4) == 0) {
            out->pin = word + 4;
        } else {
            need(strcmp(word, "strict") == 0, "expected san=, pin= or strict", word);
            out->strict = true;
        }
    }
}
