/* The journal of the state file: what changed is there after a restart, cut and damaged at each octet, of another file, full, away. */
#include "cse_state_support.h"

#include <inttypes.h>

#define ROOM (1 << 18)

static const char *const words[] = { "{'op':1,'to':'-/meter','fr':'Cmeter','rqi':'1','rvi':'3','ty':3,'pc':{'m2m:cnt':{'rn':'box','mni':3}}}",
                                     "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'n0'}}}",
                                     "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'n1'}}}",
                                     "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'n2'}}}",
                                     "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'n3'}}}",
                                     "{'op':3,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:ae':{'lbl':['x'],'poa':null}}}",
                                     "{'op':3,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','pc':{'m2m:cnt':{'mni':2}}}" };

static void say(struct world *w, const char *request)
{
    int rsc = ask(w, w->in, request);

    if (rsc / 1000 != 2)
        fail_msg("%s: %s", request, answer());
}

static struct world *with_a_journal(void)
{
    no_state();
    struct world *w = with_state();
    add_meter(w, w->in, "['http://meter']");
    for (size_t i = 0; i < COUNT(words); i++)
        say(w, words[i]);
    add_ae(w, w->in, "Cpanel");
    add_ae(w, w->in, "Cgone");
    say(w, "{'op':4,'to':'Cgone','fr':'Cgone','rqi':'1','rvi':'3'}");
    say(w, "{'op':1,'to':'-','fr':'Cbrief','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':false,'srv':['3'],'et':'20260601T120010'}}}");
    return w;
}

static const char *const questions[] = {
    "{'op':2,'to':'Cmeter','fr':'Cmeter','rqi':'1','rvi':'3'}",        "{'op':2,'to':'-/meter/open','fr':'Cmeter','rqi':'1','rvi':'3'}",
    "{'op':2,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3'}",   "{'op':2,'to':'-/meter/box/ol','fr':'Cmeter','rqi':'1','rvi':'3'}",
    "{'op':2,'to':'-/meter/box/la','fr':'Cmeter','rqi':'1','rvi':'3'}", "{'op':2,'to':'Cpanel','fr':'Cpanel','rqi':'1','rvi':'3'}",
    "{'op':2,'to':'Cgone','fr':'Cgone','rqi':'1','rvi':'3'}",          "{'op':2,'to':'Cbrief','fr':'Cbrief','rqi':'1','rvi':'3'}",
};

/* All that is there, as one text. */
static void tell(struct world *w, char *out, size_t cap)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < COUNT(questions) && len < cap; i++) {
        ask(w, w->in, questions[i]);
        len += (size_t)snprintf(out + len, cap - len, "%s\n", answer());
    }
}

static void what_changed(void **state)
{
    static char before[ROOM], after[ROOM], file[ROOM], now[ROOM];
    struct world *w;

    (void)state;
    no_state();
    w = with_state();
    add_ae(w, w->in, "Cfirst");
    size_t len = read_file(path, file, sizeof file), begun = read_file(journal, now, sizeof now);
    world_free(w);
    w = with_a_journal();
    len = read_file(path, file, sizeof file);
    assert_true(begun > 50 && read_file(journal, now, sizeof now) > begun + 1000);
    assert_null(strstr(file, "Cpanel")); /* it is in the journal alone */
    tell(w, before, sizeof before);
    assert_non_null(strstr(before, "'mni':2,'st':5,'cni':2,'cbs':4}"));
    for (int i = 0; i < 3; i++) {
        restart(w);
        assert_string_equal(esc_cse_left_out(w->in), "");
        tell(w, after, sizeof after);
        assert_string_equal(after, before);
    }
    /* and it goes on in the same journal, with what went by itself */
    add_ae(w, w->in, "Cmore");
    assert_int_equal(read_file(path, now, sizeof now), len);
    assert_memory_equal(now, file, len);
    w->now.unix_s += 20;
    esc_cse_tick(w->in, w->now);
    w->now.unix_s -= 20;
    restart(w);
    expect_rsc(w, w->in, questions[7], 4106, NULL);
    expect_rsc(w, w->in, "{'op':2,'to':'Cmore','fr':'Cmore','rqi':'1','rvi':'3'}", 2000, NULL);
    world_free(w);
}

static struct esc_cse *try_new(struct world *w, const struct esc_cse_config *cfg, escertke_err *err, escertke_detail *d)
{
    struct esc_cse *cse = NULL;

    escertke_detail_init(d);
    *err = esc_cse_new(cfg, w->now, &cse, d);
    return cse;
}

static size_t resources(struct esc_cse *cse)
{
    struct esc_cse_stats s;

    esc_cse_get_stats(cse, &s);
    return s.ae + s.acp + s.containers + s.instances;
}

