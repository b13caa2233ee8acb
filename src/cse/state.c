/*
 * The state file: resources over a restart. One JSON object a line: what CSE it is, the resources (parents before their
 * children), and a last line with their number and a checksum of all before it, so that half a file is never taken for a whole.
 * It is written beside the old one and put in its place. What changes after that goes into the journal (journal.c), until that is
 * long enough for a new state file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "cse/state.h"
#include "m2m/json.h"

enum { STATE_VERSION = 1 };

uint64_t esc_state_checksum(escertke_span bytes)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < bytes.len; i++)
        h = (h ^ bytes.ptr[i]) * 0x100000001b3u;
    return h;
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

escertke_err esc_state_put_line(escertke_buf *out, json_t *line)
{
    escertke_err err = line ? esc_json_dump(line, out) : ESCERTKE_ERR_NOMEM;

    json_decref(line);
    return err == ESCERTKE_OK ? escertke_buf_append(out, "\n", 1) : err;
}

json_t *esc_state_line(const struct esc_resource *r)
{
    return json_pack("{si ss ss ss ss sI sI sI sb sO}", "ty", r->ty, "ri", r->ri, "pi", r->parent->ri, "rn", r->rn, "cr",
                     r->creator, "ct", (json_int_t)r->ct, "lt", (json_int_t)r->lt, "st", (json_int_t)r->st, "mirror",
                     (int)r->mirror, "attrs", r->attrs);
}

static escertke_err put_below(escertke_buf *out, const struct esc_resource *parent, size_t *count)
{
    escertke_err err = ESCERTKE_OK;

    for (const struct esc_resource *r = parent->last; r && err == ESCERTKE_OK;
         r = r->prev) { /* the oldest first, as they were added */
        err = esc_state_put_line(out, esc_state_line(r));
        ++*count;
        if (err == ESCERTKE_OK)
            err = put_below(out, r, count);
    }
    return err;
}

/* With the lock held. */
static escertke_err serialize(const struct esc_cse *cse, escertke_buf *out, uint64_t *of)
{
    char sum[17];
    size_t count = 0;
    escertke_err err;

    err = esc_state_put_line(
        out, json_pack("{si ss ss}", "escertke-cse", (int)STATE_VERSION, "sp", cse->cfg.sp_id, "cse", cse->cfg.cse_id));
    if (err == ESCERTKE_OK)
        err = put_below(out, cse->base, &count);
    if (err != ESCERTKE_OK)
        return err;
    *of = esc_state_checksum(escertke_buf_span(out));
    snprintf(sum, sizeof sum, "%016" PRIx64, *of);
    return esc_state_put_line(out, json_pack("{sI ss}", "count", (json_int_t)count, "sum", sum));
}

escertke_err esc_state_write_all(int fd, escertke_span bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ESCERTKE_ERR_IO;
        bytes.ptr += n;
        bytes.len -= (size_t)n;
    }
    return fdatasync(fd) ? ESCERTKE_ERR_IO : ESCERTKE_OK;
}

/* The new name survives a power cut only when the folder is on the disk too. */
escertke_err esc_state_sync_folder(const char *path)
{
    char *copy = esc_strndup(path, strlen(path));
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    escertke_err err = fd >= 0 && !fsync(fd) ? ESCERTKE_OK : ESCERTKE_ERR_IO;

    if (fd >= 0)
        close(fd);
    esc_release(copy);
    return err;
}

static escertke_err replace_file(const char *path, const char *temp, escertke_span bytes)
{
    escertke_err err;
    int fd;

    unlink(temp); /* what an interrupted writer left */
    fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ESCERTKE_ERR_IO;
    err = esc_state_write_all(fd, bytes);
    if (close(fd))
        err = ESCERTKE_ERR_IO;
    if (err == ESCERTKE_OK && rename(temp, path))
        err = ESCERTKE_ERR_IO;
    if (err != ESCERTKE_OK) {
        int why = errno;
        unlink(temp);
        errno = why;
        return err;
    }
    return esc_state_sync_folder(path);
}

