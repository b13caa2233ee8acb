#include "keys_support.h"

#include "keys/entry.h"

static void usage_names(void **state)
{
    static const struct {
        int usage;
        const char *name;
    } rows[] = { { ESCERTKE_USAGE_ESPRIM, "esprim" }, { ESCERTKE_USAGE_ESDATA, "esdata" }, { 0, "?" }, { 3, "?" } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(escertke_usage_name((escertke_usage)rows[i].usage), rows[i].name);
}

static void wipe_leaves_zeros(void **state)
{
    escertke_key_entry e = entry_make(1, 10, 20);

    (void)state;
    escertke_key_entry_wipe(&e);
    assert_true(entry_is_zero(&e));
    escertke_key_entry_wipe(NULL);
}

static void set_role(escertke_key_entry *e) { e->role = (escertke_role)3; }
static void set_usage(escertke_key_entry *e) { e->usage = (escertke_usage)0; }
static void set_flavour(escertke_key_entry *e) { e->flavour = (escertke_flavour)35; }
static void set_flavour_low(escertke_key_entry *e) { e->flavour = (escertke_flavour)29; }
static void set_any_flavour(escertke_key_entry *e) { e->flavour = ESCERTKE_FLAVOUR_BY_ID; }
static void clear_peer(escertke_key_entry *e) { e->peer[0] = '\0'; }
static void clear_own(escertke_key_entry *e) { e->own[0] = '\0'; }
static void fill_peer(escertke_key_entry *e) { memset(e->peer, 'x', sizeof e->peer); }
static void fill_own(escertke_key_entry *e) { memset(e->own, 'x', sizeof e->own); }
static void fill_suite(escertke_key_entry *e) { memset(e->suite, 'x', sizeof e->suite); }
static void fill_engine(escertke_key_entry *e) { memset(e->engine, 'x', sizeof e->engine); }
static void before_1970(escertke_key_entry *e) { e->created_s = -1; }
static void expired_before_1970(escertke_key_entry *e) { e->expires_s = -1; }
static void longest_peer(escertke_key_entry *e)
{
    memset(e->peer, 'x', ESCERTKE_ID_MAX);
    e->peer[ESCERTKE_ID_MAX] = '\0';
}

static void faults(void **state)
{
    static const struct {
        const char *name;
        void (*spoil)(escertke_key_entry *e);
        const char *fault;
    } rows[] = {
        { "role", set_role, "unknown role" },
        { "usage", set_usage, "unknown usage" },
        { "flavour above", set_flavour, "unknown certificate flavour" },
        { "flavour below", set_flavour_low, "unknown certificate flavour" },
        { "flavour by ID", set_any_flavour, NULL },
        { "no peer", clear_peer, "no peer identity" },
        { "no own", clear_own, "no own identity" },
        { "peer not terminated", fill_peer, "peer identity too long" },
        { "own not terminated", fill_own, "own identity too long" },
        { "suite not terminated", fill_suite, "cipher suite name too long" },
        { "engine not terminated", fill_engine, "engine name too long" },
        { "created before 1970", before_1970, "time before 1970" },
        { "expires before 1970", expired_before_1970, "time before 1970" },
        { "longest peer", longest_peer, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        escertke_key_entry e = entry_make(1, 10, 20);
        rows[i].spoil(&e);
        const char *fault = esc_entry_fault(&e);
        if (!fault || !rows[i].fault ? fault != rows[i].fault : strcmp(fault, rows[i].fault) != 0)
            fail_msg("%s: found %s", rows[i].name, fault ? fault : "no fault");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_names),
        cmocka_unit_test(wipe_leaves_zeros),
        cmocka_unit_test(faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
