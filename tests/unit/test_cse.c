/* The whole CSE: the worked example of R 10 across two CSEs, real handshakes through them, threads, and failing memory. */
#include "cse_support.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "fixture.h"

static json_t *load(const char *text)
{
    char *copy = strdup(text);
    json_t *value;

    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    value = json_loads(copy, 0, NULL);
    free(copy);
    return value;
}

/* The same JSON, members in any order. */
static void expect_json(const char *found, const char *expected)
{
    json_t *a = load(found), *b = load(expected);

    if (!a || !b || !json_equal(a, b))
        fail_msg("expected %s\nfound    %s", expected, found);
    json_decref(a);
    json_decref(b);
}

/* ---- R 10.1 and 10.9, as they are printed ------------------------------------------------------------------- */

#define MSG1 "'pc':{'m2m:seci':{'sit':6,'eckm':'FgMBAH8BAAB7'}}"
#define MSG2 "'pc':{'m2m:seci':{'sit':6,'eckm':'FgMDAGECAABd'}}"
#define MSG3 "'pc':{'m2m:seci':{'sit':6,'eckm':'FgMDA3YLAANy'}}"
#define MSG4 "'pc':{'m2m:seci':{'sit':6,'eckm':'FAMDAAEBFgMD'}}"

static struct world *example(void)
{
    struct world *w = world_new();

    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'S5f0e','rqi':'r1','rvi':'3','ty':2,'pc':{'m2m:ae':{'rn':'meterAE','api':'Nmeter',"
               "'apn':'meter','rr':true,'srv':['3'],'poa':['http://10.0.0.7:9000/notify'],'csz':['json'],'esi':{'esf':[43]}}}}",
               2001, NULL);
    expect_rsc(w, w->in,
               "{'op':1,'to':'-/meterAE','fr':'S5f0e','rqi':'r2','rvi':'3','ty':1,'pc':{'m2m:acp':{'rn':'acpE2E',"
               "'pv':{'acr':[{'acor':['/S5f0e'],'acop':63},{'acor':['/mn1/Ca1b2c3'],'acop':18}]},"
               "'pvs':{'acr':[{'acor':['/S5f0e'],'acop':63}]}}}}",
               2001, NULL);
    expect_rsc(w, w->in,
               "{'op':3,'to':'-/meterAE','fr':'S5f0e','rqi':'r3','rvi':'3','pc':{'m2m:ae':{'acpi':['in1base/meterAE/acpE2E']}}}",
               2004, NULL);
    add_ae(w, w->mn, "Ca1b2c3");
    add_ae(w, w->mn, "Cother");
    w->sends = 0;
    return w;
}

static void discovery(void **state)
{
    struct world *w = example();

    (void)state;
    ask(w, w->mn, "{'op':2,'to':'/in1/S5f0e','fr':'Ca1b2c3','rqi':'A0000','rvi':'3','pc':{'m2m:atrl':['esi']}}");
    expect_json(answer(), "{'rsc':2000,'rqi':'A0000','rvi':'3','pc':{'m2m:ae':{'esi':{'esf':[43]}}}}");
    ask(w, w->mn, "{'op':2,'to':'/in1/-/meterAE#esi','fr':'Ca1b2c3','rqi':'A0000','rvi':'3'}");
    expect_json(answer(), "{'rsc':2000,'rqi':'A0000','rvi':'3','pc':{'m2m:ae':{'esi':{'esf':[43]}}}}");
    expect_rsc(w, w->mn, "{'op':2,'to':'/in1/S5f0e#esi','fr':'Cother','rqi':'A0000','rvi':'3'}", 4103, NULL);
    world_free(w);
}

static void two_notifies(void **state)
{
    struct world *w = example();

    (void)state;
    strcpy(w->ae_answer, "{'m2m:seci':{'sit':6,'eckm':'FgMDAGECAABd'}}");
    ask(w, w->mn,
        "{'op':5,'to':'/in1/S5f0e','fr':'Ca1b2c3','rqi':'A0001','rvi':'3','ot':'20260601T120000','rqet':'20260601T120030'," MSG1
        "}");
    assert_int_equal(w->sends, 2);
    assert_string_equal(w->url, "http://10.0.0.7:9000/notify");
    expect_json(w->sent, "{'op':5,'to':'/in1/S5f0e','fr':'/mn1/Ca1b2c3','rqi':'Ca1b2c3/A0001','rvi':'3','ot':'20260601T120000',"
                         "'rqet':'20260601T120030'," MSG1 "}");
    expect_json(answer(), "{'rsc':2000,'rqi':'A0001','rvi':'3'," MSG2 "}");

    strcpy(w->ae_answer, "{'m2m:seci':{'sit':6,'eckm':'FAMDAAEBFgMD'}}");
    ask(w, w->mn, "{'op':5,'to':'/in1/S5f0e','fr':'Ca1b2c3','rqi':'A0002','rvi':'3'," MSG3 "}");
    expect_json(w->sent, "{'op':5,'to':'/in1/S5f0e','fr':'/mn1/Ca1b2c3','rqi':'Ca1b2c3/A0002','rvi':'3'," MSG3 "}");
    expect_json(answer(), "{'rsc':2000,'rqi':'A0002','rvi':'3'," MSG4 "}");

    w->ae_rsc = 4106;
    strcpy(w->ae_answer, "{'m2m:seci':{'sit':6,'eckm':'FQMDAAICKg=='}}");
    ask(w, w->mn, "{'op':5,'to':'/in1/S5f0e','fr':'Ca1b2c3','rqi':'A0002','rvi':'3'," MSG3 "}");
    expect_json(answer(), "{'rsc':4106,'rqi':'A0002','rvi':'3','pc':{'m2m:seci':{'sit':6,'eckm':'FQMDAAICKg=='}}}");
    w->ae_rsc = 4000;
    strcpy(w->ae_answer, "{'m2m:dbg':'ESCertKE: no pending handshake'}");
    ask(w, w->mn, "{'op':5,'to':'/in1/S5f0e','fr':'Ca1b2c3','rqi':'A0002','rvi':'3'," MSG3 "}");
    expect_json(answer(), "{'rsc':4000,'rqi':'A0002','rvi':'3','pc':{'m2m:dbg':'ESCertKE: no pending handshake'}}");
    world_free(w);
}

/* Seen by the IEP two hops away. */
static const struct {
    const char *request;
    int rsc;
} far_refusals[] = {
    { "{'op':5,'to':'/in1/S5f0e','fr':'Cother','rqi':'A1','rvi':'3'," MSG1 "}", 4103 },
    { "{'op':5,'to':'/in1/Snobody','fr':'Ca1b2c3','rqi':'A1','rvi':'3'," MSG1 "}", 4004 },
    { "{'op':5,'to':'/in1/-/meterAE/acpE2E','fr':'Ca1b2c3','rqi':'A1','rvi':'3'," MSG1 "}", 4005 },
    { "{'op':5,'to':'/in1/-','fr':'Ca1b2c3','rqi':'A1','rvi':'3'," MSG1 "}", 5001 },
    { "{'op':5,'to':'/in9/S5f0e','fr':'Ca1b2c3','rqi':'A1','rvi':'3'," MSG1 "}", 4004 },
    { "{'op':5,'to':'/in1/S5f0e','fr':'Ca1b2c3','rqi':'A1','rvi':'3','rqet':'20260601T115900'," MSG1 "}", 4008 },
    { "{'op':4,'to':'/in1/S5f0e','fr':'Ca1b2c3','rqi':'A1','rvi':'3'}", 4103 },
};

static void refusals(void **state)
{
    struct world *w = example();

    (void)state;
    for (size_t i = 0; i < COUNT(far_refusals); i++) {
        expect_rsc(w, w->mn, far_refusals[i].request, far_refusals[i].rsc, "'m2m:dbg'");
        assert_non_null(strstr(answer(), "'rqi':'A1'"));
    }
    expect_rsc(w, w->in, "{'op':4,'to':'-/meterAE','fr':'S5f0e','rqi':'r','rvi':'3'}", 2002, NULL);
    expect_rsc(w, w->mn, "{'op':5,'to':'/in1/S5f0e','fr':'Ca1b2c3','rqi':'A1','rvi':'3'," MSG1 "}", 4004, NULL);
    w->mn_err = ESCERTKE_ERR_UNREACHABLE;
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in, "{'op':5,'to':'/mn1/Cother','fr':'Cpanel','rqi':'A1','rvi':'3'," MSG1 "}", 5107, NULL);
    world_free(w);
}

