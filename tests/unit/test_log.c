#include "m2m_support.h"

#include "base/log.h"

struct heard {
    int count;
    escertke_level level;
    char event[32], fields[600];
};

static void hear(void *ctx, escertke_level level, const char *event, const char *fields)
{
    struct heard *h = ctx;

    h->count++;
    h->level = level;
    strncpy(h->event, event, sizeof h->event - 1);
    strncpy(h->fields, fields, sizeof h->fields - 1);
}

static void fields_are_formatted_and_printable(void **state)
{
    struct heard h = { .count = 0 };
    escertke_log log = { hear, &h };

    (void)state;
    esc_log(&log, ESCERTKE_LEVEL_WARN, "ke.step", "msg=M%d peer=%s", 3, "a\nb");
    assert_int_equal(h.count, 1);
    assert_int_equal(h.level, ESCERTKE_LEVEL_WARN);
    assert_string_equal(h.event, "ke.step");
    assert_string_equal(h.fields, "msg=M3 peer=a?b");
}

static void long_fields_are_cut(void **state)
{
    struct heard h = { .count = 0 };
    escertke_log log = { hear, &h };
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    esc_log(&log, ESCERTKE_LEVEL_INFO, "e", "%s", text);
    assert_int_equal(strlen(h.fields), 511);
}

static void nobody_listens(void **state)
{
    escertke_log silent = { NULL, NULL };

    (void)state;
    esc_log(NULL, ESCERTKE_LEVEL_INFO, "e", "x");
    esc_log(&silent, ESCERTKE_LEVEL_INFO, "e", "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_formatted_and_printable),
        cmocka_unit_test(long_fields_are_cut),
        cmocka_unit_test(nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
