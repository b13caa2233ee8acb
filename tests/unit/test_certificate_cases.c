/*
 * test_certificate_cases.c - every line of tests/data/certificates.txt against the verdict of the library on the ordered path,
 * and against every TLS back end of this build in a real handshake with a stock peer that sends such certificates, or into whose
 * flight they are put.
 * CASE=TEXT in the environment: only cases whose name contains it, each said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <escertke/escertke.h>

#include "certificate_recipe.h"
#include "certificate_splice.h"
#include "rawpeer.h"

#define OWN_ID "//m2m.example.org/in1/Cpanel"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const engines[] = { "openssl", "gnutls", "mbedtls" };
enum { PATH = COUNT(engines), JUDGES };

/* Verdicts given, by judge: accepted, refused; and lines that a judge was not asked about. */
static struct {
    size_t lines, accepted, refused, left_out;
} table[JUDGES];
static size_t flavours[ESCERTKE_FLAVOUR_NODE + 1], wrong;

struct verdict {
    escertke_err err;
    int alert; /* that leaves; -1 = none */
    char reason[400];
};

/* ---- what is expected --------------------------------------------------------------------------------------- */

static int alert_number(const char *name)
{
    for (int i = 0; i < 256; i++)
        if (escertke_alert_name(i) && strcmp(escertke_alert_name(i), name) == 0)
            return i;
    fail_msg("no alert \"%s\"", name);
    return -1;
}

/* "access_denied/bad_certificate": to a client / to a server. "chain": bad_certificate or unknown_ca. */
static int expected_alert(const char *text, bool client, int got)
{
    char to_client[64], to_server[64];

    if (strcmp(text, "chain") == 0)
        return alert_number(got == alert_number("unknown_ca") ? "unknown_ca" : "bad_certificate");
    if (strcmp(text, "-") == 0)
        return -1;
    if (sscanf(text, "%63[^/]/%63s", to_client, to_server) == 2)
        return alert_number(client ? to_client : to_server);
    return alert_number(text);
}

static void compare(const struct recipe_line *line, const char *judge, bool client, const struct verdict *v, size_t row)
{
    int alert = expected_alert(line->alert, client, v->alert);

    table[row].accepted += v->err == ESCERTKE_OK;
    table[row].refused += v->err != ESCERTKE_OK;
    if (getenv("CASE"))
        print_message("%s, %s of a %s: %s, alert %d: %s\n", line->name, judge, client ? "client" : "server",
                      escertke_err_name(v->err), v->alert, v->reason);
    if (strcmp(escertke_err_name(v->err), line->error) == 0 && v->alert == alert)
        return;
    wrong++;
    print_error("%d: %s: %s of a %s says %s, alert %d; expected %s, alert %d: %s\n", line->number, line->name, judge,
                client ? "client" : "server", escertke_err_name(v->err), v->alert, line->error, alert, v->reason);
}

/* ---- the verdict on the path -------------------------------------------------------------------------------- */

static void judge_path(const struct recipe_line *line, const struct recipe *r, const escertke_expect *expect)
{
    escertke_span path[RECIPE_CERTS];
    struct verdict v = { .alert = -1 };
    uint8_t digest[32];
    escertke_detail d;

    escertke_detail_init(&d);
    if (r->raw && expect->flavour == ESCERTKE_FLAVOUR_RAW) {
        recipe_digest(r, digest);
        v.err = escertke_cert_check_raw(r->span[0], expect, digest, &v.alert, &d);
    } else {
        for (size_t i = 0; i < r->path_count; i++)
            path[i] = r->span[r->path[i]];
        v.err = escertke_cert_check_path(path, r->path_count, expect, RECIPE_NOW, &v.alert, &d);
    }
    if (v.err == ESCERTKE_OK)
        v.alert = -1;
    snprintf(v.reason, sizeof v.reason, "%s", d.reason);
    compare(line, "path", expect->client, &v, PATH);
}

/* ---- the verdict of a handshake ----------------------------------------------------------------------------- */

