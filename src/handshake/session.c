/*
 * session.c - one ESCertKE run as a table of legal steps. A missing row is a refused message.
 * The TLS library sits behind a vtable; this file decides what it may see, when, and what counts as success.
 */
#include <escertke/handshake.h>

#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/memory.h"
#include "cert/crls.h"
#include "handshake/explain.h"
#include "handshake/flight.h"
#include "handshake/match.h"

enum ke_state { KE_IDLE, KE_WAIT_M2, KE_WAIT_M3, KE_WAIT_M4, KE_DONE, KE_FAILED };

struct escertke_session {
    escertke_session_config cfg;
    void *conn;
    enum ke_state state;
    bool has_key;
    uint64_t deadline_ms;                       /* monotonic; 0 before the first message */
    int64_t unix_s;                             /* of the current step: what verify_peer judges by */
    escertke_issued issued[ESCERTKE_CHAIN_MAX]; /* the peer's path, once accepted */
    size_t issued_count;
    int64_t peer_until;
    escertke_buf reply;
    escertke_key key;
    escertke_detail detail;
};

static const char clause[] = "TS-0003 8.7.2.2";

/* What a later question about the status of these certificates needs. */
static escertke_err note_issued(escertke_session *s, const escertke_span *path, size_t count)
{
    escertke_cert cert, issuer;
    escertke_err err = escertke_cert_parse(path[0], &cert, &s->detail);

    s->issued_count = 0;
    for (size_t i = 0; err == ESCERTKE_OK && i < count; i++) {
        if (cert.not_after < s->peer_until)
            s->peer_until = cert.not_after;
        if (i + 1 == count)
            return ESCERTKE_OK;
        escertke_issued *out = &s->issued[i];
        if (i == ESCERTKE_CHAIN_MAX || cert.serial.len > sizeof out->serial)
            return esc_fail(&s->detail, ESCERTKE_ERR_CERT, "RFC 5280 4.1.2.2", "chain or serial number is too long");
        if ((err = escertke_cert_parse(path[i + 1], &issuer, &s->detail)) == ESCERTKE_OK &&
            (err = s->cfg.tls->sha256(cert.issuer, out->issuer)) == ESCERTKE_OK &&
            (err = s->cfg.tls->sha256(issuer.spki, out->key)) == ESCERTKE_OK) {
            out->serial_len = (uint8_t)cert.serial.len;
            memcpy(out->serial, cert.serial.ptr, cert.serial.len);
            s->issued_count++;
            cert = issuer;
        }
    }
    return err;
}

/* Asked by the back end with the validated path, in the middle of a step. */
static escertke_err verify_peer(void *ctx, const escertke_span *path, size_t count, int *alert)
{
    escertke_session *s = ctx;
    uint8_t digest[32];

    if (s->cfg.expect.flavour == ESCERTKE_FLAVOUR_RAW) {
        escertke_err err = s->cfg.tls->sha256(path[0], digest);
        return err == ESCERTKE_OK ? escertke_cert_check_raw(path[0], &s->cfg.expect, digest, alert, &s->detail) : err;
    }
    escertke_err err = escertke_cert_check_path(path, count, &s->cfg.expect, s->unix_s, alert, &s->detail);
    if (err == ESCERTKE_OK && s->cfg.crls)
        err = s->cfg.crls->check_path(s->cfg.crls, path, count, s->unix_s, alert, &s->detail);
    return err == ESCERTKE_OK ? note_issued(s, path, count) : err;
}

static void drop_connection(escertke_session *s)
{
    s->cfg.tls->close(s->conn);
    s->conn = NULL;
}

/* ---- actions of the steps ------------------------------------------------------------------------------------ */

/* What the TLS library has to say of a failure, and what the certificates in the flight have. */
static escertke_err account_for(escertke_session *s, escertke_err err, escertke_span in)
{
    bool explained = s->detail.err != ESCERTKE_OK; /* verify_peer has said why */
    const char *why = s->cfg.tls->why(s->conn, &s->detail.alert);

    if (!s->detail.backend[0])
        esc_printable(escertke_span_str(why), s->detail.backend, sizeof s->detail.backend);
    esc_fail(&s->detail, err, clause, "%s%s%s", escertke_err_text(err), *why ? ": " : "", why);
    if (!explained)
        esc_explain(in, err, &s->detail);
    return err;
}

