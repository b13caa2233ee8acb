/* words.h - the refusal of a certificate or raw key for people: which one, what was expected, what was there, what to do. */
#ifndef ESCERTKE_CERT_WORDS_H
#define ESCERTKE_CERT_WORDS_H

#include <escertke/cert.h>

/** A type of names (names.h) as a bit of a set. */
#define ESC_NAMES_OF(type) (1u << (type))

/** What is known about a refusal besides its reason. Texts may hold what a peer sent. */
struct esc_refusal {
    const escertke_cert *cert;             /* NULL = none that could be read */
    size_t at, count;                      /* its position on a path of so many certificates; count 0 = there is no path */
    const char *expected, *found, *advice; /* NULL = does not apply */
};

/** As esc_fail, and fill the fields of @p d that are for people. Nothing is changed if a failure is already recorded. */
escertke_err esc_fail_cert(escertke_detail *d, escertke_err err, const char *clause, const struct esc_refusal *r, const char *fmt,
                           ...) ESCERTKE_PRINTF(5, 6);
/** Fill these fields for a failure that was recorded without them, e.g. by a parser that knows no position. Returns @p err. */
escertke_err esc_refusal_add(escertke_detail *d, escertke_err err, const struct esc_refusal *r);

/** "leaf", "intermediate 1", "trust anchor"; cut to cap. */
void esc_position_text(size_t at, size_t count, char *out, size_t cap);
/** "2027-01-15T08:00:00Z, 12 days ago" or "..., in 12 days", seen from @p now_s. */
void esc_date_text(int64_t unix_s, int64_t now_s, char *out, size_t cap);
/** What kind of key a SubjectPublicKeyInfo holds: "secp256r1", "P-384", "RSA", "another algorithm". Static storage. */
const char *esc_key_kind(escertke_span spki);

#endif
