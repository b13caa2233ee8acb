/* attempt.h - what the carriers need of an attempt. */
#ifndef ESCERTKE_ENDPOINT_ATTEMPT_H
#define ESCERTKE_ENDPOINT_ATTEMPT_H

#include <escertke/attempt.h>

/** A fresh request identifier: "e" and 16 hexadecimal digits. @return OK, BACKEND */
ESCERTKE_CHECKED escertke_err esc_attempt_request_id(const escertke_attempt *a, char out[18]);

#endif
