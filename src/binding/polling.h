/* polling.h - what a <pollingChannel> is on the wire. */
#ifndef ESCERTKE_BINDING_POLLING_H
#define ESCERTKE_BINDING_POLLING_H

#include <escertke/polling.h>

enum { ESC_POLLING_TY = 15, ESC_POLLING_RQI_LEN = 8 };
/** resourceName of the channels that are made here. */
#define ESC_POLLING_NAME "pch"

/** A new request identifier: random hex digits. @return OK, BACKEND */
ESCERTKE_CHECKED escertke_err esc_polling_rqi(char out[2 * ESC_POLLING_RQI_LEN + 1]);
/**
 * Address of the channel by names, "/in1/-/meter/pch", from a response that shows its entity.
 * @return OK, NOT_FOUND (it shows no name)
 */
ESCERTKE_CHECKED escertke_err esc_polling_child(const char *entity, const escertke_primitive *rsp, char *out, size_t cap);
/**
 * The address to poll: "/in1/ri/pcu", from a response that shows a <pollingChannel>, or what must be it if it does not.
 * @param entity  SP-relative or Absolute
 * @return OK, PRIMITIVE (another resource, or an ri that is none)
 */
ESCERTKE_CHECKED escertke_err esc_polling_address(const char *entity, const escertke_primitive *rsp, char *out, size_t cap,
                                                  escertke_detail *d);

#endif
