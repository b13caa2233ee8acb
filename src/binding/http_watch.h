/*
 * http_watch.h - ends connections whose peer takes too long in all, and those that have been waited for longest where others
 * need their place. libmicrohttpd's own timeout is of idleness: who sends a byte now and then keeps a connection for days.
 */
#ifndef ESCERTKE_BINDING_HTTP_WATCH_H
#define ESCERTKE_BINDING_HTTP_WATCH_H

#include <escertke/base.h>

struct esc_watch;
struct esc_watched;

struct esc_watch_counts {
    uint64_t seen;    /* connections */
    uint64_t slow;    /* ended because their time was over */
    uint64_t crowded; /* ended because others needed their place */
    size_t now;       /* connections there are */
};

/** Start a thread that shuts down sockets whose time is over. @return OK, NOMEM, IO (no thread) */
escertke_err esc_watch_start(uint64_t limit_ms, struct esc_watch **out);
/** Watch a socket; its time begins. Thread-safe, like all below. NULL when out of memory: end the connection then. */
struct esc_watched *esc_watch_add(struct esc_watch *w, int fd);
/** The peer's time begins anew. NULL allowed. */
void esc_watched_begin(struct esc_watched *s);
/** It is not the peer who is awaited. NULL allowed. */
void esc_watched_pause(struct esc_watched *s);
/** Before the socket is closed. NULL allowed. */
void esc_watch_remove(struct esc_watch *w, struct esc_watched *s);
/**
 * Shut down those whose peers have been awaited longest, @p most of them, but none that has been awaited for less than
 * @p grace_ms. @return how many
 */
unsigned esc_watch_make_room(struct esc_watch *w, unsigned most, uint64_t grace_ms);
void esc_watch_get_counts(struct esc_watch *w, struct esc_watch_counts *out);
/** End the thread. Nothing may be watched any more. NULL allowed. */
void esc_watch_stop(struct esc_watch *w);

#endif
