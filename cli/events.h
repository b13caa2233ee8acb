/* events.h - the events of handshakes as all commands say them (DESIGN of the command: established, refused...). */
#ifndef ESCERTKE_CLI_EVENTS_H
#define ESCERTKE_CLI_EVENTS_H

#include <escertke/endpoint.h>

/** {"event":"established","role","peer","key_id","suite","engine","expires"}; the key itself is never looked at. */
void event_established(const escertke_key_entry *entry);

/** What a run that did not succeed says. */
struct event_failure {
    const char *name; /* "refused", "failed", "alert" */
    const char *role; /* NULL = left out */
    const char *peer;
    escertke_err err;
    const escertke_detail *detail;
};

/**
 * {"event":name,"role","peer","rsc","alert","reason","clause","certificate","expected","found","advice","error","message"};
 * what is not known is left out.
 */
void event_failed(const struct event_failure *f);

/** "refused" where a peer or an authentication said no, "failed" where nobody did (unreachable, too late, local). */
const char *event_failure_name(escertke_err err);

/** on_event of a terminating end-point: says every event but PENDING, which another follows. @p ctx is not used. */
void event_report(void *ctx, const escertke_event *event);

#endif