/* ---- real handshakes ---------------------------------------------------------------------------------------- */

struct run {
    struct world *w;
    struct esc_cse *via;
};

static escertke_err send_via(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    struct run *run = ctx;

    (void)d;
    esc_cse_handle(run->via, req, run->w->now, rsp);
    return ESCERTKE_OK;
}

static escertke_now clock_of(void *ctx)
{
    return ((struct run *)ctx)->w->now;
}

static escertke_terminator *terminator(const struct party *who, const char *id, escertke_store *store)
{
    escertke_terminator_config cfg = { .identity = { .tls = escertke_tls_openssl(),
                                                     .credential = who->credential,
                                                     .id = id,
                                                     .ctx = { SP, "/in1" },
                                                     .store = store } };
    escertke_terminator *t;

    assert_int_equal(escertke_terminator_new(&cfg, &t, NULL), ESCERTKE_OK);
    return t;
}

static void establish(struct run *run, const struct party *who, const char *peer, const char *to, escertke_store *store)
{
    escertke_identity identity = {
        .tls = escertke_tls_openssl(), .credential = who->credential, .id = PANEL, .ctx = { SP, "/in1" }, .store = store
    };
    escertke_notify_params p = {
        .to = to, .from = "Cpanel", .send = send_via, .send_ctx = run, .clock = clock_of, .clock_ctx = run
    };
    escertke_attempt *i;
    escertke_key_entry entry;
    escertke_detail d;

    escertke_detail_init(&d);
    assert_int_equal(escertke_attempt_new(&identity, peer, NULL, clock_of(run), &i, &d), ESCERTKE_OK);
    if (escertke_notify_establish(i, &p, &d) != ESCERTKE_OK)
        fail_msg("%s: %s", to, d.reason);
    assert_int_equal(escertke_attempt_entry(i, &entry), ESCERTKE_OK);
    assert_string_equal(entry.peer, peer);
    escertke_key_entry_wipe(&entry);
    escertke_attempt_free(i);
}

