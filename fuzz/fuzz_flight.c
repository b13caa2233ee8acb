/* Any octets as an ESCertKE message: classified or refused with a reason. */
#include <escertke/handshake.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    escertke_flight flight = 0;
    escertke_detail d;
    int alert;

    escertke_detail_init(&d);
    escertke_err err = escertke_flight_classify((escertke_span){ data, size }, &flight, &alert, &d);
    if (err == ESCERTKE_OK ? flight < ESCERTKE_FLIGHT_M1 || flight > ESCERTKE_FLIGHT_OTHER : !d.reason[0] || d.err != err)
        abort();
    if ((alert >= 0) != (err == ESCERTKE_OK && flight == ESCERTKE_FLIGHT_ALERT))
        abort();
    return 0;
}