/* Cut at each length: what was whole is there, and only that; the rest is said to be left out, and what comes next is kept. */
static void cut(void **state)
{
    static char whole[ROOM], file[ROOM];
    struct world *w = with_a_journal();
    struct esc_cse_config cfg = in_config(w);
    size_t file_len = read_file(path, file, sizeof file), len = read_file(journal, whole, sizeof whole), kinds = 0;
    escertke_detail d;
    escertke_err err;

    (void)state;
    cfg.state_path = path;
    for (size_t i = 0; i <= len; i++) {
        write_file(journal, whole, i);
        struct esc_cse *cse = try_new(w, &cfg, &err, &d);
        if (err != ESCERTKE_OK)
            fail_msg("%zu of %zu: %s", i, len, d.reason);
        bool clean = i == len || i == 0 || !strncmp(whole + i, "{\"octets\":", 10);
        if (clean != !*esc_cse_left_out(cse))
            fail_msg("%zu of %zu: \"%s\"", i, len, esc_cse_left_out(cse));
        kinds += clean;
        if (i % 97 == 0) { /* it goes on from there */
            size_t before = resources(cse);
            struct esc_cse *kept = w->in;
            w->in = cse;
            add_ae(w, cse, "Cnext");
            restart(w);
            assert_string_equal(esc_cse_left_out(w->in), "");
            assert_int_equal(resources(w->in), before + 1);
            cse = w->in;
            w->in = kept;
            write_file(path, file, file_len);
        }
        esc_cse_free(cse);
    }
    assert_true(kinds > COUNT(words) + 4);
    write_file(journal, whole, len);
    restart(w);
    world_free(w);
}

/* Each octet changed: refused and left as it is, or the last frame is left out. Never something else than was there. */
static void damaged(void **state)
{
    static char whole[ROOM], now[ROOM];
    struct world *w = with_a_journal();
    struct esc_cse_config cfg = in_config(w);
    size_t len = read_file(journal, whole, sizeof whole), all = resources(w->in), last = len;
    escertke_detail d;
    escertke_err err;

    (void)state;
    while (strncmp(whole + last, "{\"octets\":", 10) != 0)
        last--;
    cfg.state_path = path;
    for (size_t i = 0; i < len; i++) {
        whole[i] = (char)(whole[i] ^ 1);
        write_file(journal, whole, len);
        struct esc_cse *cse = try_new(w, &cfg, &err, &d);
        bool fine = err == ESCERTKE_OK && (i >= last ? resources(cse) == all - 1 : resources(cse) < all / 2) && *esc_cse_left_out(cse);
        bool refused = err == ESCERTKE_ERR_IO && i < last && strstr(d.reason, "the file is left as it is");
        if (!fine && !refused)
            fail_msg("octet %zu of %zu (last frame at %zu): %s: %s", i, len, last, escertke_err_name(err), d.reason);
        assert_int_equal(read_file(journal, now, sizeof now), len);
        assert_memory_equal(now, whole, len);
        esc_cse_free(cse);
        whole[i] = (char)(whole[i] ^ 1);
    }
    world_free(w);
}

/* Frames with the right checksum, and what they may not say. */
static const struct {
    const char *name, *records;
    escertke_err expected;
    const char *says;
} frames[] = {
    { "nothing special", "{\"del\":\"Cpanel\"}\n", ESCERTKE_OK, "" },
    { "two", "{\"del\":\"Cpanel\"}\n{\"del\":\"Cmeter\"}\n", ESCERTKE_OK, "" },
    { "nobody goes", "{\"del\":\"Cnobody\"}\n", ESCERTKE_ERR_IO, "not there" },
    { "the base goes", "{\"del\":\"in1\"}\n", ESCERTKE_ERR_IO, "not there" },
    { "a number goes", "{\"del\":7}\n", ESCERTKE_ERR_IO, "not there" },
    { "no line's end", "{\"del\":\"Cpanel\"}", ESCERTKE_ERR_IO, "too early" },
    { "no JSON", "del\n", ESCERTKE_ERR_IO, "not JSON" },
    { "no resource", "{\"ty\":99}\n", ESCERTKE_ERR_IO, "not a resource" },
    { "of another type", "{\"ty\":3,\"ri\":\"Cpanel\",\"pi\":\"Cmeter\",\"rn\":\"q\",\"cr\":\"//m2m.example.org/in1/Cx\",\"ct\":1,\"lt\":1,\"attrs\":{}}\n", ESCERTKE_ERR_IO, "twice" },
    { "of another name", "{\"ty\":2,\"ri\":\"Cpanel\",\"pi\":\"in1\",\"rn\":\"q\",\"cr\":\"//m2m.example.org/in1/Cx\",\"ct\":1,\"lt\":1,\"attrs\":{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}\n", ESCERTKE_ERR_IO, "twice" },
    { "an orphan", "{\"ty\":2,\"ri\":\"Cq\",\"pi\":\"Cz\",\"rn\":\"q\",\"cr\":\"//m2m.example.org/in1/Cx\",\"ct\":1,\"lt\":1,\"attrs\":{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}\n", ESCERTKE_ERR_IO, "parent" },
};

