/* pki_name.h - the one name of an end-point's certificate: from options or a request, into a subjectAltName, and as peers' rule.
 */
#ifndef ESCERTKE_CLI_PKI_NAME_H
#define ESCERTKE_CLI_PKI_NAME_H

#include <escertke/cert.h>
#include <openssl/x509v3.h>

#include "options.h"

/** First member of the settings of the commands that take one: the rows below point into it at offset 0. */
struct pki_who {
    const char *ae_id, *cse_id, *node_id, *device_id, *dns;
    const char *peer_id; /* has no row below: it is for those who print a rule */
};
extern const struct option_def pki_who_options[];
#define PKI_WHO_SYNOPSIS "--ae-id|--cse-id|--node-id|--device-id ID [--dns NAME]"

/** Absolute AE-ID or CSE-ID. option_check. */
bool pki_check_peer_id(const char *value, char *why, size_t cap);

/** Longest name as text: a TYPE-ID of an otherName and its value. */
#define PKI_NAME_MAX ESCERTKE_ID_MAX
/** Room for a rule: ID, flavour and name. */
#define PKI_RULE_MAX (2 * ESCERTKE_ID_MAX + 40)

struct pki_name {
    escertke_flavour flavour;     /* AE, CSE, NODE or DEVICE */
    int type;                     /* GEN_URI, GEN_DNS, GEN_RID or GEN_OTHERNAME */
    char text[PKI_NAME_MAX + 1];  /* as san=... writes it (escertke_expect) */
    char id[ESCERTKE_ID_MAX + 1]; /* Absolute ID of who holds it; "" = not known */
};

/**
 * Exactly one of the four identities, and --dns and --id only with those that they go with.
 * @param optional  none at all is acceptable too
 * @return OPTIONS_RUN, or EXIT_USAGE after words on stderr
 */
int pki_who_check(const struct pki_who *who, bool optional, const char *command);
/** The name that the options give. @return OK, ID, CONFIG (no domain name; a form that no peer can expect) */
ESCERTKE_CHECKED escertke_err pki_name_make(const struct pki_who *who, struct pki_name *out, escertke_detail *d);
/**
 * The name that a subjectAltName holds; its type and form say the flavour, and where two have the same it is @p wanted, or
 * DEVICE.
 * @return OK, PROFILE (a type that no flavour has, a wildcard), ID, CONFIG
 */
ESCERTKE_CHECKED escertke_err pki_name_read(const GENERAL_NAME *name, escertke_flavour wanted, struct pki_name *out,
                                            escertke_detail *d);
/** Same octets; domain names in any case. */
bool pki_name_equal(const struct pki_name *a, const struct pki_name *b);
/** Host in the name, which URI and DNS constraints are about; false: it has none, as a URN. @p host: PKI_NAME_MAX + 1. */
bool pki_name_host(const struct pki_name *name, char *host);
/** New list of this one name; NULL = out of memory. An otherName's arcs become a RELATIVE-OID. */
GENERAL_NAMES *pki_name_list(const struct pki_name *name);
/** Common name: a label that looks like no domain name unless it is one. @p cap at least PKI_NAME_MAX + 8 */
void pki_name_label(const struct pki_name *name, char *out, size_t cap);
/** "ID,flavour=...,san=..." for --peer, with the word ID where it is not known. False: a comma in the name, no rule can say it.
 */
bool pki_name_rule(const struct pki_name *name, char out[PKI_RULE_MAX]);

#endif
