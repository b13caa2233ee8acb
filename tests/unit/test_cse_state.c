#include "cse_state_support.h"

#define READ_AE "{'op':2,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3'}"
#define READ_ACP "{'op':2,'to':'-/meter/open','fr':'Cmeter','rqi':'1','rvi':'3'}"
#define READ_CSR "{'op':2,'to':'-/mn5','fr':'/mn5','rqi':'1','rvi':'3'}"

static void over_a_restart(void **state)
{
    struct world *w;
    char ae[1024], acp[1024], csr[1024];
    struct stat st;

    (void)state;
    no_state();
    w = with_state();
    assert_int_equal(access(path, F_OK), -1); /* nothing to keep yet */
    add_meter(w, w->in, "['http://meter']");
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'/mn5','rqi':'1','rvi':'3','ty':16,'pc':{'m2m:csr':{'rn':'mn5','cb':'/mn5/-','rr':true,"
               "'srv':['3'],'poa':['http://mn5']}}}",
               2001, NULL);
    expect_rsc(w, w->in, READ_AE, 2000, NULL);
    snprintf(ae, sizeof ae, "%s", answer());
    expect_rsc(w, w->in, READ_ACP, 2000, NULL);
    snprintf(acp, sizeof acp, "%s", answer());
    expect_rsc(w, w->in, READ_CSR, 2000, NULL);
    snprintf(csr, sizeof csr, "%s", answer());
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    w->now.unix_s += 5;
    restart(w);
    expect_answer(w, w->in, READ_AE, ae);
    expect_answer(w, w->in, READ_ACP, acp);
    expect_answer(w, w->in, READ_CSR, csr);
    /* what the policy says still holds, for the identities of before */
    add_ae(w, w->in, "Cpanel");
    expect_rsc(w, w->in, "{'op':2,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3'}", 2000, NULL);
    expect_rsc(w, w->in, "{'op':4,'to':'Cmeter','fr':'Cpanel','rqi':'1','rvi':'3'}", 4103, NULL);

    expect_rsc(w, w->in, "{'op':4,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3'}", 2002, NULL);
    restart(w);
    expect_rsc(w, w->in, READ_AE, 4106, NULL);
    expect_rsc(w, w->in, "{'op':2,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3'}", 2000, NULL);
    world_free(w);
}

/* What is in a mailbox keeps its order, and the subscription its name. */
static void mailbox(void **state)
{
    static const struct {
        const char *request;
        int rsc;
        const char *says;
    } after[] = {
        { "{'op':2,'to':'-/meter/box/ol','fr':'Cmeter','rqi':'1','rvi':'3'}", 2000, "'con':'n2','cr':'Cmeter'" },
        { "{'op':2,'to':'-/meter/box/la','fr':'Cmeter','rqi':'1','rvi':'3'}", 2000, "'con':'n4'" },
        { "{'op':2,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3'}", 2000, "'mni':3,'st':5,'cni':3,'cbs':6}" },
        { "{'op':2,'to':'-/meter/box/sub','fr':'Cmeter','rqi':'1','rvi':'3'}", 2000, "'nu':['Cmeter']" },
        { "{'op':2,'to':'-/meter/pch','fr':'Cmeter','rqi':'1','rvi':'3'}", 2000, NULL },
    };
    struct world *w;
    char request[256];

    (void)state;
    no_state();
    w = with_state();
    add_meter(w, w->in, "['http://meter']");
    expect_rsc(w, w->in, "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':15,'pc':{'m2m:pch':{'rn':'pch'}}}", 2001, NULL);
    expect_rsc(w, w->in, "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{'rn':'box','mni':3}}}", 2001, NULL);
    expect_rsc(w, w->in,
               "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':23,'pc':{'m2m:sub':{'rn':'sub','enc':{'net':[3]},"
               "'nu':['Cmeter']}}}",
               2001, NULL);
    for (int i = 0; i < 5; i++) {
        snprintf(request, sizeof request,
                 "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'n%d','cr':null}}}", i);
        expect_rsc(w, w->in, request, 2001, NULL);
    }
    for (int restarts = 0; restarts < 3; restarts++) {
        for (size_t i = 0; i < COUNT(after); i++)
            expect_rsc(w, w->in, after[i].request, after[i].rsc, after[i].says);
        restart(w);
    }
    world_free(w);
}

static void expired_meanwhile(void **state)
{
    struct world *w;
    struct esc_cse_stats stats;

    (void)state;
    no_state();
    w = with_state();
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'Cbrief','rqi':'1','rvi':'3','ty':2,"
               "'pc':{'m2m:ae':{'api':'Nx','rr':false,'srv':['3'],'et':'20260601T120010'}}}",
               2001, NULL);
    w->now.unix_s += 10;
    restart(w);
    esc_cse_get_stats(w->in, &stats);
    assert_int_equal(stats.ae, 0);
    world_free(w);
}

