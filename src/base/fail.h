/* fail.h - note a failure in a detail record and return its error, in one line at the place of failure. */
#ifndef ESCERTKE_BASE_FAIL_H
#define ESCERTKE_BASE_FAIL_H

#include <escertke/base.h>

/**
 * Record @p err with its clause ("" = none) and reason unless a failure is already recorded; returns @p err.
 * The text is cut to fit and characters that are not printable are replaced. @p d may be NULL.
 */
escertke_err esc_fail(escertke_detail *d, escertke_err err, const char *clause, const char *fmt, ...) ESCERTKE_PRINTF(4, 5);

#ifdef __clang_analyzer__ /* make lint: it does not look into other files, and must know what comes back */
#define esc_fail(d, err, ...) ((void)esc_fail(d, err, __VA_ARGS__), (err))
#endif

/** Copy untrusted text to show it to a person: control characters and invalid UTF-8 become '?', cut to cap - 1. */
void esc_printable(escertke_span in, char *out, size_t cap);

#endif
