/* URLs of listeners and points of access, and percent-encoding: what is read can be written and reads the same. */
#include <stdlib.h>
#include <string.h>

#include "binding/http_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static const char *text_of(const escertke_buf *b)
{
    return (const char *)b->ptr;
}

static void same_when_written(const struct esc_http_url *url)
{
    struct esc_http_url again;
    escertke_buf text;

    must(url->host[0] && strlen(url->host) <= ESCERTKE_ID_MAX && strlen(url->path) <= ESCERTKE_ID_MAX);
    must(!url->path[0] || (url->path[0] == '/' && url->path[strlen(url->path) - 1] != '/'));
    escertke_buf_init(&text, 4096);
    must(esc_http_url_authority(url, &text) == ESCERTKE_OK);
    must(escertke_buf_append(&text, url->path, strlen(url->path) + 1) == ESCERTKE_OK);
    must(esc_http_url_parse(text_of(&text), &again, NULL) == ESCERTKE_OK);
    must(again.https == url->https && again.v6 == url->v6 && again.port == url->port && again.port_given == url->port_given);
    must(!strcmp(again.host, url->host) && !strcmp(again.path, url->path));
    escertke_buf_free(&text);
}

/* Two schemes: what one does not know is the other's. */
static void as_url(const char *text)
{
    static const struct esc_url_schemes others = { { "a://", 1 }, { "as://", 2 } };
    struct esc_http_url url;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = esc_http_url_parse(text, &url, &d);
    must(err == ESCERTKE_OK || (err == ESCERTKE_ERR_ARG && d.err == err && d.reason[0]));
    if (err == ESCERTKE_OK) {
        same_when_written(&url);
        must(esc_url_parse(text, &others, &url, NULL) == ESCERTKE_ERR_ARG);
    }
}

static void as_encoded(escertke_span text)
{
    char plain[256], again[256];
    escertke_buf encoded;

    if (esc_http_percent_decode(text, plain, sizeof plain - 1) != ESCERTKE_OK)
        return;
    must(strlen(plain) <= text.len);
    escertke_buf_init(&encoded, 4096);
    must(esc_http_percent_encode(escertke_span_str(plain), &encoded) == ESCERTKE_OK);
    must(esc_http_percent_decode(escertke_buf_span(&encoded), again, sizeof again - 1) == ESCERTKE_OK && !strcmp(plain, again));
    escertke_buf_free(&encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* of its size, so that a step past its end is seen */

    must(text != NULL);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    as_url(text);
    as_encoded((escertke_span){ data, size });
    free(text);
    return 0;
}
