/*
 * escertke/base.h - spans, buffers, errors, memory, log, time.
 *
 * Conventions of all headers of this library, said once:
 *  - Pointers are not NULL unless the text says "NULL allowed"; a NULL where it is not allowed is ESCERTKE_ERR_ARG.
 *  - A span borrows; a buf owns. What a function returns by span or `const char *` says until when it is valid.
 *  - Opaque structs come from *_new and go by *_free; *_free takes NULL, wipes what is secret and never fails.
 *  - No function opens a socket, reads a clock or sleeps, but those of escertke/http.h and the SQLite store.
 *  - Objects may be used by one thread at a time unless the text says "thread-safe".
 */
#ifndef ESCERTKE_BASE_H
#define ESCERTKE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define ESCERTKE_API __attribute__((visibility("default")))
#define ESCERTKE_CHECKED __attribute__((warn_unused_result))
#define ESCERTKE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define ESCERTKE_API
#define ESCERTKE_CHECKED
#define ESCERTKE_PRINTF(fmt, args)
#endif

/** Largest ESCertKE message after base64 is removed, bytes (R-HS-36, A-78). */
#define ESCERTKE_MESSAGE_MAX 65536u
/** Largest serialized primitive or content accepted, bytes. */
#define ESCERTKE_PRIMITIVE_MAX 131072u
/** Longest identifier or address in characters, without the NUL. */
#define ESCERTKE_ID_MAX 255u

/** Who failed; one exit code of the command belongs to each class. */
typedef enum escertke_class {
    ESCERTKE_CLASS_OK = 0,
    ESCERTKE_CLASS_LOCAL = 1,   /* this machine: memory, files, key store, limits */
    ESCERTKE_CLASS_USAGE = 2,   /* the caller: wrong argument, wrong order of calls */
    ESCERTKE_CLASS_PEER = 3,    /* the other side: malformed, unexpected, refused */
    ESCERTKE_CLASS_AUTH = 4,    /* authentication failed, on this side or the other */
    ESCERTKE_CLASS_NETWORK = 5, /* unreachable or too late */
} escertke_class;

/**
 * All errors: name, number (never reused), class, text.
 * The number is for programs; people get the name, the text and the escertke_detail.
 */
#define ESCERTKE_ERR_LIST(X)                                                                                                     \
    X(ARG, 1, USAGE, "invalid argument")                                                                                         \
    X(STATE, 2, USAGE, "message not expected now")                                                                               \
    X(CONFIG, 3, USAGE, "configuration not usable")                                                                              \
    X(FORMAT, 20, PEER, "malformed ESCertKE message")                                                                            \
    X(ALERT, 21, PEER, "peer sent a TLS alert")                                                                                  \
    X(JSON, 22, PEER, "not an acceptable JSON text")                                                                             \
    X(PRIMITIVE, 23, PEER, "not a valid oneM2M primitive")                                                                       \
    X(SECINFO, 24, PEER, "m2m:securityInfo not valid")                                                                           \
    X(ID, 25, PEER, "not a valid oneM2M identifier")                                                                             \
    X(BASE64, 26, PEER, "not valid base64")                                                                                      \
    X(TOO_LARGE, 27, PEER, "larger than the limit")                                                                              \
    X(NEGOTIATION, 28, PEER, "no common TLS version, cipher suite, group or signature algorithm")                                \
    X(TLS, 29, PEER, "TLS message not acceptable")                                                                               \
    X(NO_PENDING, 30, PEER, "no pending handshake for this From")                                                                \
    X(UNSUPPORTED, 31, PEER, "not supported")                                                                                    \
    X(RSC, 32, PEER, "request refused")                                                                                          \
    X(NO_CONTENT, 33, PEER, "2000 without content: a CSE on the way does not return NOTIFY responses")                           \
    X(RQI, 34, PEER, "response does not repeat the request identifier")                                                          \
    X(PRIVILEGE, 35, PEER, "originator has no privilege")                                                                        \
    X(NOT_FOUND, 36, PEER, "no such resource or entry")                                                                          \
    X(HTTP, 37, PEER, "not a valid HTTP binding message")                                                                        \
    X(COAP, 38, PEER, "not a valid CoAP binding message")                                                                        \
    X(XML, 45, PEER, "not an acceptable XML text")                                                                               \
    X(CBOR, 46, PEER, "not acceptable CBOR")                                                                                     \
    X(CREATOR, 47, PEER, "contentInstance not made by the originator that it names")                                             \
    X(CERT, 50, AUTH, "certificate chain not accepted")                                                                          \
    X(IDENTITY, 51, AUTH, "certificate identity is not the expected one")                                                        \
    X(VALIDITY, 52, AUTH, "certificate expired or not yet valid")                                                                \
    X(PROFILE, 53, AUTH, "certificate outside the oneM2M profile")                                                               \
    X(SIGNATURE, 54, AUTH, "signature or Finished not valid")                                                                    \
    X(NO_CERT, 55, AUTH, "peer sent no certificate")                                                                             \
    X(REFUSED_AUTH, 56, AUTH, "peer did not accept this end-point's authentication")                                             \
    X(REVOKED, 57, AUTH, "certificate has been revoked")                                                                         \
    X(STATUS, 58, AUTH, "certificate's revocation status cannot be determined")                                                  \
    X(NOMEM, 70, LOCAL, "out of memory")                                                                                         \
    X(BACKEND, 71, LOCAL, "TLS back end failed")                                                                                 \
    X(IO, 72, LOCAL, "file or socket operation failed")                                                                          \
    X(STORE, 73, LOCAL, "key store failed")                                                                                      \
    X(STORE_FULL, 74, LOCAL, "key store is full")                                                                                \
    X(LIMIT, 75, LOCAL, "configured limit reached")                                                                              \
    X(CREDENTIAL, 76, LOCAL, "own certificate, key or trust anchor not usable")                                                  \
    X(KEY_MISMATCH, 77, LOCAL, "private key does not fit the certificate")                                                       \
    X(DEADLINE, 90, NETWORK, "deadline passed")                                                                                  \
    X(UNREACHABLE, 91, NETWORK, "peer or CSE not reachable")