static void right_and_wrong(void **state)
{
    static char whole[ROOM];
    struct world *w = with_a_journal();
    struct esc_cse_config cfg = in_config(w);
    size_t len = read_file(journal, whole, sizeof whole);
    escertke_detail d;
    escertke_err err;

    (void)state;
    cfg.state_path = path;
    for (size_t i = 0; i < COUNT(frames); i++) {
        uint64_t h = 0xcbf29ce484222325u;
        for (const char *c = frames[i].records; *c; c++)
            h = (h ^ (uint8_t)*c) * 0x100000001b3u;
        int more = snprintf(whole + len, sizeof whole - len, "{\"octets\":%zu,\"sum\":\"%016" PRIx64 "\"}\n%s", strlen(frames[i].records), h,
                            frames[i].records);
        write_file(journal, whole, len + (size_t)more);
        struct esc_cse *cse = try_new(w, &cfg, &err, &d);
        if (err != frames[i].expected || !strstr(d.reason, frames[i].says) || (err != ESCERTKE_OK && !strstr(d.reason, journal)))
            fail_msg("%s: %s: %s", frames[i].name, escertke_err_name(err), d.reason);
        esc_cse_free(cse);
    }
    write_file(journal, whole, len);
    cfg.max_ae = 1;
    esc_cse_free(try_new(w, &cfg, &err, &d));
    assert_int_equal(err, ESCERTKE_ERR_LIMIT);
    world_free(w);
}

/* A journal that follows another state file, or none, is left out, and said to be. */
static void of_another(void **state)
{
    static char mine[ROOM];
    struct world *w = with_a_journal();
    size_t len = read_file(journal, mine, sizeof mine);

    (void)state;
    no_state();
    restart(w);
    add_ae(w, w->in, "Cother");
    write_file(journal, mine, len);
    restart(w);
    assert_non_null(strstr(esc_cse_left_out(w->in), "another state file"));
    expect_rsc(w, w->in, questions[5], 4106, NULL);
    expect_rsc(w, w->in, "{'op':2,'to':'Cother','fr':'Cother','rqi':'1','rvi':'3'}", 2000, NULL);
    add_ae(w, w->in, "Cnext"); /* makes it needless */
    restart(w);
    assert_string_equal(esc_cse_left_out(w->in), "");
    expect_rsc(w, w->in, "{'op':2,'to':'Cnext','fr':'Cnext','rqi':'1','rvi':'3'}", 2000, NULL);
    write_file(journal, "nonsense", 8);
    restart(w);
    assert_non_null(strstr(esc_cse_left_out(w->in), "another state file"));
    world_free(w);
}

/* Gone, changed by somebody, or a folder in its place: a state file takes its place, and nothing is lost. */
static void away(void **state)
{
    struct world *w = with_a_journal();

    (void)state;
    unlink(journal);
    add_ae(w, w->in, "Ca");
    write_file(journal, "x", 1);
    add_ae(w, w->in, "Cb");
    unlink(journal);
    assert_int_equal(mkdir(journal, 0700), 0);
    add_ae(w, w->in, "Cc");
    add_ae(w, w->in, "Cd");
    assert_int_equal(rmdir(journal), 0);
    add_ae(w, w->in, "Ce");
    add_ae(w, w->in, "Cf");
    restart(w);
    for (char c = 'a'; c <= 'f'; c++) {
        char request[120];
        snprintf(request, sizeof request, "{'op':2,'to':'C%c','fr':'C%c','rqi':'1','rvi':'3'}", c, c);
        expect_rsc(w, w->in, request, 2000, NULL);
    }
    world_free(w);
}

static size_t size_of(const char *name)
{
    struct stat st;

    return stat(name, &st) ? 0 : (size_t)st.st_size;
}

/* However much changes: the journal stays within a MiB, or twice the state file, and a restart finds the last of it. */
static void bounded(void **state)
{
    static char request[9000];
    size_t most = 0, shrunk = 0, before = 0;
    struct world *w = with_a_journal();

    (void)state;
    for (int i = 0; i < 600; i++) {
        int head = snprintf(request, sizeof request, "{'op':1,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'%d", i);
        memset(request + head, 'x', 5000);
        snprintf(request + head + 5000, sizeof request - (size_t)head - 5000, "'}}}");
        say(w, request);
        size_t size = size_of(journal);
        most = size > most ? size : most;
        shrunk += size < before;
        before = size;
    }
    assert_in_range(most, 1000000, 1024 * 1024);
    assert_in_range(shrunk, 2, 4);
    assert_in_range(size_of(path), 1000, 20000);
    restart(w);
    expect_rsc(w, w->in, "{'op':2,'to':'-/meter/box/la','fr':'Cmeter','rqi':'1','rvi':'3'}", 2000, "'con':'599x");
    expect_rsc(w, w->in, "{'op':2,'to':'-/meter/box','fr':'Cmeter','rqi':'1','rvi':'3'}", 2000, "'cni':2");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changed), cmocka_unit_test(cut),  cmocka_unit_test(damaged), cmocka_unit_test(right_and_wrong),
        cmocka_unit_test(of_another),   cmocka_unit_test(away), cmocka_unit_test(bounded),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
