/*
 * One thread polls, workers answer. What the CSE says is as little trusted as any peer: each answer is one request or an error,
 * and whatever is not a request that can be answered makes the next poll wait.
 */
#include "binding/polling.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "binding/backoff.h"
#include "binding/http_workers.h"
#include "binding/until.h"
#include "m2m/nested.h"

static const char clause[] = "TS-0004 7.4.22";

enum { POLL_MS = 30000, POLL_LEAST_MS = 1000, POLL_MOST_MS = 3600000, WORKERS = 4, WORKERS_MOST = 16 };
enum { MARGIN_MS = 5000, ANSWER_MS = 10000 }; /* longer than rqet, so that the CSE's own 4008 is heard; for all else */
enum { AGAIN_FIRST_MS = 500, AGAIN_MOST_MS = 30000 };
enum { EARLY_MS = 900, EARLY_WAIT_MS = 1000 }; /* a CSE that does not keep a poll is asked once a second */
enum { FULL_MS = 50 };                         /* how often a full queue is looked at */

/* A request that came. */
struct job {
    escertke_polling *p;
    escertke_primitive req;
    escertke_now arrived;
    char pcu[3 * ESCERTKE_ID_MAX]; /* where it came from */
    bool listed;
    struct job *next;
};

struct escertke_polling {
    escertke_polling_config cfg; /* strings below */
    char entity[2 * ESCERTKE_ID_MAX], from[ESCERTKE_ID_MAX + 1], pcu[3 * ESCERTKE_ID_MAX];
    struct esc_workers *workers;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
    atomic_bool stop;
    bool hurry, up, ever; /* hurry, up, jobs, counts: under lock */
    struct job *jobs;     /* under way */
    escertke_polling_stats counts;
    struct esc_backoff again;
};

static void count(escertke_polling *p, uint64_t *counter)
{
    pthread_mutex_lock(&p->lock);
    ++*counter;
    pthread_mutex_unlock(&p->lock);
}

/* Tell of a change. */
static void set_up(escertke_polling *p, bool up, const escertke_detail *why)
{
    pthread_mutex_lock(&p->lock);
    bool changed = p->up != up || (!up && !p->ever);
    p->up = up;
    p->ever = true;
    pthread_mutex_unlock(&p->lock);
    if (changed && p->cfg.on_state)
        p->cfg.on_state(p->cfg.state_ctx, up, p->pcu, why);
}

/* @return false: stopped */
static bool wait_ms(escertke_polling *p, uint32_t ms)
{
    uint64_t until_ms = escertke_system_clock(NULL).mono_ms + ms;
    int code = 0;

    pthread_mutex_lock(&p->lock);
    while (!atomic_load(&p->stop) && !p->hurry && code == 0)
        code = esc_until_wait(&p->change, &p->lock, until_ms);
    p->hurry = false;
    pthread_mutex_unlock(&p->lock);
    return !atomic_load(&p->stop);
}

static escertke_err no_memory(escertke_detail *d)
{
    return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "%s", escertke_err_text(ESCERTKE_ERR_NOMEM));
}

/* One request to the registrar; its response answers that request and no other. */
static escertke_err exchange(escertke_polling *p, escertke_primitive *req, const char *to, uint32_t timeout_ms,
                             escertke_primitive *rsp, escertke_detail *d)
{
    char rqi[2 * ESC_POLLING_RQI_LEN + 1];

    req->format = p->cfg.format;
    if (esc_polling_rqi(rqi) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_BACKEND, "", "no random octets for a request identifier");
    if (escertke_primitive_set(&req->to, escertke_span_str(to)) != ESCERTKE_OK ||
        escertke_primitive_set(&req->fr, escertke_span_str(p->from)) != ESCERTKE_OK ||
        escertke_primitive_set(&req->rqi, escertke_span_str(rqi)) != ESCERTKE_OK ||
        escertke_primitive_set(&req->rvi, escertke_span_str("3")) != ESCERTKE_OK)
        return no_memory(d);
    escertke_err err = p->cfg.send(p->cfg.send_ctx, req, timeout_ms, rsp, d);
    if (err != ESCERTKE_OK)
        return esc_fail(d, err, "", "%s", escertke_err_text(err));
    if (!rsp->rqi || strcmp(rsp->rqi, rqi) != 0)
        return esc_fail(d, ESCERTKE_ERR_RQI, "TS-0004 7.3.1.3", "response to rqi %s has rqi %.64s", rqi,
                        rsp->rqi ? rsp->rqi : "(none)");
    return ESCERTKE_OK;
}

