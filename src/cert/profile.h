/* profile.h - the rules that one certificate of a path must keep: one table, for check_path (errors) and the lint (all). */
#ifndef ESCERTKE_CERT_PROFILE_H
#define ESCERTKE_CERT_PROFILE_H

#include <escertke/cert.h>

/* TLS alerts that tell a peer what is wrong with its certificate (RFC 5246 7.2.2). */
enum {
    ALERT_BAD_CERTIFICATE = 42,
    ALERT_UNSUPPORTED_CERTIFICATE = 43,
    ALERT_CERTIFICATE_REVOKED = 44,
    ALERT_CERTIFICATE_EXPIRED = 45,
    ALERT_CERTIFICATE_UNKNOWN = 46,
    ALERT_ACCESS_DENIED = 49,
    ALERT_INTERNAL_ERROR = 80,
};

/** Most certificates on a path: what a peer may send and the anchor. */
#define PATH_MAX_COUNT (ESCERTKE_CHAIN_MAX + 1)

/** Where a certificate stands; a set of them in a rule. */
enum esc_place { ESC_LEAF = 1, ESC_CA = 2, ESC_ANCHOR = 4 };

enum esc_purpose { ESC_ANY_PURPOSE, ESC_CLIENT, ESC_SERVER };

/** One certificate where it stands, and what it is judged for. */
struct esc_view {
    const escertke_cert *certs; /* the path, leaf first */
    size_t at;
    enum esc_place place;
    enum esc_purpose purpose;
    int64_t unix_s;
};

struct esc_rule {
    unsigned places; /* of enum esc_place */
    escertke_lint_level level, strict_level;
    escertke_err err;
    int alert;
    const char *clause;
    bool (*broken)(const struct esc_view *v);
    const char *text;                                               /* what was expected */
    const char *who;                                                /* refuses it */
    void (*found)(const struct esc_view *v, char *out, size_t cap); /* what was found; NULL = the text says it */
    const char *expected, *instead, *advice; /* the same for a refusal; instead: what was found where no function says it */
};

extern const struct esc_rule esc_rules[];
extern const size_t esc_rule_count;

/** Same issuer and subject, octet by octet. */
bool esc_cert_self_issued(const escertke_cert *cert);
/** The last certificate of a path is its anchor if it is self-issued and not the leaf. */
enum esc_place esc_place(const escertke_cert *certs, size_t count, size_t at);
/** "leaf certificate", "CA certificate", "trust anchor" */
const char *esc_place_name(enum esc_place place);
/** Is this rule broken here? */
bool esc_rule_broken(const struct esc_rule *rule, const struct esc_view *v);
/** Text of a broken rule, with what was found. */
void esc_rule_text(const struct esc_rule *rule, const struct esc_view *v, char *out, size_t cap);
/** What was found where the rule is broken, for a refusal. */
void esc_rule_found(const struct esc_rule *rule, const struct esc_view *v, char *out, size_t cap);

#endif