static escertke_err write_state(const char *path, escertke_span bytes, escertke_detail *d)
{
    size_t cap = strlen(path) + sizeof ".new";
    char *temp = esc_alloc(cap);
    escertke_err err = ESCERTKE_ERR_NOMEM;

    if (temp) {
        snprintf(temp, cap, "%s.new", path);
        err = replace_file(path, temp, bytes);
    }
    esc_release(temp);
    if (err == ESCERTKE_ERR_IO)
        return esc_fail(d, err, "", "state file %s cannot be written: %s", path, strerror(errno));
    return err;
}

/* What is to be written: the records, or the whole where they are not enough. */
struct work {
    escertke_buf out;
    uint64_t changes, sum;
    bool whole;
};

static escertke_err gather(struct esc_cse *cse, struct work *w)
{
    escertke_err err = ESCERTKE_OK;

    pthread_mutex_lock(&cse->lock);
    w->changes = cse->changes;
    w->whole = !cse->journal.on || esc_journal_is_full(cse, cse->journal.pending.len);
    if (w->whole) {
        err = serialize(cse, &w->out, &w->sum);
        escertke_buf_reset(&cse->journal.pending);
    } else { /* they change places: what comes now is for the next one */
        escertke_buf empty = w->out;
        w->out = cse->journal.pending;
        cse->journal.pending = empty;
    }
    cse->journal.on = err == ESCERTKE_OK;
    pthread_mutex_unlock(&cse->lock);
    return err;
}

/* What is in no file is in memory: the next state file has it. */
static void stop_journal(struct esc_cse *cse)
{
    pthread_mutex_lock(&cse->lock);
    cse->journal.on = false;
    escertke_buf_reset(&cse->journal.pending);
    pthread_mutex_unlock(&cse->lock);
}

static escertke_err write_out(struct esc_cse *cse, const struct work *w, escertke_detail *d)
{
    escertke_span bytes = escertke_buf_span(&w->out);

    if (!w->whole)
        return bytes.len ? esc_journal_append(cse, bytes) : ESCERTKE_OK;
    escertke_err err = write_state(cse->cfg.state_path, bytes, d);
    if (err == ESCERTKE_OK && esc_journal_begin(cse, w->sum, bytes.len) != ESCERTKE_OK)
        stop_journal(cse); /* without a journal every change writes the whole file */
    return err;
}

/* With the file_lock. A journal that cannot be written gives way to a state file. */
static escertke_err save_now(struct esc_cse *cse, escertke_detail *d)
{
    escertke_err err;
    struct work w;

    do {
        escertke_buf_init(&w.out, ESC_STATE_MAX);
        if ((err = gather(cse, &w)) == ESCERTKE_OK && (err = write_out(cse, &w, d)) == ESCERTKE_OK)
            cse->saved = w.changes;
        if (err != ESCERTKE_OK)
            stop_journal(cse);
        escertke_buf_free(&w.out);
    } while (err != ESCERTKE_OK && !w.whole);
    return err;
}

escertke_err esc_state_save(struct esc_cse *cse, escertke_detail *d)
{
    escertke_err err = ESCERTKE_OK;

    if (!cse->cfg.state_path)
        return ESCERTKE_OK;
    pthread_mutex_lock(&cse->lock);
    uint64_t wanted = cse->changes;
    pthread_mutex_unlock(&cse->lock);
    pthread_mutex_lock(&cse->file_lock);
    if (cse->saved < wanted) /* else another thread wrote this change along with its own */
        err = save_now(cse, d);
    pthread_mutex_unlock(&cse->file_lock);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "state file: %s", escertke_err_text(err));
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

escertke_err esc_state_damaged(struct esc_state_loader *l, const char *what)
{
    return esc_fail(l->d, ESCERTKE_ERR_IO, "", "state file %s line %zu: %s; the file is left as it is", l->path, l->line, what);
}

