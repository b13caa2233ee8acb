/* whole.h - whole primitives as octets and back, in whatever serialization: what MQTT, WebSocket and polling channels carry. */
#ifndef ESCERTKE_BINDING_WHOLE_H
#define ESCERTKE_BINDING_WHOLE_H

#include <escertke/m2m.h>

/** As escertke_primitive_parse_json(). @return as that, UNSUPPORTED: this build does not read that serialization */
ESCERTKE_CHECKED escertke_err esc_whole_parse(escertke_format format, escertke_span text, escertke_primitive *out,
                                              escertke_detail *d);
/** As escertke_primitive_write_json(), in the serialization of p->format. @return as that, UNSUPPORTED */
ESCERTKE_CHECKED escertke_err esc_whole_write(const escertke_primitive *p, escertke_buf *out);

#endif