typedef enum escertke_err {
    ESCERTKE_OK = 0,
#define X(name, num, who, text) ESCERTKE_ERR_##name = num,
    ESCERTKE_ERR_LIST(X)
#undef X
} escertke_err;

/** Name of an error without the prefix, e.g. "CERT"; "OK" for 0, "?" for a number not in the list. Static storage. */
ESCERTKE_API const char *escertke_err_name(escertke_err err);
/** Text of an error in plain words. Static storage. */
ESCERTKE_API const char *escertke_err_text(escertke_err err);
/** Class of an error. */
ESCERTKE_API escertke_class escertke_err_class(escertke_err err);
/** Name of a TLS alert description (RFC 5246 7.2), e.g. 42 -> "bad_certificate"; NULL for none or unknown. */
ESCERTKE_API const char *escertke_alert_name(int alert);

/** Why something failed, for people. The first failure wins; later ones do not overwrite it. No secret is ever in it. */
typedef struct escertke_detail {
    escertke_err err;  /* ESCERTKE_OK while nothing failed */
    int message;       /* 1...4: the ESCertKE message at which it failed; 0 = none */
    int alert;         /* TLS alert description sent or received; -1 = none */
    int rsc;           /* Response Status Code sent or received; 0 = none */
    char clause[64];   /* e.g. "TS-0003 10.1.1.1"; "" = none */
    char reason[320];  /* what was expected and what was found, UTF-8, printable */
    char backend[160]; /* the TLS back end's own words; "" = none */
    /* Where a certificate or raw key was refused; printable UTF-8, "" = does not apply: */
    char certificate[224]; /* which one: position on the path, subject, serial, names, as escertke_cert_describe writes them */
    char expected[288];    /* the identity or the value that was expected */
    char found[288];       /* what was there in its place */
    char advice[192];      /* what a person can do about it */
} escertke_detail;

/** Make @p d empty (err OK, alert -1). */
ESCERTKE_API void escertke_detail_init(escertke_detail *d);

/** Borrowed bytes. ptr may be NULL when len is 0. */
typedef struct escertke_span {
    const uint8_t *ptr;
    size_t len;
} escertke_span;