static struct {
    struct pki_cert cert;
    char *chain, *key;
} own;

static escertke_session *make_session(const escertke_tls_ops *tls, const char *trust, const escertke_expect *expect)
{
    escertke_credential_source src = { .chain = escertke_span_str(own.chain),
                                       .key = escertke_span_str(own.key),
                                       .trust = escertke_span_str(trust),
                                       .unix_s = RECIPE_NOW };
    escertke_session_config cfg = { .tls = tls,
                                    .role = expect->client ? ESCERTKE_TERMINATOR : ESCERTKE_INITIATOR,
                                    .expect = *expect };
    escertke_session *s;
    void *credential;

    if (tls->credential_new(&src, &credential, NULL) != ESCERTKE_OK)
        return NULL;
    cfg.credential = credential;
    assert_int_equal(escertke_session_new(&cfg, &s), ESCERTKE_OK);
    tls->credential_free(credential);
    return s;
}

/* What the peer sends: its own certificates, or these octets in their place. */
struct sending {
    escertke_span certs[RECIPE_CERTS];
    size_t count; /* 0: its own */
};

/* Flights to and fro until ours is done or says no; false if the stock peer itself has no use for its certificate. */
static bool run(escertke_session *s, bool ours_starts, struct rawpeer *peer, const struct sending *sent, struct verdict *v)
{
    const escertke_now now = { 1000, RECIPE_NOW };
    escertke_span out = { NULL, 0 };
    escertke_buf wire;
    bool possible = true;

    escertke_buf_init(&wire, 2 * ESCERTKE_MESSAGE_MAX);
    v->err = ours_starts ? escertke_session_start(s, now, &out) : ESCERTKE_OK;
    while (v->err == ESCERTKE_OK && !escertke_session_done(s)) {
        escertke_buf_reset(&wire);
        int ret = rawpeer_step(peer, out, &wire);
        possible = ret >= 0 && wire.len;
        if (!possible)
            break;
        if (sent->count)
            splice_certificates(&wire, sent->certs, sent->count);
        v->err = escertke_session_step(s, escertke_buf_span(&wire), now, &out);
    }
    v->alert = v->err != ESCERTKE_OK && out.len == 7 && out.ptr[0] == 21 ? out.ptr[6] : -1;
    snprintf(v->reason, sizeof v->reason, "%.200s | %.150s", escertke_session_detail(s)->reason,
             escertke_session_detail(s)->backend);
    escertke_buf_free(&wire);
    return possible;
}

static void judge_handshake(const struct recipe_line *line, const struct recipe *r, const escertke_expect *expect, size_t engine)
{
    const escertke_tls_ops *tls = escertke_tls_by_name(engines[engine]);
    struct sending sent = { .count = strstr(line->judges, "octets") ? r->send_count : 0 };
    for (size_t i = 0; i < sent.count; i++)
        sent.certs[i] = r->span[r->send[i]];
    char *chain = sent.count ? strdup(own.chain) : recipe_pem(r, r->send, r->send_count);
    char *key = sent.count ? strdup(own.key) : pki_key_pem(&r->cert[0]);
    char *trust = recipe_pem(r, r->trust, r->trust_count);
    struct rawpeer_config cfg = { .server = !expect->client, .chain = chain, .key = key };
    struct verdict v = { .alert = -1 };
    escertke_session *s = chain && trust ? make_session(tls, trust, expect) : NULL;

    if (r->leaf_key == PKI_P384 || r->leaf_key == PKI_P521) {
        cfg.groups = "P-256:P-384:P-521";
        cfg.sigalgs = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512";
    }
    if (s) {
        struct rawpeer *peer = rawpeer_openssl(&cfg);
        bool possible = run(s, !expect->client, peer, &sent, &v);
        rawpeer_free(peer);
        if (possible)
            compare(line, tls->name, expect->client, &v, engine);
        else
            s = (escertke_session_free(s), NULL);
    }
    if (!s) {
        wrong++;
        print_error("%d: %s: no stock %s can send this to %s; say \"path\"\n", line->number, line->name,
                    expect->client ? "client" : "server", tls->name);
    }
    escertke_session_free(s);
    free(chain);
    free(trust);
    free(key);
}

