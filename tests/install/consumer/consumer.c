/* consumer.c - a program of somebody else: one call into each end of the library, through its public headers alone. */
#include <escertke/escertke.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    escertke_store store = { 0 };
    const escertke_tls_ops *tls = escertke_tls_by_name("openssl");
    uint8_t digest[32];

    if (!tls || tls->sha256(escertke_span_str("abc"), digest) != ESCERTKE_OK || digest[0] != 0xba)
        return 1;
    if (escertke_store_open("memory:", &store, NULL) != ESCERTKE_OK)
        return 2;
    escertke_store_close(&store);
    if (escertke_system_clock(NULL).unix_s < 1600000000)
        return 3;
    printf("libescertke %s\n", escertke_version());
    return 0;
}
