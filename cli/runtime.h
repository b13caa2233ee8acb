/* runtime.h - what serve and relay have in common: signals as return values, reload, trying again. */
#ifndef ESCERTKE_CLI_RUNTIME_H
#define ESCERTKE_CLI_RUNTIME_H

#include "identity.h"

/** A peer that closes its connection in the middle is an error to be told, not the end of the process. */
void runtime_ignore_sigpipe(void);

/** Hold SIGTERM, SIGINT and SIGHUP back for runtime_wait(). Before any thread is made. */
void runtime_block_signals(void);

/** Wait up to @p ms for one of these signals. @return SIGTERM, SIGINT, SIGHUP, or 0 after that time */
int runtime_wait(unsigned ms);
/**
 * Load certificate, key, trust anchors and CRLs again, and use them: the CRLs from the next message on, the others for the
 * handshakes that start from now on. What cannot be loaded whole changes nothing, and that is said. Keys in the store whose
 * certificates the new CRLs revoke are removed, and each is said.
 */
void runtime_reload(const struct identity_settings *s, struct identity *identity, escertke_terminator *terminator);

/** Say of which files of this identity SIGHUP will not be able to load them again, as this process is now. */
void runtime_warn_unreadable(const struct identity_settings *s);

/** Allow this process as many file descriptors as it may have. @return so many */
unsigned runtime_raise_descriptors(void);
/**
 * How many connections each of @p listeners may hold so that descriptors remain for all else.
 * @return @p wanted, or fewer, and that is said; 0: there are too few for anything
 */
unsigned runtime_connections(unsigned descriptors, unsigned wanted, size_t listeners, unsigned threads);

/** When to try again what could not be reached: after 1, 2, 4... at most 30 seconds. Zeroed = at once. */
struct runtime_retry {
    uint64_t at_ms;
    uint32_t wait_ms;
};

bool runtime_retry_due(const struct runtime_retry *r, escertke_now now);
/** @return seconds until the next try */
unsigned runtime_retry_later(struct runtime_retry *r, escertke_now now);

#endif
