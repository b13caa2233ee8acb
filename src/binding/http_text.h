/* http_text.h - small readers of header and query text, shared by the files of the mapping. */
#ifndef ESCERTKE_BINDING_HTTP_TEXT_H
#define ESCERTKE_BINDING_HTTP_TEXT_H

#include <escertke/base.h>

/** Same name, ASCII letters of any case, whatever the locale. */
bool esc_http_same_name(escertke_span text, const char *name);
/** Same text. */
bool esc_http_same_text(escertke_span text, const char *other);
/** Without spaces and tabs at both ends. */
escertke_span esc_http_trim(escertke_span text);
/** Cut the text up to the next @p sep off @p rest, blanks around it removed. @return false when nothing was left */
bool esc_http_next_part(escertke_span *rest, char sep, escertke_span *part);
/** Decimal digits only, min to max. */
bool esc_http_read_int(escertke_span text, int min, int max, int *out);

#endif
