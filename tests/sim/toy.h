/*
 * toy.h - a TLS back end that is none: messages framed and ordered as TLS 1.2 has them, with symbols in place of cryptography. It is
 * exact and repeatable, a hundred times as fast, and its "keys" can only be used by who holds the credential. For the simulator.
 */
#ifndef TESTS_SIM_TOY_H
#define TESTS_SIM_TOY_H

#include <escertke/tls.h>

/** The same seed gives the same octets. */
void toy_seed(uint64_t seed);
/** Next number of the one generator that everything in the simulation draws from. */
uint64_t toy_number(void);

/** Once, before anything else: the trust anchor and the certificate that all others are made after. */
void toy_start(void);
void toy_end(void);

#define TOY_BEGIN_S 1800000000 /* when all simulations begin, and certificates become valid an hour before */
#define TOY_ID_LEN 26 /* "//sim.example/in1/C0000000" */
/** The Absolute AE-ID of a number. */
void toy_id(unsigned number, char out[TOY_ID_LEN + 1]);
/** A certificate for the AE-ID of @p number, and the key that goes with it. Freed by the vtable's credential_free. */
void *toy_credential(unsigned number);
/** Somebody else's certificate as everybody has seen it, with a key that does not go with it. As toy_credential. */
void *toy_stolen(unsigned number, escertke_span leaf);
/** From now on every signature holds: what the checks are for must be seen to break. */
void toy_believe_signatures(void);
/** From now on a certificate is judged only when it is too late for the handshake. */
void toy_judge_nothing_before(void);
/** A certificate for the AE-ID of @p name, which the key of @p number has signed itself, and that key. As toy_credential. */
void *toy_self_signed(unsigned number, unsigned name);
/** An M3 to somebody else's M1 and M2, with a signature that holds and a Finished that cannot. Nothing is put if they are damaged. */
void toy_sign_seen(void *credential, escertke_span m1, escertke_span m2, escertke_buf *m3);
/** The own certificate message of a credential, as an attacker would copy it: DER of the leaf. */
escertke_span toy_leaf(const void *credential);

const escertke_tls_ops *toy_tls(void);

#endif