static escertke_err refused(const escertke_primitive *rsp, const char *what, escertke_detail *d)
{
    char words[160] = "";

    escertke_dbg_read(rsp->format, escertke_buf_span(&rsp->content), words, sizeof words);
    d->rsc = rsp->rsc;
    return esc_fail(d, ESCERTKE_ERR_RSC, clause, "%s: the CSE answered %d %s%s%s", what, rsp->rsc, escertke_rsc_name(rsp->rsc),
                    words[0] ? ": " : "", words);
}

/* ---- the channel ------------------------------------------------------------------------------------------------ */

static escertke_err take_channel(escertke_polling *p, const escertke_primitive *rsp, escertke_detail *d)
{
    escertke_err err = esc_polling_address(p->entity, rsp, p->pcu, sizeof p->pcu, d);

    if (err == ESCERTKE_OK) {
        count(p, &p->counts.channels);
        esc_log(&p->cfg.log, ESCERTKE_LEVEL_INFO, "polling.channel", "address=%s", p->pcu);
    }
    return err;
}

/* @return OK only where it is there */
static escertke_err retrieve(escertke_polling *p, const char *to, escertke_primitive *rsp, escertke_detail *d)
{
    escertke_primitive req;

    escertke_primitive_init(&req);
    req.op = ESCERTKE_OP_RETRIEVE;
    escertke_err err = exchange(p, &req, to, ANSWER_MS, rsp, d);
    escertke_primitive_clear(&req);
    return err == ESCERTKE_OK && rsp->rsc != ESCERTKE_RSC_OK ? ESCERTKE_ERR_NOT_FOUND : err;
}

/* The channel of an earlier life, by the names of the entity and of the channel. What went wrong with making one stays the
 * reason. */
static escertke_err find_channel(escertke_polling *p, escertke_detail *d)
{
    char to[3 * ESCERTKE_ID_MAX];
    escertke_primitive entity, channel;
    escertke_detail own;

    escertke_primitive_init(&entity);
    escertke_primitive_init(&channel);
    escertke_detail_init(&own);
    escertke_err err = retrieve(p, p->entity, &entity, &own);
    if (err == ESCERTKE_OK)
        err = esc_polling_child(p->entity, &entity, to, sizeof to);
    if (err == ESCERTKE_OK)
        err = retrieve(p, to, &channel, &own);
    if (err == ESCERTKE_OK)
        err = take_channel(p, &channel, &own);
    if (err == ESCERTKE_OK)
        escertke_detail_init(d);
    escertke_primitive_clear(&entity);
    escertke_primitive_clear(&channel);
    return err;
}

