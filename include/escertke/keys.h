/*
 * escertke/keys.h - the cache of pairwiseE2EKeys: entries and stores.
 */
#ifndef ESCERTKE_KEYS_H
#define ESCERTKE_KEYS_H

#include <escertke/base.h>
#include <escertke/handshake.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum escertke_usage { ESCERTKE_USAGE_ESPRIM = 1, ESCERTKE_USAGE_ESDATA = 2 } escertke_usage;

/** "esprim" or "esdata"; "?" for any other. Static storage. */
ESCERTKE_API const char *escertke_usage_name(escertke_usage u);

/** One cached key (R-HS-33). Holds the secret: wipe with escertke_key_entry_wipe. */
typedef struct escertke_key_entry {
    escertke_key key;               /* ID (16 octets) and key (32 octets) */
    char peer[ESCERTKE_ID_MAX + 1]; /* Absolute ID bound to the key (R-CE-35) */
    char own[ESCERTKE_ID_MAX + 1];  /* own Absolute ID */
    escertke_role role;             /* own role in the run */
    char suite[64];                 /* IANA name of the cipher suite */
    char engine[16];                /* TLS back end */
    escertke_flavour flavour;       /* of the peer's certificate */
    uint8_t peer_fingerprint[32];   /* SHA-256 of the peer's certificate, DER */
    int64_t created_s, expires_s;   /* UTC seconds since 1970; the key is valid before expires_s, no longer at it */
    escertke_usage usage;
    escertke_issued issued[ESCERTKE_CHAIN_MAX]; /* of the peer's certificates, leaf first: whoever uses the key may ask again */
    size_t issued_count;                        /* 0 = a raw key, or an entry of a store from before 0.2 */
} escertke_key_entry;

/** Overwrite the whole entry with zeros. NULL allowed. */
ESCERTKE_API void escertke_key_entry_wipe(escertke_key_entry *e);

/** Default and largest key lifetime, seconds: 30 days. */
#define ESCERTKE_KEY_LIFETIME_S 2592000

/**
 * Called for each entry; the entry is the store's, valid during the call, its key octets are zero. false = stop.
 * Must not call the store it lists: the store is locked meanwhile.
 */
typedef bool (*escertke_entry_fn)(void *ctx, const escertke_key_entry *entry);

/**
 * A key store. Thread-safe. put is atomic, and durable when it returns OK (a store in memory: as long as the process): a crash
 * at any point leaves either the whole entry or none. All return OK, or STORE, STORE_FULL, IO, NOMEM, and where said more;
 * detail NULL allowed. get and find empty out first, so that it holds nothing unless they return OK; wipe it after use.
 */
typedef struct escertke_store_ops {
    const char *name; /* "memory", "sqlite" */
    /**
     * Insert, or replace the entry with the same ID and own identity. @p e is borrowed until return.
     * Also ARG (a text not terminated, an identity empty, an enumerator unknown, a time negative), LIMIT (bounded store full).
     */
    escertke_err (*put)(void *store, const escertke_key_entry *e, escertke_detail *d);
    /** By key ID, of whatever own identity. Also NOT_FOUND (unknown, or expired at unix_s). */
    escertke_err (*get)(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], int64_t unix_s, escertke_key_entry *out,
                        escertke_detail *d);
    /** Newest unexpired entry for (own, peer, usage): greatest created_s, of equal ones the one put last. Also NOT_FOUND. */
    escertke_err (*find)(void *store, const char *own, const char *peer, escertke_usage usage, int64_t unix_s,
                         escertke_key_entry *out, escertke_detail *d);
    /** All entries, oldest first, keys zeroed; expired ones too. */
    escertke_err (*list)(void *store, escertke_entry_fn fn, void *ctx, escertke_detail *d);
    /** Delete and wipe the key with this ID, of every own identity. Also NOT_FOUND. */
    escertke_err (*remove)(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], escertke_detail *d);
    /** Delete and wipe what has expired at unix_s; count may be NULL. */
    escertke_err (*prune)(void *store, int64_t unix_s, size_t *count, escertke_detail *d);
    /** No other thread may be inside the store any more. */
    void (*close)(void *store);
} escertke_store_ops;

/** An open store: call store->ops->put(store->state, ...). */
typedef struct escertke_store {
    const escertke_store_ops *ops;
    void *state;
} escertke_store;

/**
 * Store in memory for at most @p max entries (more than 0). When it is full, what has expired at the created_s of the entry to
 * put goes first, then LIMIT. All calls take logarithmic time. @return OK, ARG, NOMEM
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_store_memory(size_t max, escertke_store *out);
/**
 * Store in one SQLite file: created with mode 0600 if absent (whatever the umask), WAL, full synchronisation, secure delete.
 *
 * Several processes may open the same file. Threads that put at the same time share one transaction (group commit); for that
 * a put may wait up to 10 ms for others that were seen just before, a single thread never does. Not to be used over fork.
 *
 * Refused: a file that its group or others may open, that belongs to another user, or that is no regular file (a symbolic
 * link is followed); a file that is no SQLite database, that is another program's, or whose schema is newer than this
 * library. Such a file is left as it is.
 *
 * This library keeps no copy of a key beyond the call. SQLite's page cache does until the store is closed; that is out of our
 * hands. In the file, deleted keys are overwritten, and the write-ahead log is emptied after a deletion; should another
 * process be reading just then, the log keeps them until the next deletion or the last close.
 *
 * @return OK, or ESCERTKE_ERR_
 *         ARG         path NULL or empty
 *         IO          cannot be created, opened, read or written, or its mode or owner is not acceptable; the reason says which
 *         STORE       not a key store, of a newer version, damaged, or locked by another process for more than 5 s
 *         STORE_FULL  no space on the disk, or a quota or file size limit is reached
 *         NOMEM
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_store_sqlite(const char *path, escertke_store *out, escertke_detail *d);
/** "memory:" (65,536 entries) or "sqlite:PATH". @return as above; ARG for another scheme */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_store_open(const char *uri, escertke_store *out, escertke_detail *d);
/** Close and make empty; an empty store is allowed. */
ESCERTKE_API void escertke_store_close(escertke_store *s);

#ifdef __cplusplus
}
#endif
#endif
