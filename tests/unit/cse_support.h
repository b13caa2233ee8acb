/*
 * cse_support.h - a world for the tests of the CSE: an IN-CSE /in1 and an MN-CSE /mn1 in one process, joined by a fake wire, and
 * AEs that answer from the same process. Requests and expectations are JSON in which ' stands for ".
 */
#ifndef CSE_SUPPORT_H
#define CSE_SUPPORT_H

#include "m2m_support.h"

#include "cse/cse.h"

#define SP "//m2m.example.org"

/* csz of a CSE of this build */
#ifdef ESCERTKE_XML
#define CSZ_XML ",'xml'"
#else
#define CSZ_XML ""
#endif
#ifdef ESCERTKE_CBOR
#define CSZ_CBOR ",'cbor'"
#else
#define CSZ_CBOR ""
#endif
#define OWN_CSZ "'csz':['json'" CSZ_XML CSZ_CBOR "]"

/* 2026-06-01 12:00:00 UTC */
#define NOON 1780315200

struct world {
    struct esc_cse *in, *mn;
    escertke_now now;
    char ae_answer[512]; /* content that the AE at http://meter answers with, ' for " */
    int ae_rsc;
    escertke_terminator *tep; /* answers at http://tep */
    int sends;                /* hops that were tried */
    char url[256];            /* of the last */
    char receiver[256];       /* of the last */
    bool to_ae;
    char sent[4096];                    /* the request of the last, as JSON with ' for " */
    uint32_t slow_ms;                   /* each hop takes so long on the world's clock */
    void (*meanwhile)(struct world *w); /* called once while a request is out */
    void (*while_waiting)(struct world *w); /* called without end while a request waits at a channel of /in1 */
    int idles;                          /* how often */
    escertke_err mn_err;                /* what the way to http://mn1 gives, OK = it works */
    char log[8192];
};

/* Both CSEs, the MN registered at the IN. Tables want nothing else. */
struct world *world_new(void);
/* Only the IN, with this configuration on top (cfg may be NULL). */
struct world *world_new_in(const struct esc_cse_config *cfg);
void world_free(struct world *w);

/* The configuration that world_new_in begins with. */
struct esc_cse_config in_config(struct world *w);

/* Send one request; "fr":"NONE" stands for none. Returns the RSC. The response is in answer() as JSON with ' for ". */
int ask(struct world *w, struct esc_cse *cse, const char *request);
const char *answer(void);

/* ask and the whole response. */
void expect_answer(struct world *w, struct esc_cse *cse, const char *request, const char *expected);
/* ask and the code; what the response contains if not NULL. */
void expect_rsc(struct world *w, struct esc_cse *cse, const char *request, int rsc, const char *contains);

/* An AE "Cmeter" (name meter) at @p cse that everybody may read and notify, reached at @p poa (a JSON list, ' for "). */
void add_meter(struct world *w, struct esc_cse *cse, const char *poa);
/* A plain AE with this stem. */
void add_ae(struct world *w, struct esc_cse *cse, const char *stem);

#endif
