/* rand_object.h - receiverESPrimRandObject <-> JSON (TS-0004 6.3.5.51). */
#ifndef ESCERTKE_M2M_RAND_OBJECT_H
#define ESCERTKE_M2M_RAND_OBJECT_H

#include <escertke/m2m.h>

#include "m2m/json.h"

/** @return OK, SECINFO (member missing, of another type or outside its values); unknown members are ignored. */
ESCERTKE_CHECKED escertke_err esc_rand_object_parse(const json_t *object, escertke_rand_object *out, escertke_detail *d);

/**
 * The canonical form: compact, members esri, esrv, esrx, esks, espa (R-ES-15); these octets key the session.
 * An object that could not have been parsed makes the writer fail with SECINFO.
 */
void esc_rand_object_write(struct esc_json_writer *w, const escertke_rand_object *o);

#endif
