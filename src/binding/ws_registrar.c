/*
 * The registrees of a server: whose requests made a connection theirs, who else may not speak for them, and requests to them
 * (R-BW-1, R-BW-3).
 *
 * A place goes to the connection over which the CSE has accepted a request of its entity: for an AE any, since the CSE takes none
 * but its registration before that, for a CSE its own <remoteCSE>, since others' requests come by it too. While that connection
 * lives nobody else can speak for the entity: who tries is refused, unless the connection turns out to be dead when it is asked.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/fail.h"
#include "base/log.h"
#include "binding/until.h"
#include "binding/ws_server.h"
#include "m2m/serialization.h"

#define SPEAKS "another connection speaks for this originator (TS-0020 5.2)"
#define TY_AE 2
#define TY_CSR 16
#define ASKED_MS 2000u           /* an answer to a ping of one whose place another wants */
#define BACK_MS 5000u            /* for one that was connected a while ago */
#define WAITING_PER_REGISTREE 8u /* requests that wait for that */

escertke_err esc_ws_registrar_init(struct escertke_ws_server *s, escertke_detail *d)
{
    escertke_id id;

    if (!s->cfg.self)
        return ESCERTKE_OK;
    if (escertke_id_parse(escertke_span_str(s->cfg.self), &id) != ESCERTKE_OK || id.kind == ESCERTKE_ID_AE_C)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0004 6.2.3", "not an Absolute CSE-ID: %.200s", s->cfg.self);
    snprintf(s->sp_id, sizeof s->sp_id, "%.*s", (int)id.sp_len, id.text);
    snprintf(s->cse_id, sizeof s->cse_id, "%s", id.text + id.sp_len);
    s->names = (escertke_id_context){ .sp_id = s->sp_id, .cse_id = s->cse_id };
    s->registrar = true;
    return ESCERTKE_OK;
}

/* ---- whose request ------------------------------------------------------------------------------------------------- */

static bool is_stem_only(const char *fr)
{
    return !fr || strcmp(fr, "C") == 0 || strcmp(fr, "S") == 0;
}

/* Whoever it is, in whatever form he is named. */
static bool is_somebody(const struct escertke_ws_server *s, const char *fr, escertke_id *id)
{
    return !is_stem_only(fr) && escertke_id_normalise(escertke_span_str(fr), &s->names, id) == ESCERTKE_OK;
}

/* The originator as one who is registered here and says so himself: an AE of this CSE, or a CSE. */
static bool could_register(const struct escertke_ws_server *s, const char *fr, escertke_id *id)
{
    return is_somebody(s, fr, id) && (fr[0] != '/' || id->kind != ESCERTKE_ID_AE_C);
}

/* Of the workers so many at most wait for somebody: to come back, or to say that he is there. */
static unsigned waiting_max(const struct escertke_ws_server *s)
{
    return (s->cfg.workers + 1) / 2;
}

const char *esc_ws_registrar_admit(struct esc_ws_conn *c, const escertke_primitive *req)
{
    struct escertke_ws_server *s = (struct escertke_ws_server *)c->ws;
    struct esc_ws_conn *holder = NULL;
    const struct esc_ws_place *place;
    escertke_id id;

    if (!s->registrar || !is_somebody(s, req->fr, &id))
        return NULL;
    pthread_mutex_lock(&c->ws->lock);
    if ((place = esc_ws_places_find(&s->places, id.text)) != NULL && place->conn && place->conn != c)
        holder = place->conn;
    bool may_ask = holder && s->places.waiting < waiting_max(s);
    if (may_ask) {
        esc_ws_conn_keep(holder);
        s->places.waiting++;
    }
    pthread_mutex_unlock(&c->ws->lock);
    if (!may_ask)
        return holder ? SPEAKS : NULL; /* as it is nearly always */
    bool alive = esc_ws_conn_alive(holder, ASKED_MS);
    pthread_mutex_lock(&c->ws->lock);
    s->places.waiting--;
    if (!alive) {
        esc_ws_places_leave(&s->places, holder, escertke_system_clock(NULL).mono_ms);
        esc_ws_conn_end(holder, ESC_WS_POLICY);
        holder->dead = true;
    }
    pthread_mutex_unlock(&c->ws->lock);
    esc_ws_conn_release(holder);
    return alive ? SPEAKS : NULL;
}

/* ---- whose connection ---------------------------------------------------------------------------------------------- */

/* AE-ID that the CSE has assigned, as its answer says it. */
static bool assigned(const struct escertke_ws_server *s, const escertke_primitive *rsp, escertke_id *id)
{
    json_t *root = NULL;
    bool found = esc_serial_load(rsp->format, escertke_buf_span(&rsp->content), &root, NULL) == ESCERTKE_OK;

    if (found) {
        const char *aei = json_string_value(json_object_get(json_object_get(root, "m2m:ae"), "aei"));
        found = aei && escertke_id_normalise(escertke_span_str(aei), &s->names, id) == ESCERTKE_OK;
    }
    json_decref(root);
    return found;
}

/* Is the content a <remoteCSE>, and if it names its CSE, this one's? */
static bool is_remote_cse(const struct escertke_ws_server *s, const escertke_primitive *p, const escertke_id *id)
{
    json_t *root = NULL;
    bool loaded = esc_serial_load(p->format, escertke_buf_span(&p->content), &root, NULL) == ESCERTKE_OK;
    const json_t *csr = loaded ? json_object_get(root, "m2m:csr") : NULL;
    const char *csi = json_string_value(json_object_get(csr, "csi"));
    escertke_id named;
    bool is = csr && (!csi || (escertke_id_normalise(escertke_span_str(csi), &s->names, &named) == ESCERTKE_OK &&
                               strcmp(named.text, id->text) == 0));

    json_decref(root);
    return is;
}

