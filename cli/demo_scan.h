/* demo_scan.h - is a secret in the memory of another process? Every readable mapping is read and searched. */
#ifndef ESCERTKE_CLI_DEMO_SCAN_H
#define ESCERTKE_CLI_DEMO_SCAN_H

#include <escertke/base.h>
#include <sys/types.h>

#define SCAN_NEEDLE_MAX 256u

/** Octets to look for. */
struct scan_needle {
    const char *name; /* for words, e.g. "hexadecimal" */
    uint8_t bytes[SCAN_NEEDLE_MAX];
    size_t len;
    bool found;
};

/** Ways in which a key of 32 octets may be written: each half as it is, hexadecimal in both cases, base64 of both alphabets. */
#define SCAN_WRITINGS 6u
/** Fill all the needles of one key; they are secret: wipe them. @return false: no memory */
bool scan_write_key(const uint8_t key[32], struct scan_needle needles[SCAN_WRITINGS]);

struct scan_stats {
    uint64_t read, unread; /* octets of readable mappings */
    int denied;            /* errno with which the kernel let nobody look, else 0 */
};

/**
 * Look for all needles in the memory of a process, which should be paused. found is set where one is, never cleared.
 * The kernel's own pages ([vvar], [vsyscall]) are left out; so is the shadow of a sanitizer, in a program built with one.
 * @return OK; UNSUPPORTED (denied: stats->denied says why), IO (the process is gone), NOMEM
 */
ESCERTKE_CHECKED escertke_err scan_memory(pid_t pid, struct scan_needle *needles, size_t count, struct scan_stats *stats);
/** The same in a text. */
void scan_text(escertke_span text, struct scan_needle *needles, size_t count);

#endif
