/*
 * out.h - what the command says: data on stdout (a JSON object per line with --json, readable lines otherwise), words on stderr.
 * Thread-safe. Nothing here ever gets key material.
 */
#ifndef ESCERTKE_CLI_OUT_H
#define ESCERTKE_CLI_OUT_H

#include <escertke/base.h>
#include <jansson.h>

/** Exit codes of the command; the classes of escertke_err have the same numbers. */
enum exit_code { EXIT_DONE = 0, EXIT_LOCAL = 1, EXIT_USAGE = 2, EXIT_PEER = 3, EXIT_AUTH = 4, EXIT_NETWORK = 5 };

/** Choose between JSON and readable lines for stdout. */
void out_use_json(bool json);
bool out_is_json(void);
/** Is there a person in front of stderr who may be shown progress? (terminal, and no --json) */
bool out_is_interactive(void);
/** May the terminal be given characters beyond ASCII? */
bool out_is_utf8(void);

/** New event object {"event": name}; NULL when out of memory (out_event then says so). */
json_t *out_new_event(const char *name);
/** Add a text member; a NULL value is left out. Invalid UTF-8 is replaced. */
void out_text(json_t *event, const char *name, const char *value);
void out_number(json_t *event, const char *name, json_int_t value);
/** Say one event: its JSON line, or the readable line made from @p fmt. Takes the event over; flushed. */
void out_event(json_t *event, const char *fmt, ...) ESCERTKE_PRINTF(2, 3);
/** A readable line on stdout, not said with --json. */
void out_line(const char *fmt, ...) ESCERTKE_PRINTF(1, 2);

/** Words on stderr, opened by the program's name and closed by a line feed. */
void out_words(const char *fmt, ...) ESCERTKE_PRINTF(1, 2);
/** Log callback for the library: its events as lines on stderr. */
void out_log(void *ctx, escertke_level level, const char *event, const char *fields);

/**
 * Say on stderr why something failed: what was tried, the error, and a line each for reason, certificate, what was expected and
 * found, message, alert, the back end's words, clause, and what to do.
 * @return the exit code of the error's class
 */
int out_failure(escertke_err err, const escertke_detail *d, const char *fmt, ...) ESCERTKE_PRINTF(3, 4);
/** Wrong usage: words on stderr, and where to read on. @return EXIT_USAGE */
int out_usage(const char *command, const char *fmt, ...) ESCERTKE_PRINTF(2, 3);
/** What a person can do about an error; NULL if the reason says it all. Static storage. */
const char *out_advice(escertke_err err);
/** The advice of a failure: its own, or that of its error. @p d may be NULL. NULL if there is none. */
const char *out_what_to_do(escertke_err err, const escertke_detail *d);

/** Flush stdout. @return @p code, or EXIT_LOCAL after words on stderr if something written to stdout was lost. */
int out_finish(int code);

/** Seconds since 1970 as RFC 3339 in UTC, "2026-06-01T12:00:00Z". */
void out_time(int64_t unix_s, char out[24]);

#endif
