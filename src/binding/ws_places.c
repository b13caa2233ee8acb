#include "binding/ws_places.h"

#include <string.h>

#include "base/memory.h"

static size_t bucket_of(const char *id)
{
    uint32_t hash = 2166136261u;

    for (; *id; id++)
        hash = (hash ^ (uint8_t)*id) * 16777619u;
    return hash % ESC_WS_PLACE_BUCKETS;
}

struct esc_ws_place *esc_ws_places_find(const struct esc_ws_places *p, const char *id)
{
    struct esc_ws_place *place = p->buckets[bucket_of(id)];

    while (place && strcmp(place->id, id) != 0)
        place = place->next;
    return place;
}

static struct esc_ws_place *add(struct esc_ws_places *p, const char *id)
{
    struct esc_ws_place **bucket = &p->buckets[bucket_of(id)], *place;
    size_t len = strlen(id) + 1;

    if (p->count >= ESC_WS_PLACES_MAX || !(place = esc_zalloc(sizeof *place + len)))
        return NULL;
    memcpy(place->id, id, len);
    place->next = *bucket;
    *bucket = place;
    p->count++;
    return place;
}

bool esc_ws_places_take(struct esc_ws_places *p, const char *id, struct esc_ws_conn *c)
{
    struct esc_ws_place *place = esc_ws_places_find(p, id);

    if (place && place->conn)
        return place->conn == c;
    if (c->gone || c->places >= ESC_WS_PLACES_PER_CONN || (!place && !(place = add(p, id))))
        return false;
    place->conn = c;
    c->places++;
    p->held++;
    return true;
}

void esc_ws_places_leave(struct esc_ws_places *p, struct esc_ws_conn *c, uint64_t now_ms)
{
    for (size_t i = 0; i < ESC_WS_PLACE_BUCKETS && c->places; i++)
        for (struct esc_ws_place *place = p->buckets[i]; place; place = place->next)
            if (place->conn == c) {
                place->conn = NULL;
                place->lost_ms = now_ms;
                c->places--;
                p->held--;
            }
}

void esc_ws_places_expire(struct esc_ws_places *p, uint64_t now_ms, bool all)
{
    for (size_t i = 0; i < ESC_WS_PLACE_BUCKETS && p->count > p->held; i++)
        for (struct esc_ws_place **at = &p->buckets[i]; *at;) {
            struct esc_ws_place *place = *at;
            if (place->conn || place->waiting || (!all && now_ms - place->lost_ms < ESC_WS_PLACE_KEPT_MS)) {
                at = &place->next;
                continue;
            }
            *at = place->next;
            p->count--;
            esc_release(place);
        }
}
