/* PEM blocks of a text, for three labels: each one shortens what is left, and written anew it reads the same. */
#include <stdlib.h>
#include <string.h>

#include "base/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void put(escertke_buf *text, const char *part)
{
    must(escertke_buf_append(text, part, strlen(part)) == ESCERTKE_OK);
}

static void write_and_read(const char *label, escertke_span der)
{
    escertke_buf text, again;

    escertke_buf_init(&text, 1u << 20);
    escertke_buf_init(&again, 1u << 20);
    put(&text, "-----BEGIN ");
    put(&text, label);
    put(&text, "-----\n");
    must(escertke_base64_encode(der, &text) == ESCERTKE_OK);
    put(&text, "\n-----END ");
    put(&text, label);
    put(&text, "-----\n");
    escertke_span rest = escertke_buf_span(&text);
    must(esc_pem_next(&rest, label, &again) == ESCERTKE_OK && escertke_span_equal(escertke_buf_span(&again), der));
    must(esc_pem_next(&rest, label, &again) == ESCERTKE_ERR_NOT_FOUND);
    escertke_buf_free(&text);
    escertke_buf_free(&again);
}

static void read_all(escertke_span text, const char *label)
{
    const uint8_t *end = text.ptr + text.len;
    escertke_buf der;

    escertke_buf_init(&der, 4096);
    for (size_t left = text.len;; left = text.len) {
        escertke_err err = esc_pem_next(&text, label, &der);
        must(text.ptr + text.len == end);
        if (err == ESCERTKE_ERR_NOT_FOUND)
            break;
        must(text.len < left && (err == ESCERTKE_OK || err == ESCERTKE_ERR_BASE64 || err == ESCERTKE_ERR_TOO_LARGE));
        must(err == ESCERTKE_OK || !der.len);
        if (err == ESCERTKE_OK)
            write_and_read(label, escertke_buf_span(&der));
        escertke_buf_reset(&der);
    }
    escertke_buf_free(&der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const labels[] = { "CERTIFICATE", "X509 CRL", "PRIVATE KEY" };

    for (size_t i = 0; size && i < sizeof labels / sizeof *labels; i++)
        read_all((escertke_span){ data, size }, labels[i]);
    return 0;
}
