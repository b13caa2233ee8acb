/*
 * fuzz_san.c - names against identities and constraints, without a certificate around them.
 * Input: one octet length of a NameConstraints content, that content, then the content of a subjectAltName.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <escertke/cert.h>

#include "cert/constraints.h"
#include "cert/san.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* A parsed certificate's list has been read once: only such lists reach the matcher. */
static bool is_name_list(escertke_span list)
{
    struct der r = esc_der_init(list);
    struct esc_name name;

    while (!esc_der_done(&r))
        if (!esc_general_name(&r, &name) || (name.type == NAME_IP && name.value.len != 4 && name.value.len != 16))
            return false;
    return true;
}

static bool holds(escertke_span list, uint8_t type, const char *text)
{
    struct der r = esc_der_init(list);
    struct esc_name name;

    while (!esc_der_done(&r) && esc_general_name(&r, &name))
        if (name.type == type && esc_text_equal(name.value, escertke_span_str(text)))
            return true;
    return false;
}

/* By another way than the matcher goes: the name in words. */
static bool holds_shown(escertke_span list, uint8_t type, const char *text)
{
    struct der r = esc_der_init(list);
    struct esc_name name;
    char shown[64];

    while (!esc_der_done(&r) && esc_general_name(&r, &name)) {
        esc_name_text(&name, shown, sizeof shown);
        if (name.type == type && strcmp(shown, text) == 0)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t no_name[] = { 0x30, 0 };
    static const escertke_expect ae = { .id = "//m2m.example.org/in1/Cmeter" }, cse = { .id = "//m2m.example.org/in1" },
                                 node = { .flavour = ESCERTKE_FLAVOUR_NODE, .id = "//m2m.example.org/in1", .san = "1.3.6.1" },
                                 device = { .flavour = ESCERTKE_FLAVOUR_DEVICE,
                                            .id = "//m2m.example.org/in1",
                                            .san = "1.3.6:1.2" };
    escertke_cert certs[2] = { { .version = 3, .subject = { no_name, 2 } }, { .version = 3, .has_name_constraints = true } };
    escertke_detail d;
    char words[100];

    if (!size || data[0] >= size)
        return 0;
    certs[1].name_constraints = (escertke_span){ data + 1, data[0] };
    certs[0].san = (escertke_span){ data + 1 + data[0], size - 1 - data[0] };
    if (!is_name_list(certs[0].san))
        return 0;

    escertke_err err = escertke_cert_match_identity(&certs[0], &ae, NULL);
    must(err == ESCERTKE_OK ? holds(certs[0].san, NAME_URI, ae.id) : escertke_err_class(err) == ESCERTKE_CLASS_AUTH);
    err = escertke_cert_match_identity(&certs[0], &cse, NULL);
    must(err == ESCERTKE_OK ? holds(certs[0].san, NAME_DNS, "in1.m2m.example.org")
                            : escertke_err_class(err) == ESCERTKE_CLASS_AUTH);
    err = escertke_cert_match_identity(&certs[0], &node, NULL);
    must(err == ESCERTKE_OK ? holds_shown(certs[0].san, NAME_REGISTERED_ID, node.san)
                            : escertke_err_class(err) == ESCERTKE_CLASS_AUTH);
    err = escertke_cert_match_identity(&certs[0], &device, NULL);
    must(err == ESCERTKE_OK ? holds_shown(certs[0].san, NAME_OTHER, device.san) : escertke_err_class(err) == ESCERTKE_CLASS_AUTH);
    escertke_detail_init(&d);
    err = esc_constraints_check(certs, 2, &d);
    must(err == d.err && (err == ESCERTKE_OK || err == ESCERTKE_ERR_CERT));
    esc_san_text(&certs[0], words, sizeof words);
    must(strlen(words) < sizeof words);
    return 0;
}
