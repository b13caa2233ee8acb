/* --config: every option is a key, the command line wins, and what is wrong is said with its line. */
#include "cli_support.h"

#include "options.h"
#include "out.h"

struct settings {
    const char *to, *config;
    struct text_list peers;
    long count;
    bool json;
};

static bool starts_with_slash(const char *value, char *why, size_t cap)
{
    snprintf(why, cap, "expected a slash first");
    return value[0] == '/';
}

static const struct option_def rows[] = {
    NEEDED_TEXT_ROW("to", "ID", offsetof(struct settings, to), starts_with_slash, "where to"),
    LIST_ROW("peer", "RULE", offsetof(struct settings, peers), NULL, "who"),
    NUMBER_ROW("count", "N", offsetof(struct settings, count), 1, 100, "how many"),
    FLAG_ROW("json", offsetof(struct settings, json), "JSON"),
    CONFIG_ROW("config", offsetof(struct settings, config), "file"),
    OPTION_END,
};

static const struct options_spec spec = { .command = "test", .synopsis = "", .about = "", .groups = { rows } };

static char folder[64], path[96];

struct parsed {
    struct settings s;
    struct options o;
    struct capture err;
    int code;
};

static void parse(const char *yaml, const char *extra, struct parsed *p)
{
    char *argv[] = { (char *)(uintptr_t) "test", (char *)(uintptr_t) "--config", path, (char *)(uintptr_t)extra };

    write_text(path, yaml);
    memset(&p->s, 0, sizeof p->s);
    capture_begin(&p->err, stderr);
    p->code = options_parse(&spec, extra ? 4 : 3, argv, &p->s, &p->o);
    capture_end(&p->err);
}

static void takes_all_kinds(void **state)
{
    struct parsed p;

    (void)state;
    parse("# a comment\nto: /x\ncount: 12\njson: true\npeer:\n  - a,flavour=ae\n  - 'b'\n", NULL, &p);
    assert_string_equal(p.err.text, "");
    assert_int_equal(p.code, OPTIONS_RUN);
    assert_string_equal(p.s.to, "/x");
    assert_int_equal(p.s.count, 12);
    assert_true(p.s.json);
    assert_int_equal(p.s.peers.count, 2);
    assert_string_equal(p.s.peers.items[0], "a,flavour=ae");
    assert_string_equal(p.s.peers.items[1], "b");
    options_free(&p.o);
}

static void command_line_wins(void **state)
{
    struct parsed p;

    (void)state;
    parse("to: /x\njson: no\npeer: [a, b]\n", "--to=/y", &p);
    assert_int_equal(p.code, OPTIONS_RUN);
    assert_string_equal(p.s.to, "/y");
    assert_false(p.s.json);
    options_free(&p.o);
    parse("to: /x\npeer: [a, b]\n", "--peer=c", &p);
    assert_int_equal(p.code, OPTIONS_RUN);
    assert_int_equal(p.s.peers.count, 1);
    assert_string_equal(p.s.peers.items[0], "c");
    options_free(&p.o);
}

static const struct {
    const char *name, *yaml, *expected;
} wrong[] = {
    { "unknown key", "to: /x\n\nbogus: 1\n", "line 3: unknown key \"bogus\"" },
    { "unknown key in quotes", "to: /x\n\"bogus\" : 1\n", "line 2: unknown key \"bogus\"" },
    { "slip of the hand", "too: /x\n",
      "line 1: unknown key \"too\"; expected the name of an option of this command without \"--\"; "
      "did you mean \"to\"?" },
    { "config in a config", "to: /x\nconfig: other.yaml\n", "unknown key \"config\"" },
    { "list where one value is expected", "to: [/x]\n", "in mapping field 'to' (line: 1" },
    { "one value where a list is expected", "to: /x\npeer: a\n", "in mapping field 'peer' (line: 2" },
    { "key twice", "to: /x\nto: /y\n", "Mapping field already seen: to" },
    { "value refused by its check", "to: x\n", "key \"to\" x: expected a slash first" },
    { "number out of range", "to: /x\ncount: 0\n", "key \"count\" 0: expected a whole number from 1 to 100" },
    { "flag that is neither", "to: /x\njson: maybe\n", "key \"json\" maybe: expected true or false" },
    { "not a mapping", "- to\n", "not usable as configuration" },
    { "not YAML", "to: [\n", "not usable as configuration" },
    { "alias", "to: &a /x\npeer: [*a]\n", "not usable as configuration" },
    { "empty value", "to: ''\n", "the value is empty" },
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct parsed p;
        parse(wrong[i].yaml, NULL, &p);
        if (p.code != EXIT_USAGE)
            fail_msg("%s: expected exit code 2, found %d", wrong[i].name, p.code);
        expect_words(wrong[i].name, p.err.text, wrong[i].expected);
        expect_words(wrong[i].name, p.err.text, path);
        options_free(&p.o);
    }
}

static void empty_file_sets_nothing(void **state)
{
    struct parsed p;

    (void)state;
    parse("# nothing\n", NULL, &p);
    assert_int_equal(p.code, EXIT_USAGE);
    expect_words("empty", p.err.text, "--to ID is missing");
    options_free(&p.o);
}

static void missing_file_is_a_local_failure(void **state)
{
    char *argv[] = { (char *)(uintptr_t) "test", (char *)(uintptr_t) "--config=/nonexistent/x.yaml" };
    struct parsed p;

    (void)state;
    memset(&p.s, 0, sizeof p.s);
    capture_begin(&p.err, stderr);
    p.code = options_parse(&spec, 2, argv, &p.s, &p.o);
    capture_end(&p.err);
    assert_int_equal(p.code, EXIT_LOCAL);
    expect_words("missing", p.err.text, "cannot open /nonexistent/x.yaml: No such file or directory");
    options_free(&p.o);
}

static int setup(void **state)
{
    (void)state;
    folder_make(folder);
    snprintf(path, sizeof path, "%s/x.yaml", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_all_kinds),
        cmocka_unit_test(command_line_wins),
        cmocka_unit_test(refuses),
        cmocka_unit_test(empty_file_sets_nothing),
        cmocka_unit_test(missing_file_is_a_local_failure),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
