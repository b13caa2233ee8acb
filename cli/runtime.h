/* runtime.h - what serve and relay have in common: signals as return values, the reporter of a terminating end-point's events. */
#ifndef ESCERTKE_CLI_RUNTIME_H
#define ESCERTKE_CLI_RUNTIME_H

#include "identity.h"

/** Hold SIGTERM, SIGINT and SIGHUP back for runtime_wait(), ignore SIGPIPE. Before any thread is made. */
void runtime_block_signals(void);
/** Wait up to @p ms for one of these signals. @return SIGTERM, SIGINT, SIGHUP, or 0 after that time */
int runtime_wait(unsigned ms);
/**
 * Load certificate, key and trust anchors again and use them for the handshakes that start from now on. What cannot be loaded
 * whole changes nothing, and that is said.
 */
void runtime_reload(const struct identity_settings *s, struct identity *identity, escertke_terminator *terminator);
/** on_event of a terminating end-point: says every event as JSON or as a readable line. ctx is not used. */
void runtime_report(void *ctx, const escertke_event *event);

#endif
