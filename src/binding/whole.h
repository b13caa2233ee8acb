/* whole.h - what the bindings that carry whole primitives share (MQTT, WebSocket): how long to wait, and how to answer. */
#ifndef ESCERTKE_BINDING_WHOLE_H
#define ESCERTKE_BINDING_WHOLE_H

#include <escertke/binding.h>

#include "binding/patience.h"

/** Longest message, octets: a content of ESCERTKE_PRIMITIVE_MAX with what is around it. */
enum { ESC_WHOLE_MAX = 2 * ESCERTKE_PRIMITIVE_MAX };

/** Fill in what a client's settings leave 0: 4 workers (and at most 256), 5 s to connect, 30 s for a request, a sign of life
 * every 30 s. */
void esc_whole_defaults(unsigned *workers, uint32_t *connect_timeout_ms, uint32_t *timeout_ms, uint16_t *keepalive_s);

/**
 * Until when to wait for the response, as a monotonic time: timeout_ms, or less where rqet ends sooner; or what @p p says (NULL
 * allowed). @return OK, DEADLINE
 */
ESCERTKE_CHECKED escertke_err esc_whole_deadline(uint32_t timeout_ms, const struct esc_patience *p, const escertke_primitive *req,
                                                 uint64_t *until_ms, escertke_detail *d);

/**
 * Fill what every response needs and write it; what cannot be written becomes 5000.
 * @param rqi, rvi  of the request; rvi NULL = it had none
 * @param out  empty; ESC_WHOLE_MAX and no less
 * @return OK, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_whole_answer(escertke_format format, const char *rqi, const char *rvi, escertke_primitive *rsp,
                                               escertke_buf *out);
/** Make @p rsp (initialised, empty) a refusal with its reason. */
void esc_whole_refuse(escertke_format format, int rsc, const char *reason, escertke_primitive *rsp);
/** The RSC for a request that could not be read. */
int esc_whole_rsc(escertke_err err);

#endif
