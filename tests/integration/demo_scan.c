/* demo_scan.c - the search of another process's memory finds what is there, wherever it lies, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo_scan.h"

#define CHUNK (1024u * 1024u)
#define REGION (3 * CHUNK)

/* A child that shares one region with this process, and has nothing else that is written after its start. */
struct holder {
    uint8_t *mapped, *region; /* with a page on each side that cannot be read, so that it is a mapping of its own */
    size_t page;
    pid_t pid;
};

static int start(void **state)
{
    static struct holder h;
    pid_t parent = getpid();

    h.page = (size_t)sysconf(_SC_PAGESIZE);
    h.mapped = mmap(NULL, REGION + 2 * h.page, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (h.mapped == MAP_FAILED)
        return -1;
    h.region = h.mapped + h.page;
    if (mprotect(h.region, REGION, PROT_READ | PROT_WRITE) != 0)
        return -1;
    h.pid = fork();
    if (h.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == parent)
            pause();
        _exit(0);
    }
    *state = &h;
    return h.pid < 0 ? -1 : 0;
}

static int stop(void **state)
{
    struct holder *h = *state;

    kill(h->pid, SIGKILL);
    waitpid(h->pid, NULL, 0);
    return munmap(h->mapped, REGION + 2 * h->page);
}

static void random_key(uint8_t key[32])
{
    assert_int_equal(getrandom(key, 32, 0), 32);
}

static void scan(const struct holder *h, struct scan_needle *needles, size_t count)
{
    struct scan_stats stats;

    assert_int_equal(scan_memory(h->pid, needles, count, &stats), ESCERTKE_OK);
    assert_true(stats.read > REGION);
    assert_int_equal(stats.unread, 0);
    assert_int_equal(stats.denied, 0);
}

static void each_writing_is_found_alone(void **state)
{
    const struct holder *h = *state;

    for (size_t i = 0; i < SCAN_WRITINGS; i++) {
        struct scan_needle needles[SCAN_WRITINGS];
        uint8_t key[32];

        random_key(key);
        key[0] = 0xff; /* then base64 and base64url differ: "/" and "_" */
        assert_true(scan_write_key(key, needles));
        memset(h->region, 0, REGION);
        memcpy(h->region + 4711, needles[i].bytes, needles[i].len);
        scan(h, needles, SCAN_WRITINGS);
        for (size_t other = 0; other < SCAN_WRITINGS; other++)
            if (needles[other].found != (other == i))
                fail_msg("%s planted, %s %sfound", needles[i].name, needles[other].name, needles[other].found ? "" : "not ");
    }
}

static void a_needle_is_found_wherever_it_lies(void **state)
{
    static const size_t places[] = { 0, 1, CHUNK - 64, CHUNK - 63, CHUNK - 32, CHUNK - 1, CHUNK, 2 * CHUNK - 7, REGION - 64 };
    const struct holder *h = *state;

    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (int filled = 0; filled < 2; filled++) {
            struct scan_needle needles[SCAN_WRITINGS];
            uint8_t key[32];

            random_key(key);
            assert_true(scan_write_key(key, needles));
            memset(h->region, filled ? 'x' : 0, REGION);
            memcpy(h->region + places[i], needles[3].bytes, 64);
            scan(h, needles, SCAN_WRITINGS);
            if (!needles[3].found)
                fail_msg("not found at %zu%s", places[i], filled ? " among others" : "");
        }
}

static void what_is_not_there_is_not_found(void **state)
{
    const struct holder *h = *state;
    struct scan_needle needles[SCAN_WRITINGS];
    uint8_t key[32];

    random_key(key);
    assert_true(scan_write_key(key, needles));
    memcpy(h->region, needles[3].bytes, 63); /* all but its end */
    memcpy(h->region + CHUNK, needles[3].bytes + 1, 63);
    scan(h, needles, SCAN_WRITINGS);
    for (size_t i = 0; i < SCAN_WRITINGS; i++)
        assert_false(needles[i].found);
}

static void no_process_is_an_error(void **state)
{
    struct scan_needle needle = { .name = "x", .bytes = "x", .len = 1 };
    struct scan_stats stats;
    pid_t gone = fork();

    (void)state;
    if (gone == 0)
        _exit(0);
    waitpid(gone, NULL, 0);
    assert_int_equal(scan_memory(gone, &needle, 1, &stats), ESCERTKE_ERR_IO);
    assert_false(needle.found);
}

static void texts(void **state)
{
    static const struct {
        const char *text, *needle;
        bool found;
    } cases[] = {
        { "", "abc", false },    { "ab", "abc", false },     { "abc", "abc", true },
        { "xabc", "abc", true }, { "ababc", "abc", true },   { "aaaab", "aaab", true },
        { "abcx", "abc", true }, { "abdabe", "abc", false }, { "ab\nc", "abc", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scan_needle n = { .name = "n", .len = strlen(cases[i].needle) };
        memcpy(n.bytes, cases[i].needle, n.len);
        scan_text(escertke_span_str(cases[i].text), &n, 1);
        if (n.found != cases[i].found)
            fail_msg("\"%s\" in \"%s\"", cases[i].needle, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_writing_is_found_alone, start, stop),
        cmocka_unit_test_setup_teardown(a_needle_is_found_wherever_it_lies, start, stop),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_not_found, start, stop),
        cmocka_unit_test(no_process_is_an_error),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
