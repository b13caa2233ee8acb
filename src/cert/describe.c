/* describe.c - a certificate in words. Its names come from outside: everything shown is made printable and cut. */
#include <escertke/cert.h>

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "cert/oid.h"
#include "cert/san.h"
#include "cert/words.h"

#define SHOWN_MAX 128
#define MORE_MAX 24u /* room for ", and 250 more" */

static const char *const kinds[] = {
    [NAME_OTHER] = "otherName",
    [NAME_EMAIL] = "email",
    [NAME_DNS] = "DNS",
    [NAME_X400] = "x400Address",
    [NAME_DIRECTORY] = "directoryName",
    [NAME_EDI] = "ediPartyName",
    [NAME_URI] = "URI",
    [NAME_IP] = "iPAddress",
    [NAME_REGISTERED_ID] = "registeredID",
};

const char *esc_name_kind(uint8_t type)
{
    return type <= NAME_REGISTERED_ID ? kinds[type] : "?";
}

static void ip_text(escertke_span ip, char *out, size_t cap)
{
    size_t address = ip.len == 8 || ip.len == 32 ? ip.len / 2 : ip.len, len = 0; /* of a constraint: address and mask */
    bool v4 = address == 4;

    for (size_t i = 0; i < ip.len && len < cap; i += v4 ? 1 : 2) {
        const char *between = !i ? "" : i == address ? "/" : v4 ? "." : ":";
        unsigned group = v4 || i + 1 == ip.len ? ip.ptr[i] : (unsigned)ip.ptr[i] << 8 | ip.ptr[i + 1];
        int n = snprintf(out + len, cap - len, v4 ? "%s%u" : "%s%x", between, group);
        len += n > 0 ? (size_t)n : 0;
    }
}

void esc_name_text(const struct esc_name *name, char *out, size_t cap)
{
    out[0] = '\0';
    switch (name->type) {
    case NAME_EMAIL:
    case NAME_DNS:
    case NAME_URI: esc_printable(name->value, out, cap); break;
    case NAME_DIRECTORY: esc_dn_text(name->value, out, cap); break;
    case NAME_IP: ip_text(name->value, out, cap); break;
    case NAME_REGISTERED_ID: esc_oid_text(name->value, false, out, cap); break;
    case NAME_OTHER: esc_other_text(name->value, out, cap); break;
    default: break;
    }
}

/* In a list: a comma inside a name must not look like the end of it. */
static void listed_text(const struct esc_name *name, char *out, size_t cap)
{
    char text[SHOWN_MAX];

    esc_name_text(name, text, sizeof text);
    if (name->type == NAME_DIRECTORY)
        snprintf(out, cap, "%s", text); /* is escaped */
    else
        esc_escape(escertke_span_str(text), ",", out, cap);
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
        listed_text(&name, shown, sizeof shown);
        len = add(out, cap, len, len ? ", " : "", kinds[name.type], *shown ? ":" : "");
        len = add(out, cap, len, shown, "", "");
    }
    if (!len)
        add(out, cap, 0, "no subjectAltName", "", "");
}

size_t esc_names_text(escertke_span san, unsigned types, char *out, size_t cap)
{
    struct der walk = esc_der_init(san);
    struct esc_name name;
    char shown[SHOWN_MAX], piece[SHOWN_MAX + 32];
    size_t len = 0, count = 0, left_off = 0;

    if (cap)
        out[0] = '\0';
    while (!esc_der_done(&walk) && esc_general_name(&walk, &name)) {
        if (!(types & ESC_NAMES_OF(name.type)))
            continue;
        listed_text(&name, shown, sizeof shown);
        snprintf(piece, sizeof piece, "%s%s%s%s", len ? ", " : "", kinds[name.type], *shown ? " " : "", shown);
        if (left_off || len + strlen(piece) + MORE_MAX >= cap)
            left_off++;
        else
            len = add(out, cap, len, piece, "", "");
        count++;
    }
    if (left_off && len < cap)
        snprintf(out + len, cap - len, "%s%zu more", len ? ", and " : "", left_off);
    return count;
}

void escertke_cert_describe(const escertke_cert *cert, char *out, size_t cap)
{
    char serial[2 * 20 + 1], subject[96], names[512];
    escertke_span s;

    if (!cert || !out || !cap)
        return;
    s = cert->serial;
    if (s.len > 20)
        s.len = 20;
    escertke_hex(s, serial);
    esc_dn_text(cert->subject, subject, sizeof subject);
    esc_san_text(cert, names, sizeof names);
    snprintf(out, cap, "%s%s, serial %s%s, %s", *subject ? "subject " : "no subject", subject, serial,
             cert->serial.len > 20 ? "..." : "", names);
}