/* Feed TLS one flight and check that it answers as the message table says: output exactly when a message is due. */
static escertke_err feed(escertke_session *s, escertke_span in, bool expect_output, bool expect_done)
{
    bool done = false;
    escertke_err err = s->cfg.tls->step(s->conn, in, s->unix_s, &s->reply, &done);

    if (err != ESCERTKE_OK)
        return account_for(s, err, in);
    if (done != expect_done || (s->reply.len > 0) != expect_output) {
        escertke_buf_reset(&s->reply);
        return esc_fail(&s->detail, ESCERTKE_ERR_TLS, clause, "handshake %s after M%d",
                        done ? "is complete too early or has more to say" : "is not complete", s->detail.message);
    }
    return ESCERTKE_OK;
}

/* Exporter without context; the first 16 octets name the key, the other 32 are it (R-KX-1...3). */
static escertke_err take_key(escertke_session *s)
{
    uint8_t exported[ESCERTKE_KEY_ID_LEN + ESCERTKE_KEY_LEN];
    static const escertke_span no_context = { NULL, 0 };

    escertke_err err = s->cfg.tls->export_key(s->conn, ESCERTKE_EXPORT_LABEL, no_context, exported, sizeof exported);
    if (err == ESCERTKE_OK) {
        escertke_key_split(exported, &s->key);
        s->has_key = true;
    } else {
        err = esc_fail(&s->detail, err, "TS-0003 10.3.1", "TLS exporter failed");
    }
    escertke_wipe(exported, sizeof exported);
    return err;
}

static escertke_err send_m1(escertke_session *s, escertke_span in)
{
    return feed(s, in, true, false);
}

static escertke_err answer_m1(escertke_session *s, escertke_span in)
{
    return feed(s, in, true, false);
}

static escertke_err answer_m2(escertke_session *s, escertke_span in)
{
    return feed(s, in, true, false);
}

static escertke_err answer_m3(escertke_session *s, escertke_span in)
{
    escertke_err err = feed(s, in, true, true);

    return err == ESCERTKE_OK ? take_key(s) : err;
}

static escertke_err accept_m4(escertke_session *s, escertke_span in)
{
    escertke_err err = feed(s, in, false, true);

    return err == ESCERTKE_OK ? take_key(s) : err;
}

/* ---- the table ------------------------------------------------------------------------------------------------ */

static const struct ke_step {
    escertke_role role;
    enum ke_state state;
    escertke_flight in; /* 0 = start */
    escertke_err (*action)(escertke_session *s, escertke_span in);
    enum ke_state next;
} ke_steps[] = {
    { ESCERTKE_INITIATOR, KE_IDLE, 0, send_m1, KE_WAIT_M2 },
    { ESCERTKE_TERMINATOR, KE_IDLE, ESCERTKE_FLIGHT_M1, answer_m1, KE_WAIT_M3 },
    { ESCERTKE_INITIATOR, KE_WAIT_M2, ESCERTKE_FLIGHT_M2, answer_m2, KE_WAIT_M4 },
    { ESCERTKE_TERMINATOR, KE_WAIT_M3, ESCERTKE_FLIGHT_M3, answer_m3, KE_DONE },
    { ESCERTKE_INITIATOR, KE_WAIT_M4, ESCERTKE_FLIGHT_M4, accept_m4, KE_DONE },
};

static const struct ke_step *find_step(const escertke_session *s, escertke_flight in)
{
    for (size_t i = 0; i < sizeof ke_steps / sizeof *ke_steps; i++)
        if (ke_steps[i].role == s->cfg.role && ke_steps[i].state == s->state && ke_steps[i].in == in)
            return &ke_steps[i];
    return NULL;
}

/* Which message does this side wait for? 0 = none. */
static int awaited(const escertke_session *s)
{
    switch (s->state) {
    case KE_IDLE: return s->cfg.role == ESCERTKE_TERMINATOR ? 1 : 0;
    case KE_WAIT_M2: return 2;
    case KE_WAIT_M3: return 3;
    case KE_WAIT_M4: return 4;
    default: return 0;
    }
}

static escertke_err fail(escertke_session *s, escertke_err err)
{
    s->state = KE_FAILED;
    s->has_key = false;
    escertke_wipe(&s->key, sizeof s->key);
    drop_connection(s);
    esc_log(&s->cfg.log, ESCERTKE_LEVEL_INFO, "ke.failed", "role=%s msg=M%d error=%s alert=%d reason=\"%s\"",
            escertke_role_name(s->cfg.role), s->detail.message, escertke_err_name(err), s->detail.alert, s->detail.reason);
    return err;
}

