/*
 * The journal of the state file: what has changed since that was written. First a line that names the state file by its checksum;
 * then frames, each a line with the length and checksum of what follows, and then that: lines as in the state file for resources
 * that are new or were changed, {"del":ri} for those that went. A frame is what several requests have changed, and on the disk
 * before any of them is answered. A journal that names another state file is one that a newer state file has made needless.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "cse/state.h"
#include "m2m/json.h"

enum {
    JOURNAL_VERSION = 1,
    JOURNAL_LEAST = 1024 * 1024, /* shorter ones are no reason to write a state file */
    FRAME_HEAD_MAX = 80
};

static const char frame_begins[] = "{\"octets\":";

static char *path_of(const struct esc_cse *cse)
{
    size_t cap = strlen(cse->cfg.state_path) + sizeof ".journal";
    char *path = esc_alloc(cap);

    if (path)
        snprintf(path, cap, "%s.journal", cse->cfg.state_path);
    return path;
}

/* ---- what changes: with the lock held -------------------------------------------------------------------------- */

/* What cannot be noted is in the next state file. */
static void note(struct esc_cse *cse, json_t *line)
{
    if (!cse->journal.on) {
        json_decref(line);
        return;
    }
    if (esc_state_put_line(&cse->journal.pending, line) == ESCERTKE_OK)
        return;
    cse->journal.on = false;
    escertke_buf_reset(&cse->journal.pending);
}

void esc_journal_put(struct esc_cse *cse, const struct esc_resource *r)
{
    if (cse->journal.on)
        note(cse, esc_state_line(r));
}

void esc_journal_remove(struct esc_cse *cse, const struct esc_resource *r)
{
    if (cse->journal.on)
        note(cse, json_pack("{ss}", "del", r->ri));
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static size_t limit_of(size_t state_len)
{
    return 2 * state_len > JOURNAL_LEAST ? 2 * state_len : JOURNAL_LEAST;
}

static escertke_err put_head(const struct esc_cse *cse, uint64_t sum, escertke_buf *out)
{
    char text[17];

    snprintf(text, sizeof text, "%016" PRIx64, sum);
    return esc_state_put_line(out, json_pack("{si ss ss ss}", "escertke-cse-journal", (int)JOURNAL_VERSION, "sp", cse->cfg.sp_id,
                                             "cse", cse->cfg.cse_id, "of", text));
}

static escertke_err write_head(const char *path, escertke_span head)
{
    bool is_new = access(path, F_OK) != 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    escertke_err err = fd >= 0 ? esc_state_write_all(fd, head) : ESCERTKE_ERR_IO;

    if (fd >= 0 && close(fd))
        err = ESCERTKE_ERR_IO;
    return err == ESCERTKE_OK && is_new ? esc_state_sync_folder(path) : err;
}

escertke_err esc_journal_begin(struct esc_cse *cse, uint64_t sum, size_t state_len)
{
    char *path = path_of(cse);
    escertke_buf head;

    escertke_buf_init(&head, 1024);
    escertke_err err = path ? put_head(cse, sum, &head) : ESCERTKE_ERR_NOMEM;
    if (err == ESCERTKE_OK)
        err = write_head(path, escertke_buf_span(&head));
    cse->journal.size = head.len;
    cse->journal.limit = limit_of(state_len);
    escertke_buf_free(&head);
    esc_release(path);
    return err;
}

/* Behind what is known to be there: a file of another length is not the one that was written. */
static escertke_err append(const char *path, uint64_t size, escertke_span frame)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    escertke_err err = fd >= 0 && !fstat(fd, &st) && (uint64_t)st.st_size == size ? ESCERTKE_OK : ESCERTKE_ERR_IO;

    if (err == ESCERTKE_OK && (err = esc_state_write_all(fd, frame)) != ESCERTKE_OK && ftruncate(fd, (off_t)size))
        err = ESCERTKE_ERR_IO; /* half a frame stays: the next state file makes it needless */
    if (fd >= 0 && close(fd))
        err = ESCERTKE_ERR_IO;
    return err;
}

