/* What a terminating end-point does with what its mailbox brings: by a subscription, and by looking; letters of all kinds. */
#include "mailbox_serve.h"
#include "mailbox_support.h"

#include <stdatomic.h>

struct serving {
    struct office *o;
    struct identity meter;
    escertke_store store;
    escertke_terminator *t;
    struct mailbox_server *server;
    atomic_int refused;
    pthread_mutex_t lock;
    char reasons[2000]; /* of the refusals, in order, a line each */
};

static void note(void *ctx, const escertke_event *event)
{
    struct serving *s = ctx;

    if (event->kind != ESCERTKE_EVENT_REFUSED)
        return;
    pthread_mutex_lock(&s->lock);
    size_t len = strlen(s->reasons);
    snprintf(s->reasons + len, sizeof s->reasons - len, "%s\n", event->detail->reason);
    pthread_mutex_unlock(&s->lock);
    atomic_fetch_add(&s->refused, 1);
}

static void start(struct serving *s)
{
    const struct mailbox box = { .exchange = office_exchange(s->o, "Cmeter"), .identity = &s->meter };
    escertke_detail d;

    escertke_detail_init(&d);
    assert_int_equal(mailbox_server_new(s->t, &box, &s->server, &d), ESCERTKE_OK);
}

static void open_box(struct serving *s, const char *poa)
{
    struct capture out, err;
    escertke_detail d;

    escertke_detail_init(&d);
    capture_begin(&err, stderr);
    capture_begin(&out, stdout);
    escertke_err found = mailbox_server_open(s->server, poa, &d);
    capture_end(&out);
    capture_end(&err);
    assert_int_equal(found, ESCERTKE_OK);
}

static int setup(void **state)
{
    struct serving *s = calloc(1, sizeof *s);

    s->o = office_new();
    s->meter = office_identity(METER, false);
    s->meter.stem = "Cmeter";
    pthread_mutex_init(&s->lock, NULL);
    assert_int_equal(escertke_store_memory(16, &s->store), ESCERTKE_OK);
    const escertke_terminator_config cfg = { .identity = { .tls = fixture_tls(),
                                                           .credential = s->o->f->meter.credential,
                                                           .id = METER,
                                                           .ctx = { "//m2m.example.org", "/in1" },
                                                           .store = &s->store },
                                             .rate_from = { ESCERTKE_NO_LIMIT, ESCERTKE_NO_LIMIT },
                                             .on_event = note,
                                             .event_ctx = s };
    assert_int_equal(escertke_terminator_new(&cfg, &s->t, NULL), ESCERTKE_OK);
    start(s);
    /* where answers are left */
    assert_int_equal(office_ask(s->o, "Cpanel", ESCERTKE_OP_CREATE, "/in1/-/panel", 1,
                                "{'m2m:acp':{'rn':'a','pv':{'acr':[{'acor':['all'],'acop':63}]},'pvs':{'acr':[{'acor':['Cpanel'],'acop':63}]}}}", NULL),
                     ESCERTKE_RSC_CREATED);
    assert_int_equal(office_ask(s->o, "Cpanel", ESCERTKE_OP_CREATE, "/in1/-/panel", 3, "{'m2m:cnt':{'rn':'escertke','acpi':['/in1/-/panel/a']}}", NULL),
                     ESCERTKE_RSC_CREATED);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct serving *s = *state;

    mailbox_server_free(s->server);
    escertke_terminator_free(s->t);
    escertke_store_close(&s->store);
    office_free(s->o);
    pthread_mutex_destroy(&s->lock);
    free(s);
    return 0;
}

/* A NOTIFY of the CSE; ' stands for ". @return was it taken; *rsc */
static bool notify(struct serving *s, const char *content, int *rsc)
{
    escertke_primitive req, rsp;
    char *text = strdup(content);

    office_quote(text);
    escertke_primitive_init(&req);
    escertke_primitive_init(&rsp);
    req.op = ESCERTKE_OP_NOTIFY;
    req.format = ESCERTKE_FORMAT_JSON;
    assert_int_equal(escertke_primitive_set(&req.rqi, escertke_span_str("n1")), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(&req.content, text, strlen(text)), ESCERTKE_OK);
    bool taken = mailbox_server_take(s->server, &req, &rsp);
    *rsc = rsp.rsc;
    escertke_primitive_clear(&req);
    escertke_primitive_clear(&rsp);
    free(text);
    return taken;
}