static void expect_refused(struct world *w, const struct esc_cse_config *cfg, escertke_err expected, const char *says)
{
    struct esc_cse *cse = NULL;
    escertke_detail d;
    escertke_err err;

    escertke_detail_init(&d);
    err = esc_cse_new(cfg, w->now, &cse, &d);
    if (err != expected || cse || !strstr(d.reason, says) || !strstr(d.reason, path))
        fail_msg("expected %s (%s), found %s: %s", escertke_err_name(expected), says, escertke_err_name(err), d.reason);
}

/* Cut at each length, and each byte changed: refused and left as it is. */
static void damage(void **state)
{
    static char whole[16384], now[16384];
    struct world *w;
    struct esc_cse_config cfg;

    (void)state;
    no_state();
    w = with_state();
    add_meter(w, w->in, "['http://meter']");
    cfg = in_config(w);
    cfg.state_path = path;
    unlink(journal); /* then the next change writes the whole */
    add_ae(w, w->in, "Cx");
    unlink(journal);
    size_t len = read_file(path, whole, sizeof whole);
    assert_true(len > 500 && len < sizeof whole);
    for (size_t i = 0; i < len; i++) {
        write_file(path, whole, i);
        expect_refused(w, &cfg, ESCERTKE_ERR_IO, "the file is left as it is");
        assert_int_equal(read_file(path, now, sizeof now), i);
    }
    for (size_t i = 0; i < len; i++) {
        char old = whole[i];
        whole[i] = (char)(old ^ 1);
        write_file(path, whole, len);
        struct esc_cse *cse = NULL;
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_err err = esc_cse_new(&cfg, w->now, &cse, &d);
        if (err != ESCERTKE_ERR_IO && err != ESCERTKE_ERR_CONFIG)
            fail_msg("byte %zu: %s", i, escertke_err_name(err));
        assert_int_equal(read_file(path, now, sizeof now), len);
        assert_memory_equal(now, whole, len);
        whole[i] = old;
    }
    write_file(path, whole, len);
    restart(w);
    world_free(w);
}

/* Files that are whole, yet not what this CSE may load. Checksum and number are right. */
#define HEAD "{\"escertke-cse\":1,\"sp\":\"//m2m.example.org\",\"cse\":\"/in1\"}\n"
#define AE(ri, pi, rn, attrs)                                                                                                    \
    "{\"ty\":2,\"ri\":\"" ri "\",\"pi\":\"" pi "\",\"rn\":\"" rn                                                                 \
    "\",\"cr\":\"//m2m.example.org/in1/Cx\",\"ct\":1,\"lt\":1,\"mirror\":false,\"attrs\":" attrs "}\n"
#define GOOD "{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}"

static const struct {
    const char *name, *text;
    int count;
    escertke_err expected;
    const char *says;
} files[] = {
    { "good", HEAD AE("Cx", "in1", "x", GOOD), 1, ESCERTKE_OK, "" },
    { "empty of resources", HEAD, 0, ESCERTKE_OK, "" },
    { "other version", "{\"escertke-cse\":2,\"sp\":\"//m2m.example.org\",\"cse\":\"/in1\"}\n", 0, ESCERTKE_ERR_IO, "version" },
    { "other CSE", "{\"escertke-cse\":1,\"sp\":\"//m2m.example.org\",\"cse\":\"/in2\"}\n", 0, ESCERTKE_ERR_CONFIG,
      "another CSE" },
    { "other SP", "{\"escertke-cse\":1,\"sp\":\"//other.example.org\",\"cse\":\"/in1\"}\n", 0, ESCERTKE_ERR_CONFIG,
      "another CSE" },
    { "wrong number", HEAD AE("Cx", "in1", "x", GOOD), 2, ESCERTKE_ERR_IO, "number of resources" },
    { "twice", HEAD AE("Cx", "in1", "x", GOOD) AE("Cx", "in1", "y", GOOD), 2, ESCERTKE_ERR_IO, "twice" },
    { "same name", HEAD AE("Cx", "in1", "x", GOOD) AE("Cy", "in1", "x", GOOD), 2, ESCERTKE_ERR_IO, "twice" },
    { "orphan", HEAD AE("Cx", "Cp", "x", GOOD), 1, ESCERTKE_ERR_IO, "parent" },
    { "AE below AE", HEAD AE("Cx", "in1", "x", GOOD) AE("Cy", "Cx", "y", GOOD), 2, ESCERTKE_ERR_IO, "parent" },
    { "bad ri", HEAD AE("C x", "in1", "x", GOOD), 1, ESCERTKE_ERR_IO, "not valid" },
    { "bad rn", HEAD AE("Cx", "in1", "-", GOOD), 1, ESCERTKE_ERR_IO, "not valid" },
    { "missing attribute", HEAD AE("Cx", "in1", "x", "{\"api\":\"Nx\",\"rr\":true}"), 1, ESCERTKE_ERR_IO, "not a resource" },
    { "bad attribute", HEAD AE("Cx", "in1", "x", "{\"api\":\"Nx\",\"rr\":1,\"srv\":[\"3\"]}"), 1, ESCERTKE_ERR_IO,
      "not a resource" },
    { "alien attribute", HEAD AE("Cx", "in1", "x", "{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"],\"a\":1}"), 1, ESCERTKE_ERR_IO,
      "not a resource" },
    { "CSEBase", HEAD "{\"ty\":5,\"ri\":\"b\",\"pi\":\"in1\",\"rn\":\"b\",\"cr\":\"//m2m.example.org/in1\",\"attrs\":{}}\n", 1,
      ESCERTKE_ERR_IO, "not a resource" },
    { "two lines in one", HEAD "{}{}\n", 1, ESCERTKE_ERR_IO, "not JSON" },
};

