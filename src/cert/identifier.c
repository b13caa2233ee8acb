/* identifier.c - public key identifiers: RFC 6920 names of the SHA-256 digest of a SubjectPublicKeyInfo. */
#include <escertke/cert.h>

#include <string.h>

#define PREFIX "ni:///"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Suites of 120 bits and more; shorter ones are too easy to hit. */
static const struct {
    int bits;
    const char *name;
} suites[] = { { 256, "sha-256" }, { 128, "sha-256-128" }, { 120, "sha-256-120" } };

static void url_encode(const uint8_t *in, size_t len, char *out)
{
    uint32_t acc = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < len; i++) {
        acc = acc << 8 | in[i];
        for (bits += 8; bits >= 6; bits -= 6)
            *out++ = alphabet[acc >> (bits - 6) & 63];
    }
    if (bits)
        *out++ = alphabet[acc << (6 - bits) & 63];
    *out = '\0';
}

/* Exactly @p len octets, no padding, unused bits zero. */
static bool url_decode(const char *in, uint8_t *out, size_t len)
{
    uint32_t acc = 0;
    unsigned bits = 0;

    if (strlen(in) != (len * 8 + 5) / 6)
        return false;
    for (; *in; in++) {
        const char *at = strchr(alphabet, *in);
        if (!at)
            return false;
        acc = acc << 6 | (uint32_t)(at - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *out++ = (uint8_t)(acc >> bits);
        }
    }
    return (acc & ((1u << bits) - 1)) == 0;
}

escertke_err escertke_key_identifier(const uint8_t digest[32], int bits, char *out)
{
    if (!digest || !out)
        return ESCERTKE_ERR_ARG;
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        if (suites[i].bits != bits)
            continue;
        size_t len = strlen(suites[i].name);
        memcpy(out, PREFIX, sizeof PREFIX - 1);
        memcpy(out + sizeof PREFIX - 1, suites[i].name, len);
        out[sizeof PREFIX - 1 + len] = ';';
        url_encode(digest, (size_t)bits / 8, out + sizeof PREFIX + len);
        return ESCERTKE_OK;
    }
    return ESCERTKE_ERR_ARG;
}

escertke_err escertke_key_identifier_match(const char *ni, const uint8_t digest[32])
{
    uint8_t expected[32];

    if (!ni || !digest || strncmp(ni, PREFIX, sizeof PREFIX - 1) != 0)
        return ESCERTKE_ERR_ARG;
    ni += sizeof PREFIX - 1;
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        size_t name = strlen(suites[i].name), len = (size_t)suites[i].bits / 8;
        if (strncmp(ni, suites[i].name, name) != 0 || ni[name] != ';')
            continue;
        if (!url_decode(ni + name + 1, expected, len))
            return ESCERTKE_ERR_ARG;
        /* CT: how far a guess fits must not show */
        return escertke_ct_equal(expected, digest, len) ? ESCERTKE_OK : ESCERTKE_ERR_IDENTITY;
    }
    return ESCERTKE_ERR_ARG;
}
