#include <escertke/http.h>

#include <time.h>

#include "binding_support.h"

static void never_goes_back(void **state)
{
    escertke_now before = escertke_system_clock(NULL), now;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        now = escertke_system_clock(NULL);
        assert_true(now.mono_ms >= before.mono_ms);
        before = now;
    }
}

static void counts_in_the_stated_units(void **state)
{
    static const struct timespec pause = { 0, 20000000 };
    escertke_now before = escertke_system_clock(NULL), now;
    time_t wall = time(NULL);

    (void)state;
    assert_true(before.unix_s >= wall - 5 && before.unix_s <= wall + 5);
    nanosleep(&pause, NULL);
    now = escertke_system_clock(NULL);
    assert_true(now.mono_ms - before.mono_ms >= 19);
    assert_true(now.mono_ms - before.mono_ms < 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(never_goes_back), cmocka_unit_test(counts_in_the_stated_units) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