static void with_tail(const char *text, int count, char *out, size_t cap)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (const char *c = text; *c; c++)
        h = (h ^ (uint8_t)*c) * 0x100000001b3u;
    snprintf(out, cap, "%s{\"count\":%d,\"sum\":\"%016llx\"}\n", text, count, (unsigned long long)h);
}

static void contents(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);
    char text[2048];

    (void)state;
    cfg.state_path = path;
    for (size_t i = 0; i < COUNT(files); i++) {
        with_tail(files[i].text, files[i].count, text, sizeof text);
        write_file(path, text, strlen(text));
        if (files[i].expected == ESCERTKE_OK)
            restart(w);
        else
            expect_refused(w, &cfg, files[i].expected, files[i].says);
    }
    with_tail(HEAD, 0, text, sizeof text - 1);
    strcat(text, "x");
    write_file(path, text, strlen(text));
    expect_refused(w, &cfg, ESCERTKE_ERR_IO, "follows the last line");
    world_free(w);
}

static void limits(void **state)
{
    struct world *w;
    struct esc_cse_config cfg;

    (void)state;
    no_state();
    w = with_state();
    add_ae(w, w->in, "Ca");
    add_ae(w, w->in, "Cb");
    cfg = in_config(w);
    cfg.state_path = path;
    cfg.max_ae = 1;
    expect_refused(w, &cfg, ESCERTKE_ERR_LIMIT, "limits");
    world_free(w);
}

/* The folder is gone: the change is refused, and the next one that can be written brings both. */
static void unwritable(void **state)
{
    struct world *w;
    struct esc_cse_config cfg;
    char elsewhere[sizeof folder + 8];

    (void)state;
    no_state();
    w = with_state();
    snprintf(elsewhere, sizeof elsewhere, "%s.away", folder);
    assert_int_equal(rename(folder, elsewhere), 0);
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'Ca','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':true,'srv':['3']}}}", 5000,
               "state file");
    assert_non_null(strstr(w->log, "cse.state"));
    assert_int_equal(rename(elsewhere, folder), 0);
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'Ca','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':true,'srv':['3']}}}", 4117,
               NULL);
    add_ae(w, w->in, "Cb");
    restart(w);
    expect_rsc(w, w->in, "{'op':2,'to':'Ca','fr':'Ca','rqi':'1','rvi':'3'}", 2000, NULL);

    cfg = in_config(w);
    cfg.state_path = folder; /* a folder is no file */
    struct esc_cse *cse;
    escertke_detail d;
    escertke_detail_init(&d);
    assert_int_equal(esc_cse_new(&cfg, w->now, &cse, &d), ESCERTKE_ERR_IO);
    world_free(w);
}

/* An expiry that cannot be written is no failure of the request that happened to notice it. */
static void expiry_unwritable(void **state)
{
    struct world *w;
    char elsewhere[sizeof folder + 8];

    (void)state;
    no_state();
    w = with_state();
    add_ae(w, w->in, "Ca");
    expect_rsc(w, w->in,
               "{'op':1,'to':'-','fr':'Cbrief','rqi':'1','rvi':'3','ty':2,"
               "'pc':{'m2m:ae':{'api':'Nx','rr':false,'srv':['3'],'et':'20260601T120010'}}}",
               2001, NULL);
    snprintf(elsewhere, sizeof elsewhere, "%s.away", folder);
    assert_int_equal(rename(folder, elsewhere), 0);
    w->now.unix_s += 20;
    expect_rsc(w, w->in, "{'op':2,'to':'Ca','fr':'Ca','rqi':'1','rvi':'3'}", 2000, NULL);
    assert_non_null(strstr(w->log, "cse.state"));
    assert_int_equal(rename(elsewhere, folder), 0);
    world_free(w);
}

/* What an interrupted writer left beside the file is in nobody's way. */
static void stale_temporary(void **state)
{
    struct world *w;
    char temp[sizeof path + 4];

    (void)state;
    no_state();
    snprintf(temp, sizeof temp, "%s.new", path);
    FILE *f = fopen(temp, "wb");
    assert_non_null(f);
    fputs("half", f);
    fclose(f);
    w = with_state();
    add_ae(w, w->in, "Ca");
    assert_int_equal(access(temp, F_OK), -1);
    restart(w);
    expect_rsc(w, w->in, "{'op':2,'to':'Ca','fr':'Ca','rqi':'1','rvi':'3'}", 2000, NULL);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_a_restart), cmocka_unit_test(mailbox),
        cmocka_unit_test(expired_meanwhile),
        cmocka_unit_test(damage),
        cmocka_unit_test(contents),
        cmocka_unit_test(limits),
        cmocka_unit_test(unwritable),
        cmocka_unit_test(expiry_unwritable),
        cmocka_unit_test(stale_temporary),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
