/*
 * coap_msg.h - messages of CoAP over UDP (RFC 7252 3), taken apart and put together. No sockets, no time.
 *
 * Codes are written as people say them: 204 for 2.04, 2 for POST.
 */
#ifndef ESCERTKE_BINDING_COAP_MSG_H
#define ESCERTKE_BINDING_COAP_MSG_H

#include <escertke/base.h>

enum esc_coap_type { ESC_COAP_CON = 0, ESC_COAP_NON, ESC_COAP_ACK, ESC_COAP_RST };

enum { ESC_COAP_EMPTY = 0, ESC_COAP_GET = 1, ESC_COAP_POST = 2, ESC_COAP_PUT = 3, ESC_COAP_DELETE = 4 };

/** Options of RFC 7252 and RFC 7959 that mean something here; those of oneM2M are rows of the mapping. */
enum {
    ESC_COAP_URI_HOST = 3,
    ESC_COAP_URI_PORT = 7,
    ESC_COAP_URI_PATH = 11,
    ESC_COAP_CONTENT_FORMAT = 12,
    ESC_COAP_MAX_AGE = 14,
    ESC_COAP_URI_QUERY = 15,
    ESC_COAP_ACCEPT = 17,
    ESC_COAP_BLOCK2 = 23,
    ESC_COAP_BLOCK1 = 27,
    ESC_COAP_SIZE2 = 28,
    ESC_COAP_PROXY_URI = 35,
    ESC_COAP_PROXY_SCHEME = 39,
    ESC_COAP_SIZE1 = 60
};

enum { ESC_COAP_TOKEN_MAX = 8, ESC_COAP_MESSAGE_MAX = 65535 };

struct esc_coap_msg {
    enum esc_coap_type type;
    int code; /* class * 100 + detail */
    uint16_t mid;
    uint8_t token[ESC_COAP_TOKEN_MAX];
    size_t token_len;
    escertke_span options; /* as encoded; borrowed */
    escertke_span payload; /* borrowed */
};

/**
 * Take a datagram apart. Every option has been checked to lie inside.
 * @return OK, COAP: no message of version 1, or malformed. @p out then holds type, code and mid if the header was there, else
 * type RST, so that a Confirmable one can be rejected.
 */
ESCERTKE_CHECKED escertke_err esc_coap_parse(escertke_span datagram, struct esc_coap_msg *out);

struct esc_coap_option {
    unsigned number;
    escertke_span value;
};

/** Options one after the other: begin with { .rest = options }. @return false: no more, or malformed */
struct esc_coap_options {
    escertke_span rest;
    unsigned number;
    bool malformed;
};
bool esc_coap_option_next(struct esc_coap_options *it, struct esc_coap_option *out);

/** An option of format uint; zeros may lead (RFC 7252 3.2). @return false: longer than @p max octets */
bool esc_coap_uint(escertke_span value, size_t max, uint32_t *out);

/** Appends encoded options, in ascending order of their numbers. The first failure stays in err: TOO_LARGE, NOMEM, ARG (order).
 */
struct esc_coap_writer {
    escertke_buf *out;
    unsigned last;
    escertke_err err;
};
void esc_coap_add(struct esc_coap_writer *w, unsigned number, escertke_span value);
void esc_coap_add_uint(struct esc_coap_writer *w, unsigned number, uint32_t value);

/** An option of format uint that a message has beside those of its primitive. */
struct esc_coap_extra {
    unsigned number;
    uint32_t value;
};

/** Append a message, its options merged with @p extra (in ascending order). @return OK, ARG (token), TOO_LARGE, NOMEM */
ESCERTKE_CHECKED escertke_err esc_coap_write(const struct esc_coap_msg *m, const struct esc_coap_extra *extra, size_t extras,
                                             escertke_buf *out);

/**
 * Append those options by which the blocks of one transfer know each other (RFC 7959 2.2): all but Block1, Block2, Size1 and
 * Size2, which differ from block to block. @return OK, TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED escertke_err esc_coap_key(escertke_span options, escertke_buf *out);

/* ---- blocks (RFC 7959) --------------------------------------------------------------------------------------- */

enum { ESC_COAP_SZX_MAX = 6 }; /* 1,024 octets; 7 is for TCP alone */

struct esc_coap_block {
    uint32_t num;
    bool more;
    unsigned szx; /* a block has 16 << szx octets */
};

/** @return false: more than 3 octets, or SZX 7 */
bool esc_coap_block_read(escertke_span value, struct esc_coap_block *out);
uint32_t esc_coap_block_value(const struct esc_coap_block *b);
size_t esc_coap_block_size(unsigned szx);
/** Largest SZX, at most @p limit, with which a message with so many octets of options stays below the usual path MTU. */
unsigned esc_coap_fitting_szx(size_t options, unsigned limit);

/**
 * Take one block into the body, which has its limit. Blocks come in order; the one that came last may come again.
 * @return 0: taken; or the code that refuses it: 400 (a block with others behind it that is not full), 408 (not the next one),
 *         413 (past the limit), 500 (no memory)
 */
int esc_coap_block_take(const struct esc_coap_block *b, escertke_span payload, escertke_buf *body);
/** The block @p b of a body; sets more. @return false: it lies behind the end */
bool esc_coap_block_cut(escertke_span body, struct esc_coap_block *b, escertke_span *out);

#endif