escertke_err esc_state_next_line(struct esc_state_loader *l, json_t **line)
{
    const uint8_t *end = l->text.len ? memchr(l->text.ptr, '\n', l->text.len) : NULL;
    escertke_err err;

    l->line++;
    if (!end)
        return esc_state_damaged(l, "the file ends too early");
    size_t len = (size_t)(end - l->text.ptr);
    err = esc_json_load((escertke_span){ l->text.ptr, len }, line, NULL);
    if (err != ESCERTKE_OK)
        return err == ESCERTKE_ERR_NOMEM ? err : esc_state_damaged(l, "not JSON");
    l->text = (escertke_span){ end + 1, l->text.len - len - 1 };
    return ESCERTKE_OK;
}

const char *esc_state_text(const json_t *line, const char *name)
{
    const json_t *value = json_object_get(line, name);

    return esc_text_valid(value, ESCERTKE_ID_MAX) ? json_string_value(value) : "";
}

static escertke_err check_header(struct esc_state_loader *l)
{
    json_t *line = NULL;
    escertke_err err = esc_state_next_line(l, &line);

    if (err != ESCERTKE_OK)
        return err;
    if (json_integer_value(json_object_get(line, "escertke-cse")) != STATE_VERSION)
        err = esc_state_damaged(l, "not a state file of this version");
    else if (strcmp(esc_state_text(line, "sp"), l->cse->cfg.sp_id) != 0 ||
             strcmp(esc_state_text(line, "cse"), l->cse->cfg.cse_id) != 0)
        err = esc_fail(l->d, ESCERTKE_ERR_CONFIG, "", "state file %s belongs to another CSE: %s%s", l->cse->cfg.state_path,
                       esc_state_text(line, "sp"), esc_state_text(line, "cse"));
    json_decref(line);
    return err;
}

escertke_err esc_state_within_limits(struct esc_state_loader *l)
{
    const struct esc_cse *cse = l->cse;

    if (cse->ae > cse->cfg.max_ae || cse->acp > cse->cfg.max_acp || cse->remote > cse->cfg.max_remote ||
        cse->containers > cse->cfg.max_containers || cse->instances > cse->cfg.max_instances ||
        cse->subscriptions > cse->cfg.max_subscriptions || cse->bytes > cse->cfg.max_bytes)
        return esc_fail(l->d, ESCERTKE_ERR_LIMIT, "", "state file %s line %zu: more than the limits allow", l->path, l->line);
    return ESCERTKE_OK;
}

static bool name_valid(const char *rn)
{
    json_t *name = json_string(rn);
    bool ok = esc_kind_name.ok(name);

    json_decref(name);
    return ok;
}

static void set_times(struct esc_resource *r, const json_t *line)
{
    r->lt = json_integer_value(json_object_get(line, "lt"));
    r->st = json_integer_value(json_object_get(line, "st"));
}

escertke_err esc_state_load_resource(struct esc_state_loader *l, const json_t *line, bool replace)
{
    const char *ri = esc_state_text(line, "ri"), *rn = esc_state_text(line, "rn"), *creator = esc_state_text(line, "cr");
    const struct esc_type *type = esc_type_of((int)json_integer_value(json_object_get(line, "ty")));
    struct esc_resource *parent = esc_tree_by_ri(l->cse, escertke_span_str(esc_state_text(line, "pi"))), *r;
    json_t *attrs = json_object_get(line, "attrs");
    escertke_id id;

    if (!type || !type->prepare || !json_is_object(attrs) || !esc_schema_stored(l->cse, type, attrs))
        return esc_state_damaged(l, "not a resource of this version");
    if (!parent || !esc_type_fits(parent->ty, type->ty))
        return esc_state_damaged(l, "its parent is missing");
    if (!name_valid(rn) || !name_valid(ri) || escertke_id_parse(escertke_span_str(creator), &id) != ESCERTKE_OK)
        return esc_state_damaged(l, "ri, rn or cr is not valid");
    r = esc_tree_by_ri(l->cse, escertke_span_str(ri));
    if (r && replace && r->ty == type->ty && r->parent == parent && !strcmp(r->rn, rn)) {
        esc_resource_replace(l->cse, r, json_incref(attrs));
        set_times(r, line);
        return ESCERTKE_OK;
    }
    if (r || esc_tree_by_name(l->cse, parent, escertke_span_str(rn)))
        return esc_state_damaged(l, "the resource is there twice");
    r = esc_resource_new(type->ty, ri, rn, creator, json_incref(attrs));
    if (!r)
        return ESCERTKE_ERR_NOMEM;
    set_times(r, line);
    r->ct = json_integer_value(json_object_get(line, "ct"));
    r->et = esc_attrs_expiry(attrs);
    r->mirror = type->ty == ESC_TY_CSR && json_is_true(json_object_get(line, "mirror"));
    esc_tree_add(l->cse, parent, r);
    l->count++;
    return ESCERTKE_OK;
}

