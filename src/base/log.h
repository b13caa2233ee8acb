/* log.h - say something through the caller's callback; costs one test when nobody listens. Never key material. */
#ifndef ESCERTKE_BASE_LOG_H
#define ESCERTKE_BASE_LOG_H

#include <escertke/base.h>

void esc_log(const escertke_log *log, escertke_level level, const char *event, const char *fmt, ...) ESCERTKE_PRINTF(4, 5);

#endif
