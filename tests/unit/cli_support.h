/* cli_support.h - what the tests of the command share: captured stdout and stderr, a folder of their own, tables. */
#ifndef TESTS_CLI_SUPPORT_H
#define TESTS_CLI_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/** One of the standard streams sent to a file between begin and end. */
struct capture {
    FILE *stream;
    int kept, fd;
    char text[16384];
};

static inline void capture_begin(struct capture *c, FILE *stream)
{
    FILE *file = tmpfile();

    assert_non_null(file);
    fflush(stream);
    c->stream = stream;
    c->kept = dup(fileno(stream));
    c->fd = dup(fileno(file));
    assert_int_not_equal(dup2(c->fd, fileno(stream)), -1);
    fclose(file);
}

/** Put the stream back; what was written stands in c->text. */
static inline void capture_end(struct capture *c)
{
    fflush(c->stream);
    ssize_t n = pread(c->fd, c->text, sizeof c->text - 1, 0);
    c->text[n > 0 ? n : 0] = '\0';
    dup2(c->kept, fileno(c->stream));
    close(c->kept);
    close(c->fd);
}

/** New folder for files; the caller removes it with folder_remove. */
static inline void folder_make(char path[64])
{
    snprintf(path, 64, "/tmp/escertke-cli-XXXXXX");
    assert_non_null(mkdtemp(path));
}

static inline void folder_remove(const char *path)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static inline void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_not_equal(fputs(text, f), EOF);
    assert_int_equal(fclose(f), 0);
}

/** Fails with the case's name unless @p text contains @p part. */
static inline void expect_words(const char *name, const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("%s: expected \"%s\" in \"%s\"", name, part, text);
}

#endif
