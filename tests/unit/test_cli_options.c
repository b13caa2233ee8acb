/* The option parser: every kind of row, every wrong use, --help, and the words that say what is wrong. */
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
    OPTION_END,
};

static const struct option_def more_rows[] = {
    NUMBER_ROW("count", "N", offsetof(struct settings, count), 1, 100, "how many"),
    FLAG_ROW("json", offsetof(struct settings, json), "JSON"),
    CONFIG_ROW("config", offsetof(struct settings, config), "file"),
    OPTION_END,
};

static const struct options_spec spec = {
    .command = "test",
    .synopsis = "[FILE] --to ID",
    .about = "A command for tests.",
    .groups = { rows, more_rows },
    .args_max = 1,
    .args_words = "FILE",
};

struct parsed {
    struct settings s;
    struct options o;
    struct capture out, err;
    int code;
};

static void parse(const char *const *words, struct parsed *p)
{
    char *argv[16] = { (char *)(uintptr_t) "test" };
    int argc = 1;

    while (words[argc - 1]) {
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
        argc++;
    }
    memset(&p->s, 0, sizeof p->s);
    p->s.count = 7;
    capture_begin(&p->out, stdout);
    capture_begin(&p->err, stderr);
    p->code = options_parse(&spec, argc, argv, &p->s, &p->o);
    capture_end(&p->err);
    capture_end(&p->out);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void takes_all_kinds(void **state)
{
    struct parsed p;

    (void)state;
    parse(WORDS("--to=/x", "--peer", "a", "file", "--peer=b", "--count", "100", "--json"), &p);
    assert_int_equal(p.code, OPTIONS_RUN);
    assert_string_equal(p.s.to, "/x");
    assert_int_equal(p.s.peers.count, 2);
    assert_string_equal(p.s.peers.items[0], "a");
    assert_string_equal(p.s.peers.items[1], "b");
    assert_int_equal(p.s.count, 100);
    assert_true(p.s.json);
    assert_int_equal(p.o.args_count, 1);
    assert_string_equal(p.o.args[0], "file");
    assert_true(options_given(&p.o, "count"));
    assert_false(options_given(&p.o, "config"));
    assert_string_equal(p.out.text, "");
    assert_string_equal(p.err.text, "");
    options_free(&p.o);
}

static void keeps_defaults(void **state)
{
    struct parsed p;

    (void)state;
    parse(WORDS("--to", "/x", "--", "--json"), &p);
    assert_int_equal(p.code, OPTIONS_RUN);
    assert_int_equal(p.s.count, 7);
    assert_false(p.s.json);
    assert_string_equal(p.o.args[0], "--json");
    options_free(&p.o);
}

static const struct {
    const char *name;
    const char *words[8];
    const char *expected;
} wrong[] = {
    { "unknown option", { "--bogus" }, "unknown option --bogus\n" },
    { "slip of the hand", { "--too", "/x" }, "unknown option --too; did you mean --to?" },
    { "swapped letters", { "--cuont", "3" }, "did you mean --count?" },
    { "swapped letters of a short name", { "--ot", "3" }, "did you mean --to?" },
    { "start of a name", { "--pee", "3" }, "did you mean --peer?" },
    { "name of great length", { "--a-name-that-is-longer-than-any-name-of-an-option-is=3" }, "unknown option" },
    { "short option", { "-t" }, "unknown option -t" },
    { "value missing at the end", { "--to" }, "--to needs a value: ID" },
    { "value missing in the middle", { "--to", "--json" }, "--to needs a value: ID" },
    { "empty value", { "--to=" }, "--to: the value is empty; expected ID" },
    { "value refused by its check", { "--to", "x" }, "--to x: expected a slash first" },
    { "flag with a value", { "--to", "/x", "--json=yes" }, "--json takes no value" },
    { "given twice", { "--to", "/x", "--to", "/y" }, "--to: given twice" },
    { "number with a tail", { "--to", "/x", "--count", "3x" }, "--count 3x: expected a whole number from 1 to 100" },
    { "number too small", { "--to", "/x", "--count", "0" }, "from 1 to 100" },
    { "number too large", { "--to", "/x", "--count", "101" }, "from 1 to 100" },
    { "number past all bounds", { "--to", "/x", "--count", "99999999999999999999" }, "from 1 to 100" },
    { "required option missing", { "--json" }, "--to ID is missing" },
    { "argument too many", { "--to", "/x", "a", "b" }, "unexpected argument \"b\"" },
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct parsed p;
        parse(wrong[i].words, &p);
        if (p.code != EXIT_USAGE)
            fail_msg("%s: expected exit code 2, found %d", wrong[i].name, p.code);
        if (p.out.text[0])
            fail_msg("%s: stdout has \"%s\"", wrong[i].name, p.out.text);
        expect_words(wrong[i].name, p.err.text, wrong[i].expected);
        expect_words(wrong[i].name, p.err.text, "see: escertke test --help");
        options_free(&p.o);
    }
}

static void helps(void **state)
{
    static const char *const expected[] = { "usage: escertke test [FILE] --to ID",
                                            "A command for tests.",
                                            "--to ID",
                                            "--peer RULE...",
                                            "--count N",
                                            "--json",
                                            "--help" };
    struct parsed p;

    (void)state;
    parse(WORDS("--bogus", "--help"), &p);
    assert_int_equal(p.code, EXIT_DONE);
    assert_string_equal(p.err.text, "");
    for (size_t i = 0; i < COUNT(expected); i++)
        expect_words("help", p.out.text, expected[i]);
    options_free(&p.o);
}

static void lists_are_bounded(void **state)
{
    struct parsed p;

    (void)state;
    parse(WORDS("--to", "/x"), &p);
    size_t index = options_find(&spec, "peer");
    for (size_t i = 0; i < OPTIONS_LIST_MAX; i++)
        assert_true(options_set(&p.o, index, "x", "--peer"));
    capture_begin(&p.err, stderr);
    assert_false(options_set(&p.o, index, "x", "--peer"));
    capture_end(&p.err);
    expect_words("one too many", p.err.text, "--peer: given more than 256 times");
    options_free(&p.o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_all_kinds), cmocka_unit_test(keeps_defaults),    cmocka_unit_test(refuses),
        cmocka_unit_test(helps),           cmocka_unit_test(lists_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
