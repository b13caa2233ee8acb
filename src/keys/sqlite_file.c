#include "keys/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

/* Long paths are cut in the reasons, so that what is wrong still fits. */
#define SHOWN "key store %.160s: "

/* SQLite takes a shorter file for an empty one and would write over it. */
#define SMALLEST 512

static escertke_err fail_errno(const char *path, int number, const char *doing, escertke_detail *d)
{
    static const struct {
        int number;
        escertke_err err;
        const char *what;
    } known[] = {
        { ENOENT, ESCERTKE_ERR_IO, "the directory, or what the symbolic link names, does not exist" },
        { ENOTDIR, ESCERTKE_ERR_IO, "a part of the path is not a directory" },
        { EACCES, ESCERTKE_ERR_IO, "permission denied" },
        { ELOOP, ESCERTKE_ERR_IO, "too many symbolic links" },
        { ENAMETOOLONG, ESCERTKE_ERR_IO, "path too long" },
        { EROFS, ESCERTKE_ERR_IO, "read-only file system" },
        { ENOSPC, ESCERTKE_ERR_STORE_FULL, "no space left on the disk" },
        { EDQUOT, ESCERTKE_ERR_STORE_FULL, "disk quota used up" },
    };
    char text[96];

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].number == number)
            return esc_fail(d, known[i].err, "", SHOWN "cannot %s: %s", path, doing, known[i].what);
    if (strerror_r(number, text, sizeof text) != 0)
        snprintf(text, sizeof text, "error %d", number);
    return esc_fail(d, ESCERTKE_ERR_IO, "", SHOWN "cannot %s: %s", path, doing, text);
}

/* A regular file of ours that is closed to everybody else? */
static escertke_err check_owned(const char *path, const struct stat *st, escertke_detail *d)
{
    unsigned mode = (unsigned)st->st_mode & 07777u;

    if (!S_ISREG(st->st_mode))
        return esc_fail(d, ESCERTKE_ERR_IO, "", SHOWN "not a regular file", path);
    if (st->st_uid != geteuid())
        return esc_fail(d, ESCERTKE_ERR_IO, "", SHOWN "owned by user %lu, expected user %lu who runs this", path,
                        (unsigned long)st->st_uid, (unsigned long)geteuid());
    if (mode & (S_IRWXG | S_IRWXO))
        return esc_fail(d, ESCERTKE_ERR_IO, "", SHOWN "mode %04o lets others at the keys, expected 0600: chmod 600 it", path,
                        mode);
    return ESCERTKE_OK;
}

/* SQLite's own files beside the store hold keys as well. */
static escertke_err check_companions(const char *real, escertke_detail *d)
{
    static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
    escertke_err err = ESCERTKE_OK;

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && err == ESCERTKE_OK; i++) {
        char path[PATH_MAX + 16];
        struct stat st;

        snprintf(path, sizeof path, "%s%s", real, suffixes[i]);
        if (lstat(path, &st) == 0)
            err = check_owned(path, &st, d);
    }
    return err;
}

static escertke_err check_existing(const char *path, char real[PATH_MAX], escertke_detail *d)
{
    struct stat st;
    escertke_err err;

    if (!realpath(path, real) || stat(real, &st) != 0)
        return fail_errno(path, errno, "open it", d);
    if ((err = check_owned(path, &st, d)) != ESCERTKE_OK || (err = check_companions(real, d)) != ESCERTKE_OK)
        return err;
    if (faccessat(AT_FDCWD, real, R_OK, AT_EACCESS) != 0)
        return fail_errno(path, errno, "read it", d);
    if (faccessat(AT_FDCWD, real, W_OK, AT_EACCESS) != 0)
        return fail_errno(path, errno, "write it", d);
    if (st.st_size > 0 && st.st_size < SMALLEST)
        return esc_fail(d, ESCERTKE_ERR_STORE, "", SHOWN "not an SQLite database: %lld octets, expected none or at least %d",
                        path, (long long)st.st_size, SMALLEST);
    return ESCERTKE_OK;
}

escertke_err esc_sqlite_file_ready(const char *path, char real[PATH_MAX], escertke_detail *d)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 && errno != EEXIST)
        return fail_errno(path, errno, "create it", d);
    if (fd >= 0) {
        int failed = fchmod(fd, 0600) != 0 ? errno : 0; /* a umask may have taken bits of the owner */
        close(fd);
        if (failed)
            return fail_errno(path, failed, "set its mode", d);
    }
    return check_existing(path, real, d);
}
