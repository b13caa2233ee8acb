/* doctor.h - which ways lead through somebody's CSE: each is tried with real commands of this program and two throw-away AEs. */
#ifndef ESCERTKE_CLI_DOCTOR_H
#define ESCERTKE_CLI_DOCTOR_H

#include "demo_process.h"
#include "hop.h"

#define DOCTOR_ARGS_MAX 40u

struct doctor {
    struct crew crew;
    const struct hop_settings *hop;
    char sp[ESCERTKE_ID_MAX + 1], cse[ESCERTKE_ID_MAX + 1]; /* "//sp", "/in1" */
    char terminator[ESCERTKE_ID_MAX + 1], initiator[ESCERTKE_ID_MAX + 1];
    long timeout_s;
};

/** One way, and what came of it. */
struct way {
    const char *via, *serialization, *carrier;
    bool polling;

    bool ok, absent;   /* absent: this build does not have it */
    bool dead;         /* no answer of the CSE to the registration */
    const char *stage; /* what did not work: "register", "polling", "establish" */
    int code, rsc;
    char error[32], reason[400];
    char serve[400], establish[400]; /* the command lines to use */
};

/** Is who is registered at this URL reached over the connection that it made there? */
bool doctor_over_connection(const char *url);
/** An IP address of this machine that the host of @p url can see, as it stands in a URL. @return false: none, and *why */
bool doctor_own_host(const char *url, char *out, size_t cap, char *why, size_t why_cap);
/** Try it. @return false: not tried to its end (a signal) */
bool doctor_try(struct doctor *d, struct way *w);

#endif