static escertke_err check_end(struct esc_state_loader *l, const json_t *line, uint64_t sum)
{
    char text[17];

    snprintf(text, sizeof text, "%016" PRIx64, sum);
    if (json_integer_value(json_object_get(line, "count")) != (json_int_t)l->count ||
        strcmp(esc_state_text(line, "sum"), text) != 0)
        return esc_state_damaged(l, "number of resources or checksum differs");
    return l->text.len ? esc_state_damaged(l, "something follows the last line") : ESCERTKE_OK;
}

static escertke_err load_lines(struct esc_state_loader *l, uint64_t *sum)
{
    const uint8_t *start = l->text.ptr;
    escertke_err err = check_header(l);
    bool last = false;

    while (err == ESCERTKE_OK && !last) {
        escertke_span before = { start, (size_t)(l->text.ptr - start) };
        json_t *line = NULL;

        if ((err = esc_state_next_line(l, &line)) != ESCERTKE_OK)
            return err;
        last = json_object_get(line, "count") != NULL;
        if (last)
            err = check_end(l, line, *sum = esc_state_checksum(before));
        else if ((err = esc_state_load_resource(l, line, false)) == ESCERTKE_OK)
            err = esc_state_within_limits(l);
        json_decref(line);
    }
    return err;
}

static escertke_err read_all(int fd, escertke_buf *out)
{
    for (;;) {
        uint8_t *at;
        escertke_err err = escertke_buf_reserve(out, 65536, &at);
        if (err != ESCERTKE_OK)
            return err;
        ssize_t n = read(fd, at, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ESCERTKE_ERR_IO;
        if (!n)
            return ESCERTKE_OK;
        out->len += (size_t)n;
    }
}

escertke_err esc_state_read(const char *path, escertke_buf *out, escertke_detail *d)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return ESCERTKE_ERR_NOT_FOUND;
    escertke_err err = fd >= 0 ? read_all(fd, out) : ESCERTKE_ERR_IO;
    if (err == ESCERTKE_ERR_IO || err == ESCERTKE_ERR_TOO_LARGE)
        err = esc_fail(d, ESCERTKE_ERR_IO, "", "state file %s cannot be read: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return err;
}

escertke_err esc_state_load(struct esc_cse *cse, escertke_now now, escertke_detail *d)
{
    struct esc_state_loader l = { .cse = cse, .path = cse->cfg.state_path, .d = d };
    uint64_t sum = 0;
    escertke_buf text;

    if (!l.path)
        return ESCERTKE_OK;
    escertke_buf_init(&text, ESC_STATE_MAX);
    escertke_err err = esc_state_read(l.path, &text, d);
    l.text = escertke_buf_span(&text);
    if (err == ESCERTKE_OK && (err = load_lines(&l, &sum)) == ESCERTKE_OK)
        err = esc_journal_load(cse, sum, text.len, d);
    escertke_buf_free(&text);
    if (err == ESCERTKE_OK)
        esc_tree_expire(cse, now);
    return err == ESCERTKE_ERR_NOT_FOUND ? ESCERTKE_OK : err;
}

const char *esc_cse_left_out(const struct esc_cse *cse)
{
    return cse->left_out;
}
