/* Small files: bounds, modes, whole or not at all. */
#include "cli_support.h"

#include <sys/stat.h>

#include "files.h"

static char folder[64], path[96];

static escertke_span text(const char *s)
{
    return escertke_span_str(s);
}

static void writes_and_reads(void **state)
{
    struct stat st;
    escertke_buf b;
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    assert_int_equal(file_write(path, text("secret"), 0600, false, &d), ESCERTKE_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(file_is_open_to_others(path));
    assert_int_equal(file_read(path, &b, &d), ESCERTKE_OK);
    assert_int_equal(b.len, 6);
    assert_string_equal((const char *)b.ptr, "secret"); /* the NUL behind the content */
    escertke_buf_free(&b);
    assert_int_equal(file_write(path, text("open"), 0644, true, &d), ESCERTKE_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_true(file_is_open_to_others(path));
}

static void keeps_an_existing_file(void **state)
{
    escertke_buf b;
    escertke_detail d;

    (void)state;
    write_text(path, "old");
    escertke_detail_init(&d);
    assert_int_equal(file_write(path, text("new"), 0600, false, &d), ESCERTKE_ERR_IO);
    expect_words("reason", d.reason, "exists already and is not replaced");
    assert_int_equal(file_read(path, &b, NULL), ESCERTKE_OK);
    assert_string_equal((const char *)b.ptr, "old");
    escertke_buf_free(&b);
}

static void leaves_no_temporary_file(void **state)
{
    char command[128];

    (void)state;
    escertke_err err = file_write("/nonexistent/x", text("a"), 0600, false, NULL);
    assert_int_equal(err, ESCERTKE_ERR_IO);
    snprintf(command, sizeof command, "test \"$(ls -A '%s' | wc -l)\" = 1", folder);
    write_text(path, "old");
    assert_int_equal(file_write(path, text("new"), 0600, false, NULL), ESCERTKE_ERR_IO);
    assert_int_equal(file_write(path, text("new"), 0600, true, NULL), ESCERTKE_OK);
    assert_int_equal(system(command), 0);
}

static void bounds_what_it_reads(void **state)
{
    escertke_buf b;
    escertke_detail d;
    FILE *f = fopen(path, "w");

    (void)state;
    assert_non_null(f);
    assert_int_equal(ftruncate(fileno(f), FILE_MAX), 0);
    escertke_detail_init(&d);
    assert_int_equal(file_read(path, &b, &d), ESCERTKE_OK);
    assert_int_equal(b.len, FILE_MAX);
    escertke_buf_free(&b);
    assert_int_equal(ftruncate(fileno(f), FILE_MAX + 1), 0);
    fclose(f);
    assert_int_equal(file_read(path, &b, &d), ESCERTKE_ERR_IO);
    expect_words("reason", d.reason, "is larger than 1048576 bytes");
    escertke_buf_free(&b);
    escertke_detail_init(&d);
    assert_int_equal(file_read("/dev/zero", &b, &d), ESCERTKE_ERR_IO);
    escertke_buf_free(&b);
    escertke_detail_init(&d);
    assert_int_equal(file_read(folder, &b, &d), ESCERTKE_ERR_IO);
    expect_words("folder", d.reason, "Is a directory");
    escertke_buf_free(&b);
}

static void makes_folders(void **state)
{
    char deep[96], file[96 + 8];
    struct stat st;
    escertke_detail d;

    (void)state;
    escertke_detail_init(&d);
    snprintf(deep, sizeof deep, "%s/a/b", folder);
    assert_int_equal(file_make_folder(deep, &d), ESCERTKE_OK);
    assert_int_equal(file_make_folder(deep, &d), ESCERTKE_OK);
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    snprintf(file, sizeof file, "%s/f", deep);
    write_text(file, "x");
    assert_int_equal(file_make_folder(file, &d), ESCERTKE_ERR_IO);
    expect_words("reason", d.reason, "is not a folder");
    assert_int_equal(file_make_folder("", NULL), ESCERTKE_ERR_IO);
}

static int setup(void **state)
{
    (void)state;
    folder_make(folder);
    snprintf(path, sizeof path, "%s/x", folder);
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
        cmocka_unit_test_setup_teardown(writes_and_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_an_existing_file, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_no_temporary_file, setup, teardown),
        cmocka_unit_test_setup_teardown(bounds_what_it_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(makes_folders, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
