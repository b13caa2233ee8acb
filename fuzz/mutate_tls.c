#include "mutate.h"

#include <string.h>

/* ---- the parts of a flight ------------------------------------------------------------------------------------- */

enum { CCS = 20, HANDSHAKE = 22 };
enum { PARTS_MAX = 256, RECORD_HEAD = 5, MESSAGE_HEAD = 4 };

/* Something with a length in front of it. */
struct part {
    size_t begin, len_at, body, end;
    bool record;
};

struct parts {
    struct part list[PARTS_MAX];
    size_t count;
};

static size_t number_at(const struct mutate_text *t, size_t at, size_t width)
{
    size_t n = 0;

    while (width--)
        n = n << 8 | t->octets[at++];
    return n;
}

static void set_number(struct mutate_text *t, size_t at, size_t width, size_t n)
{
    while (width--) {
        t->octets[at + width] = (uint8_t)n;
        n >>= 8;
    }
}

/* The part that begins at @p at with @p before octets in front of its length. @return its end; 0: there is none */
static size_t add_part(struct parts *p, const struct mutate_text *t, size_t at, size_t before, size_t width, size_t end)
{
    if (at + before + width > end || p->count == PARTS_MAX)
        return 0;
    size_t body = at + before + width, len = number_at(t, at + before, width);
    if (len > end - body)
        return 0;
    p->list[p->count++] = (struct part){ at, at + before, body, body + len, false };
    return body + len;
}

/* An extension of a hello: most hold one vector and nothing else. */
static void add_extension_content(struct parts *p, const struct mutate_text *t)
{
    const struct part extension = p->list[p->count - 1];

    for (size_t width = 1; width <= 2; width++) {
        if (extension.body + width <= extension.end &&
            number_at(t, extension.body, width) == extension.end - extension.body - width)
            (void)add_part(p, t, extension.body, 0, width, extension.end);
    }
}

/* One field of a handshake message: so many octets that have no length, a vector, and the vectors in it. */
struct field {
    uint8_t skip, width, inner;
};

enum { EXTENSIONS = 9 };

static const struct {
    uint8_t type;
    struct field fields[5];
} messages[] = {
    { 1, { { 34, 1, 0 }, { 0, 2, 0 }, { 0, 1, 0 }, { 0, 2, EXTENSIONS } } }, /* ClientHello */
    { 2, { { 34, 1, 0 }, { 3, 2, EXTENSIONS } } },                           /* ServerHello */
    { 11, { { 0, 3, 3 } } },                                                 /* Certificate */
    { 12, { { 3, 1, 0 }, { 2, 2, 0 } } },                                    /* ServerKeyExchange */
    { 13, { { 0, 1, 0 }, { 0, 2, 0 }, { 0, 2, 2 } } },                       /* CertificateRequest */
    { 15, { { 2, 2, 0 } } },                                                 /* CertificateVerify */
    { 16, { { 0, 1, 0 } } },                                                 /* ClientKeyExchange */
};

static void add_inner(struct parts *p, const struct mutate_text *t, uint8_t inner)
{
    const struct part around = p->list[p->count - 1];

    for (size_t at = around.body; inner && at < around.end;) {
        at = add_part(p, t, at, inner == EXTENSIONS ? 2 : 0, inner == EXTENSIONS ? 2 : inner, around.end);
        if (!at)
            return;
        if (inner == EXTENSIONS)
            add_extension_content(p, t);
    }
}

static void add_fields(struct parts *p, const struct mutate_text *t, uint8_t type)
{
    const struct part message = p->list[p->count - 1];
    size_t at = message.body;

    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (messages[i].type != type)
            continue;
        for (const struct field *f = messages[i].fields; f->width; f++) {
            at = add_part(p, t, at + f->skip, 0, f->width, message.end);
            if (!at)
                return;
            add_inner(p, t, f->inner);
        }
    }
}

