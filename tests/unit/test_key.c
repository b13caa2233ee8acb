/* Vector V-1: the exporter of RFC 5705 with our label and no context, and the split into ID and key (R-KX-1...3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include <escertke/handshake.h>

#include "rawpeer.h"

static void vector_v1(void **state)
{
    uint8_t master[48], client[32], server[32], exported[48], want[48];
    char id[33];
    escertke_key key;

    (void)state;
    for (uint8_t i = 0; i < 48; i++)
        master[i] = i;
    for (uint8_t i = 0; i < 32; i++)
        client[i] = (uint8_t)(0x20 + i), server[i] = (uint8_t)(0x60 + i);
    prf_export(master, client, server, exported);
    assert_int_equal(escertke_unhex("3b9a6757ad07542ad0ff40e12ae104c9f8ee59f47db9b81eb42891b32468276f5f5259ffc76a054401ab7d3a554a1637", want, 48),
                     ESCERTKE_OK);
    assert_memory_equal(exported, want, 48);
    escertke_key_split(exported, &key);
    assert_memory_equal(key.id, want, 16);
    assert_memory_equal(key.key, want + 16, 32);
    escertke_hex((escertke_span){ key.id, sizeof key.id }, id);
    assert_string_equal(id, "3B9A6757AD07542AD0FF40E12AE104C9");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(vector_v1) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