static void wait_until(struct serving *s, const char *what, int refused, size_t posts)
{
    for (int i = 0; i < 800; i++, usleep(10000))
        if (atomic_load(&s->refused) >= refused && office_count(s->o, "1 /panel/escertke") >= posts)
            return;
    fail_msg("%s: %d refused, %zu posted\n%s", what, atomic_load(&s->refused), office_count(s->o, "1 /panel/escertke"), s->reasons);
}

#define SGN(cin) "{'m2m:sgn':{'nev':{'net':3,'rep':{'m2m:cin':{" cin "}}}}}"
#define REQUEST(rest) "'con':'{\\'op\\':5,\\'to\\':\\'/in1/Cmeter\\',\\'fr\\':\\'Cpanel\\',\\'rqi\\':\\'1\\',\\'rvi\\':\\'3\\'" rest "}'"
#define FRESH ",\\'rqet\\':\\'20990101T000000\\'"
#define SECI(eckm) ",\\'pc\\':{\\'m2m:seci\\':{\\'sit\\':6,\\'eckm\\':" eckm "}}"

/* Told by the subscription: what is taken, what is refused with which words, and what is answered to its writer. */
static const struct {
    const char *name, *text;
    bool taken;
    int refused, posts;
    const char *words;
} letters[] = {
    { "of another carrier", "{'m2m:seci':{'sit':6,'eckm':'FgMB'}}", false, 0, 0, "" },
    { "not JSON", "hello", false, 0, 0, "" },
    { "verification", "{'m2m:sgn':{'vrq':true,'sur':'x'}}", true, 0, 0, "" },
    { "of something else", "{'m2m:sgn':{'nev':{'rep':{'m2m:cnt':{}}}}}", true, 0, 0, "" },
    { "written by somebody else", SGN(REQUEST(FRESH SECI("\\'FgMB\\'")) ",'cr':'Cthief'"), true, 1, 0, "made by //m2m.example.org/in1/Cthief" },
    { "without a writer", SGN(REQUEST(FRESH SECI("\\'FgMB\\'"))), true, 1, 0, "without creator" },
    { "an old one", SGN(REQUEST(",\\'rqet\\':\\'20200101T000000\\'" SECI("\\'FgMB\\'")) ",'cr':'Cpanel'"), true, 1, 0, "an old letter" },
    { "without a time", SGN(REQUEST(SECI("\\'FgMB\\'")) ",'cr':'Cpanel'"), true, 1, 0, "without rqet" },
    { "cnf of something else", SGN("'cnf':'text/plain:0'," REQUEST(FRESH) ",'cr':'Cpanel'"), true, 1, 0, "cnf: expected" },
    { "con is no text", SGN("'con':{'op':5},'cr':'Cpanel'"), true, 1, 0, "con: expected a text" },
    { "con is no primitive", SGN("'con':'hello','cr':'Cpanel'"), true, 1, 0, "syntax error" },
    { "a response: of another run", SGN("'con':'{\\'rsc\\':2000,\\'rqi\\':\\'1\\'}','cr':'Cpanel'"), true, 0, 0, "" },
    { "no base64", SGN(REQUEST(FRESH SECI("\\'*?!\\'")) ",'cr':'Cpanel'"), true, 1, 1, "eckm" },
    { "no message", SGN(REQUEST(FRESH SECI("\\'AAAA\\'")) ",'cr':'Cpanel'"), true, 1, 1, "" },
    { "no content", SGN(REQUEST(FRESH) ",'cr':'Cpanel'"), true, 1, 1, "content is missing" },
    { "by one without a mailbox", SGN("'con':'{\\'op\\':5,\\'to\\':\\'x\\',\\'fr\\':\\'/in1\\',\\'rqi\\':\\'1\\'" FRESH "}','cr':'/in1'"), true, 1, 0, "content is missing" },
};

