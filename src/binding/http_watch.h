/*
 * http_watch.h - ends connections whose peer takes too long in all. libmicrohttpd's own timeout is of idleness: who sends
 * a byte now and then keeps a connection for days.
 */
#ifndef ESCERTKE_BINDING_HTTP_WATCH_H
#define ESCERTKE_BINDING_HTTP_WATCH_H

#include <escertke/base.h>

struct esc_watch;
struct esc_watched;

/** Start a thread that shuts down sockets whose time is over. @return OK, NOMEM, IO (no thread) */
escertke_err esc_watch_start(uint64_t limit_ms, struct esc_watch **out);
/** Watch a socket; its time begins. Thread-safe, like all below. NULL when out of memory. */
struct esc_watched *esc_watch_add(struct esc_watch *w, int fd);
/** The peer's time begins anew. NULL allowed. */
void esc_watched_begin(struct esc_watched *s);
/** It is not the peer who is awaited. NULL allowed. */
void esc_watched_pause(struct esc_watched *s);
/** Before the socket is closed. NULL allowed. */
void esc_watch_remove(struct esc_watch *w, struct esc_watched *s);
/** End the thread. Nothing may be watched any more. NULL allowed. */
void esc_watch_stop(struct esc_watch *w);

#endif
