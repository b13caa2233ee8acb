/*
 * mailbox_support.h - a CSE /in1 behind a listener of this process, as the commands' mailboxes meet it: a real one, which answers
 * some requests as a row of a table says instead. ' stands for " in contents.
 */
#ifndef TESTS_MAILBOX_SUPPORT_H
#define TESTS_MAILBOX_SUPPORT_H

#include "cli_support.h"

#include <pthread.h>

#include "cse/cse.h"
#include "fixture.h"
#include "mailbox.h"

/** What is answered in the CSE's place, and how often; times 0 = never, -1 = always. */
struct oddity {
    escertke_op op;
    const char *tail; /* end of the request's `to` */
    int rsc;
    const char *content; /* NULL = none */
    int times;
};

struct office {
    struct fixture *f;
    struct esc_cse *cse;
    struct esc_hops *hops;
    struct esc_listener listener;
    pthread_mutex_t lock; /* what follows */
    struct oddity odd[4];
    char seen[200][120]; /* "1 /in1/-/meter": operation and target */
    size_t count;
};

static inline bool office_ends_with(const char *text, const char *tail)
{
    size_t len = strlen(text), tail_len = strlen(tail);

    return len >= tail_len && strcmp(text + len - tail_len, tail) == 0;
}

static inline void office_quote(char *text)
{
    for (; *text; text++)
        if (*text == '\'')
            *text = '"';
}

static inline bool office_is_odd(struct office *o, const escertke_primitive *req, escertke_primitive *rsp)
{
    for (size_t i = 0; i < COUNT(o->odd); i++) {
        struct oddity *odd = &o->odd[i];
        if (!odd->times || odd->op != req->op || !office_ends_with(req->to, odd->tail))
            continue;
        odd->times -= odd->times > 0;
        assert_int_equal(escertke_respond(req, odd->rsc, NULL, rsp), ESCERTKE_OK);
        char *content = strdup(odd->content ? odd->content : "");
        office_quote(content);
        assert_int_equal(escertke_buf_append(&rsp->content, content, strlen(content)), ESCERTKE_OK);
        free(content);
        return true;
    }
    return false;
}

static inline void office_handle(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    struct office *o = ctx;

    pthread_mutex_lock(&o->lock);
    if (o->count < COUNT(o->seen))
        snprintf(o->seen[o->count++], sizeof o->seen[0], "%d %.100s", (int)req->op, req->to);
    bool odd = office_is_odd(o, req, rsp);
    pthread_mutex_unlock(&o->lock);
    if (!odd)
        esc_cse_handle(o->cse, req, now, rsp);
}

/* How many requests of that kind have come. */
static inline size_t office_count(struct office *o, const char *what)
{
    size_t found = 0;

    pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < o->count; i++)
        found += strncmp(o->seen[i], what, 1) == 0 && office_ends_with(o->seen[i], what + 2);
    pthread_mutex_unlock(&o->lock);
    return found;
}

static inline void office_odd(struct office *o, size_t place, struct oddity odd)
{
    pthread_mutex_lock(&o->lock);
    o->odd[place] = odd;
    pthread_mutex_unlock(&o->lock);
}

static inline struct exchange office_exchange(struct office *o, const char *from)
{
    return (struct exchange){ .hops = o->hops,
                              .url = esc_listener_url(&o->listener),
                              .receiver = IN1,
                              .from = from,
                              .tls = fixture_tls(),
                              .format = ESCERTKE_FORMAT_JSON };
}

/** One request to the CSE; ' stands for ". @return its RSC; *answer to be freed unless NULL */
static inline int office_ask(struct office *o, const char *from, escertke_op op, const char *to, int ty, const char *content,
                             char **answer)
{
    struct exchange x = office_exchange(o, from);
    char *text = content ? strdup(content) : NULL;
    escertke_primitive rsp;
    escertke_detail d;

    if (text)
        office_quote(text);
    struct exchange_request request = { .op = op, .to = to, .ty = ty, .content = text ? json_loads(text, 0, NULL) : NULL };
    escertke_detail_init(&d);
    if (exchange_send(&x, &request, &rsp, &d) != ESCERTKE_OK)
        fail_msg("%s: %s", to, d.reason);
    int rsc = rsp.rsc;
    if (answer)
        *answer = strndup(rsp.content.len ? (const char *)rsp.content.ptr : "", rsp.content.len);
    escertke_primitive_clear(&rsp);
    free(text);
    return rsc;
}

static inline void office_register(struct office *o, const char *stem)
{
    char content[200];

    snprintf(content, sizeof content, "{'m2m:ae':{'rn':'%s','api':'Nx','rr':false,'srv':['3']}}", stem + 1);
    assert_int_equal(office_ask(o, stem, ESCERTKE_OP_CREATE, "/in1/-", 2, content, NULL), ESCERTKE_RSC_CREATED);
}

/** A CSE with the <AE>s meter and panel. */
static inline struct office *office_new(void)
{
    struct office *o = calloc(1, sizeof *o);
    const struct esc_cse_config cse = { .sp_id = "//m2m.example.org", .cse_id = "/in1", .clock = escertke_system_clock };
    const struct esc_hops_config hops = { .self = IN1, .is_cse = true, .timeout_ms = 5000 };
    const struct esc_listen listen = {
        .url = "http://127.0.0.1:0/", .handler = office_handle, .handler_ctx = o, .threads = 1, .workers = 4
    };
    escertke_detail d;

    assert_non_null(o);
    o->f = fixture_new();
    pthread_mutex_init(&o->lock, NULL);
    escertke_detail_init(&d);
    assert_int_equal(esc_cse_new(&cse, escertke_system_clock(NULL), &o->cse, &d), ESCERTKE_OK);
    assert_int_equal(esc_hops_new(&hops, &o->hops, &d), ESCERTKE_OK);
    assert_int_equal(esc_hops_listen(o->hops, &listen, &o->listener, &d), ESCERTKE_OK);
    office_register(o, "Cmeter");
    office_register(o, "Cpanel");
    return o;
}

static inline void office_free(struct office *o)
{
    esc_listener_stop(&o->listener, 1000);
    esc_hops_free(o->hops);
    esc_cse_free(o->cse);
    pthread_mutex_destroy(&o->lock);
    fixture_free(o->f);
    free(o);
}

/** An identity as far as mailboxes want it. */
static inline struct identity office_identity(const char *id, bool is_cse)
{
    struct identity i = { .is_cse = is_cse, .sp_id = "//m2m.example.org", .cse_id = "/in1", .registrar_id = IN1 };

    assert_int_equal(escertke_id_parse(escertke_span_str(id), &i.id), ESCERTKE_OK);
    return i; /* stem: to be set where it has come to lie */
}

#endif
