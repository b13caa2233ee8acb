/* cbor.h - CBOR (RFC 8949) <-> tree, with libcbor; TS-0004 8.5.1: the CBOR of the JSON object. See esc_serialization for both. */
#ifndef ESCERTKE_M2M_CBOR_H
#define ESCERTKE_M2M_CBOR_H

#include "m2m/json.h"

/**
 * Read as esc_json_load does. Definite and indefinite lengths, integers of any width, floats of 2, 4 and 8 octets are taken;
 * byte strings count as the characters in them. Refused: tags, undefined and other simple values, NaN and infinity,
 * integers past 64 bits, names that are no strings. A length is believed only as far as octets are there.
 * @return OK, CBOR, TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_cbor_load(escertke_span octets, json_t **out, escertke_detail *d);

/** Write definite lengths, text strings, the shortest integers, floats of 4 octets where these are exact, else of 8 (R-DT-45).
 *  @return OK, CBOR (too deep), TOO_LARGE, NOMEM */
ESCERTKE_CHECKED escertke_err esc_cbor_dump(const json_t *tree, escertke_buf *out);

#endif
