/*
 * fuzz_constraints.c - name constraints of two CAs above one certificate.
 * Input: two octets, the lengths of two NameConstraints contents; these; then the content of a subjectAltName.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <escertke/cert.h>

#include "cert/constraints.h"
#include "cert/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* A parsed certificate's list has been read once: only such lists are compared. */
static bool is_name_list(escertke_span list)
{
    struct der r = esc_der_init(list);
    struct esc_name name;

    while (!esc_der_done(&r))
        if (!esc_general_name(&r, &name) || (name.type == NAME_IP && name.value.len != 4 && name.value.len != 16))
            return false;
    return true;
}

static escertke_err check(escertke_cert *certs, bool lower, bool upper)
{
    escertke_detail d;

    certs[1].has_name_constraints = lower;
    certs[2].has_name_constraints = upper;
    escertke_detail_init(&d);
    escertke_err err = esc_constraints_check(certs, 3, &d);
    must(err == d.err && (err == ESCERTKE_OK || (err == ESCERTKE_ERR_CERT && *d.reason)));
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nobody[] = { 0x30, 0 };
    escertke_cert certs[3] = { { .subject = { nobody, 2 } }, { .subject = { nobody, 2 } }, { .subject = { nobody, 2 } } };

    if (size < 2 || (size_t)data[0] + data[1] > size - 2)
        return 0;
    certs[1].name_constraints = (escertke_span){ data + 2, data[0] };
    certs[2].name_constraints = (escertke_span){ data + 2 + data[0], data[1] };
    certs[0].san = (escertke_span){ data + 2 + data[0] + data[1], size - 2 - data[0] - data[1] };
    if (!is_name_list(certs[0].san))
        return 0;
    certs[1].issuer = certs[1].subject; /* self-issued: its own name is not compared, so each CA's verdict is about the leaf */

    escertke_err lower = check(certs, true, false), upper = check(certs, false, true), both = check(certs, true, true);
    must(check(certs, false, false) == ESCERTKE_OK);
    if (both == ESCERTKE_OK) /* what both permit, each permits; together they may only be more work than is done */
        must(lower == ESCERTKE_OK && upper == ESCERTKE_OK);
    return 0;
}