static void find_parts(const struct mutate_text *t, struct parts *p)
{
    bool sealed = false;

    p->count = 0;
    for (size_t at = 0, end; (end = add_part(p, t, at, 3, 2, t->len)) != 0; at = end) {
        uint8_t type = t->octets[at];
        p->list[p->count - 1].record = true;
        sealed = sealed || type == CCS;
        for (size_t in = at + RECORD_HEAD, next; type == HANDSHAKE && !sealed && in < end; in = next) {
            if (!(next = add_part(p, t, in, 1, 3, end)))
                break;
            add_fields(p, t, t->octets[in]);
        }
    }
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

struct change {
    struct mutate_text *t;
    struct parts parts;
    struct part part; /* which is changed */
    size_t where;
    uint8_t value;
};

/* Replace octets of the part, or in it, and let all lengths around them fit. */
static void fit(struct change *c, bool whole, size_t from, size_t to, const void *octets, size_t len)
{
    size_t inner_begin = whole ? c->part.begin : c->part.body, was = c->t->len;

    if (!mutate_replace(c->t, from, to, octets, len))
        return;
    for (size_t i = 0; i < c->parts.count; i++) {
        const struct part *q = &c->parts.list[i];
        size_t width = q->body - q->len_at;
        if (q->body <= inner_begin && c->part.end <= q->end)
            set_number(c->t, q->len_at, width, q->end - q->body + (c->t->len - was));
    }
}

static size_t place(const struct change *c)
{
    return c->part.body + (c->part.end > c->part.body ? c->where % (c->part.end - c->part.body) : 0);
}

static const struct part *record_of(const struct change *c, bool next)
{
    const struct part *found = NULL;

    for (size_t i = 0; i < c->parts.count; i++) {
        const struct part *q = &c->parts.list[i];
        if (!q->record)
            continue;
        if (found && next)
            return q->begin == found->end ? q : NULL;
        if (q->begin <= c->part.begin && c->part.end <= q->end && !found) {
            found = q;
            if (!next)
                return q;
        }
    }
    return NULL;
}

static void leave_out(struct change *c)
{
    fit(c, true, c->part.begin, c->part.end, NULL, 0);
}

static void repeat(struct change *c)
{
    fit(c, true, c->part.end, c->part.end, c->t->octets + c->part.begin, c->part.end - c->part.begin);
}

static void exchange(struct change *c)
{
    for (size_t i = 0; i < c->parts.count; i++) {
        const struct part next = c->parts.list[i];
        if (next.begin != c->part.end || next.body - next.len_at != c->part.body - c->part.len_at)
            continue;
        struct mutate_text was = *c->t;
        size_t len = next.end - next.begin;
        memcpy(c->t->octets + c->part.begin, was.octets + next.begin, len);
        memcpy(c->t->octets + c->part.begin + len, was.octets + c->part.begin, c->part.end - c->part.begin);
        return;
    }
}

static void cut(struct change *c)
{
    fit(c, false, place(c), c->part.end, NULL, 0);
}

static void grow(struct change *c)
{
    uint8_t octets[256];
    static const uint16_t lengths[] = { 1, 2, 3, 8, 32, 33, 255, 256 };

    memset(octets, c->value, sizeof octets);
    fit(c, false, place(c), place(c), octets, lengths[c->value % 8]);
}

static void flip(struct change *c)
{
    if (place(c) < c->t->len)
        c->t->octets[place(c)] ^= (uint8_t)(1u << (c->value & 7));
}

static void set(struct change *c)
{
    if (place(c) < c->t->len)
        c->t->octets[place(c)] = c->value;
}

static void wrong_length(struct change *c)
{
    size_t width = c->part.body - c->part.len_at, len = c->part.end - c->part.body;
    const size_t wrong[] = { 0, len + 1, len - 1, SIZE_MAX, len + c->value, len / 2, SIZE_MAX / 2, c->where };

    set_number(c->t, c->part.len_at, width, wrong[c->value % 8]);
}

static void other_type(struct change *c)
{
    if (c->part.len_at > c->part.begin)
        c->t->octets[c->part.begin + c->where % (c->part.len_at - c->part.begin)] = c->value;
}

static void copy_over(struct change *c)
{
    const struct part from = c->parts.list[c->where % c->parts.count];

    fit(c, true, c->part.begin, c->part.end, c->t->octets + from.begin, from.end - from.begin);
}

static void end_here(struct change *c)
{
    c->t->len = place(c);
}

static void break_record(struct change *c)
{
    const struct part *record = record_of(c, false);
    uint8_t head[RECORD_HEAD];

    if (!record)
        return;
    const struct part r = *record;
    size_t at = r.body + (r.end > r.body ? c->where % (r.end - r.body) : 0);
    memcpy(head, c->t->octets + r.begin, sizeof head);
    if (!mutate_replace(c->t, at, at, head, sizeof head))
        return;
    set_number(c->t, r.len_at, 2, at - r.body);
    set_number(c->t, at + 3, 2, r.end - at);
}

static void join_records(struct change *c)
{
    const struct part *record = record_of(c, false), *next = record_of(c, true);

    if (!record || !next)
        return;
    size_t len = (record->end - record->body) + (next->end - next->body), len_at = record->len_at;
    if (mutate_replace(c->t, next->begin, next->body, NULL, 0))
        set_number(c->t, len_at, 2, len);
}

static void foreign_record(struct change *c)
{
    static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 40 }, ccs[] = { 20, 3, 3, 0, 1, 1 }, empty[] = { 22, 3, 3, 0, 0 },
                         hello_request[] = { 22, 3, 3, 0, 4, 0, 0, 0, 0 }, warning[] = { 21, 3, 3, 0, 2, 1, 0 },
                         data[] = { 23, 3, 3, 0, 1, 0 };
    static const struct {
        const uint8_t *octets;
        size_t len;
    } records[] = { { alert, sizeof alert },     { ccs, sizeof ccs },
                    { empty, sizeof empty },     { hello_request, sizeof hello_request },
                    { warning, sizeof warning }, { data, sizeof data } };
    const struct part *record = record_of(c, false);
    size_t which = c->value % (sizeof records / sizeof *records), at = c->where & 1 || !record ? c->t->len : record->begin;

    (void)mutate_replace(c->t, at, at, records[which].octets, records[which].len);
}

static void (*const changes[])(struct change *) = { flip,         set,       leave_out,    repeat,        exchange,
                                                    cut,          grow,      end_here,     wrong_length,  other_type,
                                                    break_record, copy_over, join_records, foreign_record };

void mutate_tls(struct mutate_text *flight, const uint8_t edit[MUTATE_TLS_EDIT])
{
    struct change c = { .t = flight, .where = (size_t)edit[2] << 8 | edit[3], .value = edit[4] };

    find_parts(flight, &c.parts);
    if (!c.parts.count)
        return;
    c.part = c.parts.list[edit[1] % c.parts.count];
    changes[edit[0] % (sizeof changes / sizeof *changes)](&c);
}

size_t mutate_tls_input(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    struct mutate_random r = mutate_random(seed);
    struct mutate_text t;
    uint8_t edit[MUTATE_TLS_EDIT];

    if (!mutate_below(&r, 8) || !mutate_set(&t, data, size))
        return LLVMFuzzerMutate(data, size, max_size);
    for (size_t times = 1 + mutate_below(&r, 3); times--;) {
        for (size_t i = 0; i < sizeof edit; i++)
            edit[i] = (uint8_t)mutate_below(&r, 256);
        mutate_tls(&t, edit);
    }
    if (!t.len || t.len > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, t.octets, t.len);
    return t.len;
}
