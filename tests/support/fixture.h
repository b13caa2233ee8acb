/* fixture.h - a PKI with two AEs and one CSE, their credentials, and a run between two sessions in one process. */
#ifndef TESTS_SUPPORT_FIXTURE_H
#define TESTS_SUPPORT_FIXTURE_H

#include <escertke/escertke.h>

#include "pki.h"

#define METER "//m2m.example.org/in1/Cmeter"
#define PANEL "//m2m.example.org/in1/Cpanel"
#define IN1 "//m2m.example.org/in1"

/** One who has a certificate: PEM texts and, where the certificate is a good one, a credential of ours. */
struct party {
    struct pki_cert cert;
    char *chain, *key;
    void *credential; /* NULL: our own loader refuses it (load_err says why); a raw peer may still use it */
    escertke_err load_err;
};

/** The back end under test: the one that the environment's ENGINE names, "openssl" without it. */
const escertke_tls_ops *fixture_tls(void);

struct fixture {
    struct pki_simple pki;
    char *trust;
    struct party meter, panel, in1;
    escertke_now now;
};

/** Ends the process with a message if anything good cannot be made. */
struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);
/** The same as group set-up and tear-down of cmocka. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/** A further party under the fixture's issuing CA (params->issuer NULL) or under another issuer; wrong ones welcome. */
struct party party_new(const struct fixture *f, const struct pki_params *params);
void party_free(struct party *p);

/** A session of ours for this party that expects that peer. */
escertke_session *session_of(const struct fixture *f, const struct party *who, escertke_role role, const char *peer_id);

#endif
