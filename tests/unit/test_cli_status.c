/* Metrics as `serve` writes them, read back; and where they may be served. */
#include "cli_support.h"

#include "metrics.h"
#include "status.h"

static void rows(void **state)
{
    static const struct {
        const char *line;
        const char *name, *value; /* NULL: no row */
    } cases[] = {
        { "escertke_established_total 12", "established", "12" },
        { "escertke_refused_total{error=\"LIMIT\"} 3", "refused (LIMIT)", "3" },
        { "escertke_refused_total{error=\"STORE_FULL\"} 3", "refused (STORE_FULL)", "3" },
        { "escertke_pending 0", "pending", "0" },
        { "escertke_pending_bytes 1572864", "pending bytes", "1.5 MiB" },
        { "escertke_run_seconds_sum 0.042", "run seconds sum", "0.042" },
        { "process_start_time_seconds 0", "process start time seconds", "1970-01-01T00:00:00Z" },
        { "process_start_time_seconds 1e300", "process start time seconds", NULL },
        { "big 123456789012345", "big", "123456789012345" },
        { "", NULL, NULL },
        { "# HELP x y", NULL, NULL },
        { "x", NULL, NULL },
        { "x ", NULL, NULL },
        { "x y", NULL, NULL },
        { "x 1 2", NULL, NULL },
        { "x nan", NULL, NULL },
        { "x inf", NULL, NULL },
        { "{a=\"b\"} 1", NULL, NULL },
        { "x{a=\"b\" 1", NULL, NULL },
        { "x{a=\"b\",c=\"d\"} 1", NULL, NULL },
        { "x{a=\"b} 1", NULL, NULL },
        { "x{} 1", NULL, NULL },
        { "<html> 1", NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct status_row row;
        char name[176], value[40];
        bool good = status_parse_row(cases[i].line, strlen(cases[i].line), &row);

        if (good != (cases[i].name != NULL))
            fail_msg("%s: %d", cases[i].line, good);
        if (!good)
            continue;
        status_show_row(&row, name, sizeof name, value, sizeof value);
        if (strcmp(name, cases[i].name) != 0 || (cases[i].value && strcmp(value, cases[i].value) != 0))
            fail_msg("%s: \"%s\" \"%s\"", cases[i].line, name, value);
    }
}

static void lines_that_are_too_long(void **state)
{
    struct status_row row;
    char line[600];

    (void)state;
    memset(line, 'a', sizeof line);
    assert_false(status_parse_row(line, sizeof line, &row));
    memcpy(line + 100, " 1", 2);
    assert_false(status_parse_row(line, 102, &row)); /* the name */
    memcpy(line, "a{b=\"", 5);
    memcpy(line + 150, "\"} 1", 4);
    assert_false(status_parse_row(line, 154, &row)); /* the label */
}

static void where_metrics_may_be(void **state)
{
    static const struct {
        const char *value;
        bool good;
    } cases[] = {
        { "0", true },
        { "9100", true },
        { "65535", true },
        { "http://127.0.0.1:9100/metrics", true },
        { "http://localhost:9100", true },
        { "http://[::1]:9100/", true },
        { "http://192.0.2.1:9100/m", true }, /* somebody has said so */
        { "http://0.0.0.0:9100", true },
        { "65536", false },
        { "123456", false },
        { "-1", false },
        { "http://example.org:9100/metrics", false },
        { "https://127.0.0.1:9100/metrics", false },
        { "http://127.0.0.1:9100/healthz", false },
        { "http://127.0.0.1:9100/readyz", false },
        { "http://user@127.0.0.1:9100/", false },
        { "127.0.0.1:9100", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[200] = "";
        if (metrics_check_url(cases[i].value, why, sizeof why) != cases[i].good || !why[0] != cases[i].good)
            fail_msg("%s: \"%s\"", cases[i].value, why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rows), cmocka_unit_test(lines_that_are_too_long),
                                        cmocka_unit_test(where_metrics_may_be) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