static escertke_err make_channel(escertke_polling *p, escertke_detail *d)
{
    escertke_primitive req, rsp;

    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.op = ESCERTKE_OP_CREATE;
    req.ty = ESC_POLLING_TY;
    escertke_err err =
        escertke_content_convert(ESCERTKE_FORMAT_JSON, escertke_span_str("{\"m2m:pch\":{\"rn\":\"" ESC_POLLING_NAME "\"}}"),
                                 p->cfg.format, &req.content, d);
    if (err == ESCERTKE_OK)
        err = exchange(p, &req, p->entity, ANSWER_MS, &rsp, d);
    bool made = err == ESCERTKE_OK && rsp.rsc == ESCERTKE_RSC_CREATED;
    if (made)
        err = take_channel(p, &rsp, d);
    else if (err == ESCERTKE_OK)
        err = refused(&rsp, "making a <pollingChannel>", d);
    if (err == ESCERTKE_ERR_RSC && !made)
        if (find_channel(p, d) == ESCERTKE_OK)
            err = ESCERTKE_OK;
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

/* ---- answering -------------------------------------------------------------------------------------------------- */

/* A Notify to the channel: the response under the request's rqi, to the originator as it was received (R-IO-10). */
static escertke_err send_answer(escertke_polling *p, const char *pcu, const escertke_primitive *req, escertke_primitive *answer,
                                escertke_detail *d)
{
    escertke_primitive notify, rsp;
    escertke_err err = ESCERTKE_OK;

    escertke_primitive_init(&notify);
    escertke_primitive_init(&rsp);
    notify.op = ESCERTKE_OP_NOTIFY;
    if (escertke_primitive_set(&answer->rqi, escertke_span_str(req->rqi)) != ESCERTKE_OK ||
        escertke_primitive_set(&answer->fr, escertke_span_str(p->from)) != ESCERTKE_OK ||
        (req->fr && escertke_primitive_set(&answer->to, escertke_span_str(req->fr)) != ESCERTKE_OK))
        err = no_memory(d);
    if (err == ESCERTKE_OK && (err = esc_nested_write(p->cfg.format, answer, &notify.content)) != ESCERTKE_OK)
        (void)esc_fail(d, err, clause, "the response cannot be said: %s", escertke_err_text(err));
    if (err == ESCERTKE_OK)
        err = exchange(p, &notify, pcu, ANSWER_MS, &rsp, d);
    if (err == ESCERTKE_OK && rsp.rsc / 1000 != 2)
        err = refused(&rsp, "answering", d);
    escertke_primitive_clear(&notify);
    escertke_primitive_clear(&rsp);
    return err;
}

static void answer(escertke_polling *p, const char *pcu, const escertke_primitive *req, escertke_primitive *rsp)
{
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = send_answer(p, pcu, req, rsp, &d);
    count(p, err == ESCERTKE_OK ? &p->counts.answered : &p->counts.lost);
    if (err != ESCERTKE_OK)
        esc_log(&p->cfg.log, ESCERTKE_LEVEL_WARN, "polling.unanswered", "rqi=%.100s reason=\"%s\"", req->rqi, d.reason);
}

static void unlist(struct job *j)
{
    struct job **at = &j->p->jobs;

    pthread_mutex_lock(&j->p->lock);
    while (*at && *at != j)
        at = &(*at)->next;
    if (*at)
        *at = j->next;
    pthread_mutex_unlock(&j->p->lock);
}

static void job_free(void *arg)
{
    struct job *j = arg;

    if (j->listed)
        unlist(j);
    escertke_primitive_clear(&j->req);
    esc_release(j);
}

static void job_run(void *arg)
{
    struct job *j = arg;
    escertke_polling *p = j->p;
    escertke_primitive rsp;

    escertke_primitive_init(&rsp);
    p->cfg.handler(p->cfg.handler_ctx, &j->req, j->arrived, &rsp);
    if (!atomic_load(&p->stop))
        answer(p, j->pcu, &j->req, &rsp);
    escertke_primitive_clear(&rsp);
    job_free(j);
}

/* ---- polling ------------------------------------------------------------------------------------------------------ */

/* Hand a request to the workers; a full queue is waited for. Takes what @p req holds. */
static escertke_err enqueue(escertke_polling *p, escertke_primitive *req, escertke_detail *d)
{
    struct job *j = esc_zalloc(sizeof *j), *same;

    if (!j)
        return no_memory(d);
    *j = (struct job){ .p = p, .req = *req, .arrived = escertke_system_clock(NULL) };
    memcpy(j->pcu, p->pcu, sizeof j->pcu);
    escertke_primitive_init(req);
    pthread_mutex_lock(&p->lock);
    p->counts.requests++;
    for (same = p->jobs; same && strcmp(same->req.rqi, j->req.rqi) != 0;)
        same = same->next;
    if (same) {
        p->counts.repeats++;
    } else {
        j->next = p->jobs;
        p->jobs = j;
        j->listed = true;
    }
    pthread_mutex_unlock(&p->lock);
    if (same) { /* its answer is under way */
        job_free(j);
        return ESCERTKE_OK;
    }
    while (!esc_workers_offer(p->workers, j)) {
        if (!wait_ms(p, FULL_MS)) {
            job_free(j);
            break;
        }
    }
    return ESCERTKE_OK;
}

/* What is no request, but says which one it is, is answered with words; all else is the CSE's fault. */
static escertke_err take_malformed(escertke_polling *p, const escertke_primitive *req, escertke_err err, escertke_detail *d)
{
    escertke_primitive rsp;
    char words[200];

    count(p, &p->counts.malformed);
    esc_log(&p->cfg.log, ESCERTKE_LEVEL_WARN, "polling.malformed", "error=%s reason=\"%s\"", escertke_err_name(err), d->reason);
    if (!req->rqi || !req->rqi[0])
        return err;
    escertke_primitive_init(&rsp);
    rsp.rsc = ESCERTKE_RSC_BAD_REQUEST;
    snprintf(words, sizeof words, "polled request: %.150s", d->reason);
    if (escertke_dbg_write(rsp.format, words, &rsp.content) == ESCERTKE_OK)
        answer(p, p->pcu, req, &rsp);
    escertke_primitive_clear(&rsp);
    return ESCERTKE_OK;
}

static escertke_err take_request(escertke_polling *p, const escertke_primitive *rsp, escertke_detail *d)
{
    escertke_primitive req;
    escertke_err err = esc_nested_read(rsp->format, escertke_buf_span(&rsp->content), true, &req, d);

    if (err == ESCERTKE_OK)
        err = enqueue(p, &req, d);
    else
        err = take_malformed(p, &req, err, d);
    escertke_primitive_clear(&req);
    return err;
}

static bool is_gone(int rsc)
{
    return rsc == ESCERTKE_RSC_NOT_FOUND || rsc == ESCERTKE_RSC_ORIGINATOR_HAS_NO_PRIVILEGE ||
           rsc == ESCERTKE_RSC_ORIGINATOR_NOT_AUTHENTICATED || rsc == ESCERTKE_RSC_SECURITY_ASSOCIATION_REQUIRED;
}

/* @param early  nothing came, and sooner than the CSE was asked to wait */
static escertke_err judge(escertke_polling *p, const escertke_primitive *rsp, uint64_t took_ms, bool *early, escertke_detail *d)
{
    if (rsp->rsc == ESCERTKE_RSC_OK && rsp->content.len)
        return take_request(p, rsp, d);
    if (rsp->rsc == ESCERTKE_RSC_OK || rsp->rsc == ESCERTKE_RSC_REQUEST_TIMEOUT) {
        *early = took_ms < EARLY_MS;
        return ESCERTKE_OK;
    }
    if (is_gone(rsp->rsc))
        p->pcu[0] = '\0';
    return refused(rsp, "polling", d);
}

static escertke_err poll_once(escertke_polling *p, bool *early, escertke_detail *d)
{
    escertke_now now = escertke_system_clock(NULL);
    escertke_primitive req, rsp;
    char rqet[16];

    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.op = ESCERTKE_OP_RETRIEVE;
    escertke_timestamp_format(now.unix_s + (p->cfg.poll_ms + 999) / 1000, rqet);
    escertke_err err = escertke_primitive_set(&req.rqet, escertke_span_str(rqet)) == ESCERTKE_OK
                           ? exchange(p, &req, p->pcu, p->cfg.poll_ms + MARGIN_MS, &rsp, d)
                           : no_memory(d);
    if (err == ESCERTKE_OK) {
        count(p, &p->counts.polls);
        err = judge(p, &rsp, escertke_system_clock(NULL).mono_ms - now.mono_ms, early, d);
    } else {
        p->pcu[0] = '\0'; /* whether it is still there is asked before the next poll, which takes long */
    }
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return err;
}

/* One step. @return how long to wait before the next, ms */
static uint32_t step(escertke_polling *p)
{
    bool early = false, made = !p->pcu[0];
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = made ? make_channel(p, &d) : poll_once(p, &early, &d);
    if (atomic_load(&p->stop))
        return 0;
    set_up(p, err == ESCERTKE_OK, &d);
    if (err != ESCERTKE_OK)
        return esc_backoff_next(&p->again);
    if (!made)
        esc_backoff_reset(&p->again); /* to make a channel is not yet to have it */
    return early ? EARLY_WAIT_MS : 0;
}

static void *run(void *arg)
{
    escertke_polling *p = arg;

    while (!atomic_load(&p->stop)) {
        uint32_t ms = step(p);
        if (ms && !wait_ms(p, ms))
            break;
    }
    return NULL;
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static escertke_err check(const escertke_polling_config *cfg, escertke_detail *d)
{
    escertke_address address;

    if (!cfg->send || !cfg->handler || !cfg->from || !cfg->from[0] || strlen(cfg->from) > ESCERTKE_ID_MAX)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "a From, a handler and a way to send are needed");
    if (!cfg->entity || strlen(cfg->entity) >= 2 * (size_t)ESCERTKE_ID_MAX ||
        escertke_address_parse(escertke_span_str(cfg->entity), &address) != ESCERTKE_OK || !address.cse.len || !address.path.len)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0004 6.2.4", "expected the SP-relative address of an <AE>, e.g. /in1/Cmeter");
    if (cfg->poll_ms && (cfg->poll_ms < POLL_LEAST_MS || cfg->poll_ms > POLL_MOST_MS))
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "expected a poll of %d to %d ms, found %u", POLL_LEAST_MS, POLL_MOST_MS,
                        (unsigned)cfg->poll_ms);
    if (cfg->workers > WORKERS_MOST || (cfg->format && !escertke_format_available(cfg->format)))
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "expected at most %d workers and a serialization of this build", WORKERS_MOST);
    return ESCERTKE_OK;
}