static escertke_err run(escertke_session *s, const struct ke_step *step, escertke_span in, escertke_span *reply)
{
    s->state = KE_FAILED; /* an early return stays failed */
    escertke_err err = step->action(s, in);
    *reply = escertke_buf_span(&s->reply);
    if (err != ESCERTKE_OK)
        return fail(s, err);
    s->state = step->next;
    s->detail.message = 0;
    esc_log(&s->cfg.log, ESCERTKE_LEVEL_DEBUG, "ke.step", "role=%s in=%zu out=%zu done=%d", escertke_role_name(s->cfg.role),
            in.len, reply->len, s->state == KE_DONE);
    return ESCERTKE_OK;
}

/*
 * A message that does not belong here. It never reached TLS, so a terminator loses nothing by it: anybody can send one.
 * An initiator got it as the answer to its own request and will get no other: its run is over.
 */
static escertke_err refuse(escertke_session *s, escertke_err err, const escertke_detail *why)
{
    if (s->cfg.role == ESCERTKE_INITIATOR || s->detail.err == ESCERTKE_OK) {
        int message = s->detail.message;
        s->detail = *why;
        s->detail.message = message;
    }
    return s->cfg.role == ESCERTKE_INITIATOR ? fail(s, err) : err;
}

static escertke_err put_alert(escertke_session *s, int alert, escertke_span *reply)
{
    const uint8_t record[] = { 21, 3, 3, 0, 2, 2, (uint8_t)alert };
    escertke_err err = escertke_buf_append(&s->reply, record, sizeof record);

    *reply = escertke_buf_span(&s->reply);
    return err;
}

/* ---- public --------------------------------------------------------------------------------------------------- */

escertke_err escertke_session_new(const escertke_session_config *cfg, escertke_session **out)
{
    char name[ESCERTKE_ID_MAX + 1];
    escertke_tls_open open = { .role = cfg->role,
                               .credential = cfg->credential,
                               .verify = verify_peer,
                               .peer_raw = cfg->expect.flavour == ESCERTKE_FLAVOUR_RAW,
                               .allow_without_ems = cfg->allow_without_ems };
    escertke_session *s;

    *out = NULL;
    if (!cfg->tls || !cfg->credential || !cfg->expect.id || (cfg->role != ESCERTKE_INITIATOR && cfg->role != ESCERTKE_TERMINATOR))
        return ESCERTKE_ERR_ARG;
    s = esc_zalloc(sizeof *s);
    if (!s)
        return ESCERTKE_ERR_NOMEM;
    s->cfg = *cfg;
    s->cfg.credential = NULL; /* not needed any more: the connection holds what it needs */
    s->cfg.expect.client = cfg->role == ESCERTKE_TERMINATOR;
    s->peer_until = INT64_MAX;
    if (!s->cfg.ttl_ms)
        s->cfg.ttl_ms = ESCERTKE_TTL_MS;
    escertke_detail_init(&s->detail);
    escertke_buf_init(&s->reply, ESCERTKE_MESSAGE_MAX);
    open.verify_ctx = s;
    if (cfg->role == ESCERTKE_INITIATOR && escertke_expect_domain_name(&cfg->expect, name) == ESCERTKE_OK)
        open.server_name = name; /* a CSE has a host name, an AE has none */
    escertke_err err = cfg->tls->open(&open, &s->conn);
    if (err != ESCERTKE_OK) {
        esc_release(s);
        return err;
    }
    if (cfg->allow_without_ems)
        esc_log(&s->cfg.log, ESCERTKE_LEVEL_WARN, "ke.allow_without_ems", "peer=%s (lab use only)", cfg->expect.id);
    *out = s;
    return ESCERTKE_OK;
}

escertke_err escertke_session_start(escertke_session *s, escertke_now now, escertke_span *m1)
{
    const struct ke_step *step = find_step(s, 0);

    *m1 = (escertke_span){ NULL, 0 };
    if (!step)
        return ESCERTKE_ERR_STATE;
    s->unix_s = now.unix_s;
    s->deadline_ms = now.mono_ms + s->cfg.ttl_ms;
    s->detail.message = 1;
    return run(s, step, (escertke_span){ NULL, 0 }, m1);
}

