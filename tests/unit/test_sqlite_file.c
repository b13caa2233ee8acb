#include "keys_support.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "keys/sqlite.h"

static char dir[256], path[320];

static escertke_err ready(const char *p, escertke_detail *d)
{
    char real[PATH_MAX];

    *d = detail_new();
    return esc_sqlite_file_ready(p, real, d);
}

static void make_file(const char *p, mode_t mode)
{
    int fd = open(p, O_CREAT | O_RDWR | O_EXCL, 0600);

    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void created_0600_whatever_the_umask(void **state)
{
    static const mode_t masks[] = { 0, 022, 077, 0777 };

    (void)state;
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        escertke_detail d;
        struct stat st;
        mode_t before = umask(masks[i]);
        escertke_err err = ready(path, &d);
        umask(before);
        assert_ok(err);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(st.st_size, 0);
        assert_ok(ready(path, &d)); /* and it is accepted again */
        unlink(path);
    }
}

static void refused_by_mode(void **state)
{
    static const struct {
        mode_t mode;
        const char *shown; /* NULL = accepted */
    } rows[] = { { 0640, "0640" }, { 0604, "0604" }, { 0660, "0660" }, { 0601, "0601" }, { 0610, "0610" }, { 0644, "0644" },
                 { 0600, NULL }, { 0700, NULL } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        escertke_detail d;
        make_file(path, rows[i].mode);
        escertke_err err = ready(path, &d);
        unlink(path);
        assert_int_equal(err, rows[i].shown ? ESCERTKE_ERR_IO : ESCERTKE_OK);
        if (!rows[i].shown)
            continue;
        assert_non_null(strstr(d.reason, rows[i].shown));
        assert_non_null(strstr(d.reason, "chmod 600"));
    }
}

static void refused_by_mode_of_its_log(void **state)
{
    char log[340];
    escertke_detail d;

    (void)state;
    make_file(path, 0600);
    snprintf(log, sizeof log, "%s-wal", path);
    make_file(log, 0644);
    assert_int_equal(ready(path, &d), ESCERTKE_ERR_IO);
    assert_non_null(strstr(d.reason, "-wal"));
    assert_int_equal(chmod(log, 0600), 0);
    assert_ok(ready(path, &d));
    unlink(log);
    unlink(path);
}

static void what_is_no_regular_file(void **state)
{
    escertke_detail d;

    (void)state;
    assert_int_equal(ready(dir, &d), ESCERTKE_ERR_IO);
    assert_non_null(strstr(d.reason, "not a regular file"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(ready(path, &d), ESCERTKE_ERR_IO); /* and does not wait for a writer */
    assert_non_null(strstr(d.reason, "not a regular file"));
    unlink(path);
    assert_int_equal(ready("/dev/null", &d), ESCERTKE_ERR_IO);
}

static void symbolic_links(void **state)
{
    char target[320], real[PATH_MAX], expected[PATH_MAX];
    escertke_detail d = detail_new();

    (void)state;
    snprintf(target, sizeof target, "%s/target", dir);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(ready(path, &d), ESCERTKE_ERR_IO); /* to nothing: no file is made through it */
    assert_int_equal(access(target, F_OK), -1);
    make_file(target, 0600);
    assert_ok(esc_sqlite_file_ready(path, real, NULL));
    assert_non_null(realpath(target, expected));
    assert_string_equal(real, expected);
    assert_int_equal(chmod(target, 0644), 0);
    assert_int_equal(ready(path, &d), ESCERTKE_ERR_IO);
    assert_non_null(strstr(d.reason, "0644"));
    unlink(path);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_equal(ready(path, &d), ESCERTKE_ERR_IO);
    unlink(path);
    unlink(target);
}

static void missing_places(void **state)
{
    char p[400], too_long[PATH_MAX + 10];
    escertke_detail d;

    (void)state;
    snprintf(p, sizeof p, "%s/missing/keys.db", dir);
    assert_int_equal(ready(p, &d), ESCERTKE_ERR_IO);
    assert_non_null(strstr(d.reason, "does not exist"));
    make_file(path, 0600);
    snprintf(p, sizeof p, "%s/keys.db", path);
    assert_int_equal(ready(p, &d), ESCERTKE_ERR_IO);
    assert_non_null(strstr(d.reason, "not a directory"));
    unlink(path);
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    assert_int_equal(ready(too_long, &d), ESCERTKE_ERR_IO);
    assert_non_null(strstr(d.reason, "too long"));
}

/* Run in a child as a user without privileges, because root may do everything. Exit code: the error, 99 = wrong reason. */
static int as_nobody(escertke_err (*fn)(const char *p, escertke_detail *d), const char *p, const char *words)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        escertke_detail d;
        if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0))
            _exit(98);
        escertke_err err = fn(p, &d);
        _exit(err == ESCERTKE_OK || strstr(d.reason, words) ? (int)err : 99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void permissions_of_others(void **state)
{
    uid_t nobody = geteuid() == 0 ? 65534 : geteuid();
    char below[400];

    (void)state;
    assert_int_equal(chmod(dir, 0711), 0);
    if (geteuid() == 0) {
        make_file(path, 0600);
        assert_int_equal(as_nobody(ready, path, "owned by user 0"), ESCERTKE_ERR_IO);
        unlink(path);
        assert_int_equal(as_nobody(ready, path, "permission denied"), ESCERTKE_ERR_IO); /* may not create here */
    }
    make_file(path, 0400);
    assert_int_equal(chown(path, nobody, (gid_t)-1), 0);
    assert_int_equal(as_nobody(ready, path, "cannot write it: permission denied"), ESCERTKE_ERR_IO);
    assert_int_equal(chmod(path, 0200), 0);
    assert_int_equal(as_nobody(ready, path, "cannot read it: permission denied"), ESCERTKE_ERR_IO);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(as_nobody(ready, path, ""), ESCERTKE_OK);
    if (geteuid() == 0) {
        escertke_detail d; /* root is refused a file of somebody else as well: its owner can read the keys */
        assert_int_equal(ready(path, &d), ESCERTKE_ERR_IO);
        assert_non_null(strstr(d.reason, "owned by user 65534"));
    }
    unlink(path);
    snprintf(below, sizeof below, "%s/closed", dir);
    assert_int_equal(mkdir(below, 0), 0);
    snprintf(below, sizeof below, "%s/closed/keys.db", dir);
    assert_int_equal(as_nobody(ready, below, "permission denied"), ESCERTKE_ERR_IO);
    snprintf(below, sizeof below, "%s/closed", dir);
    assert_int_equal(rmdir(below), 0);
}

static int set_up(void **state)
{
    (void)state;
    dir_make(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/keys.db", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dir_remove(dir, (const char *const[]){ "keys.db", "target", NULL });
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created_0600_whatever_the_umask), cmocka_unit_test(refused_by_mode),
        cmocka_unit_test(refused_by_mode_of_its_log),      cmocka_unit_test(what_is_no_regular_file),
        cmocka_unit_test(symbolic_links),                  cmocka_unit_test(missing_places),
        cmocka_unit_test(permissions_of_others),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
