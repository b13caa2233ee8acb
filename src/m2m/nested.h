/* nested.h - a primitive as the content of another one: what a polling channel hands out and takes back (TS-0004 7.4.22). */
#ifndef ESCERTKE_M2M_NESTED_H
#define ESCERTKE_M2M_NESTED_H

#include <escertke/m2m.h>

/**
 * Read {"m2m:rqp":{...}} (@p request) or {"m2m:rsp":{...}}.
 * @param out  initialised by the call; its content is in JSON, whatever it came in. After a failure it may hold rqi, nothing else
 * @return OK; as escertke_primitive_parse; PRIMITIVE (another content)
 */
ESCERTKE_CHECKED escertke_err esc_nested_read(escertke_format format, escertke_span content, bool request,
                                              escertke_primitive *out, escertke_detail *d);
/** Append it; a request or a response, as @p p is one. @return as escertke_primitive_write */
ESCERTKE_CHECKED escertke_err esc_nested_write(escertke_format format, const escertke_primitive *p, escertke_buf *out);

#endif