/* AE and AE, and AE and <CSEBase>: the CSE is itself a terminating end-point. */
static void handshakes(void **state)
{
    struct fixture *f = fixture_new();
    escertke_store panel, meter, in1;
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);

    (void)state;
    world_free(w);
    assert_int_equal(escertke_store_memory(8, &panel), ESCERTKE_OK);
    assert_int_equal(escertke_store_memory(8, &meter), ESCERTKE_OK);
    assert_int_equal(escertke_store_memory(8, &in1), ESCERTKE_OK);
    cfg.self = terminator(&f->in1, IN1, &in1);
    cfg.esi = "{\"esf\":[43]}";
    w = world_new_in(&cfg);
    w->now = f->now;
    w->tep = terminator(&f->meter, METER, &meter);
    add_meter(w, w->in, "['http://down','http://tep']");
    add_ae(w, w->in, "Cpanel");

    struct run run = { w, w->in };
    establish(&run, &f->panel, METER, "/in1/Cmeter", &panel);
    establish(&run, &f->panel, METER, "-/meter", &panel);
    establish(&run, &f->panel, IN1, "/in1/-", &panel);
    establish(&run, &f->panel, IN1, "/in1", &panel);
    assert_null(strstr(w->log, "FgMB"));

    /* what is no ESCertKE message gets the end-point's own answer */
    expect_rsc(w, w->in, "{'op':5,'to':'-','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:sgn':{}}}", 4000, NULL);
    expect_rsc(w, w->in, "{'op':5,'to':'-','fr':'Cpanel','rqi':'1','rvi':'3','pc':{'m2m:seci':{'sit':3}}}", 5001, NULL);
    escertke_terminator *tep = w->tep;
    world_free(w);
    escertke_terminator_free(tep);
    escertke_terminator_free(cfg.self);
    escertke_store_close(&panel);
    escertke_store_close(&meter);
    escertke_store_close(&in1);
    fixture_free(f);
}

/* ---- threads ------------------------------------------------------------------------------------------------ */

static escertke_err echo(void *ctx, const char *url, const char *receiver, bool to_ae, const escertke_primitive *req,
                         escertke_primitive *rsp, escertke_detail *d)
{
    (void)ctx;
    (void)url;
    (void)receiver;
    (void)to_ae;
    (void)d;
    rsp->rsc = 2000;
    if (escertke_primitive_set(&rsp->rqi, escertke_span_str(req->rqi)) != ESCERTKE_OK)
        return ESCERTKE_ERR_NOMEM;
    return escertke_buf_append(&rsp->content, req->content.ptr, req->content.len);
}

struct worker {
    struct esc_cse *cse;
    escertke_now now;
    int number, failed;
};

/* # stands for the worker's number. */
static void worker_ask(struct worker *w, const char *request, int rsc)
{
    escertke_primitive req, rsp;
    char text[512];

    snprintf(text, sizeof text, "%s", request);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c == '#' ? (char)('0' + w->number) : *c;
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    if (escertke_primitive_parse_json(escertke_span_str(text), &req, NULL) != ESCERTKE_OK)
        w->failed++;
    esc_cse_handle(w->cse, &req, w->now, &rsp);
    w->failed += rsp.rsc != rsc;
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
}