escertke_err esc_journal_append(struct esc_cse *cse, escertke_span records)
{
    char *path = path_of(cse), head[FRAME_HEAD_MAX];
    escertke_buf frame;

    escertke_buf_init(&frame, ESC_STATE_MAX);
    int len = snprintf(head, sizeof head, "%s%zu,\"sum\":\"%016" PRIx64 "\"}\n", frame_begins, records.len,
                       esc_state_checksum(records));
    escertke_err err = path ? escertke_buf_append(&frame, head, (size_t)len) : ESCERTKE_ERR_NOMEM;
    if (err == ESCERTKE_OK && (err = escertke_buf_append(&frame, records.ptr, records.len)) == ESCERTKE_OK &&
        (err = append(path, cse->journal.size, escertke_buf_span(&frame))) == ESCERTKE_OK)
        cse->journal.size += frame.len;
    escertke_buf_free(&frame);
    esc_release(path);
    return err;
}

bool esc_journal_is_full(const struct esc_cse *cse, size_t more)
{
    return cse->journal.size + more > cse->journal.limit;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* The records of a whole frame at the beginning of @p text; false: there is none. */
static bool frame_at(escertke_span text, escertke_span *records, size_t *len)
{
    size_t most = text.len < FRAME_HEAD_MAX ? text.len : FRAME_HEAD_MAX;
    const uint8_t *end = most ? memchr(text.ptr, '\n', most) : NULL;
    json_t *head = NULL;
    char sum[17];

    if (!end || esc_json_load((escertke_span){ text.ptr, (size_t)(end - text.ptr) }, &head, NULL) != ESCERTKE_OK)
        return false;
    json_int_t octets = json_integer_value(json_object_get(head, "octets"));
    size_t head_len = (size_t)(end - text.ptr) + 1;
    bool whole = octets > 0 && (uint64_t)octets <= text.len - head_len;
    if (whole) {
        *records = (escertke_span){ end + 1, (size_t)octets };
        snprintf(sum, sizeof sum, "%016" PRIx64, esc_state_checksum(*records));
        whole = strcmp(esc_state_text(head, "sum"), sum) == 0;
        *len = head_len + (size_t)octets;
    }
    json_decref(head);
    return whole;
}

/* In what cannot be read: is there a whole frame behind it? Text inside of a record has no bare quotes. */
static bool more_follows(escertke_span text)
{
    const size_t width = sizeof frame_begins - 1;
    escertke_span records;
    size_t len;

    for (size_t i = 1; i + width <= text.len; i++) {
        if (text.ptr[i] == '{' && !memcmp(text.ptr + i, frame_begins, width) &&
            frame_at((escertke_span){ text.ptr + i, text.len - i }, &records, &len))
            return true;
    }
    return false;
}

static escertke_err apply(struct esc_state_loader *l, const json_t *line)
{
    const json_t *del = json_object_get(line, "del");

    if (!del)
        return esc_state_load_resource(l, line, true);
    struct esc_resource *r = esc_tree_by_ri(l->cse, escertke_span_str(esc_state_text(line, "del")));
    if (!r || r == l->cse->base)
        return esc_state_damaged(l, "what is to be removed is not there");
    esc_tree_remove(l->cse, r);
    return ESCERTKE_OK;
}

/* Limits are kept by a frame as a whole: what makes room may come after what needs it. */
static escertke_err apply_frame(struct esc_state_loader *l, escertke_span records)
{
    escertke_span rest = l->text;
    escertke_err err = ESCERTKE_OK;

    l->text = records;
    while (err == ESCERTKE_OK && l->text.len) {
        json_t *line = NULL;
        if ((err = esc_state_next_line(l, &line)) == ESCERTKE_OK)
            err = apply(l, line);
        json_decref(line);
    }
    l->text = rest;
    return err == ESCERTKE_OK ? esc_state_within_limits(l) : err;
}

/* @return OK with *mine false: it follows another state file, or was never begun */
static escertke_err read_head(struct esc_state_loader *l, uint64_t sum, bool *mine)
{
    escertke_span all = l->text;
    escertke_detail why;
    json_t *head = NULL;
    char text[17];

    *mine = false;
    snprintf(text, sizeof text, "%016" PRIx64, sum);
    escertke_detail_init(&why);
    struct esc_state_loader quiet = *l;
    quiet.d = &why;
    escertke_err err = esc_state_next_line(&quiet, &head);
    if (err == ESCERTKE_ERR_NOMEM)
        return err;
    bool known = err == ESCERTKE_OK && json_integer_value(json_object_get(head, "escertke-cse-journal")) == JOURNAL_VERSION &&
                 !strcmp(esc_state_text(head, "sp"), l->cse->cfg.sp_id) &&
                 !strcmp(esc_state_text(head, "cse"), l->cse->cfg.cse_id);
    *mine = known && strcmp(esc_state_text(head, "of"), text) == 0;
    json_decref(head);
    if (!known && more_follows(all))
        return esc_state_damaged(l, "not the beginning of a journal of this version");
    l->text = quiet.text;
    l->line = quiet.line;
    return ESCERTKE_OK;
}

static void leave_out(struct esc_state_loader *l, const char *what)
{
    snprintf(l->cse->left_out, sizeof l->cse->left_out, "%zu octets of %s are left out: %s", l->text.len, l->path, what);
    esc_log(&l->cse->cfg.log, ESCERTKE_LEVEL_WARN, "cse.state", "reason=\"%s\"", l->cse->left_out);
}

static escertke_err load_frames(struct esc_state_loader *l, bool *whole)
{
    escertke_span records;
    escertke_err err = ESCERTKE_OK;
    size_t len;

    *whole = true;
    while (err == ESCERTKE_OK && l->text.len) {
        if (!frame_at(l->text, &records, &len)) {
            if (more_follows(l->text))
                return esc_state_damaged(l, "a frame is not as it was written, and others follow");
            leave_out(l, "the last change was not written to its end, and nobody was told that it was");
            *whole = false;
            return ESCERTKE_OK;
        }
        l->line++;
        l->text = (escertke_span){ l->text.ptr + len, l->text.len - len };
        err = apply_frame(l, records);
    }
    return err;
}

static escertke_err load(struct esc_state_loader *l, uint64_t sum, bool *goes_on)
{
    bool mine = false;
    escertke_err err = l->text.len ? read_head(l, sum, &mine) : ESCERTKE_OK;

    *goes_on = false;
    if (err != ESCERTKE_OK || !mine) {
        if (err == ESCERTKE_OK && l->text.len)
            leave_out(l, "they follow another state file");
        return err;
    }
    return load_frames(l, goes_on);
}

escertke_err esc_journal_load(struct esc_cse *cse, uint64_t sum, size_t state_len, escertke_detail *d)
{
    char *path = path_of(cse);
    struct esc_state_loader l = { .cse = cse, .path = path, .d = d };
    bool goes_on = false;
    escertke_buf text;

    escertke_buf_init(&text, ESC_STATE_MAX);
    escertke_err err = path ? esc_state_read(path, &text, d) : ESCERTKE_ERR_NOMEM;
    l.text = escertke_buf_span(&text);
    if (err == ESCERTKE_OK)
        err = load(&l, sum, &goes_on);
    else if (err == ESCERTKE_ERR_NOT_FOUND)
        err = ESCERTKE_OK;
    cse->journal.on = err == ESCERTKE_OK && goes_on;
    cse->journal.size = text.len;
    cse->journal.limit = limit_of(state_len);
    escertke_buf_free(&text);
    esc_release(path);
    return err;
}
