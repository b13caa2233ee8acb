#include "binding/coap_transfers.h"

#include "base/memory.h"

#define KEY_MAX 16384u

void esc_coap_transfer_end(struct esc_coap_transfers *t, struct esc_coap_transfer *x)
{
    struct esc_coap_transfer **at = &t->first;

    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    t->count--;
    t->bytes -= x->body.len;
    escertke_buf_free(&x->key);
    escertke_buf_free(&x->body);
    escertke_buf_free(&x->options);
    esc_release(x);
}

void esc_coap_transfers_clear(struct esc_coap_transfers *t)
{
    while (t->first)
        esc_coap_transfer_end(t, t->first);
}

void esc_coap_transfers_tick(struct esc_coap_transfers *t, uint64_t now_ms)
{
    struct esc_coap_transfer *x, *next;

    for (x = t->first; x; x = next) {
        next = x->next;
        if (now_ms - x->used_ms > t->idle_ms)
            esc_coap_transfer_end(t, x);
    }
}

struct esc_coap_transfer *esc_coap_transfer_find(struct esc_coap_transfers *t, const struct esc_coap_peer *peer,
                                                 escertke_span key, bool download)
{
    struct esc_coap_transfer *x = t->first;

    while (x && (x->download != download || !esc_coap_peer_same(&x->peer, peer) ||
                 !escertke_span_equal(escertke_buf_span(&x->key), key)))
        x = x->next;
    return x;
}

/* Make room for one more of this host. @return false: there is none */
static bool make_room(struct esc_coap_transfers *t, const struct esc_coap_peer *peer)
{
    struct esc_coap_transfer *oldest = NULL;
    size_t same = 0;

    for (struct esc_coap_transfer *x = t->first; x; x = x->next) {
        if (!esc_coap_peer_same_host(&x->peer, peer))
            continue;
        same++;
        if (!oldest || x->used_ms <= oldest->used_ms)
            oldest = x;
    }
    if (oldest && (same >= t->max_per_host || t->count >= t->max_count))
        esc_coap_transfer_end(t, oldest);
    return t->count < t->max_count;
}

escertke_err esc_coap_transfer_begin(struct esc_coap_transfers *t, const struct esc_coap_peer *peer, escertke_span key,
                                     bool download, uint64_t now_ms, struct esc_coap_transfer **out)
{
    struct esc_coap_transfer *x = esc_coap_transfer_find(t, peer, key, download);

    *out = NULL;
    if (x)
        esc_coap_transfer_end(t, x);
    if (!make_room(t, peer))
        return ESCERTKE_ERR_LIMIT;
    x = esc_zalloc(sizeof *x);
    if (!x)
        return ESCERTKE_ERR_NOMEM;
    x->download = download;
    x->peer = *peer;
    x->used_ms = now_ms;
    escertke_buf_init(&x->key, KEY_MAX);
    escertke_buf_init(&x->body, t->max_body);
    escertke_buf_init(&x->options, KEY_MAX);
    escertke_err err = escertke_buf_append(&x->key, key.ptr, key.len);
    x->next = t->first;
    t->first = x;
    t->count++;
    if (err == ESCERTKE_OK)
        *out = x;
    else
        esc_coap_transfer_end(t, x);
    return err;
}

bool esc_coap_transfers_have_room(const struct esc_coap_transfers *t, size_t more)
{
    return t->bytes + more <= t->max_bytes;
}

void esc_coap_transfer_changed(struct esc_coap_transfers *t, const struct esc_coap_transfer *x, size_t before)
{
    t->bytes = t->bytes - before + x->body.len;
}
