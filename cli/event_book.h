/*
 * event_book.h - what an end-point's events leave behind: when each run began and with what, until it ends, so that one line
 * tells the whole of it; and what is counted for the metrics. Thread-safe.
 */
#ifndef ESCERTKE_CLI_EVENT_BOOK_H
#define ESCERTKE_CLI_EVENT_BOOK_H

#include <escertke/endpoint.h>

/** Larger than every number of an escertke_err. */
#define EVENT_BOOK_ERRORS 128

/** A run, as far as it is known when it ends. */
struct event_story {
    uint64_t run; /* 0 = the message belongs to none */
    bool timed;   /* duration_ms is known */
    uint64_t duration_ms;
    size_t sizes[4]; /* of its messages, octets, in order */
    size_t sizes_count;
};

struct event_counts {
    uint64_t refused[EVENT_BOOK_ERRORS]; /* by number of the error */
    uint64_t runs, runs_ms;              /* runs that led to a key, and how long all of these took, ms */
};

struct event_book;

/** @param most  runs pending at once; past twice as many the story of a run may lack its beginning. NULL when out of memory */
struct event_book *event_book_new(size_t most);
void event_book_free(struct event_book *b);

/** Note an event. @return what is known of its run */
struct event_story event_book_note(struct event_book *b, const escertke_event *event, uint64_t now_ms);
void event_book_get_counts(struct event_book *b, struct event_counts *out);

#endif
