#define _GNU_SOURCE /* setresuid and its like */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fail.h"

/* The leak checker of AddressSanitizer reads this process from another one. */
#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

static escertke_err failed(escertke_detail *d, const char *what)
{
    return esc_fail(d, ESCERTKE_ERR_IO, "", "%s: %s", what, strerror(errno));
}

static escertke_err forbid_dumps(escertke_detail *d)
{
    const struct rlimit none = { 0, 0 };

    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return failed(d, "core dumps cannot be turned off");
    if (!UNDER_ASAN && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return failed(d, "the memory cannot be closed to others");
    return ESCERTKE_OK;
}

escertke_err privileges_seal(escertke_detail *d)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return failed(d, "new privileges cannot be ruled out");
    return forbid_dumps(d);
}

static bool is_wholly(uid_t uid, gid_t gid)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;

    return getresuid(&r, &e, &s) == 0 && r == uid && e == uid && s == uid && getresgid(&rg, &eg, &sg) == 0 && rg == gid &&
           eg == gid && sg == gid;
}

/* Of what was root: groups first, since they need root; uid last. */
static escertke_err become(const struct passwd *pw, escertke_detail *d)
{
    if (initgroups(pw->pw_name, pw->pw_gid) != 0)
        return failed(d, "the groups cannot be set");
    if (setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0)
        return failed(d, "the group cannot be changed");
    if (setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
        return failed(d, "the user cannot be changed");
    if (!is_wholly(pw->pw_uid, pw->pw_gid) || setuid(0) == 0 || seteuid(0) == 0 || (pw->pw_gid && setegid(0) == 0))
        return esc_fail(d, ESCERTKE_ERR_IO, "", "the rights of root are not all gone");
    return forbid_dumps(d); /* a change of user has undone it */
}

escertke_err privileges_drop(const char *user, escertke_detail *d)
{
    errno = 0;
    const struct passwd *pw = getpwnam(user);

    if (!pw)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "", "--user %s: %s", user, errno ? strerror(errno) : "no such user");
    if (!pw->pw_uid)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "", "--user %s is root: nothing would be given up", user);
    if (is_wholly(pw->pw_uid, pw->pw_gid))
        return ESCERTKE_OK;
    if (geteuid() != 0)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "", "--user %s: only root can become another user", user);
    return become(pw, d);
}
