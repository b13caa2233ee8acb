#include "tls/judged.h"

/* The digest of digests, so that no two lists have the same octets. */
static bool digest_of(escertke_sha256_fn sha256, const escertke_span *sent, size_t count, uint8_t out[32])
{
    uint8_t digests[ESC_JUDGED_MAX][32];

    if (!count || count > ESC_JUDGED_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (sha256(sent[i], digests[i]) != ESCERTKE_OK)
            return false;
    return sha256((escertke_span){ digests[0], count * sizeof digests[0] }, out) == ESCERTKE_OK;
}

void esc_judged_good(struct esc_judged *j, escertke_sha256_fn sha256, const escertke_span *sent, size_t count)
{
    j->good = digest_of(sha256, sent, count, j->digest);
}

bool esc_judged_are(const struct esc_judged *j, escertke_sha256_fn sha256, const escertke_span *sent, size_t count)
{
    uint8_t digest[32];

    return j->good && digest_of(sha256, sent, count, digest) && escertke_ct_equal(digest, j->digest, sizeof digest);
}
