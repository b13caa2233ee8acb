/*
 * coap_dtls.h - DTLS 1.2 of CoAP hops, with GnuTLS (R-BC-8): credentials, and one session between two addresses. Datagrams come
 * and go by the caller's hands; nothing here waits.
 */
#ifndef ESCERTKE_BINDING_COAP_DTLS_H
#define ESCERTKE_BINDING_COAP_DTLS_H

#include <escertke/base.h>

#include "binding/http_url.h"

/** Certificate, key and anchors of one end; used by many sessions. */
struct esc_coap_credentials;

/**
 * @param trust  anchors for the peers' certificates. Of a client empty = the system's; of a server empty = clients need none
 * @return OK, CREDENTIAL (unreadable, key does not fit, no anchor), NOMEM, BACKEND
 */
ESCERTKE_CHECKED escertke_err esc_coap_credentials_new(bool server, escertke_span cert, escertke_span key, escertke_span trust,
                                                       struct esc_coap_credentials **out, escertke_detail *d);
void esc_coap_credentials_free(struct esc_coap_credentials *c);

/** Send one datagram to the peer; what cannot be sent is lost like any other. */
typedef void (*esc_coap_push_fn)(void *ctx, escertke_span datagram);

/** What a server proves its clients' addresses with before it keeps anything of them (RFC 6347 4.2.1). */
struct esc_coap_cookies;
ESCERTKE_CHECKED escertke_err esc_coap_cookies_new(struct esc_coap_cookies **out);
void esc_coap_cookies_free(struct esc_coap_cookies *c);
/**
 * A datagram from an address without a session, or one that may begin another. @return true: a ClientHello with the cookie of
 * this address, which begins a session with esc_coap_session_accept(); false: a cookie has been sent, or it was something else
 */
bool esc_coap_cookies_check(struct esc_coap_cookies *c, escertke_span address, escertke_span datagram, esc_coap_push_fn push,
                            void *push_ctx);
/** Is it a ClientHello of a new session? A look at the record's head alone. */
bool esc_coap_is_hello(escertke_span datagram);

struct esc_coap_session;

/** Right after esc_coap_cookies_check() was true; the datagram is then to be given to the session. @return OK, NOMEM, BACKEND */
ESCERTKE_CHECKED escertke_err esc_coap_session_accept(struct esc_coap_cookies *c, struct esc_coap_credentials *cred,
                                                      esc_coap_push_fn push, void *push_ctx, struct esc_coap_session **out);
/** @param to  whose name or address the server's certificate must have; used during the session. @return OK, NOMEM, BACKEND */
ESCERTKE_CHECKED escertke_err esc_coap_session_connect(struct esc_coap_credentials *cred, const struct esc_http_url *to,
                                                       esc_coap_push_fn push, void *push_ctx, struct esc_coap_session **out);
/** Close with an alert if the session was up. NULL allowed. */
void esc_coap_session_free(struct esc_coap_session *s);

/**
 * Take the handshake a step further: with a datagram, or an empty one when esc_coap_session_wait_ms() is over.
 * @return OK (up), STATE (not yet), UNREACHABLE (failed; d says why), NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_coap_session_handshake(struct esc_coap_session *s, escertke_span datagram, escertke_detail *d);
bool esc_coap_session_is_up(const struct esc_coap_session *s);
/** Until the handshake is to be stepped although nothing has come. */
unsigned esc_coap_session_wait_ms(struct esc_coap_session *s);

/**
 * Decrypt a datagram of a session that is up. @return OK (@p out has the message: cap octets at most, in *len), STATE (nothing
 * for the caller: another record, a replay, forged), UNREACHABLE (the peer has closed, or the session is broken)
 */
ESCERTKE_CHECKED escertke_err esc_coap_session_open(struct esc_coap_session *s, escertke_span datagram, uint8_t *out, size_t cap,
                                                    size_t *len);
/** Encrypt a message and push it. @return OK, TOO_LARGE, UNREACHABLE */
ESCERTKE_CHECKED escertke_err esc_coap_session_send(struct esc_coap_session *s, escertke_span message);

#endif
