#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_set_rand_method: the way to random numbers that are none */
#include "world.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "pki.h"

#define BASE_S INT64_C(1800000000)

const char *const world_ids[WORLD_PARTIES] = { WORLD_METER, WORLD_PANEL, WORLD_OTHER, WORLD_IN1 };

static struct {
    bool made;
    struct mutate_random random;
    const escertke_tls_ops *tls[WORLD_ENGINES];
    void *credential[WORLD_ENGINES][WORLD_PARTIES];
} world;

void must(bool ok)
{
    if (!ok)
        abort();
}

/* ---- random numbers ------------------------------------------------------------------------------------------ */

static int draw(unsigned char *out, int len)
{
    for (int i = 0; i < len; i++)
        out[i] = (uint8_t)mutate_below(&world.random, 256);
    return 1;
}

static int is_ready(void)
{
    return 1;
}

static int feed(const void *in, int len)
{
    (void)in;
    (void)len;
    return 1;
}

static int add(const void *in, int len, double entropy)
{
    (void)entropy;
    return feed(in, len);
}

static int seed(const void *in, int len)
{
    return feed(in, len);
}

static const RAND_METHOD method = { seed, draw, NULL, add, draw, is_ready };

/* ---- certificates --------------------------------------------------------------------------------------------- */

static struct pki_cert root, ca;
static char *trust;

static void make_party(enum world_party who)
{
    static const struct pki_name names[WORLD_PARTIES] = { { PKI_URI, WORLD_METER, 0 },
                                                          { PKI_URI, WORLD_PANEL, 0 },
                                                          { PKI_URI, WORLD_OTHER, 0 },
                                                          { PKI_DNS, "in1.m2m.example.org", 0 } };
    struct pki_cert leaf = pki_make(&(struct pki_params){ .issuer = &ca, .san = &names[who], .san_count = 1, .base_s = BASE_S });
    char *chain = pki_chain_pem((const struct pki_cert *const[]){ &leaf, &ca }, 2), *key = pki_key_pem(&leaf);
    const escertke_credential_source source = {
        .chain = escertke_span_str(chain), .key = escertke_span_str(key), .trust = escertke_span_str(trust), .unix_s = BASE_S
    };

    for (unsigned e = 0; e < WORLD_ENGINES; e++)
        must(world.tls[e]->credential_new(&source, &world.credential[e][who], NULL) == ESCERTKE_OK);
    pki_cert_free(&leaf);
    free(chain);
    free(key);
}

static void make(void)
{
    static const char *const engines[WORLD_ENGINES] = { "openssl", "gnutls", "mbedtls" };

    for (unsigned e = 0; e < WORLD_ENGINES; e++)
        world.tls[e] = escertke_tls_by_name(engines[e]) ? escertke_tls_by_name(engines[e]) : escertke_tls_by_name("openssl");
    root = pki_make(&(struct pki_params){ .cn = "Root", .is_ca = true, .base_s = BASE_S });
    ca = pki_make(
        &(struct pki_params){ .cn = "Issuing CA", .issuer = &root, .is_ca = true, .has_path_len = true, .base_s = BASE_S });
    trust = pki_chain_pem((const struct pki_cert *const[]){ &root }, 1);
    for (int who = 0; who < WORLD_PARTIES; who++)
        make_party((enum world_party)who);
    world.made = true;
}

/* ---- used by targets ------------------------------------------------------------------------------------------- */

void world_begin(void)
{
    if (!world.made) {
        must(RAND_set_rand_method(&method) == 1);
        world.random = mutate_random(1);
        make();
    }
    world.random = mutate_random(2);
}

escertke_now world_now(void)
{
    return (escertke_now){ 1000000, BASE_S + 60 };
}

const escertke_tls_ops *world_tls(unsigned engine)
{
    return world.tls[engine % WORLD_ENGINES];
}

const void *world_credential(unsigned engine, enum world_party who)
{
    return world.credential[engine % WORLD_ENGINES][who];
}

escertke_session *world_session(unsigned engine, enum world_party who, escertke_role role, const char *peer)
{
    const escertke_session_config cfg = {
        .tls = world_tls(engine), .credential = world_credential(engine, who), .role = role, .expect = { .id = peer }
    };
    escertke_session *s;

    must(escertke_session_new(&cfg, &s) == ESCERTKE_OK);
    return s;
}

escertke_identity world_identity(enum world_party who, escertke_store *store)
{
    return (escertke_identity){ .tls = world_tls(0),
                                .credential = world_credential(0, who),
                                .id = world_ids[who],
                                .ctx = { WORLD_SP, "/in1" },
                                .store = store };
}
