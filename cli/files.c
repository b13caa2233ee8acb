#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

static escertke_err fail_file(escertke_detail *d, const char *what, const char *path)
{
    return esc_fail(d, ESCERTKE_ERR_IO, "", "%s %s: %s", what, path, strerror(errno));
}

static escertke_err read_all(int fd, const char *path, size_t max, escertke_buf *out, escertke_detail *d)
{
    for (;;) {
        uint8_t *at;
        size_t room = max - out->len + 1; /* one octet more than allowed tells a file that is too large */
        if (room > 65536)
            room = 65536;
        if (escertke_buf_reserve(out, room + 1, &at) != ESCERTKE_OK)
            return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "reading %s: out of memory", path);
        ssize_t n = read(fd, at, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_file(d, "cannot read", path);
        at[n] = '\0';
        out->len += (size_t)n;
        if (out->len > max)
            return esc_fail(d, ESCERTKE_ERR_IO, "", "%s is larger than %zu bytes, the limit for such a file", path, max);
        if (n == 0)
            return ESCERTKE_OK;
    }
}

escertke_err file_read(const char *path, escertke_buf *out, escertke_detail *d)
{
    return file_read_up_to(path, FILE_MAX, out, d);
}

escertke_err file_read_up_to(const char *path, size_t max, escertke_buf *out, escertke_detail *d)
{
    escertke_buf_init(out, max + 65536 + 2);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_file(d, "cannot open", path);
    escertke_err err = read_all(fd, path, max, out, d);
    close(fd);
    return err;
}

bool file_is_open_to_others(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0;
}

bool file_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static escertke_err write_all(int fd, escertke_span content, const char *path, escertke_detail *d)
{
    while (content.len) {
        ssize_t n = write(fd, content.ptr, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_file(d, "cannot write", path);
        content.ptr += n;
        content.len -= (size_t)n;
    }
    return fsync(fd) == 0 ? ESCERTKE_OK : fail_file(d, "cannot write", path);
}

/* The name itself reaches the disk with its folder. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');

    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* link() refuses an existing name where rename() would replace it. */
static escertke_err put_in_place(const char *temp, const char *path, bool replace, escertke_detail *d)
{
    int failed = replace ? rename(temp, path) : link(temp, path);
    if (failed && !replace && errno == EEXIST)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "%s exists already and is not replaced", path);
    if (failed)
        return fail_file(d, "cannot write", path);
    if (!replace)
        unlink(temp);
    sync_folder(path);
    return ESCERTKE_OK;
}

escertke_err file_write(const char *path, escertke_span content, unsigned mode, bool replace, escertke_detail *d)
{
    char temp[PATH_MAX];

    if (snprintf(temp, sizeof temp, "%s.XXXXXX", path) >= (int)sizeof temp)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "the file name is too long: %.200s...", path);
    int fd = mkstemp(temp); /* mode 0600 */
    if (fd < 0)
        return fail_file(d, "cannot create", path);
    escertke_err err = write_all(fd, content, path, d);
    if (err == ESCERTKE_OK && mode != 0600 && fchmod(fd, (mode_t)mode) != 0)
        err = fail_file(d, "cannot set the mode of", path);
    if (close(fd) != 0 && err == ESCERTKE_OK)
        err = fail_file(d, "cannot write", path);
    if (err == ESCERTKE_OK)
        err = put_in_place(temp, path, replace, d);
    if (err != ESCERTKE_OK)
        unlink(temp);
    return err;
}

escertke_err file_make_folder(const char *path, escertke_detail *d)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof part)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "not usable as a folder: \"%.200s\"", path);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return fail_file(d, "cannot create", part);
        part[i] = path[i];
    }
    struct stat st;
    if (stat(path, &st) != 0)
        return fail_file(d, "cannot open", path);
    if (!S_ISDIR(st.st_mode))
        return esc_fail(d, ESCERTKE_ERR_IO, "", "%s is not a folder", path);
    return ESCERTKE_OK;
}