/* Does this accepted request show who is at the other end? */
static bool shows(const struct escertke_ws_server *s, const escertke_primitive *req, const escertke_primitive *rsp,
                  escertke_id *id)
{
    if (is_stem_only(req->fr))
        return req->op == ESCERTKE_OP_CREATE && req->ty == TY_AE && assigned(s, rsp, id);
    if (!could_register(s, req->fr, id))
        return false;
    if (req->fr[0] != '/')
        return true;
    if (req->op == ESCERTKE_OP_CREATE)
        return req->ty == TY_CSR;
    return (req->op == ESCERTKE_OP_UPDATE && is_remote_cse(s, req, id)) ||
           (req->op == ESCERTKE_OP_RETRIEVE && is_remote_cse(s, rsp, id));
}

void esc_ws_registrar_answered(struct esc_ws_conn *c, const escertke_primitive *req, const escertke_primitive *rsp)
{
    struct escertke_ws_server *s = (struct escertke_ws_server *)c->ws;
    const struct esc_ws_place *place;
    escertke_id id;

    if (!s->registrar || rsp->rsc / 1000 != 2 || !shows(s, req, rsp, &id))
        return;
    pthread_mutex_lock(&c->ws->lock);
    place = esc_ws_places_find(&s->places, id.text);
    bool new_one = !place || place->conn != c;
    bool taken = esc_ws_places_take(&s->places, id.text, c);
    pthread_cond_broadcast(&c->ws->change);
    pthread_mutex_unlock(&c->ws->lock);
    if (new_one)
        esc_log(&c->ws->log, taken ? ESCERTKE_LEVEL_INFO : ESCERTKE_LEVEL_WARN, taken ? "ws.registree" : "ws.no_place",
                "id=%s with=%s", id.text, c->source);
}

/* ---- requests to them ---------------------------------------------------------------------------------------------- */

static escertke_err not_connected(const char *receiver, escertke_detail *d)
{
    return esc_fail(d, ESCERTKE_ERR_UNREACHABLE, "TS-0020 6.5", "%.200s is not connected", receiver);
}

/* Wait for one who was here a while ago. With the lock held. */
static void await(struct escertke_ws_server *s, struct esc_ws_place *place, uint64_t until_ms)
{
    int code = 0;

    place->waiting++;
    s->places.waiting++;
    while (!place->conn && !s->ws.stopping && !atomic_load(&s->ws.draining) && !code)
        code = esc_until_wait(&s->ws.change, &s->ws.lock, until_ms);
    place->waiting--;
    s->places.waiting--;
}

static bool may_wait(const struct escertke_ws_server *s, const struct esc_ws_place *place)
{
    return place->waiting < WAITING_PER_REGISTREE && s->places.waiting < waiting_max(s);
}

/* The connection of this registree, with a reference; NULL = it has none. */
static struct esc_ws_conn *find(struct escertke_ws_server *s, const char *receiver, uint64_t until_ms)
{
    struct esc_ws_conn *c = NULL;

    pthread_mutex_lock(&s->ws.lock);
    struct esc_ws_place *place = esc_ws_places_find(&s->places, receiver);
    if (place && !place->conn && may_wait(s, place))
        await(s, place, until_ms);
    if (place && (c = place->conn) != NULL)
        esc_ws_conn_keep(c);
    pthread_mutex_unlock(&s->ws.lock);
    return c;
}

static escertke_err deliver(struct escertke_ws_server *s, const char *receiver, const escertke_primitive *req,
                            escertke_primitive *rsp, escertke_detail *d)
{
    uint64_t until_ms, back_ms = escertke_system_clock(NULL).mono_ms + BACK_MS;
    bool sent = false;
    escertke_err err = esc_whole_deadline(s->cfg.request_timeout_ms, NULL, req, &until_ms, d);

    while (err == ESCERTKE_OK) {
        struct esc_ws_conn *c = find(s, receiver, back_ms < until_ms ? back_ms : until_ms);
        escertke_detail why;
        if (!c)
            return not_connected(receiver, d);
        escertke_detail_init(&why);
        err = esc_ws_request(c, req, until_ms, NULL, rsp, &sent, &why);
        esc_ws_conn_release(c);
        if (err == ESCERTKE_OK)
            return err;
        if (err == ESCERTKE_ERR_UNREACHABLE && !sent && escertke_system_clock(NULL).mono_ms < back_ms) {
            err = ESCERTKE_OK; /* it never left: it may go over the next connection */
            continue;
        }
        if (d && d->err == ESCERTKE_OK)
            *d = why;
    }
    return err;
}

escertke_err escertke_ws_server_send(escertke_ws_server *s, const char *receiver, const escertke_primitive *req,
                                     escertke_primitive *rsp, escertke_detail *d)
{
    if (!s || !req || !rsp || !receiver || !req->op || !req->rqi)
        return esc_fail(d, ESCERTKE_ERR_ARG, "TS-0020 6.4",
                        "a request, its identifier and the Absolute ID of its receiver are needed");
    return s->registrar ? deliver(s, receiver, req, rsp, d) : not_connected(receiver, d);
}
