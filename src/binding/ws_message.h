/*
 * ws_message.h - what is ours of the WebSocket binding's syntax (TS-0020 6.2, 6.4): URLs, subprotocols, and messages put together
 * from the fragments they come in. Knows no library.
 */
#ifndef ESCERTKE_BINDING_WS_MESSAGE_H
#define ESCERTKE_BINDING_WS_MESSAGE_H

#include <escertke/m2m.h>

#include "binding/http_url.h"
#include "binding/whole.h"

/** Longest list of subprotocols that is offered, with its NUL. */
enum { ESC_WS_OFFER_MAX = 64 };

/** ws(s)://HOST[:PORT][/PATH]; port 0 is any free one to a listener. @return OK, ARG */
ESCERTKE_CHECKED escertke_err esc_ws_url_parse(const char *text, struct esc_http_url *out, escertke_detail *d);
/** Write it in its one form, the port always said; cap at least 2 * ESCERTKE_ID_MAX + 32. */
void esc_ws_url_write(const struct esc_http_url *url, char *out, size_t cap);

/** "oneM2M.json" and so on; "" for another number. */
const char *esc_ws_subprotocol(escertke_format format);
/** The serialization of a subprotocol, if this build has it; letter for letter (RFC 6455 11.3.4). @return 0 = none */
escertke_format esc_ws_format(escertke_span subprotocol);
/** The first of a Sec-WebSocket-Protocol header that this build has. @return 0 = none */
escertke_format esc_ws_choose(escertke_span header);
/** The header of a client: one serialization; 0 = JSON, then the others of this build. */
void esc_ws_offer(escertke_format only, char out[ESC_WS_OFFER_MAX]);
/** Are its messages binary? */
bool esc_ws_is_binary(escertke_format format);

/** A message that is being received; zeroed at first. */
struct esc_ws_assembly {
    escertke_buf message;
    bool open;         /* its end has not come */
    uint64_t since_ms; /* when it began */
};

/** How a fragment was taken: the value is the close code for what is wrong (RFC 6455 7.4.1). */
enum esc_ws_taken {
    ESC_WS_MORE = 0,
    ESC_WS_WHOLE = 1,
    ESC_WS_WRONG_TYPE = 1003, /* text for CBOR, binary for JSON or XML */
    ESC_WS_TOO_LARGE = 1009,
    ESC_WS_NO_MEMORY = 1011
};

/** One piece as the library hands it over. A whole message stays in @p a until the next call or esc_ws_assembly_clear(). */
struct esc_ws_piece {
    escertke_span octets;
    bool first, final, binary; /* of a message */
};

/** Append a piece. Once it is not MORE or WHOLE the connection is to be closed. */
enum esc_ws_taken esc_ws_assemble(struct esc_ws_assembly *a, escertke_format format, const struct esc_ws_piece *piece,
                                  uint64_t now_ms);
void esc_ws_assembly_clear(struct esc_ws_assembly *a);

enum esc_ws_kind {
    ESC_WS_REQUEST,
    ESC_WS_RESPONSE,
    ESC_WS_UNREADABLE, /* rqi is there: it can be refused */
    ESC_WS_MEANINGLESS /* nothing can be answered */
};

/**
 * What is this message? @p out is initialised here, and to be cleared in any case.
 * @param why  initialised; what is wrong with it
 */
enum esc_ws_kind esc_ws_sort(escertke_format format, escertke_span message, escertke_primitive *out, escertke_detail *why);

#endif
