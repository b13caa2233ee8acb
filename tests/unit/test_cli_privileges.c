/* What is given up is gone: each case in a process of its own, which it changes for good. */
#include "cli_support.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privileges.h"

#define USER "nobody"

/* @return the exit code of what the child does */
static int in_child(int (*work)(void))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (!pid)
        _exit(work());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static int seal(void)
{
    struct rlimit core;
    escertke_detail d;

    escertke_detail_init(&d);
    if (privileges_seal(&d) != ESCERTKE_OK)
        return 1;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 2;
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur || core.rlim_max)
        return 3;
    return 0;
}

static int uid_of_thread; /* after the drop in another */
static pthread_barrier_t dropped;

static void *look(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&dropped);
    uid_of_thread = (int)geteuid();
    return NULL;
}

static int drop(void)
{
    escertke_detail d;
    pthread_t other;
    gid_t groups[64];

    escertke_detail_init(&d);
    pthread_barrier_init(&dropped, NULL, 2);
    if (pthread_create(&other, NULL, look, NULL) != 0)
        return 1;
    if (privileges_drop(USER, &d) != ESCERTKE_OK)
        return 2;
    pthread_barrier_wait(&dropped);
    pthread_join(other, NULL);
    if (!uid_of_thread || getuid() == 0 || geteuid() == 0 || getgid() == 0 || getegid() == 0)
        return 3;
    int count = getgroups(64, groups);
    for (int i = 0; i < count; i++)
        if (groups[i] == 0)
            return 4;
    if (setuid(0) == 0 || setgid(0) == 0 || fopen("/proc/1/mem", "r"))
        return 5;
    if (privileges_drop(USER, &d) != ESCERTKE_OK) /* once more: nothing to do */
        return 6;
    if (privileges_drop("daemon", &d) != ESCERTKE_ERR_CONFIG || !strstr(d.reason, "only root"))
        return 7;
    return 0;
}

static void seals(void **state)
{
    (void)state;
    assert_int_equal(in_child(seal), 0);
}

static void drops(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_child(drop), 0);
}

static void refuses(void **state)
{
    static const struct {
        const char *user, *words;
    } cases[] = { { "no-such-user", "no such user" }, { "root", "nothing would be given up" }, { "0", "no such user" } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        escertke_detail d;
        escertke_detail_init(&d);
        if (privileges_drop(cases[i].user, &d) != ESCERTKE_ERR_CONFIG || !strstr(d.reason, cases[i].words))
            fail_msg("%s: %s", cases[i].user, d.reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(seals), cmocka_unit_test(drops), cmocka_unit_test(refuses) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
