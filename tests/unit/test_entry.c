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
static void too_many_issued(escertke_key_entry *e) { e->issued_count = ESCERTKE_CHAIN_MAX + 1; }
static void most_issued(escertke_key_entry *e) { e->issued_count = ESCERTKE_CHAIN_MAX; }
static void long_serial(escertke_key_entry *e)
{
    e->issued_count = 2;
    e->issued[1].serial_len = sizeof e->issued[1].serial + 1;
}
static void longest_serial(escertke_key_entry *e)
{
    e->issued_count = 1;
    e->issued[0].serial_len = sizeof e->issued[0].serial;
    e->issued[1].serial_len = 255; /* is none of it */
}
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
        { "too many certificates", too_many_issued, "too many certificates, or a serial too long" },
        { "serial too long", long_serial, "too many certificates, or a serial too long" },
        { "most certificates", most_issued, NULL },
        { "longest serial", longest_serial, NULL },
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

static void who_began_the_run(void **state)
{
    static const struct {
        const char *own, *peer;
        escertke_role role;
        bool by_smaller;
    } rows[] = {
        { "//a/b", "//a/c", ESCERTKE_INITIATOR, true },      { "//a/b", "//a/c", ESCERTKE_TERMINATOR, false },
        { "//a/c", "//a/b", ESCERTKE_INITIATOR, false },     { "//a/c", "//a/b", ESCERTKE_TERMINATOR, true },
        { "//a/b", "//a/bb", ESCERTKE_INITIATOR, true },     { "//a/B", "//a/b", ESCERTKE_INITIATOR, true },
        { "//a/\x7f", "//a/\xc3\xa9", ESCERTKE_INITIATOR, true }, /* octets, not signed characters */
        { "//a/b", "//a/b", ESCERTKE_INITIATOR, true },      { "//a/b", "//a/b", ESCERTKE_TERMINATOR, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        escertke_key_entry e = { .role = rows[i].role };
        strcpy(e.own, rows[i].own);
        strcpy(e.peer, rows[i].peer);
        if (esc_entry_by_smaller(&e) != rows[i].by_smaller)
            fail_msg("row %zu", i);
    }
}

static void choice_of_two(void **state)
{
    escertke_key_entry i = { .own = "//a/b", .peer = "//a/c", .role = ESCERTKE_INITIATOR, .created_s = 1000 };
    escertke_key_entry t = i;

    (void)state;
    t.role = ESCERTKE_TERMINATOR;
    assert_null(esc_entry_choose(NULL, NULL));
    assert_ptr_equal(esc_entry_choose(&i, NULL), &i);
    assert_ptr_equal(esc_entry_choose(NULL, &t), &t);
    t.created_s = i.created_s + ESCERTKE_KEY_TOGETHER_S;
    assert_ptr_equal(esc_entry_choose(&i, &t), &i);
    t.created_s++;
    assert_ptr_equal(esc_entry_choose(&i, &t), &t);
    t.created_s = INT64_MAX;
    i.created_s = 0;
    assert_ptr_equal(esc_entry_choose(&i, &t), &t);
    i.created_s = INT64_MAX;
    t.created_s = 0;
    assert_ptr_equal(esc_entry_choose(&i, &t), &i);
}

static void ends(void **state)
{
    static const struct {
        escertke_role role;
        int64_t created_s, overlap_s, end_s;
    } rows[] = {
        { ESCERTKE_INITIATOR, 1000, 300, 1300 },
        { ESCERTKE_TERMINATOR, 1000, 300, 1360 },
        { ESCERTKE_INITIATOR, 1000, 0, 1000 },
        { ESCERTKE_TERMINATOR, INT64_MAX - 59, 0, INT64_MAX },
        { ESCERTKE_INITIATOR, INT64_MAX, INT64_MAX, INT64_MAX },
        { ESCERTKE_TERMINATOR, 5, INT64_MAX, INT64_MAX },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        escertke_key_entry e = { .role = rows[i].role, .created_s = rows[i].created_s };
        struct esc_ending ending = esc_entry_ending(&e, rows[i].overlap_s);
        assert_int_equal(ending.role, rows[i].role);
        assert_int_equal(ending.until_s, rows[i].created_s);
        assert_int_equal(ending.end_s, rows[i].end_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_names),
        cmocka_unit_test(wipe_leaves_zeros),
        cmocka_unit_test(faults),
        cmocka_unit_test(who_began_the_run),
        cmocka_unit_test(choice_of_two),
        cmocka_unit_test(ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
