/* utf8.h - the one UTF-8 decoder. */
#ifndef ESCERTKE_BASE_UTF8_H
#define ESCERTKE_BASE_UTF8_H

#include <escertke/base.h>

/** Length (1...4) of the valid UTF-8 sequence that @p in starts with; 0 = invalid or empty. No surrogates, no overlong forms. */
size_t esc_utf8_len(escertke_span in);

#endif
