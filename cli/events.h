/* events.h - the events of handshakes as all commands say them (DESIGN of the command: established, refused...). */
#ifndef ESCERTKE_CLI_EVENTS_H
#define ESCERTKE_CLI_EVENTS_H

#include <escertke/endpoint.h>

#include "event_book.h"

/**
 * {"event":"established","role","peer","key_id","suite","engine","expires","run","duration_ms","sizes"}; the key itself is never
 * looked at. @param story  NULL = the last three are left out
 */
void event_established(const escertke_key_entry *entry, const struct event_story *story);

/** {"event":"kept","role","peer","key_id","suite","engine","expires","age_s"}: there is a key, and no need of another. */
void event_kept(const escertke_key_entry *entry, int64_t age_s);

/** What a run that did not succeed says. */
struct event_failure {
    const char *name; /* "refused", "failed", "alert" */
    const char *role; /* NULL = left out */
    const char *peer;
    escertke_err err;
    const escertke_detail *detail;
    const struct event_story *story; /* NULL = left out */
};

/**
 * {"event":name,"role","peer","rsc","alert","reason","clause","certificate","expected","found","advice","error","message",
 * "run","duration_ms","sizes"}; what is not known is left out.
 */
void event_failed(const struct event_failure *f);

/** "refused" where a peer or an authentication said no, "failed" where nobody did (unreachable, too late, local). */
const char *event_failure_name(escertke_err err);

/**
 * on_event of a terminating end-point: says every event but PENDING, which another of the same run follows.
 * @param book  a struct event_book; NULL: the number of the run is all that is told of it
 */
void event_report(void *book, const escertke_event *event);

#endif
