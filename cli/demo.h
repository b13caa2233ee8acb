/* demo.h - the demo's steps and what they leave for each other. */
#ifndef ESCERTKE_CLI_DEMO_H
#define ESCERTKE_CLI_DEMO_H

#include "demo_process.h"

#define DEMO_SP "m2m.example.org"
#define DEMO_METER "//m2m.example.org/in1/Cmeter" /* terminating, at the IN-CSE */
#define DEMO_PANEL "//m2m.example.org/mn1/Cpanel" /* initiating, at the MN-CSE */
#define DEMO_THIEF "//m2m.example.org/mn1/Cthief"
#define DEMO_KIOSK "//m2m.example.org/in1/Ckiosk" /* initiating, over each binding in turn */

enum { DEMO_KEY_ID_MAX = 33 };
enum demo_binding { DEMO_HTTP, DEMO_MQTT, DEMO_COAP, DEMO_WS, DEMO_BINDINGS };

struct demo {
    struct crew crew;
    struct process *in, *mn, *meter; /* running from their step on */
    char in_url[256], mn_url[256], meter_url[256];
    char key_id[DEMO_KEY_ID_MAX];
    uint8_t key[32];                  /* what both stores hold; to be wiped */
    char said[768];                   /* by a step that went well: what it showed */
    const char *shown[DEMO_BINDINGS]; /* names of the bindings that keys were established over */
    size_t shown_count;
};

enum demo_result {
    DEMO_OK,      /* demo->said */
    DEMO_FAILED,  /* crew.why, crew.blamed */
    DEMO_SKIPPED, /* could not be tried here: crew.why */
    DEMO_MISSING  /* this build or machine has not got what it would show: crew.why. No failure */
};

struct demo_step {
    const char *name; /* one word, in JSON too */
    enum demo_result (*run)(struct demo *d);
};

/** All of them in their order; a name NULL ends the table. */
extern const struct demo_step demo_steps[];

/** What a step shows. @return DEMO_OK */
enum demo_result demo_say(struct demo *d, const char *fmt, ...) ESCERTKE_PRINTF(2, 3);
/** crew_run() and give its place back. */
bool demo_run(struct demo *d, const char *name, const char *const *argv);

/* demo_pki.c */
enum demo_result demo_make_pki(struct demo *d);
/** Wait for an event of a process and copy one text of it; an event without it counts as none. p NULL: after crew_fail(). */
bool demo_await_text(struct demo *d, struct process *p, const char *event, const char *field, char *out, size_t cap);

/* demo_bindings.c */
enum demo_result demo_run_over(struct demo *d, enum demo_binding which);
/* demo_keys.c */
/** Do both stores hold the same key under this ID, and is it one? It is copied, and to be wiped. */
bool demo_same_key(struct demo *d, const char *key_id, const char *one, const char *other, uint8_t key[32]);
enum demo_result demo_compare_keys(struct demo *d);
enum demo_result demo_count_keys(struct demo *d);
/* demo_proof.c */
enum demo_result demo_try_scanner(struct demo *d);
enum demo_result demo_scan_relays(struct demo *d);
enum demo_result demo_scan_logs(struct demo *d);

#endif
