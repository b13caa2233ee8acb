#include <escertke/tls.h>

#include <string.h>

const char *escertke_role_name(escertke_role role)
{
    return role == ESCERTKE_INITIATOR ? "initiator" : "terminator";
}

const escertke_tls_ops *escertke_tls_by_name(const char *name)
{
    if (!name)
        return NULL;
    if (strcmp(name, "openssl") == 0)
        return escertke_tls_openssl();
    return strcmp(name, "gnutls") == 0 ? escertke_tls_gnutls() : NULL;
}
