/*
 * world.h - who takes part in the runs of fuzz targets: end-points with certificates under one root, a clock of their own, and
 * random numbers that follow from the input, so that an input leads to the same octets in every process. (What GnuTLS and Mbed
 * TLS draw themselves is theirs.)
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include <escertke/escertke.h>

#define WORLD_SP "//m2m.example.org"
#define WORLD_METER "//m2m.example.org/in1/Cmeter"
#define WORLD_PANEL "//m2m.example.org/in1/Cpanel"
#define WORLD_OTHER "//m2m.example.org/in1/Cother"
#define WORLD_IN1 "//m2m.example.org/in1"

enum world_party { WORLD_A_METER, WORLD_A_PANEL, WORLD_AN_OTHER, WORLD_A_CSE, WORLD_PARTIES };
enum { WORLD_ENGINES = 3 };

/** Their identities, in the same order. */
extern const char *const world_ids[WORLD_PARTIES];

/** Back end by number; that of OpenSSL where this build has none of that number. */
const escertke_tls_ops *world_tls(unsigned engine);
const void *world_credential(unsigned engine, enum world_party who);
/** The moment at which every input begins. */
escertke_now world_now(void);
/** Random numbers begin anew. To be called for each input. */
void world_begin(void);

/** A session of this party that expects that peer. */
escertke_session *world_session(unsigned engine, enum world_party who, escertke_role role, const char *peer);
/** Identity of an end-point with this store. */
escertke_identity world_identity(enum world_party who, escertke_store *store);

/** Ends the program, as libFuzzer wants it, unless @p ok. */
void must(bool ok);

#endif
