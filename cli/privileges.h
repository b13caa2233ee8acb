/* privileges.h - what a server gives up before it listens to strangers. */
#ifndef ESCERTKE_CLI_PRIVILEGES_H
#define ESCERTKE_CLI_PRIVILEGES_H

#include <escertke/base.h>

/**
 * For good: no program that is executed from here gets more rights (PR_SET_NO_NEW_PRIVS), and the memory of this process is
 * neither dumped nor readable by other processes of its user (RLIMIT_CORE, PR_SET_DUMPABLE). Before any thread is made: the first
 * is a thread's own, and inherited. @return OK, IO
 */
ESCERTKE_CHECKED escertke_err privileges_seal(escertke_detail *d);

/**
 * Become this user, for good, in all threads: its groups and no others, its uid, no capabilities. That there is no way back is
 * tried. Who is this user already stays so. @return OK, CONFIG (no such user, root, or this process may not), IO
 */
ESCERTKE_CHECKED escertke_err privileges_drop(const char *user, escertke_detail *d);

#endif
