/*
 * identity.h - who the command is: the IDENTITY options (or their keys in --config), the loaded credential, the peers and the
 * store.
 */
#ifndef ESCERTKE_CLI_IDENTITY_H
#define ESCERTKE_CLI_IDENTITY_H

#include <escertke/endpoint.h>

#include "hop.h"
#include "options.h"
#include "peers.h"

/** First member of the settings of every command that takes part in handshakes: the rows below point into it at offset 0. */
struct identity_settings {
    const char *id, *registrar;                                          /* identity_options */
    const char *cert, *key, *pin_file, *trust, *engine, *store, *config; /* credential_options */
    struct text_list peers, crls;
    long key_lifetime_s;
    bool raw, require_crl, strict, allow_without_ems;
    struct hop_settings hop; /* hop_options; tls_client_trust: listener_options */
    bool verbose, json;      /* output_options */
};

extern const struct option_def identity_options[], credential_options[], hop_options[], listener_options[], output_options[];
#define IDENTITY_SYNOPSIS "--id ID (--cert FILE | --raw) --key KEY --trust FILE | --config FILE"

/** An opened identity. Strings live as long as the settings it came from. */
struct identity {
    escertke_identity endpoint; /* what the end-points want; points into this struct */
    escertke_id id;
    bool is_cse;
    char sp_id[ESCERTKE_ID_MAX + 1];            /* "//m2m.example.org" */
    char cse_id[ESCERTKE_ID_MAX + 1];           /* own CSE-ID, or the registrar's; "" = unknown */
    char registrar_id[2 * ESCERTKE_ID_MAX + 1]; /* Absolute; "" = unknown */
    const char *stem;                           /* AE-ID-Stem; NULL for a CSE. Points into id.text */
    void *credential;
    escertke_crls *crls; /* NULL = none */
    struct peer_list peers;
    escertke_store store;
};

/**
 * Open an identity: parse the IDs, load certificate, key and trust anchors, parse the peer rules, open the store
 * (default: a SQLite file named after the identity in the user's state folder).
 * @return OK; ARG or CONFIG (settings; exit code 2); IO, CREDENTIAL, KEY_MISMATCH, PROFILE, VALIDITY, STORE, NOMEM...
 */
ESCERTKE_CHECKED escertke_err identity_open(const struct identity_settings *s, struct identity *out, escertke_detail *d);
/** The same in two steps, between which a process may change its user: all but the store, then the store. */
ESCERTKE_CHECKED escertke_err identity_read(const struct identity_settings *s, struct identity *out, escertke_detail *d);
ESCERTKE_CHECKED escertke_err identity_open_store(const struct identity_settings *s, struct identity *i, escertke_detail *d);
void identity_close(struct identity *i);

/** Are certificate (or --raw), key and, unless all peers have raw keys, trust anchors named? @return OPTIONS_RUN, or EXIT_USAGE
 * after words on stderr */
int identity_require(const struct identity_settings *s, const char *command);

/** Load certificate, key and trust anchors once more from the same files. @return as identity_open */
ESCERTKE_CHECKED escertke_err identity_load_credential(const struct identity_settings *s, const escertke_tls_ops *tls,
                                                       void **credential, escertke_detail *d);

/** Load the CRLs once more from the same files. @return as identity_open */
ESCERTKE_CHECKED escertke_err identity_load_crls(const struct identity_settings *s, const escertke_tls_ops *tls,
                                                 escertke_crls **crls, escertke_detail *d);

/** An Absolute AE-ID or CSE-ID. option_check. */
bool identity_check_id(const char *value, char *why, size_t cap);

#endif
