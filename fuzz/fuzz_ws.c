/*
 * fuzz_ws.c - what is ours of WebSocket: URLs, the choice of a subprotocol, messages put together from fragments, and what an
 * end-point makes of them. Input: a line (a URL and a Sec-WebSocket-Protocol header), then fragments, each with two octets before
 * it: its length, whether it ends a message (0x40), is binary (0x80), begins one (0x20). All that is sent in answer must be
 * responses that can be read.
 */
#include <stdlib.h>
#include <string.h>

#include "binding/ws_endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAGMENT_MAX = 0x1fff, BEGINS = 0x20, ENDS = 0x40, BINARY = 0x80 };

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void read_url(const char *line)
{
    struct esc_http_url url, again;
    char text[2 * ESCERTKE_ID_MAX + 32], once_more[sizeof text];

    if (esc_ws_url_parse(line, &url, NULL) != ESCERTKE_OK)
        return;
    esc_ws_url_write(&url, text, sizeof text);
    require(esc_ws_url_parse(text, &again, NULL) == ESCERTKE_OK || url.port == 0);
    if (url.port == 0)
        return;
    esc_ws_url_write(&again, once_more, sizeof once_more);
    require(strcmp(text, once_more) == 0);
}

/* What was chosen is in the list, and is chosen from what would be offered for it. */
static escertke_format choose(const char *line)
{
    escertke_format format = esc_ws_choose(escertke_span_str(line));
    char offer[ESC_WS_OFFER_MAX];

    if (!format)
        return ESCERTKE_FORMAT_JSON;
    require(strstr(line, esc_ws_subprotocol(format)) != NULL);
    esc_ws_offer(format, offer);
    require(esc_ws_choose(escertke_span_str(offer)) == format);
    return format;
}

/* What can be read can be said, and reads the same. */
static void write_again(escertke_format format, escertke_span message)
{
    escertke_primitive p, again;
    escertke_detail why;
    escertke_buf out;

    escertke_detail_init(&why);
    escertke_buf_init(&out, ESC_WHOLE_MAX);
    enum esc_ws_kind kind = esc_ws_sort(format, message, &p, &why);
    require((kind == ESC_WS_MEANINGLESS) == !p.rqi);
    require(kind >= ESC_WS_UNREADABLE || why.err == ESCERTKE_OK);
    if (kind < ESC_WS_UNREADABLE && escertke_primitive_write(format, &p, &out) == ESCERTKE_OK) {
        enum esc_ws_kind same = esc_ws_sort(format, escertke_buf_span(&out), &again, &why);
        require(same == kind || why.err == ESCERTKE_ERR_TOO_LARGE);
        require(same != kind || strcmp(again.rqi, p.rqi) == 0);
        escertke_primitive_clear(&again);
    }
    escertke_buf_free(&out);
    escertke_primitive_clear(&p);
}

static void read_answers(struct esc_ws_conn *c)
{
    escertke_primitive p;
    escertke_detail why;

    escertke_detail_init(&why);
    for (struct esc_ws_out *m; (m = esc_ws_conn_take(c)) != NULL; esc_ws_out_free(m)) {
        require(esc_ws_sort(c->format, esc_ws_out_message(m), &p, &why) == ESC_WS_RESPONSE);
        escertke_primitive_clear(&p);
    }
}

static void take_fragments(struct esc_ws_conn *c, const uint8_t *at, size_t size)
{
    while (size >= 2) {
        size_t len = (size_t)(at[0] << 8 | at[1]) & FRAGMENT_MAX;
        if (len > size - 2)
            len = size - 2;
        const struct esc_ws_piece piece = { { at + 2, len }, (at[0] & BEGINS) != 0, (at[0] & ENDS) != 0, (at[0] & BINARY) != 0 };
        enum esc_ws_taken taken = esc_ws_assemble(&c->in, c->format, &piece, 0);
        require(c->in.message.len <= ESC_WHOLE_MAX);
        if (taken > ESC_WS_WHOLE)
            return;
        if (taken == ESC_WS_WHOLE) {
            write_again(c->format, escertke_buf_span(&c->in.message));
            esc_ws_conn_take_in(c, escertke_buf_span(&c->in.message));
            read_answers(c);
        }
        at += 2 + len;
        size -= 2 + len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct esc_ws_role role;
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    struct esc_ws ws = { .role = &role };
    char line[300];

    if (!end || (size_t)(end - data) >= sizeof line)
        return 0;
    memcpy(line, data, (size_t)(end - data));
    line[end - data] = '\0';
    read_url(line);
    require(esc_ws_init(&ws, 0) == ESCERTKE_OK);
    struct esc_ws_conn *c = esc_ws_conn_new(&ws);
    require(c != NULL);
    esc_ws_conn_opened(c, choose(line));
    take_fragments(c, end + 1, size - (size_t)(end - data) - 1);
    esc_ws_conn_closed(c, "end of input");
    esc_ws_end(&ws, 0);
    return 0;
}