/* ---- all of it ---------------------------------------------------------------------------------------------- */

static bool is_asked(const struct recipe_line *line, size_t judge)
{
    return judge == PATH ? strncmp(line->judges, "tls", 3) != 0 : strcmp(line->judges, "path") != 0;
}

static void judge(const struct recipe_line *line, const struct recipe *r, bool client)
{
    char text[1024];
    escertke_expect expect;

    snprintf(text, sizeof text, "%s", line->expect);
    recipe_expect(line, r, text, &expect);
    expect.client = client;
    if (is_asked(line, PATH))
        judge_path(line, r, &expect);
    for (size_t i = 0; i < COUNT(engines); i++)
        if (is_asked(line, i) && escertke_tls_by_name(engines[i]))
            judge_handshake(line, r, &expect, i);
}

static void count_line(const struct recipe_line *line, const struct recipe *r)
{
    char text[1024];
    escertke_expect expect;

    snprintf(text, sizeof text, "%s", line->expect);
    recipe_expect(line, r, text, &expect);
    flavours[expect.flavour]++;
    for (size_t i = 0; i < JUDGES; i++) {
        bool asked = is_asked(line, i);
        table[i].lines += asked;
        table[i].left_out += !asked;
    }
}

static void print_table(size_t count)
{
    print_message("%zu certificate cases:", count);
    for (size_t f = 0; f <= ESCERTKE_FLAVOUR_NODE; f++)
        if (flavours[f])
            print_message(" %zu %s", flavours[f], f ? escertke_flavour_name((escertke_flavour)f) : "by identity");
    print_message("\n%-10s %8s %10s %10s %10s\n", "judge", "cases", "accepted", "refused", "not asked");
    for (size_t i = 0; i < JUDGES; i++)
        if (i == PATH || escertke_tls_by_name(engines[i]))
            print_message("%-10s %8zu %10zu %10zu %10zu\n", i == PATH ? "path" : engines[i], table[i].lines, table[i].accepted,
                          table[i].refused, table[i].left_out);
}

/* Is it one of the words, which " " separates? */
static bool one_of(const char *word, const char *words)
{
    const char *at = strstr(words, word);
    size_t len = strlen(word);

    return len && at && (at == words || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' ');
}

static void test_cases(void **state)
{
    const char *only = getenv("CASE");
    struct recipe_line *lines;
    size_t count = recipe_read_file(TEST_DATA_DIR "/certificates.txt", &lines);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct recipe r;
        if (only && !strstr(lines[i].name, only))
            continue;
        if (!one_of(lines[i].peer, "client server both") || !one_of(lines[i].judges, "all path octets tls tls-octets"))
            fail_msg("line %d: expected client, server or both, and all, path, octets, tls or tls-octets", lines[i].number);
        recipe_make(&lines[i], &r);
        count_line(&lines[i], &r);
        if (strcmp(lines[i].peer, "server") != 0)
            judge(&lines[i], &r, true);
        if (strcmp(lines[i].peer, "client") != 0)
            judge(&lines[i], &r, false);
        recipe_free(&r);
    }
    print_table(count);
    recipe_lines_free(lines, count);
    assert_int_equal(wrong, 0);
    assert_true(only || count >= 130);
}

static int setup(void **state)
{
    static const struct pki_name name = { PKI_URI, OWN_ID, 0 };

    (void)state;
    own.cert = pki_make(&(struct pki_params){ .cn = "panel", .san = &name, .san_count = 1, .base_s = RECIPE_NOW });
    own.chain = pki_chain_pem((const struct pki_cert *const[]){ &own.cert }, 1);
    own.key = pki_key_pem(&own.cert);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pki_cert_free(&own.cert);
    free(own.chain);
    free(own.key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
