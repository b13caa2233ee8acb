/* Any octets as an ESCertKE message to be explained: something is always said, and it can be written as JSON. */
#include <stdlib.h>

#include <escertke/handshake.h>

#include "inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct inspect_certs certs;
    escertke_buf flight;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_buf_init(&flight, INSPECT_MAX);
    json_t *thing = inspect_message_object((escertke_span){ data, size }, &flight, &certs, &d);
    char *text = json_dumps(thing, JSON_COMPACT);
    if (!text || certs.count > INSPECT_CERTS_MAX)
        abort();
    for (size_t i = 0; i < certs.count; i++)
        if (certs.der[i].len && (certs.der[i].ptr < flight.ptr || certs.der[i].ptr + certs.der[i].len > flight.ptr + flight.len))
            abort();
    free(text);
    json_decref(thing);
    escertke_buf_free(&flight);
    return 0;
}
