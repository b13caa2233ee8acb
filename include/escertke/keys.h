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
    /**
     * Is the peer known to hold the key too? An initiator's always is: M4 said so. A terminator's is not until something proves
     * it (the key in use, say): should M4 be lost for good, nobody else has the key, and it is an orphan.
     */
    bool confirmed;
} escertke_key_entry;

/** Overwrite the whole entry with zeros. NULL allowed. */
ESCERTKE_API void escertke_key_entry_wipe(escertke_key_entry *e);

/** Default and largest key lifetime, seconds: 30 days. */
#define ESCERTKE_KEY_LIFETIME_S 2592000
/** Default time for which a key stays valid after a newer one has taken its place, seconds. */
#define ESCERTKE_KEY_OVERLAP_S 300
/** Two keys whose runs went towards each other and that were created no further apart are of the same moment, seconds. */
#define ESCERTKE_KEY_TOGETHER_S 120

/** Largest M4 that a store keeps, octets, and how many of one (own, peer): the newest. */
#define ESCERTKE_REPLY_MAX 1024u
#define ESCERTKE_REPLIES_MAX 4u

/** The answer to an M3, kept with the key that it made, for as long as M3 may be repeated. */
typedef struct escertke_reply {
    uint8_t m3_digest[32]; /* SHA-256 of what M3 says, in whatever records (D-275) */
    escertke_span m4;      /* 1 to ESCERTKE_REPLY_MAX octets; borrowed until put returns */
    int64_t until_s;       /* UTC seconds since 1970; given out before, no longer at it */
} escertke_reply;

/** What a put does besides. All zeros = nothing. */
typedef struct escertke_put_options {
    /**
     * The older keys of the same (own, peer, usage) and role get an end: expires_s at most this one's created_s + overlap_s, and
     * for a terminator's ESCERTKE_TTL_MS more, because the initiator ends its own when M4 has come, and what it holds must be
     * held here. Keys from runs of the other direction stay: each is ended by whoever began it. Which of both is used, find says.
     */
    bool replace;
    int64_t overlap_s;           /* 0 or more; ESCERTKE_KEY_OVERLAP_S by default of the command */
    const escertke_reply *reply; /* NULL = none */
} escertke_put_options;

/**
 * Called for each entry; the entry is the store's, valid during the call, its key octets are zero. For list false = stop, for
 * sweep true = delete this one. Must not call the store: it is locked meanwhile.
 */
typedef bool (*escertke_entry_fn)(void *ctx, const escertke_key_entry *entry);

/**
 * A key store. Thread-safe. put is atomic, and durable when it returns OK (a store in memory: as long as the process): a crash
 * at any point leaves either all that it does (entry, reply, ends of older keys) or nothing. All return OK, or STORE, STORE_FULL,
 * IO, NOMEM, and where said more; detail NULL allowed. get and find empty out first, so that it holds nothing unless they return
 * OK; wipe it after use.
 */
typedef struct escertke_store_ops {
    const char *name; /* "memory", "sqlite" */
    /**
     * Insert, or replace the entry with the same ID and own identity, its reply included. @p e and @p o are borrowed until
     * return.
     * @param o  NULL = no options
     * Also ARG (a text not terminated, an identity empty, an enumerator unknown, a time negative, an overlap negative, a reply
     * empty or too large), LIMIT (bounded store full).
     */
    escertke_err (*put)(void *store, const escertke_key_entry *e, const escertke_put_options *o, escertke_detail *d);
    /** By key ID, of whatever own identity. Also NOT_FOUND (unknown, or expired at unix_s). */
    escertke_err (*get)(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], int64_t unix_s, escertke_key_entry *out,
                        escertke_detail *d);
    /**
     * The entry to use for (own, peer, usage): of the unexpired ones the newest (greatest created_s, of equal ones the one put
     * last). If the end-point with the greater identity (octet order) began that one's run, and there is one of the other role
     * created at most ESCERTKE_KEY_TOGETHER_S before, then the newest of these: two ends that ran towards each other at the same
     * moment choose the same key, whichever they stored first. Also NOT_FOUND.
     */
    escertke_err (*find)(void *store, const char *own, const char *peer, escertke_usage usage, int64_t unix_s,
                         escertke_key_entry *out, escertke_detail *d);
    /**
     * M4 as it was sent in answer to that M3, appended to @p m4; only while both the reply and its key are valid at unix_s.
     * Also NOT_FOUND, TOO_LARGE (past the buffer's max).
     */
    escertke_err (*get_reply)(void *store, const char *own, const char *peer, const uint8_t m3_digest[32], int64_t unix_s,
                              escertke_buf *m4, escertke_detail *d);
    /** Set confirmed. Also NOT_FOUND (no such key of this own identity). */
    escertke_err (*confirm)(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], const char *own, escertke_detail *d);
    /**
     * Give every key of (own, peer, usage) whose run this end-point began an end: expires_s at most @p until_s. For an initiator,
     * before it sends M3: the terminator that takes M3 puts a new key and so ends the older ones, whether M4 arrives or not. OK
     * also if there is none.
     */
    escertke_err (*retire)(void *store, const char *own, const char *peer, escertke_usage usage, int64_t until_s,
                           escertke_detail *d);
    /** All entries, oldest first, keys zeroed; expired ones too. */
    escertke_err (*list)(void *store, escertke_entry_fn fn, void *ctx, escertke_detail *d);
    /** Delete and wipe the key with this ID, of every own identity. Also NOT_FOUND. */
    escertke_err (*remove)(void *store, const uint8_t id[ESCERTKE_KEY_ID_LEN], escertke_detail *d);
    /** Delete and wipe what has expired at unix_s, replies too; count (may be NULL) is of keys. */
    escertke_err (*prune)(void *store, int64_t unix_s, size_t *count, escertke_detail *d);
    /** Delete and wipe every entry for which @p fn returns true, all of them or none; count may be NULL. */
    escertke_err (*sweep)(void *store, escertke_entry_fn fn, void *ctx, size_t *count, escertke_detail *d);
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

/**
 * May this key be used now? A key never outlives the certificates it came from, so its own end stands for theirs; of the
 * CRLs it is asked whether one of the peer's certificates has been revoked since.
 *
 * @param c  NULL = nothing is known of revocations
 * @return OK, or ESCERTKE_ERR_
 *         VALIDITY  expired at unix_s
 *         REVOKED   a certificate of the peer's path has been revoked
 *         STATUS    that cannot be determined: as escertke_crls_check_issued; or there are CRLs, and the entry is from a store
 *                   of before 0.2, which did not keep whose certificates it came from
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_key_check(const escertke_key_entry *e, const escertke_crls *c, int64_t unix_s,
                                                              escertke_detail *d);

/**
 * Called for each key that is not good any more: verdict REVOKED (about to be removed) or STATUS (stays). The entry's key octets
 * are zero. Must not call the store.
 */
typedef void (*escertke_recheck_fn)(void *ctx, const escertke_key_entry *entry, escertke_err verdict, const escertke_detail *d);

/**
 * Ask escertke_key_check of every unexpired key and remove those whose certificates have been revoked; all of them or, on error,
 * none. Expired ones are left to prune.
 * @param fn     NULL = nobody is told
 * @param removed  may be NULL
 * @return OK, or as the store's sweep
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_keys_recheck(escertke_store *s, const escertke_crls *c, int64_t unix_s,
                                                                 escertke_recheck_fn fn, void *ctx, size_t *removed,
                                                                 escertke_detail *d);

#ifdef __cplusplus
}
#endif
#endif
