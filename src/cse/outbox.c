/*
 * Requests of the CSE itself: notifications, which wait here until a thread of the caller sends them, so that a subscriber that
 * is slow or away keeps nobody waiting who writes. Those of one subscription are a lane: sent one after the other, tried again
 * later when nobody is there, the oldest given up when there are too many.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cse/internal.h"
#include "m2m/serialization.h"

enum {
    LANE_NOTES_MAX = 64,
    PAUSE_MS = 1000, /* after a failure, twice as long after each further one */
    PAUSE_MAX_MS = 60000,
    AGE_MAX_MS = 300000 /* what nobody took by then is given up */
};

struct note {
    struct note *next;
    struct esc_hop hop;
    size_t size;
    uint64_t since_ms; /* of the first try; 0 = none yet */
};

struct esc_lane {
    struct esc_lane *next;
    char name[ESCERTKE_ID_MAX + 1];
    struct note *first, **end;
    size_t count;
    bool busy; /* its first note is on its way */
    unsigned failures;
    uint64_t until_ms; /* pause */
};

/* ---- making ------------------------------------------------------------------------------------------------- */

static escertke_err fill(struct esc_cse *cse, const struct esc_resource *ae, const json_t *content, escertke_primitive *req)
{
    char to[2 * (ESCERTKE_ID_MAX + 1)], rqi[ESCERTKE_ID_MAX + 64];
    escertke_err err;
    uint32_t nonce;

    snprintf(to, sizeof to, "%s/%s", cse->cfg.cse_id, ae->ri);
    if ((err = esc_cse_random(cse, &nonce, sizeof nonce)) != ESCERTKE_OK)
        return err;
    snprintf(rqi, sizeof rqi, "%.64s-n%08x-%llu", cse->cfg.cse_id + 1, (unsigned)nonce, (unsigned long long)++cse->own_requests);
    req->op = ESCERTKE_OP_NOTIFY;
    req->format = json_object_get(ae->attrs, "csz") ? esc_hop_format(ae, (escertke_format)0) : ESCERTKE_FORMAT_JSON;
    if (!req->format)
        return ESCERTKE_ERR_UNSUPPORTED;
    if ((err = escertke_primitive_set(&req->to, escertke_span_str(to))) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->fr, escertke_span_str(cse->cfg.cse_id))) != ESCERTKE_OK ||
        (err = escertke_primitive_set(&req->rqi, escertke_span_str(rqi))) != ESCERTKE_OK ||
        (!esc_hop_release_1(ae) && (err = escertke_primitive_set(&req->rvi, escertke_span_str("3"))) != ESCERTKE_OK))
        return err;
    return esc_serial_dump(req->format, content, &req->content);
}

/** A NOTIFY of this CSE to an AE, to @p url or (NULL) where the AE is reached; in @p hop, initialised and empty. */
escertke_err esc_own_request(struct esc_cse *cse, const struct esc_resource *ae, const char *url, json_t *content,
                             struct esc_hop *hop)
{
    const struct esc_resource *channel = url ? NULL : esc_channel_of(ae);
    escertke_err err = content ? fill(cse, ae, content, &hop->req) : ESCERTKE_ERR_NOMEM;

    json_decref(content);
    hop->to_ae = true;
    snprintf(hop->receiver, sizeof hop->receiver, "%s", ae->creator);
    if (channel)
        snprintf(hop->channel, sizeof hop->channel, "%s", channel->ri);
    if (err != ESCERTKE_OK || !url)
        return err != ESCERTKE_OK ? err : esc_hop_add_urls(cse, ae, hop);
    hop->url[0] = esc_strndup(url, strlen(url));
    hop->count = hop->url[0] ? 1 : 0;
    return hop->count ? ESCERTKE_OK : ESCERTKE_ERR_NOMEM;
}

/* ---- queueing ----------------------------------------------------------------------------------------------- */

static struct note *detach(struct esc_cse *cse, struct esc_lane *lane, struct note **at)
{
    struct note *note = *at;

    *at = note->next;
    if (!*at)
        lane->end = at;
    lane->count--;
    cse->note_count--;
    cse->note_bytes -= note->size;
    return note;
}

static void free_note(struct note *note)
{
    esc_hop_clear(&note->hop);
    esc_release(note);
}

static void free_lane(struct esc_cse *cse, struct esc_lane *lane)
{
    struct esc_lane **at = &cse->lanes;

    while (*at != lane)
        at = &(*at)->next;
    *at = lane->next;
    while (lane->first)
        free_note(detach(cse, lane, &lane->first));
    esc_release(lane);
}

/* At the end of the list: what has been there longer comes first. */
static struct esc_lane *lane_of(struct esc_cse *cse, const char *name)
{
    struct esc_lane **at = &cse->lanes;

    while (*at && strcmp((*at)->name, name))
        at = &(*at)->next;
    if (!*at && (*at = esc_zalloc(sizeof **at))) {
        snprintf((*at)->name, sizeof(*at)->name, "%s", name);
        (*at)->end = &(*at)->first;
    }
    return *at;
}

