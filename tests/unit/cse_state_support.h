/* cse_state_support.h - a folder with a state file and its journal, and a CSE that is restarted on them. */
#ifndef CSE_STATE_SUPPORT_H
#define CSE_STATE_SUPPORT_H

#include "cse_support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/escertke-state-XXXXXX";
static char path[sizeof folder + 16], journal[sizeof folder + 24];

static inline int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/state", folder);
    snprintf(journal, sizeof journal, "%s/state.journal", folder);
    return 0;
}

static inline int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    unlink(journal);
    return rmdir(folder);
}

static inline size_t read_file(const char *name, char *out, size_t cap)
{
    FILE *f = fopen(name, "rb");
    size_t len = f ? fread(out, 1, cap, f) : 0;

    if (f)
        fclose(f);
    return len;
}

static inline void write_file(const char *name, const char *bytes, size_t len)
{
    FILE *f = fopen(name, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static inline struct world *with_state(void)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);

    world_free(w);
    cfg.state_path = path;
    return world_new_in(&cfg);
}

static inline void restart(struct world *w)
{
    struct esc_cse_config cfg = in_config(w);
    escertke_detail d;

    cfg.state_path = path;
    esc_cse_free(w->in);
    escertke_detail_init(&d);
    if (esc_cse_new(&cfg, w->now, &w->in, &d) != ESCERTKE_OK)
        fail_msg("%s %s", escertke_err_name(d.err), d.reason);
}

/* Neither file is there. */
static inline void no_state(void)
{
    unlink(path);
    unlink(journal);
}

#endif
