/*
 * tls_context.h - OpenSSL's contexts from certificates in memory, for bindings whose libraries (libmosquitto, libwebsockets) read
 * them from files only.
 */
#ifndef ESCERTKE_BINDING_TLS_CONTEXT_H
#define ESCERTKE_BINDING_TLS_CONTEXT_H

#include <escertke/base.h>
#include <openssl/ssl.h>

/** Of a client. */
struct esc_tls_context;

/**
 * TLS 1.2 or later to @p host, a name or an IP address, which the certificate of the peer must have.
 * @param peer   what the other side is, in reasons: "broker", "server"; static
 * @param trust  anchors; empty = the system's
 * @return OK, CREDENTIAL (a PEM text is not usable), NOMEM, BACKEND
 */
ESCERTKE_CHECKED escertke_err esc_tls_context_new(const char *host, const char *peer, escertke_span trust, escertke_span cert,
                                                  escertke_span key, struct esc_tls_context **out, escertke_detail *d);
/** NULL allowed. */
void esc_tls_context_free(struct esc_tls_context *t);
/** OpenSSL's own; lives as long as @p t. */
SSL_CTX *esc_tls_context_get(struct esc_tls_context *t);
/** A library has put its own callback in the way of ours: a certificate was refused, for the reason that @p store has. */
void esc_tls_context_note(struct esc_tls_context *t, X509_STORE_CTX *store);
/** Why the peer's certificate was last refused, and forget it; "" = it was not. In the thread that drives the connection. */
void esc_tls_context_why(struct esc_tls_context *t, char *out, size_t cap);

/**
 * Make a library's context that of a server: TLS 1.2 or later, this certificate with its chain, and certificates of clients
 * required if there are anchors for them. @return OK, CREDENTIAL
 */
ESCERTKE_CHECKED escertke_err esc_tls_server_fill(SSL_CTX *ctx, escertke_span cert, escertke_span key, escertke_span client_trust,
                                                  escertke_detail *d);

#endif