static void *work(void *arg)
{
    struct worker *w = arg;

    for (int i = 0; i < 100; i++) {
        worker_ask(w,
                   "{'op':1,'to':'-','fr':'Cw#','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'rn':'w#','api':'Nx','rr':true,'srv':["
                   "'3']}}}",
                   2001);
        worker_ask(w, "{'op':5,'to':'Cmeter','fr':'Cw#','rqi':'2','rvi':'3'," MSG1 "}", 2000);
        worker_ask(w, "{'op':3,'to':'-/w#','fr':'Cw#','rqi':'3','rvi':'3','pc':{'m2m:ae':{'apn':'x'}}}", 2004);
        worker_ask(w, "{'op':2,'to':'-','fr':'Cw#','rqi':'4','rvi':'3'}", 2000);
        worker_ask(w, "{'op':2,'to':'Cmeter','fr':'Cw#','rqi':'5','rvi':'3'}", 2000);
        worker_ask(w, "{'op':4,'to':'-/w#','fr':'Cw#','rqi':'6','rvi':'3'}", 2002);
        esc_cse_tick(w->cse, w->now);
    }
    return NULL;
}

static void threads(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);
    struct esc_cse_stats stats;
    char path[] = "/tmp/escertke-threads-XXXXXX";
    struct worker workers[4];
    pthread_t thread[4];

    (void)state;
    world_free(w);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    cfg.deliver = echo;
    cfg.log.fn = NULL;
    cfg.clock = NULL;
    cfg.state_path = path;
    w = world_new_in(&cfg);
    add_meter(w, w->in, "['http://meter']");
    for (int i = 0; i < 4; i++) {
        workers[i] = (struct worker){ w->in, w->now, i, 0 };
        assert_int_equal(pthread_create(&thread[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(workers[i].failed, 0);
    }
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.ae, 1);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.delivered, 400);

    /* the file holds what was left at the end */
    struct esc_cse *again;
    assert_int_equal(esc_cse_new(&cfg, w->now, &again, NULL), ESCERTKE_OK);
    esc_cse_get_stats(again, &stats);
    assert_int_equal(stats.ae, 1);
    assert_int_equal(stats.acp, 1);
    esc_cse_free(again);
    world_free(w);
    unlink(path);
}

/* ---- memory ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *request, *undo;
    int rsc;
} swept[] = {
    { "{'op':2,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3'}", NULL, 2000 },
    { "{'op':2,'to':'Cnobody','fr':'Cpanel','rqi':'1','rvi':'3'}", NULL, 4004 },
    { "{'op':5,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3','rqet':'30000'," MSG1 "}", NULL, 2000 },
    { "{'op':5,'to':'//other.example.org/in9/Cx','fr':'Cpanel','rqi':'1','rvi':'3'," MSG1 "}", NULL, 4004 },
    { "{'op':1,'to':'-','fr':'Cnew','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':true,'srv':['3'],'esi':{'esf':[43]"
      "}}}}",
      "{'op':4,'to':'Cnew','fr':'Cnew','rqi':'1','rvi':'3'}", 2001 },
};

static int handle_text(struct world *w, const char *text, long fails_after)
{
    escertke_primitive req, rsp;
    char *copy = strdup(text);

    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    assert_int_equal(escertke_primitive_parse_json(escertke_span_str(copy), &req, NULL), ESCERTKE_OK);
    free(copy);
    memory_left = fails_after;
    esc_cse_handle(w->in, &req, w->now, &rsp);
    memory_left = -1;
    int rsc = rsp.rsc;
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    return rsc;
}

/* Each allocation of each request fails once: a refusal, nothing half done, nothing left behind. */
static void memory_sweep(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);
    struct esc_cse_stats before, after;

    (void)state;
    world_free(w);
    cfg.log.fn = NULL;
    cfg.deliver = echo;
    w = world_new_in(&cfg);
    add_meter(w, w->in, "['http://a','http://b']");
    add_ae(w, w->in, "Cpanel");
    esc_cse_get_stats(w->in, &before);
    for (size_t i = 0; i < COUNT(swept); i++) {
        int rsc = 0;
        long n = 0;
        for (; rsc != swept[i].rsc && n < 200; n++) {
            memory_fails_after(-1);
            rsc = handle_text(w, swept[i].request, n);
            /* an attribute that cannot be checked for want of memory is not taken */
            if (rsc != swept[i].rsc && rsc != 5000 && rsc != 4000)
                fail_msg("%s: allocation %ld: %d", swept[i].request, n, rsc);
            esc_cse_get_stats(w->in, &after);
            if (after.ae > before.ae) /* created, and perhaps no memory left to say so */
                assert_int_equal(handle_text(w, swept[i].undo, -1), 2002);
            memory_restored();
        }
        assert_in_range(n, 2, 199);
        esc_cse_get_stats(w->in, &after);
        assert_int_equal(after.bytes, before.bytes);
        assert_int_equal(after.pending, 0);
        assert_int_equal(after.ae, before.ae);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discovery),  cmocka_unit_test(two_notifies), cmocka_unit_test(refusals),
        cmocka_unit_test(handshakes), cmocka_unit_test(threads),      cmocka_unit_test(memory_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
