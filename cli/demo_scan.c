#define _FILE_OFFSET_BITS 64 /* addresses are file offsets in /proc/PID/mem */
#include "demo_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (1024u * 1024u)
#define SHADOW_MIN (UINT64_C(64) << 30) /* no mapping of this program is as large; a sanitizer's shadow is */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SCAN_HAS_SHADOW true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SCAN_HAS_SHADOW true
#endif
#ifndef SCAN_HAS_SHADOW
#define SCAN_HAS_SHADOW false
#endif

static void set_needle(struct scan_needle *n, const char *name, const void *bytes, size_t len)
{
    n->name = name;
    n->len = len;
    n->found = false;
    memcpy(n->bytes, bytes, len);
}

bool scan_write_key(const uint8_t key[32], struct scan_needle needles[SCAN_WRITINGS])
{
    char hex[65];
    escertke_buf base64;

    set_needle(&needles[0], "its first half", key, 16);
    set_needle(&needles[1], "its second half", key + 16, 16);
    escertke_hex((escertke_span){ key, 32 }, hex);
    set_needle(&needles[2], "upper-case hexadecimal", hex, 64);
    for (char *p = hex; *p; p++)
        *p = (char)(*p >= 'A' ? *p - 'A' + 'a' : *p);
    set_needle(&needles[3], "lower-case hexadecimal", hex, 64);
    escertke_wipe(hex, sizeof hex);

    escertke_buf_init(&base64, 64);
    bool ok = escertke_base64_encode((escertke_span){ key, 32 }, &base64) == ESCERTKE_OK;
    if (ok) { /* 42 characters: how the last octets are written depends on what follows them */
        set_needle(&needles[4], "base64", base64.ptr, 42);
        for (size_t i = 0; i < 42; i++)
            base64.ptr[i] = base64.ptr[i] == '+' ? '-' : base64.ptr[i] == '/' ? '_' : base64.ptr[i];
        set_needle(&needles[5], "base64url", base64.ptr, 42);
    }
    escertke_buf_free(&base64);
    return ok;
}

static bool contains(escertke_span text, const struct scan_needle *n)
{
    const uint8_t *at = text.ptr, *end = text.ptr + text.len;

    while ((size_t)(end - at) >= n->len && (at = memchr(at, n->bytes[0], (size_t)(end - at) - n->len + 1))) {
        if (memcmp(at, n->bytes, n->len) == 0)
            return true;
        at++;
    }
    return false;
}

void scan_text(escertke_span text, struct scan_needle *needles, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!needles[i].found && text.len >= needles[i].len)
            needles[i].found = contains(text, &needles[i]);
}

struct mapping {
    uint64_t start, end;
    bool wanted;
};

/* One line of /proc/PID/maps: "start-end rwxp offset dev inode path". */
static bool parse_mapping(const char *line, struct mapping *m)
{
    char *mode;

    m->start = strtoull(line, &mode, 16);
    if (*mode != '-')
        return false;
    m->end = strtoull(mode + 1, &mode, 16);
    if (mode[0] != ' ' || m->end <= m->start)
        return false;
    bool of_kernel = strstr(mode, " [vvar") || strstr(mode, " [vsyscall]");
    m->wanted = mode[1] == 'r' && !of_kernel && !(SCAN_HAS_SHADOW && m->end - m->start >= SHADOW_MIN);
    return true;
}

struct scan {
    int mem;
    uint8_t *chunk; /* SCAN_NEEDLE_MAX octets that were kept of the chunk before, then CHUNK */
    size_t kept;
    size_t page;
    struct scan_needle *needles;
    size_t count;
    struct scan_stats *stats;
};

/* Most pages of a stack or an arena were never touched. */
static bool is_zero(const uint8_t *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

/* Search new octets together with the last ones before them, in which a needle may begin. */
static void search(struct scan *s, size_t got)
{
    uint8_t *fresh = s->chunk + SCAN_NEEDLE_MAX;
    size_t edge = got < SCAN_NEEDLE_MAX ? got : SCAN_NEEDLE_MAX;

    s->stats->read += got;
    scan_text((escertke_span){ fresh - s->kept, s->kept + (is_zero(fresh, got) ? edge : got) }, s->needles, s->count);
    s->kept = edge;
    memmove(fresh - edge, fresh + got - edge, edge);
}

static escertke_err read_mapping(struct scan *s, const struct mapping *m)
{
    s->kept = 0;
    if (m->end - m->start >= SHADOW_MIN) {
        s->stats->unread += m->end - m->start;
        return ESCERTKE_OK;
    }
    for (uint64_t at = m->start; at < m->end;) {
        size_t want = m->end - at < CHUNK ? (size_t)(m->end - at) : CHUNK;
        ssize_t got = pread(s->mem, s->chunk + SCAN_NEEDLE_MAX, want, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            return ESCERTKE_ERR_IO;
        if (got > 0) {
            search(s, (size_t)got);
            at += (uint64_t)got;
            continue;
        }
        size_t skip = s->page - (size_t)(at % s->page);
        s->stats->unread += skip;
        s->kept = 0;
        at += skip;
    }
    return ESCERTKE_OK;
}

static escertke_err denied(struct scan_stats *stats)
{
    if (errno != EACCES && errno != EPERM)
        return ESCERTKE_ERR_IO;
    stats->denied = errno;
    return ESCERTKE_ERR_UNSUPPORTED;
}

static escertke_err scan_mappings(struct scan *s, FILE *maps)
{
    escertke_err err = ESCERTKE_OK;
    struct mapping m;
    char *line = NULL;
    size_t cap = 0;

    while (err == ESCERTKE_OK && getline(&line, &cap, maps) > 0)
        if (!parse_mapping(line, &m))
            err = ESCERTKE_ERR_IO;
        else if (m.wanted)
            err = read_mapping(s, &m);
    free(line);
    return err == ESCERTKE_OK && ferror(maps) ? ESCERTKE_ERR_IO : err;
}

escertke_err scan_memory(pid_t pid, struct scan_needle *needles, size_t count, struct scan_stats *stats)
{
    char path[64];
    struct scan s = { .page = (size_t)sysconf(_SC_PAGESIZE), .needles = needles, .count = count, .stats = stats };

    *stats = (struct scan_stats){ 0 };
    snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
    FILE *maps = fopen(path, "re");
    if (!maps)
        return denied(stats);
    snprintf(path, sizeof path, "/proc/%ld/mem", (long)pid);
    s.mem = open(path, O_RDONLY | O_CLOEXEC);
    escertke_err err = s.mem >= 0 ? ESCERTKE_OK : denied(stats);
    if (err == ESCERTKE_OK && !(s.chunk = malloc(SCAN_NEEDLE_MAX + CHUNK)))
        err = ESCERTKE_ERR_NOMEM;
    if (err == ESCERTKE_OK)
        err = scan_mappings(&s, maps);
    if (s.chunk) /* may hold a key that was found */
        escertke_wipe(s.chunk, SCAN_NEEDLE_MAX + CHUNK);
    free(s.chunk);
    if (s.mem >= 0)
        close(s.mem);
    fclose(maps);
    return err;
}