static void told(void **state)
{
    struct serving *s = *state;

    open_box(s, "http://127.0.0.1:9/"); /* nobody is there: not subscribed; what comes is taken all the same */
    office_odd(s->o, 0, (struct oddity){ ESCERTKE_OP_RETRIEVE, "/meter/escertke/la", 4004, NULL, -1 });
    for (size_t i = 0; i < COUNT(letters); i++) {
        struct capture err;
        int rsc = 0, refused = atomic_load(&s->refused);
        size_t posts = office_count(s->o, "1 /panel/escertke");

        s->reasons[0] = '\0';
        capture_begin(&err, stderr);
        bool taken = notify(s, letters[i].text, &rsc);
        wait_until(s, letters[i].name, refused + letters[i].refused, posts + (size_t)letters[i].posts);
        if (!letters[i].refused)
            usleep(50000);
        capture_end(&err);
        if (taken != letters[i].taken || rsc != (taken ? 2000 : 0) || !strstr(s->reasons, letters[i].words) ||
            atomic_load(&s->refused) != refused + letters[i].refused || office_count(s->o, "1 /panel/escertke") != posts + (size_t)letters[i].posts)
            fail_msg("%s: taken %d, rsc %d, refused: %s", letters[i].name, taken, rsc, s->reasons);
    }
}

/* An answer that cannot be left is said; where that mailbox is is asked again the next time. */
static void no_place_for_an_answer(void **state)
{
    static const char letter[] = SGN(REQUEST(FRESH) ",'cr':'Cpanel'");
    struct serving *s = *state;
    struct capture err;
    int rsc;

    open_box(s, "http://127.0.0.1:9/");
    office_odd(s->o, 0, (struct oddity){ ESCERTKE_OP_RETRIEVE, "/meter/escertke/la", 4004, NULL, -1 });
    office_odd(s->o, 1, (struct oddity){ ESCERTKE_OP_CREATE, "/panel/escertke", 4103, "{'m2m:dbg':'full'}", 1 });
    capture_begin(&err, stderr);
    assert_true(notify(s, letter, &rsc));
    wait_until(s, "the first", 1, 1);
    usleep(200000);
    assert_true(notify(s, letter, &rsc));
    wait_until(s, "the second", 2, 2);
    assert_true(notify(s, letter, &rsc));
    wait_until(s, "the third", 3, 3);
    capture_end(&err);
    expect_words("said", err.text, "a letter of //m2m.example.org/in1/Cpanel was answered, and the answer could not be left");
    assert_int_equal(office_count(s->o, "2 /in1/Cpanel"), 2); /* asked, forgotten, asked; then remembered */
}

static void wait_for_looks(struct serving *s, size_t more)
{
    size_t seen = office_count(s->o, "2 /meter/escertke/la");

    for (int k = 0; k < 1000 && office_count(s->o, "2 /meter/escertke/la") < seen + more; k++)
        usleep(10000);
}

/* Some CSEs take a subscription and tell nobody: the mailbox is looked into until a first letter has come by it. */
static void a_subscription_that_tells_nothing(void **state)
{
    struct serving *s = *state;
    struct capture err;
    int rsc;

    office_odd(s->o, 0, (struct oddity){ ESCERTKE_OP_CREATE, "/meter/escertke", 2001, "{'m2m:sub':{'ri':'s1'}}", -1 });
    office_odd(s->o, 1, (struct oddity){ ESCERTKE_OP_RETRIEVE, "/meter/escertke/la", 2000, "{'m2m:cin':{'ri':'c1','con':'hello','cr':'Cpanel'}}", -1 });
    open_box(s, "http://127.0.0.1:9/");
    capture_begin(&err, stderr);
    wait_until(s, "looked into", 1, 0);
    assert_true(notify(s, SGN("'con':'hello','cr':'Cpanel'"), &rsc));
    wait_until(s, "told", 2, 0);
    usleep(200000); /* a look that is under way */
    size_t looks = office_count(s->o, "2 /in1/-/meter/escertke/la");
    assert_true(looks > 0);
    usleep(1500000);
    capture_end(&err);
    assert_int_equal(office_count(s->o, "2 /in1/-/meter/escertke/la"), looks);
}

