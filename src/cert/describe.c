/* describe.c - a certificate in words. Its names come from outside: everything shown is made printable and cut. */
#include <escertke/cert.h>

#include <stdio.h>

#include "base/fail.h"
#include "cert/oid.h"
#include "cert/san.h"

#define SHOWN_MAX 128

static const char *const prefixes[] = {
    [NAME_OTHER] = "otherName:",
    [NAME_EMAIL] = "email:",
    [NAME_DNS] = "DNS:",
    [NAME_X400] = "x400Address",
    [NAME_DIRECTORY] = "directoryName",
    [NAME_EDI] = "ediPartyName",
    [NAME_URI] = "URI:",
    [NAME_IP] = "iPAddress",
    [NAME_REGISTERED_ID] = "registeredID:",
};

void esc_name_text(const struct esc_name *name, char *out, size_t cap)
{
    out[0] = '\0';
    if (name->type == NAME_EMAIL || name->type == NAME_DNS || name->type == NAME_URI)
        esc_printable(name->value, out, cap);
    else if (name->type == NAME_REGISTERED_ID)
        esc_oid_text(name->value, false, out, cap);
    else if (name->type == NAME_OTHER)
        esc_other_text(name->value, out, cap);
}

static size_t add(char *out, size_t cap, size_t len, const char *a, const char *b, const char *c)
{
    int n = len < cap ? snprintf(out + len, cap - len, "%s%s%s", a, b, c) : 0;

    return n < 0 || len + (size_t)n >= cap ? cap : len + (size_t)n;
}

void esc_san_text(const escertke_cert *cert, char *out, size_t cap)
{
    struct der walk = esc_der_init(cert->san);
    struct esc_name name;
    char shown[SHOWN_MAX];
    size_t len = 0;

    if (!cap)
        return;
    out[0] = '\0';
    while (!esc_der_done(&walk) && esc_general_name(&walk, &name)) {
        esc_name_text(&name, shown, sizeof shown);
        len = add(out, cap, len, len ? ", " : "", prefixes[name.type], shown);
    }
    if (!len)
        add(out, cap, 0, "no subjectAltName", "", "");
}

void escertke_cert_describe(const escertke_cert *cert, char *out, size_t cap)
{
    char serial[2 * 20 + 1], names[512];
    escertke_span s;

    if (!cert || !out || !cap)
        return;
    s = cert->serial;
    if (s.len > 20)
        s.len = 20;
    escertke_hex(s, serial);
    esc_san_text(cert, names, sizeof names);
    snprintf(out, cap, "serial %s%s, %s", serial, cert->serial.len > 20 ? "..." : "", names);
}