escertke_err escertke_session_step(escertke_session *s, escertke_span in, escertke_now now, escertke_span *reply)
{
    escertke_detail why;
    escertke_flight flight;
    int alert, message = awaited(s);

    *reply = (escertke_span){ NULL, 0 };
    if (!message)
        return ESCERTKE_ERR_STATE;
    escertke_buf_reset(&s->reply);
    escertke_detail_init(&why);
    s->unix_s = now.unix_s;
    s->detail.message = message;
    if (!s->deadline_ms)
        s->deadline_ms = now.mono_ms + s->cfg.ttl_ms;
    if (now.mono_ms > s->deadline_ms)
        return fail(s, esc_fail(&s->detail, ESCERTKE_ERR_DEADLINE, "A-13", "M%d came after the deadline", message));
    escertke_err err = escertke_flight_classify(in, &flight, &alert, &why);
    if (err != ESCERTKE_OK)
        return refuse(s, err, &why);
    if (flight == ESCERTKE_FLIGHT_ALERT) {
        const char *name = escertke_alert_name(alert);
        err = esc_fail(&why, ESCERTKE_ERR_ALERT, "RFC 5246 7.2", "peer sent alert %d (%s) in place of M%d", alert,
                       name ? name : "unknown", message);
        why.alert = alert;
        return refuse(s, err, &why);
    }
    const struct ke_step *step = find_step(s, flight);
    if (step)
        return run(s, step, in, reply);
    err = esc_fail(&why, ESCERTKE_ERR_TLS, clause, "expected M%d, got %s", message, esc_flight_name(flight));
    why.alert = 10; /* unexpected_message */
    err = refuse(s, err, &why);
    return message < 4 && put_alert(s, why.alert, reply) != ESCERTKE_OK ? ESCERTKE_ERR_NOMEM : err;
}

escertke_err esc_session_judge(escertke_session *s, const struct esc_m3 *m3, escertke_span message, escertke_now now,
                               escertke_detail *d)
{
    escertke_span sent[ESC_M3_CERTIFICATES_MAX];
    escertke_detail before = s->detail;
    size_t count = esc_m3_certificates(m3, sent);

    if (s->state != KE_WAIT_M3)
        return ESCERTKE_ERR_STATE;
    if (!count)
        return esc_fail(d, ESCERTKE_ERR_CERT, clause, "M3: more than %u certificates", ESC_M3_CERTIFICATES_MAX);
    escertke_detail_init(&s->detail);
    s->detail.message = 3;
    s->unix_s = now.unix_s;
    escertke_err err = s->cfg.tls->judge(s->conn, sent, count, now.unix_s);
    if (err != ESCERTKE_OK) {
        (void)account_for(s, err, message);
        *d = s->detail;
        s->issued_count = 0;
        s->peer_until = INT64_MAX;
    }
    s->detail = before;
    return err;
}

bool escertke_session_done(const escertke_session *s)
{
    return s->state == KE_DONE;
}

escertke_err escertke_session_key(escertke_session *s, escertke_key *out)
{
    if (s->state != KE_DONE || !s->has_key)
        return ESCERTKE_ERR_STATE;
    *out = s->key;
    s->has_key = false;
    escertke_wipe(&s->key, sizeof s->key);
    return ESCERTKE_OK;
}

escertke_err escertke_session_peer_cert(escertke_session *s, escertke_span *der)
{
    return s->state == KE_DONE ? s->cfg.tls->peer_cert(s->conn, der) : ESCERTKE_ERR_STATE;
}

escertke_err escertke_session_issued(const escertke_session *s, escertke_issued *out, size_t *count, int64_t *until)
{
    if (s->state != KE_DONE)
        return ESCERTKE_ERR_STATE;
    memcpy(out, s->issued, sizeof s->issued);
    *count = s->issued_count;
    *until = s->peer_until;
    return ESCERTKE_OK;
}

void escertke_session_set_crls(escertke_session *s, const escertke_crls *crls)
{
    s->cfg.crls = crls;
}

const char *escertke_session_suite(const escertke_session *s)
{
    return s->state == KE_DONE ? s->cfg.tls->suite(s->conn) : NULL;
}

uint64_t escertke_session_deadline(const escertke_session *s)
{
    return s->deadline_ms;
}

const escertke_detail *escertke_session_detail(const escertke_session *s)
{
    return &s->detail;
}

void escertke_session_free(escertke_session *s)
{
    if (!s)
        return;
    drop_connection(s);
    escertke_buf_free(&s->reply);
    esc_release_wiped(s, sizeof *s);
}
