/* files.h - small files: read with a bound, write whole or not at all. Reasons name the file and the system's words. */
#ifndef ESCERTKE_CLI_FILES_H
#define ESCERTKE_CLI_FILES_H

#include <escertke/base.h>

/** Largest certificate, key or configuration file that is read, bytes. */
#define FILE_MAX (1024u * 1024u)

/** Read a whole file; a NUL stands behind the content (not counted). @p out is to be freed in any case. @return OK, IO, NOMEM */
ESCERTKE_CHECKED escertke_err file_read(const char *path, escertke_buf *out, escertke_detail *d);
/** The same with another bound, bytes. */
ESCERTKE_CHECKED escertke_err file_read_up_to(const char *path, size_t max, escertke_buf *out, escertke_detail *d);
/** May others than the owner read this file? false too when it cannot be told. */
bool file_is_open_to_others(const char *path);
/**
 * Write through a temporary file in the same folder, synchronised, then moved to its name: whole or not at all.
 * @param replace  false: an existing file is left alone and is an error
 * @return OK, IO
 */
ESCERTKE_CHECKED escertke_err file_write(const char *path, escertke_span content, unsigned mode, bool replace,
                                         escertke_detail *d);
bool file_exists(const char *path);
/** Make a folder and its parents, mode 0700, unless it is there. @return OK, IO */
ESCERTKE_CHECKED escertke_err file_make_folder(const char *path, escertke_detail *d);

#endif
