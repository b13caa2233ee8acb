/*
 * state.h - what the state file and its journal share. The file is all resources at one moment; the journal beside it,
 * FILE.journal, is what has changed since, in frames that are whole or nothing. See state.c and journal.c.
 */
#ifndef ESCERTKE_CSE_STATE_H
#define ESCERTKE_CSE_STATE_H

#include "cse/internal.h"

/** Octets of the state file, and of its journal, at most. */
enum { ESC_STATE_MAX = 256 * 1024 * 1024 };

/** A reader of either. */
struct esc_state_loader {
    struct esc_cse *cse;
    const char *path;   /* of the file, for words */
    escertke_span text; /* what is left */
    size_t line, count;
    escertke_detail *d;
};

uint64_t esc_state_checksum(escertke_span bytes);
/** Append @p line, which is released, as a line. */
ESCERTKE_CHECKED escertke_err esc_state_put_line(escertke_buf *out, json_t *line);
/** A resource as a line; NULL = out of memory. */
json_t *esc_state_line(const struct esc_resource *r);
/** IO, with the file, the line and @p what. */
ESCERTKE_CHECKED escertke_err esc_state_damaged(struct esc_state_loader *l, const char *what);
ESCERTKE_CHECKED escertke_err esc_state_next_line(struct esc_state_loader *l, json_t **line);
/** A text of at most ESCERTKE_ID_MAX characters; "" = none. */
const char *esc_state_text(const json_t *line, const char *name);
/** The resource that a line says. @param replace  it may be there already: it then gets these attributes */
ESCERTKE_CHECKED escertke_err esc_state_load_resource(struct esc_state_loader *l, const json_t *line, bool replace);
ESCERTKE_CHECKED escertke_err esc_state_within_limits(struct esc_state_loader *l);
/** @return OK, IO with errno */
ESCERTKE_CHECKED escertke_err esc_state_write_all(int fd, escertke_span bytes);
ESCERTKE_CHECKED escertke_err esc_state_sync_folder(const char *path);
/** The whole of a file. @return OK, NOT_FOUND, IO, NOMEM */
ESCERTKE_CHECKED escertke_err esc_state_read(const char *path, escertke_buf *out, escertke_detail *d);

/* ---- journal.c: under file_lock, but for esc_journal_put and _remove, which are in internal.h ------------------- */

/** Empty, after a state file with this checksum and length was written. @return OK, IO with errno, NOMEM */
ESCERTKE_CHECKED escertke_err esc_journal_begin(struct esc_cse *cse, uint64_t sum, size_t state_len);
/** One frame, on the disk when this returns. @return OK; IO, NOMEM: it is not there, and a state file is to be written */
ESCERTKE_CHECKED escertke_err esc_journal_append(struct esc_cse *cse, escertke_span records);
/** Is the journal long enough for a state file to take its place? */
bool esc_journal_is_full(const struct esc_cse *cse, size_t more);
/**
 * Apply the journal to what the state file with this checksum said. A frame at the end that is not whole was never answered: it
 * is left out, and cse->left_out says so.
 * @return OK; IO (damaged, and left as it is), LIMIT, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_journal_load(struct esc_cse *cse, uint64_t sum, size_t state_len, escertke_detail *d);

#endif
