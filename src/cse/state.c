/*
 * The state file: resources over a restart. One JSON object a line: what CSE it is, the resources (parents before their
 * children), and a last line with their number and a checksum of all before it, so that half a file is never taken for a whole.
 * A change writes a new file beside the old one and puts it in its place.
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
#include "cse/internal.h"
#include "m2m/json.h"

enum { STATE_VERSION = 1, STATE_MAX = 256 * 1024 * 1024 };

static uint64_t checksum(escertke_span bytes)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < bytes.len; i++)
        h = (h ^ bytes.ptr[i]) * 0x100000001b3u;
    return h;
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

static escertke_err put_line(escertke_buf *out, json_t *line)
{
    escertke_err err = line ? esc_json_dump(line, out) : ESCERTKE_ERR_NOMEM;

    json_decref(line);
    return err == ESCERTKE_OK ? escertke_buf_append(out, "\n", 1) : err;
}

static escertke_err put_below(escertke_buf *out, const struct esc_resource *parent, size_t *count)
{
    escertke_err err = ESCERTKE_OK;

    for (const struct esc_resource *r = parent->last; r && err == ESCERTKE_OK;
         r = r->prev) { /* the oldest first, as they were added */
        json_t *line = json_pack("{si ss ss ss ss sI sI sI sb sO}", "ty", r->ty, "ri", r->ri, "pi", parent->ri, "rn", r->rn, "cr",
                                 r->creator, "ct", (json_int_t)r->ct, "lt", (json_int_t)r->lt, "st", (json_int_t)r->st, "mirror",
                                 (int)r->mirror, "attrs", r->attrs);
        err = put_line(out, line);
        ++*count;
        if (err == ESCERTKE_OK)
            err = put_below(out, r, count);
    }
    return err;
}

/* With the lock held. */
static escertke_err serialize(const struct esc_cse *cse, escertke_buf *out)
{
    char sum[17];
    size_t count = 0;
    escertke_err err;

    err =
        put_line(out, json_pack("{si ss ss}", "escertke-cse", (int)STATE_VERSION, "sp", cse->cfg.sp_id, "cse", cse->cfg.cse_id));
    if (err == ESCERTKE_OK)
        err = put_below(out, cse->base, &count);
    if (err != ESCERTKE_OK)
        return err;
    snprintf(sum, sizeof sum, "%016" PRIx64, checksum(escertke_buf_span(out)));
    return put_line(out, json_pack("{sI ss}", "count", (json_int_t)count, "sum", sum));
}

static escertke_err write_all(int fd, escertke_span bytes)
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
    return fsync(fd) ? ESCERTKE_ERR_IO : ESCERTKE_OK;
}

/* The new name survives a power cut only when the folder is on the disk too. */
static escertke_err sync_folder(const char *path)
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
    err = write_all(fd, bytes);
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
    return sync_folder(path);
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

escertke_err esc_state_save(struct esc_cse *cse, escertke_detail *d)
{
    escertke_err err = ESCERTKE_OK;
    escertke_buf out;
    uint64_t changes;

    if (!cse->cfg.state_path)
        return ESCERTKE_OK;
    escertke_buf_init(&out, STATE_MAX);
    pthread_mutex_lock(&cse->file_lock);
    pthread_mutex_lock(&cse->lock);
    changes = cse->changes;
    if (cse->saved != changes) /* else another thread wrote this change along with its own */
        err = serialize(cse, &out);
    pthread_mutex_unlock(&cse->lock);
    if (err == ESCERTKE_OK && out.len)
        err = write_state(cse->cfg.state_path, escertke_buf_span(&out), d);
    if (err == ESCERTKE_OK)
        cse->saved = changes;
    pthread_mutex_unlock(&cse->file_lock);
    escertke_buf_free(&out);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "state file: %s", escertke_err_text(err));
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

struct loader {
    struct esc_cse *cse;
    escertke_span text; /* what is left */
    size_t line, count;
    escertke_detail *d;
};

static escertke_err damaged(struct loader *l, const char *what)
{
    return esc_fail(l->d, ESCERTKE_ERR_IO, "", "state file %s line %zu: %s; the file is left as it is", l->cse->cfg.state_path,
                    l->line, what);
}

static escertke_err next_line(struct loader *l, json_t **line)
{
    const uint8_t *end = l->text.len ? memchr(l->text.ptr, '\n', l->text.len) : NULL;
    escertke_err err;

    l->line++;
    if (!end)
        return damaged(l, "the file ends too early");
    size_t len = (size_t)(end - l->text.ptr);
    err = esc_json_load((escertke_span){ l->text.ptr, len }, line, NULL);
    if (err != ESCERTKE_OK)
        return err == ESCERTKE_ERR_NOMEM ? err : damaged(l, "not JSON");
    l->text = (escertke_span){ end + 1, l->text.len - len - 1 };
    return ESCERTKE_OK;
}

static const char *text_of(const json_t *line, const char *name)
{
    const json_t *value = json_object_get(line, name);

    return esc_text_valid(value, ESCERTKE_ID_MAX) ? json_string_value(value) : "";
}