/** Span over a C string, without its NUL; NULL gives the empty span. */
ESCERTKE_API escertke_span escertke_span_str(const char *s);
/** Same bytes; not constant time. */
ESCERTKE_API bool escertke_span_equal(escertke_span a, escertke_span b);

/** Owned, bounded bytes. Appending succeeds or leaves the buffer as it was; wiped when released. */
typedef struct escertke_buf {
    uint8_t *ptr;
    size_t len, cap, max;
} escertke_buf;

/** Empty buffer that may grow to @p max bytes; allocates nothing yet. */
ESCERTKE_API void escertke_buf_init(escertke_buf *b, size_t max);
/** Append. @return OK, TOO_LARGE (past max), NOMEM */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_buf_append(escertke_buf *b, const void *bytes, size_t len);
/** Make room for @p more bytes behind len and return the place in @p at; the caller then adds to len. @return OK, TOO_LARGE,
 * NOMEM */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_buf_reserve(escertke_buf *b, size_t more, uint8_t **at);
/** Forget the content (wiped), keep the memory. */
ESCERTKE_API void escertke_buf_reset(escertke_buf *b);
/** Wipe and release; the buffer is empty afterwards and keeps its max. */
ESCERTKE_API void escertke_buf_free(escertke_buf *b);
/** The content; valid until the next call on @p b. */
ESCERTKE_API escertke_span escertke_buf_span(const escertke_buf *b);

/** Overwrite with zeros in a way the compiler keeps. NULL allowed with len 0. */
ESCERTKE_API void escertke_wipe(void *p, size_t len);
/** Constant-time comparison of @p len bytes. */
ESCERTKE_CHECKED ESCERTKE_API bool escertke_ct_equal(const void *a, const void *b, size_t len);

/** Standard base64 (RFC 4648 4), padded, no line breaks, appended to @p out. @return OK, TOO_LARGE, NOMEM */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_base64_encode(escertke_span in, escertke_buf *out);
/**
 * Strict base64: padded, standard alphabet, XML white space between characters skipped, non-zero trailing bits refused.
 * Appends to @p out; on error @p out is as it was. @return OK, BASE64, TOO_LARGE, NOMEM
 * @spec TS-0004 6.3.2; R-DT-3
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_base64_decode(escertke_span in, escertke_buf *out);
/** Upper-case hexadecimal digits and a NUL: @p out has 2 * in.len + 1 characters. */
ESCERTKE_API void escertke_hex(escertke_span in, char *out);
/** Read exactly 2 * @p len hexadecimal digits of any case. @return OK, ARG */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_unhex(const char *text, uint8_t *out, size_t len);

/** The caller's clocks. */
typedef struct escertke_now {
    uint64_t mono_ms; /* monotonic, milliseconds, never decreasing: deadlines */
    int64_t unix_s;   /* UTC, seconds since 1970: certificates, key lifetimes */
} escertke_now;

/** Memory functions. realloc must accept NULL; sizes are never 0. */
typedef struct escertke_memory {
    void *(*alloc)(size_t size);
    void *(*resize)(void *p, size_t size);
    void (*release)(void *p);
} escertke_memory;

/**
 * Use these functions for all memory of this library from now on (process-wide). Call once, before anything else;
 * not thread-safe. The TLS back end and other libraries keep their own. NULL restores malloc, realloc, free.
 */
ESCERTKE_API void escertke_memory_set(const escertke_memory *m);

typedef enum escertke_level {
    ESCERTKE_LEVEL_DEBUG = 0,
    ESCERTKE_LEVEL_INFO = 1,
    ESCERTKE_LEVEL_WARN = 2,
    ESCERTKE_LEVEL_ERROR = 3,
} escertke_level;

/**
 * Where the library says what it does: event is a short dotted name ("ke.step"), fields is "name=value name=value"
 * in printable UTF-8, valid during the call. fn NULL = nothing is said; the library never writes to stderr itself.
 * fn may be called from any thread that is inside the library. No key material is ever in it.
 */
typedef struct escertke_log {
    void (*fn)(void *ctx, escertke_level level, const char *event, const char *fields);
    void *ctx;
} escertke_log;

/** Version of the library as built, "MAJOR.MINOR.PATCH". Static storage. */
ESCERTKE_API const char *escertke_version(void);

#ifdef __cplusplus
}
#endif
#endif