static void release(escertke_polling *p)
{
    esc_workers_free(p->workers);
    pthread_cond_destroy(&p->change);
    pthread_mutex_destroy(&p->lock);
    esc_release(p);
}

escertke_err escertke_polling_start(const escertke_polling_config *cfg, escertke_polling **out, escertke_detail *d)
{
    escertke_err err = check(cfg, d);
    escertke_polling *p = err == ESCERTKE_OK ? esc_zalloc(sizeof *p) : NULL;

    *out = NULL;
    if (!p)
        return err == ESCERTKE_OK ? no_memory(d) : err;
    p->cfg = *cfg;
    snprintf(p->entity, sizeof p->entity, "%s", cfg->entity);
    snprintf(p->from, sizeof p->from, "%s", cfg->from);
    p->cfg.format = cfg->format ? cfg->format : ESCERTKE_FORMAT_JSON;
    p->cfg.poll_ms = cfg->poll_ms ? cfg->poll_ms : POLL_MS;
    unsigned workers = cfg->workers ? cfg->workers : WORKERS;
    p->again = (struct esc_backoff){ .first_ms = AGAIN_FIRST_MS, .most_ms = AGAIN_MOST_MS };
    pthread_mutex_init(&p->lock, NULL);
    esc_until_init(&p->change);
    err = esc_workers_start(workers, 2 * (size_t)workers, job_run, &p->workers);
    if (err == ESCERTKE_OK && pthread_create(&p->thread, NULL, run, p) != 0) {
        esc_workers_stop(p->workers, job_free);
        err = ESCERTKE_ERR_IO;
    }
    if (err == ESCERTKE_OK)
        *out = p;
    else
        release(p);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "no threads to poll with");
}

void escertke_polling_retry(escertke_polling *p)
{
    pthread_mutex_lock(&p->lock);
    p->hurry = true;
    pthread_cond_signal(&p->change);
    pthread_mutex_unlock(&p->lock);
}

void escertke_polling_get_stats(escertke_polling *p, escertke_polling_stats *out)
{
    pthread_mutex_lock(&p->lock);
    *out = p->counts;
    out->up = p->up;
    pthread_mutex_unlock(&p->lock);
}

void escertke_polling_stop(escertke_polling *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->stop, true);
    pthread_cond_signal(&p->change);
    pthread_mutex_unlock(&p->lock);
    if (p->cfg.interrupt)
        p->cfg.interrupt(p->cfg.send_ctx);
    pthread_join(p->thread, NULL);
    esc_workers_stop(p->workers, job_free);
    release(p);
}
