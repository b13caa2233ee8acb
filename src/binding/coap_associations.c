#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "binding/coap_server.h"

enum { SILENT_MIN_MS = 1000 };

struct esc_coap_association {
    escertke_coap_server *server;
    struct esc_coap_peer peer; /* with the number of the session */
    struct esc_coap_session *tls;
    uint64_t begun_ms, heard_ms, step_ms; /* step_ms: of the handshake, when nothing comes */
    struct esc_coap_association *next;
};

struct pushing {
    escertke_coap_server *server;
    const struct esc_coap_peer *peer;
};

static void push_cookie(void *ctx, escertke_span datagram)
{
    const struct pushing *p = ctx;

    esc_coap_server_push(p->server, p->peer, datagram);
}

static void push(void *ctx, escertke_span datagram)
{
    const struct esc_coap_association *a = ctx;

    esc_coap_server_push(a->server, &a->peer, datagram);
}

static void end(escertke_coap_server *s, struct esc_coap_association *a)
{
    struct esc_coap_association **at = &s->associations;

    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    s->association_count--;
    esc_coap_session_free(a->tls);
    esc_release(a);
}

void esc_coap_associations_clear(escertke_coap_server *s)
{
    while (s->associations)
        end(s, s->associations);
}

static struct esc_coap_association *find(escertke_coap_server *s, const struct esc_coap_peer *peer)
{
    struct esc_coap_association *a = s->associations;

    while (a && !esc_coap_peer_same_address(&a->peer, peer))
        a = a->next;
    return a;
}

/* Room for one more: the one that has been silent longest goes, if that is a second at least. */
static bool make_room(escertke_coap_server *s, uint64_t now_ms)
{
    struct esc_coap_association *oldest = s->associations;

    if (s->association_count < s->cfg.max_sessions)
        return true;
    for (struct esc_coap_association *a = s->associations; a; a = a->next)
        if (a->heard_ms <= oldest->heard_ms)
            oldest = a;
    if (!oldest || now_ms - oldest->heard_ms < SILENT_MIN_MS)
        return false;
    end(s, oldest);
    esc_coap_count(s, &s->stats.sessions_lost);
    return true;
}

/* The peer has shown that it gets what is sent to this address. A session that it had is over: it has begun anew. */
static struct esc_coap_association *begin(escertke_coap_server *s, const struct esc_coap_peer *peer, uint64_t now_ms)
{
    struct esc_coap_association *a = find(s, peer);

    if (a)
        end(s, a);
    if (!make_room(s, now_ms) || !(a = esc_zalloc(sizeof *a)))
        return NULL;
    a->server = s;
    a->peer = *peer;
    if (++s->last_session == 0)
        s->last_session = 1; /* 0 is none */
    a->peer.session = s->last_session;
    a->begun_ms = a->heard_ms = now_ms;
    if (esc_coap_session_accept(s->cookies, s->cred, push, a, &a->tls) != ESCERTKE_OK) {
        esc_release(a);
        return NULL;
    }
    a->next = s->associations;
    s->associations = a;
    s->association_count++;
    return a;
}

static void step(escertke_coap_server *s, struct esc_coap_association *a, escertke_span datagram, uint64_t now_ms)
{
    escertke_detail d;

    escertke_detail_init(&d);
    switch (esc_coap_session_handshake(a->tls, datagram, &d)) {
    case ESCERTKE_OK: break;
    case ESCERTKE_ERR_STATE: a->step_ms = now_ms + esc_coap_session_wait_ms(a->tls); break;
    default:
        esc_log(&s->cfg.log, ESCERTKE_LEVEL_DEBUG, "coap.dtls", "said=\"%s\"", d.reason); /* every stranger can cause it */
        esc_coap_count(s, &s->stats.sessions_lost);
        end(s, a);
    }
}

bool esc_coap_associations_open(escertke_coap_server *s, struct esc_coap_peer *peer, escertke_span datagram, uint64_t now_ms,
                                escertke_span *out)
{
    struct esc_coap_association *a = find(s, peer);
    const escertke_span address = { (const uint8_t *)&peer->at, peer->len };
    struct pushing pushing = { s, peer };
    escertke_err err;
    size_t len;

    if (esc_coap_is_hello(datagram) && (!a || esc_coap_session_is_up(a->tls))) {
        if (!esc_coap_cookies_check(s->cookies, address, datagram, push_cookie, &pushing) || !(a = begin(s, peer, now_ms)))
            return false;
    }
    if (!a)
        return false;
    if (!esc_coap_session_is_up(a->tls)) {
        a->heard_ms = now_ms;
        step(s, a, datagram, now_ms);
        return false;
    }
    err = esc_coap_session_open(a->tls, datagram, s->plain, sizeof s->plain, &len);
    if (err == ESCERTKE_ERR_UNREACHABLE)
        end(s, a);
    if (err != ESCERTKE_OK)
        return false;
    a->heard_ms = now_ms; /* by the peer itself, not by who writes its address */
    peer->session = a->peer.session;
    *out = (escertke_span){ s->plain, len };
    return true;
}

void esc_coap_associations_send(escertke_coap_server *s, const struct esc_coap_peer *peer, escertke_span message)
{
    struct esc_coap_association *a = find(s, peer);

    if (a && a->peer.session == peer->session && esc_coap_session_is_up(a->tls) &&
        esc_coap_session_send(a->tls, message) == ESCERTKE_ERR_UNREACHABLE)
        end(s, a);
}

unsigned esc_coap_associations_tick(escertke_coap_server *s, uint64_t now_ms)
{
    struct esc_coap_association *a, *next;
    unsigned wait_ms = 1000;

    for (a = s->associations; a; a = next) {
        next = a->next;
        bool up = esc_coap_session_is_up(a->tls);
        if (up ? now_ms - a->heard_ms > (uint64_t)s->cfg.idle_s * 1000
               : now_ms - a->begun_ms > (uint64_t)s->cfg.timeout_s * 1000) {
            if (!up)
                esc_coap_count(s, &s->stats.sessions_lost);
            end(s, a);
        } else if (!up) {
            wait_ms = 100;
            if (now_ms >= a->step_ms)
                step(s, a, (escertke_span){ NULL, 0 }, now_ms);
        }
    }
    return wait_ms;
}