void esc_outbox_add(struct esc_cse *cse, const char *lane_name, struct esc_hop *hop)
{
    struct note *note = esc_zalloc(sizeof *note);
    size_t size = hop->req.content.len;
    struct esc_lane *lane = note && cse->note_count < cse->cfg.max_notes && size <= cse->cfg.max_note_bytes - cse->note_bytes
                                ? lane_of(cse, lane_name)
                                : NULL;
    if (!lane) {
        esc_log(&cse->cfg.log, ESCERTKE_LEVEL_WARN, "cse.notify", "sub=%s dropped=newest reason=\"too many wait\"", lane_name);
        esc_release(note);
        esc_hop_clear(hop);
        return;
    }
    if (lane->count >= LANE_NOTES_MAX) {
        esc_log(&cse->cfg.log, ESCERTKE_LEVEL_WARN, "cse.notify", "sub=%s dropped=oldest reason=\"too many wait\"", lane_name);
        free_note(detach(cse, lane, lane->busy ? &lane->first->next : &lane->first)); /* what is on its way stays */
    }
    note->hop = *hop;
    note->size = size;
    *lane->end = note;
    lane->end = &note->next;
    lane->count++;
    cse->note_count++;
    cse->note_bytes += size;
    pthread_cond_signal(&cse->mail);
}

void esc_outbox_clear(struct esc_cse *cse)
{
    while (cse->lanes)
        free_lane(cse, cse->lanes);
}

/* ---- sending ------------------------------------------------------------------------------------------------ */

/* Without the lock. Returns the RSC that came back or says why none did. */
static int send_note(struct esc_cse *cse, struct note *note, escertke_now now, char why[256])
{
    struct esc_call c = { .cse = cse, .req = &note->hop.req, .now = now, .hop = note->hop };
    escertke_primitive rsp;

    escertke_primitive_init(&rsp);
    int rsc = *c.hop.channel ? esc_channel_hold(&c, &rsp) : esc_hop_run(&c, &rsp);
    if (!rsc)
        rsc = rsp.rsc;
    escertke_primitive_clear(&rsp);
    note->hop = c.hop; /* its rqi may be another now */
    snprintf(why, 256, "%s", c.why);
    return rsc;
}

static bool is_away(int rsc)
{
    return rsc == ESCERTKE_RSC_TARGET_NOT_REACHABLE || rsc == ESCERTKE_RSC_REQUEST_TIMEOUT;
}

/* Behind the others, so that a few busy lanes do not keep the rest waiting. */
static void move_last(struct esc_cse *cse, struct esc_lane *lane)
{
    struct esc_lane **at = &cse->lanes;

    while (*at != lane)
        at = &(*at)->next;
    *at = lane->next;
    while (*at)
        at = &(*at)->next;
    *at = lane;
    lane->next = NULL;
}

static void settle(struct esc_cse *cse, struct esc_lane *lane, int rsc, escertke_now now, const char *why)
{
    struct note *note = lane->first;
    bool again = is_away(rsc) && now.mono_ms - note->since_ms < AGE_MAX_MS && !cse->stopping;

    lane->busy = false;
    move_last(cse, lane);
    if (rsc != ESCERTKE_RSC_OK)
        esc_log(&cse->cfg.log, ESCERTKE_LEVEL_WARN, "cse.notify", "sub=%s rsc=%d again=%d reason=\"%s\"", lane->name, rsc,
                (int)again, why);
    if (again) {
        uint64_t pause = (uint64_t)PAUSE_MS << (lane->failures < 6 ? lane->failures : 6);
        lane->failures++;
        lane->until_ms = now.mono_ms + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
        return;
    }
    lane->failures = 0;
    free_note(detach(cse, lane, &lane->first));
    if (!lane->first)
        free_lane(cse, lane);
}

bool esc_cse_send_due(struct esc_cse *cse, escertke_now now)
{
    char why[256];

    pthread_mutex_lock(&cse->lock);
    struct esc_lane *lane = cse->stopping ? NULL : cse->lanes;
    while (lane && (lane->busy || lane->until_ms > now.mono_ms))
        lane = lane->next;
    if (!lane) {
        pthread_mutex_unlock(&cse->lock);
        return false;
    }
    struct note *note = lane->first; /* stays there: a busy lane loses nothing */
    lane->busy = true;
    if (!note->since_ms)
        note->since_ms = now.mono_ms;
    pthread_mutex_unlock(&cse->lock);

    int rsc = send_note(cse, note, now, why);
    pthread_mutex_lock(&cse->lock);
    settle(cse, lane, rsc, cse->cfg.clock ? cse->cfg.clock(cse->cfg.clock_ctx) : now, why);
    pthread_mutex_unlock(&cse->lock);
    return true;
}

void esc_cse_wait_due(struct esc_cse *cse, uint32_t ms)
{
    pthread_mutex_lock(&cse->lock);
    if (!cse->stopping)
        esc_channel_pause(cse, &cse->mail, ms);
    pthread_mutex_unlock(&cse->lock);
}