/* Looked into: nothing there, nonsense, the same letter again and again, an old one after a restart. */
static void looked_into(void **state)
{
    static const struct {
        const char *name;
        int rsc;
        const char *content;
        int refused;
    } looks[] = {
        { "empty", 4004, NULL, 0 },
        { "refused", 4103, "{'m2m:dbg':'not yours'}", 0 },
        { "ill", 5000, NULL, 0 },
        { "nothing", 2000, NULL, 1 },
        { "not JSON", 2000, "<html>", 1 },
        { "another resource", 2000, "{'m2m:cnt':{'ri':'x'}}", 1 },
        { "the same letter, seen before", 2000, "{'m2m:cin':{'ri':'c1','cr':'Cthief'," REQUEST(FRESH) "}}", 1 },
        { "another letter", 2000, "{'m2m:cin':{'ri':'c2','cr':'Cthief'," REQUEST(FRESH) "}}", 1 },
    };
    struct serving *s = *state;

    open_box(s, NULL);
    for (size_t i = 0; i < COUNT(looks); i++) {
        wait_for_looks(s, 1); /* with nothing there: what the last one brought has been handled */
        struct oddity odd = { ESCERTKE_OP_RETRIEVE, "/meter/escertke/la", looks[i].rsc, looks[i].content, -1 };
        bool repeats = looks[i].refused && !strstr(looks[i].content ? looks[i].content : "", "'ri':'c");
        int before = atomic_load(&s->refused);

        office_odd(s->o, 0, odd);
        wait_for_looks(s, 2);
        int found = atomic_load(&s->refused) - before;
        if (repeats ? found < 1 : found != looks[i].refused)
            fail_msg("%s: %d refused\n%s", looks[i].name, found, s->reasons);
        office_odd(s->o, 0, (struct oddity){ ESCERTKE_OP_RETRIEVE, "/meter/escertke/la", 4004, NULL, -1 });
    }

    /* a restart: what lies there is looked at once more, and its time tells that it is old */
    office_odd(s->o, 0, (struct oddity){ ESCERTKE_OP_RETRIEVE, "/meter/escertke/la", 2000,
                                         "{'m2m:cin':{'ri':'c3','cr':'Cpanel'," REQUEST(",\\'rqet\\':\\'20200101T000000\\'") "}}", -1 });
    mailbox_server_free(s->server);
    start(s);
    s->reasons[0] = '\0';
    int before = atomic_load(&s->refused);
    open_box(s, NULL);
    wait_until(s, "after a restart", before + 1, 0);
    usleep(1500000);
    assert_int_equal(atomic_load(&s->refused), before + 1);
    expect_words("after a restart", s->reasons, "an old letter");
}

/* Before it is open, letters wait; at the end, those that wait are left. More than can wait are dropped, and that is said once. */
static void too_many(void **state)
{
    struct serving *s = *state;
    struct capture err;
    int rsc = 0;

    capture_begin(&err, stderr);
    for (int i = 0; i < 300; i++)
        assert_true(notify(s, SGN(REQUEST(FRESH) ",'cr':'Cthief'"), &rsc));
    capture_end(&err);
    assert_int_equal(rsc, 2000);
    assert_int_equal(atomic_load(&s->refused), 0);
    const char *said = strstr(err.text, "more letters come than can be answered");
    assert_non_null(said);
    assert_null(strstr(said + 1, "more letters"));
    open_box(s, NULL);
    wait_until(s, "all that waited", 256, 0);
    for (int i = 0; i < 300; i++)
        assert_true(notify(s, SGN("'con':'x','cr':'Cpanel'"), &rsc));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(told, setup, teardown),
        cmocka_unit_test_setup_teardown(no_place_for_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_subscription_that_tells_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(looked_into, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
