#include <escertke/tls.h>

#include <string.h>

const char *escertke_role_name(escertke_role role)
{
    return role == ESCERTKE_INITIATOR ? "initiator" : "terminator";
}

/* What this build leaves out is still a function, so that a program links with any build of the library. */
#define LEFT_OUT(name)                                                                                                           \
    const escertke_tls_ops *escertke_tls_##name(void)                                                                            \
    {                                                                                                                            \
        return NULL;                                                                                                             \
    }
#ifndef ESCERTKE_OPENSSL
LEFT_OUT(openssl)
#endif
#ifndef ESCERTKE_GNUTLS
LEFT_OUT(gnutls)
#endif
#ifndef ESCERTKE_MBEDTLS
LEFT_OUT(mbedtls)
#endif

const escertke_tls_ops *escertke_tls_by_name(const char *name)
{
    const escertke_tls_ops *const all[] = { escertke_tls_openssl(), escertke_tls_gnutls(), escertke_tls_mbedtls() };

    for (size_t i = 0; name && i < sizeof all / sizeof *all; i++)
        if (all[i] && strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}
