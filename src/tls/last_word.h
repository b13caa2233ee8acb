/* last_word.h - what leaves of a handshake that has failed. */
#ifndef ESCERTKE_TLS_LAST_WORD_H
#define ESCERTKE_TLS_LAST_WORD_H

#include <escertke/base.h>

/**
 * Wipe what of a half-made flight stands behind @p start, and put one fatal alert of our own making in its place: nothing else
 * leaves after a failure. Where there is no room for the alert, nothing does.
 * @param alert  RFC 5246 7.2; -1 = none, as after an alert of the peer
 */
void esc_last_word(escertke_buf *out, size_t start, int alert);

#endif
