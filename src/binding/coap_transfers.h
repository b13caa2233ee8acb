/*
 * coap_transfers.h - contents of which some blocks have come, and contents of which some have been fetched (RFC 7959). Bounded in
 * their number, altogether and of one host, in their bytes, and in the time without a block.
 */
#ifndef ESCERTKE_BINDING_COAP_TRANSFERS_H
#define ESCERTKE_BINDING_COAP_TRANSFERS_H

#include <escertke/base.h>

#include "binding/coap_peer.h"

struct esc_coap_transfer {
    bool download;
    struct esc_coap_peer peer;
    escertke_buf key; /* options by which its blocks are known */
    escertke_buf body;
    int code;             /* of a download: of each response */
    escertke_buf options; /* and its options */
    uint64_t used_ms;
    struct esc_coap_transfer *next;
};

/** max_per_host and others are of the caller's choice; the rest begins with zero. */
struct esc_coap_transfers {
    size_t max_count, max_per_host, max_bytes, max_body;
    uint64_t idle_ms;
    size_t count, bytes;
    struct esc_coap_transfer *first;
};

void esc_coap_transfers_clear(struct esc_coap_transfers *t);
/** Forget those that have been silent too long. */
void esc_coap_transfers_tick(struct esc_coap_transfers *t, uint64_t now_ms);

struct esc_coap_transfer *esc_coap_transfer_find(struct esc_coap_transfers *t, const struct esc_coap_peer *peer,
                                                 escertke_span key, bool download);
/**
 * Begin one, in place of one with the same key. Of a host that has its share already the oldest goes.
 * @return OK, LIMIT (too many of other hosts), NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_coap_transfer_begin(struct esc_coap_transfers *t, const struct esc_coap_peer *peer,
                                                      escertke_span key, bool download, uint64_t now_ms,
                                                      struct esc_coap_transfer **out);
/** May the body grow by so much? */
bool esc_coap_transfers_have_room(const struct esc_coap_transfers *t, size_t more);
/** The body has changed its length: it had @p before. */
void esc_coap_transfer_changed(struct esc_coap_transfers *t, const struct esc_coap_transfer *x, size_t before);
void esc_coap_transfer_end(struct esc_coap_transfers *t, struct esc_coap_transfer *x);

#endif
