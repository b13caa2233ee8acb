/*
 * ws_places.h - which registree is reached over which connection of a server. A place belongs to the connection that its
 * registration came by, and stays known for a while when that is lost. Not locked.
 */
#ifndef ESCERTKE_BINDING_WS_PLACES_H
#define ESCERTKE_BINDING_WS_PLACES_H

#include "binding/ws_endpoint.h"

enum {
    ESC_WS_PLACES_MAX = 16384,
    ESC_WS_PLACES_PER_CONN = 64, /* a gateway's */
    ESC_WS_PLACE_KEPT_MS = 60000,
    ESC_WS_PLACE_BUCKETS = 256
};

struct esc_ws_place {
    struct esc_ws_place *next;
    struct esc_ws_conn *conn; /* NULL = lost */
    uint64_t lost_ms;
    unsigned waiting; /* requests that wait for it to come back */
    char id[];
};

/** Zeroed at first. */
struct esc_ws_places {
    struct esc_ws_place *buckets[ESC_WS_PLACE_BUCKETS];
    unsigned count, held, waiting;
};

/** NULL = not known. */
struct esc_ws_place *esc_ws_places_find(const struct esc_ws_places *p, const char *id);
/** Give a place to a connection. @return false: another one holds it, or there are too many, or no memory */
bool esc_ws_places_take(struct esc_ws_places *p, const char *id, struct esc_ws_conn *c);
/** The connection went, or is to lose its places. */
void esc_ws_places_leave(struct esc_ws_places *p, struct esc_ws_conn *c, uint64_t now_ms);
/** Forget what has been lost for ESC_WS_PLACE_KEPT_MS; all of what nobody holds where @p all. */
void esc_ws_places_expire(struct esc_ws_places *p, uint64_t now_ms, bool all);

#endif
