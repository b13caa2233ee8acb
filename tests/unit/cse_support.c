#include "cse_support.h"

#include <stdio.h>

#include "base/memory.h"

static char answer_text[131072];

static void swap_quotes(char *text, char from, char to)
{
    for (; *text; text++) {
        if (*text == from)
            *text = to;
    }
}

static void write_text(const escertke_primitive *p, char *out, size_t cap)
{
    escertke_buf text;

    escertke_buf_init(&text, 1 << 20);
    if (escertke_primitive_write_json(p, &text) != ESCERTKE_OK)
        snprintf(out, cap, "not writable: op %d rsc %d", (int)p->op, p->rsc);
    else
        snprintf(out, cap, "%.*s", (int)text.len, (const char *)text.ptr);
    swap_quotes(out, '"', '\'');
    escertke_buf_free(&text);
}

/* ---- the wire ----------------------------------------------------------------------------------------------- */

static escertke_err answer_as(struct world *w, const escertke_primitive *req, const char *rqi, escertke_primitive *rsp)
{
    char content[sizeof w->ae_answer];

    rsp->rsc = w->ae_rsc;
    snprintf(content, sizeof content, "%s", w->ae_answer);
    swap_quotes(content, '\'', '"');
    if (escertke_primitive_set(&rsp->rqi, escertke_span_str(rqi)) != ESCERTKE_OK ||
        (req->rvi && escertke_primitive_set(&rsp->rvi, escertke_span_str("3")) != ESCERTKE_OK))
        return ESCERTKE_ERR_NOMEM;
    return *content ? escertke_buf_append(&rsp->content, content, strlen(content)) : ESCERTKE_OK;
}

static const struct {
    const char *url;
    escertke_err err;
} dead_ends[] = {
    { "http://down", ESCERTKE_ERR_UNREACHABLE }, { "http://late", ESCERTKE_ERR_DEADLINE },
    { "http://other", ESCERTKE_ERR_HTTP },       { "mqtt://broker", ESCERTKE_ERR_ARG },
    { "http://large", ESCERTKE_ERR_TOO_LARGE },  { "http://nomem", ESCERTKE_ERR_NOMEM },
};

static escertke_err deliver(void *ctx, const char *url, const char *receiver, bool to_ae, const escertke_primitive *req,
                            escertke_primitive *rsp, escertke_detail *d)
{
    struct world *w = ctx;
    void (*meanwhile)(struct world *) = w->meanwhile;

    (void)d;
    w->sends++;
    w->to_ae = to_ae;
    snprintf(w->url, sizeof w->url, "%s", url);
    snprintf(w->receiver, sizeof w->receiver, "%s", receiver);
    write_text(req, w->sent, sizeof w->sent);
    w->now.mono_ms += w->slow_ms;
    w->now.unix_s += w->slow_ms / 1000;
    w->meanwhile = NULL;
    if (meanwhile)
        meanwhile(w);
    for (size_t i = 0; i < COUNT(dead_ends); i++) {
        if (!strncmp(url, dead_ends[i].url, strlen(dead_ends[i].url)))
            return dead_ends[i].err;
    }
    if (!strncmp(url, "http://in1", 10)) {
        esc_cse_handle(w->in, req, w->now, rsp);
        return ESCERTKE_OK;
    }
    if (!strncmp(url, "http://mn1", 10)) {
        if (w->mn_err == ESCERTKE_OK)
            esc_cse_handle(w->mn, req, w->now, rsp);
        return w->mn_err;
    }
    if (!strncmp(url, "http://tep", 10)) {
        escertke_notify_serve(w->tep, req, w->now, rsp);
        return ESCERTKE_OK;
    }
    return answer_as(w, req, !strcmp(url, "http://wrongrqi") ? "other" : req->rqi, rsp);
}

/* Time passes by itself when nothing else is to be done. */
static void idle(void *ctx, uint32_t ms)
{
    struct world *w = ctx;

    w->idles++;
    if (w->while_waiting) {
        w->while_waiting(w);
        return;
    }
    w->now.mono_ms += ms;
    w->now.unix_s += ms / 1000;
}

static escertke_now read_clock(void *ctx)
{
    return ((struct world *)ctx)->now;
}

/* Not random at all: identifiers that tests can name. */
static escertke_err count_up(void *ctx, uint8_t *out, size_t len)
{
    static uint8_t next;

    (void)ctx;
    memset(out, 0, len);
    out[len - 1] = ++next;
    return ESCERTKE_OK;
}

static void keep_log(void *ctx, escertke_level level, const char *event, const char *fields)
{
    struct world *w = ctx;
    size_t len = strlen(w->log);

    (void)level;
    snprintf(w->log + len, sizeof w->log - len, "%s %s\n", event, fields);
}

/* ---- the world ---------------------------------------------------------------------------------------------- */

static struct esc_cse *cse_new(const struct esc_cse_config *cfg, escertke_now now)
{
    struct esc_cse *cse;
    escertke_detail d;