static escertke_err check_header(struct loader *l)
{
    json_t *line = NULL;
    escertke_err err = next_line(l, &line);

    if (err != ESCERTKE_OK)
        return err;
    if (json_integer_value(json_object_get(line, "escertke-cse")) != STATE_VERSION)
        err = damaged(l, "not a state file of this version");
    else if (strcmp(text_of(line, "sp"), l->cse->cfg.sp_id) != 0 || strcmp(text_of(line, "cse"), l->cse->cfg.cse_id) != 0)
        err = esc_fail(l->d, ESCERTKE_ERR_CONFIG, "", "state file %s belongs to another CSE: %s%s", l->cse->cfg.state_path,
                       text_of(line, "sp"), text_of(line, "cse"));
    json_decref(line);
    return err;
}

static escertke_err within_limits(struct loader *l, const struct esc_resource *r)
{
    const struct esc_cse *cse = l->cse;

    if (cse->ae > cse->cfg.max_ae || cse->acp > cse->cfg.max_acp || cse->remote > cse->cfg.max_remote ||
        cse->containers > cse->cfg.max_containers || cse->instances > cse->cfg.max_instances ||
        cse->subscriptions > cse->cfg.max_subscriptions || cse->bytes > cse->cfg.max_bytes)
        return esc_fail(l->d, ESCERTKE_ERR_LIMIT, "", "state file %s line %zu: %s is more than the limits allow",
                        cse->cfg.state_path, l->line, r->ri);
    return ESCERTKE_OK;
}

static bool name_valid(const char *rn)
{
    json_t *name = json_string(rn);
    bool ok = esc_kind_name.ok(name);

    json_decref(name);
    return ok;
}

static escertke_err load_resource(struct loader *l, const json_t *line)
{
    const char *ri = text_of(line, "ri"), *rn = text_of(line, "rn"), *creator = text_of(line, "cr");
    const struct esc_type *type = esc_type_of((int)json_integer_value(json_object_get(line, "ty")));
    struct esc_resource *parent = esc_tree_by_ri(l->cse, escertke_span_str(text_of(line, "pi"))), *r;
    json_t *attrs = json_object_get(line, "attrs");
    escertke_id id;

    if (!type || !type->prepare || !json_is_object(attrs) || !esc_schema_stored(l->cse, type, attrs))
        return damaged(l, "not a resource of this version");
    if (!parent || !esc_type_fits(parent->ty, type->ty))
        return damaged(l, "its parent is missing");
    if (!name_valid(rn) || !name_valid(ri) || escertke_id_parse(escertke_span_str(creator), &id) != ESCERTKE_OK)
        return damaged(l, "ri, rn or cr is not valid");
    if (esc_tree_by_ri(l->cse, escertke_span_str(ri)) || esc_tree_by_name(l->cse, parent, escertke_span_str(rn)))
        return damaged(l, "the resource is there twice");
    r = esc_resource_new(type->ty, ri, rn, creator, json_incref(attrs));
    if (!r)
        return ESCERTKE_ERR_NOMEM;
    r->ct = json_integer_value(json_object_get(line, "ct"));
    r->lt = json_integer_value(json_object_get(line, "lt"));
    r->st = json_integer_value(json_object_get(line, "st"));
    r->et = esc_attrs_expiry(attrs);
    r->mirror = type->ty == ESC_TY_CSR && json_is_true(json_object_get(line, "mirror"));
    esc_tree_add(l->cse, parent, r);
    l->count++;
    return within_limits(l, r);
}

static escertke_err load_lines(struct loader *l)
{
    const uint8_t *start = l->text.ptr;
    escertke_err err = check_header(l);

    while (err == ESCERTKE_OK) {
        escertke_span before = { start, (size_t)(l->text.ptr - start) };
        char sum[17];
        json_t *line = NULL;

        if ((err = next_line(l, &line)) != ESCERTKE_OK)
            return err;
        bool last = json_object_get(line, "count") != NULL;
        snprintf(sum, sizeof sum, "%016" PRIx64, checksum(last ? before : (escertke_span){ NULL, 0 }));
        if (!last)
            err = load_resource(l, line);
        else if (json_integer_value(json_object_get(line, "count")) != (json_int_t)l->count ||
                 strcmp(text_of(line, "sum"), sum) != 0)
            err = damaged(l, "number of resources or checksum differs");
        else if (l->text.len)
            err = damaged(l, "something follows the last line");
        json_decref(line);
        if (last)
            return err;
    }
    return err;
}

static escertke_err read_file(int fd, escertke_buf *out)
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

escertke_err esc_state_load(struct esc_cse *cse, escertke_now now, escertke_detail *d)
{
    struct loader l = { .cse = cse, .d = d };
    const char *path = cse->cfg.state_path;
    escertke_buf text;
    escertke_err err;
    int fd;

    if (!path)
        return ESCERTKE_OK;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return ESCERTKE_OK;
    if (fd < 0)
        return esc_fail(d, ESCERTKE_ERR_IO, "", "state file %s cannot be read: %s", path, strerror(errno));
    escertke_buf_init(&text, STATE_MAX);
    err = read_file(fd, &text);
    if (err == ESCERTKE_ERR_IO || err == ESCERTKE_ERR_TOO_LARGE)
        err = esc_fail(d, ESCERTKE_ERR_IO, "", "state file %s cannot be read: %s", path, strerror(errno));
    close(fd);
    l.text = escertke_buf_span(&text);
    if (err == ESCERTKE_OK)
        err = load_lines(&l);
    escertke_buf_free(&text);
    if (err == ESCERTKE_OK)
        esc_tree_expire(cse, now);
    return err;
}