    escertke_detail_init(&d);
    if (esc_cse_new(cfg, now, &cse, &d) != ESCERTKE_OK)
        fail_msg("%s: %s", escertke_err_name(d.err), d.reason);
    return cse;
}

struct esc_cse_config in_config(struct world *w)
{
    return (struct esc_cse_config){ .sp_id = SP,
                                    .cse_id = "/in1",
                                    .deliver = deliver,
                                    .deliver_ctx = w,
                                    .random = count_up,
                                    .clock = read_clock,
                                    .clock_ctx = w,
                                    .idle = idle,
                                    .idle_ctx = w,
                                    .log = { keep_log, w } };
}

struct world *world_new_in(const struct esc_cse_config *cfg)
{
    struct world *w = calloc(1, sizeof *w);
    static const char *const poa[] = { "http://in1:8080" };

    assert_non_null(w);
    w->now = (escertke_now){ 1000000, NOON };
    w->ae_rsc = 2000;
    struct esc_cse_config in = in_config(w);
    if (cfg) {
        in = *cfg;
        in.deliver_ctx = in.clock_ctx = in.idle_ctx = in.log.ctx = w;
    }
    w->in = cse_new(&in, w->now);
    assert_int_equal(esc_cse_set_poa(w->in, poa, 1), ESCERTKE_OK);
    return w;
}

struct world *world_new(void)
{
    static const char *const poa[] = { "http://mn1:8080" };
    struct world *w = world_new_in(NULL);
    struct esc_cse_config mn = in_config(w);
    escertke_detail d;

    mn.cse_id = "/mn1";
    mn.registrar_url = "http://in1:8080";
    w->mn = cse_new(&mn, w->now);
    assert_int_equal(esc_cse_set_poa(w->mn, poa, 1), ESCERTKE_OK);
    escertke_detail_init(&d);
    if (esc_cse_register(w->mn, w->now, &d) != ESCERTKE_OK)
        fail_msg("registration: %s %s", escertke_err_name(d.err), d.reason);
    w->sends = 0;
    return w;
}

void world_free(struct world *w)
{
    esc_cse_free(w->in);
    esc_cse_free(w->mn);
    free(w);
}

/* ---- requests ----------------------------------------------------------------------------------------------- */

int ask(struct world *w, struct esc_cse *cse, const char *request)
{
    escertke_primitive req, rsp;
    escertke_detail d;
    char *text = strdup(request);

    assert_non_null(text);
    swap_quotes(text, '\'', '"');
    escertke_detail_init(&d);
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    if (escertke_primitive_parse_json(escertke_span_str(text), &req, &d) != ESCERTKE_OK)
        fail_msg("%s: %s", request, d.reason);
    if (req.fr && !strcmp(req.fr, "NONE")) { /* as over HTTP without X-M2M-Origin */
        esc_release(req.fr);
        req.fr = NULL;
    }
    esc_cse_handle(cse, &req, w->now, &rsp);
    int rsc = rsp.rsc;
    write_text(&rsp, answer_text, sizeof answer_text);
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    free(text);
    return rsc;
}

const char *answer(void)
{
    return answer_text;
}

void expect_answer(struct world *w, struct esc_cse *cse, const char *request, const char *expected)
{
    ask(w, cse, request);
    if (strcmp(answer_text, expected) != 0)
        fail_msg("%s\nexpected %s\nfound    %s", request, expected, answer_text);
}

void expect_rsc(struct world *w, struct esc_cse *cse, const char *request, int rsc, const char *contains)
{
    int found = ask(w, cse, request);

    if (found != rsc || (contains && !strstr(answer_text, contains)))
        fail_msg("%s\nexpected %d %s\nfound    %s", request, rsc, contains ? contains : "", answer_text);
}

void add_ae(struct world *w, struct esc_cse *cse, const char *stem)
{
    char request[512];

    snprintf(request, sizeof request,
             "{'op':1,'to':'-','fr':'%s','rqi':'add','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':true,'srv':['3']}}}", stem);
    expect_rsc(w, cse, request, 2001, stem);
}

void add_meter(struct world *w, struct esc_cse *cse, const char *poa)
{
    char request[1024];

    snprintf(request, sizeof request,
             "{'op':1,'to':'-','fr':'Cmeter','rqi':'add','rvi':'3','ty':2,'pc':{'m2m:ae':{'rn':'meter','api':'Nx','rr':true,"
             "'srv':['3'],'poa':%s,'esi':{'esf':[43]}}}}",
             poa);
    expect_rsc(w, cse, request, 2001, "Cmeter");
    expect_rsc(w, cse,
               "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'add','rvi':'3','ty':1,'pc':{'m2m:acp':{'rn':'open',"
               "'pv':{'acr':[{'acor':['all'],'acop':18},{'acor':['Cmeter'],'acop':63}]},"
               "'pvs':{'acr':[{'acor':['Cmeter'],'acop':63}]}}}}",
               2001, NULL);
    expect_rsc(w, cse, "{'op':3,'to':'-/meter','fr':'Cmeter','rqi':'add','rvi':'3','pc':{'m2m:ae':{'acpi':['-/meter/open']}}}",
               2004, NULL);
}
