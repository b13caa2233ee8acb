#include "cse_support.h"

static const struct {
    const char *sp, *cse, *base, *registrar, *esi;
    escertke_err expected;
} configs[] = {
    { SP, "/in1", NULL, NULL, NULL, ESCERTKE_OK },
    { SP, "/in1", "base", NULL, NULL, ESCERTKE_OK },
    { SP, "/Sin1", NULL, NULL, NULL, ESCERTKE_OK },
    { SP, "/mn1", NULL, "http://127.0.0.1:8080/", "{\"esf\":[43]}", ESCERTKE_OK },
    { NULL, "/in1", NULL, NULL, NULL, ESCERTKE_ERR_CONFIG },
    { "m2m.example.org", "/in1", NULL, NULL, NULL, ESCERTKE_ERR_CONFIG },
    { "//M2M", "/in1", NULL, NULL, NULL, ESCERTKE_ERR_CONFIG },
    { SP, NULL, NULL, NULL, NULL, ESCERTKE_ERR_CONFIG },
    { SP, "in1", NULL, NULL, NULL, ESCERTKE_ERR_CONFIG },
    { SP, "", NULL, NULL, NULL, ESCERTKE_ERR_CONFIG },
    { SP, "/", NULL, NULL, NULL, ESCERTKE_ERR_CONFIG },
    { SP, "/in1/Cx", NULL, NULL, NULL, ESCERTKE_ERR_CONFIG },
    { SP, "//m2m.example.org/in1", NULL, NULL, NULL, ESCERTKE_ERR_CONFIG },
    { SP, "/in1", "-", NULL, NULL, ESCERTKE_ERR_CONFIG },
    { SP, "/in1", "a/b", NULL, NULL, ESCERTKE_ERR_CONFIG },
    { SP, "/in1", "", NULL, NULL, ESCERTKE_ERR_CONFIG },
    { SP, "/in1", NULL, "in1:8080", NULL, ESCERTKE_ERR_CONFIG },
    { SP, "/in1", NULL, NULL, "{}", ESCERTKE_ERR_CONFIG },
    { SP, "/in1", NULL, NULL, "43", ESCERTKE_ERR_CONFIG },
};

static void configuration(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(configs); i++) {
        struct esc_cse_config cfg = { .sp_id = configs[i].sp,
                                      .cse_id = configs[i].cse,
                                      .base_name = configs[i].base,
                                      .registrar_url = configs[i].registrar,
                                      .esi = configs[i].esi };
        struct esc_cse *cse = NULL;
        escertke_detail d;
        escertke_detail_init(&d);
        escertke_err err = esc_cse_new(&cfg, (escertke_now){ 0, NOON }, &cse, &d);
        if (err != configs[i].expected || d.err != err || (cse != NULL) != (err == ESCERTKE_OK))
            fail_msg("row %zu: found %s %s", i, escertke_err_name(err), d.reason);
        esc_cse_free(cse);
    }
    assert_int_equal(esc_cse_new(NULL, (escertke_now){ 0, NOON }, NULL, NULL), ESCERTKE_ERR_ARG);
    esc_cse_free(NULL);
}

/* The system's randomness, and the system's only. */
static void system_random(void **state)
{
    struct world *w = world_new_in(NULL);
    struct esc_cse_config cfg = in_config(w);
    char first[512];
    static const char create[] =
        "{'op':1,'to':'-','fr':'C','rqi':'1','rvi':'3','ty':2,'pc':{'m2m:ae':{'api':'Nx','rr':true,'srv':['3']}}}";

    (void)state;
    world_free(w);
    cfg.random = NULL;
    w = world_new_in(&cfg);
    expect_rsc(w, w->in, create, 2001, NULL);
    strcpy(first, answer());
    expect_rsc(w, w->in, create, 2001, NULL);
    assert_string_not_equal(first, answer());
    world_free(w);
}

static escertke_err no_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    (void)out;
    (void)len;
    return ESCERTKE_ERR_BACKEND;
}

static void no_seed(void **state)
{
    struct esc_cse_config cfg = { .sp_id = SP, .cse_id = "/in1", .random = no_random };
    struct esc_cse *cse;

    (void)state;
    assert_int_equal(esc_cse_new(&cfg, (escertke_now){ 0, NOON }, &cse, NULL), ESCERTKE_ERR_BACKEND);
    assert_null(cse);
}

static void points_of_access(void **state)
{
    struct world *w = world_new_in(NULL);
    static const char *const good[] = { "http://[::1]:80/x", "https://in1" };
    static const char *const bad[] = { "http://in1", "in1" };
    const char *many[ESC_CSE_POA_MAX + 1];
    char longest[ESC_CSE_URL_MAX + 2] = "http://";

    (void)state;
    assert_int_equal(esc_cse_set_poa(w->in, good, 2), ESCERTKE_OK);
    assert_int_equal(esc_cse_set_poa(w->in, bad, 2), ESCERTKE_ERR_ARG);
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = "http://in1";
    assert_int_equal(esc_cse_set_poa(w->in, many, COUNT(many)), ESCERTKE_ERR_ARG);
    memset(longest + 7, 'x', sizeof longest - 8);
    longest[sizeof longest - 1] = '\0';
    many[0] = longest;
    assert_int_equal(esc_cse_set_poa(w->in, many, 1), ESCERTKE_ERR_ARG);
    many[0] = NULL;
    assert_int_equal(esc_cse_set_poa(w->in, many, 1), ESCERTKE_ERR_ARG);
    /* what was refused has changed nothing */
    expect_rsc(w, w->in, "{'op':2,'to':'-#poa','fr':'/mn1','rqi':'1','rvi':'3'}", 2000,
               "'poa':['http://[::1]:80/x','https://in1']");
    assert_int_equal(esc_cse_set_poa(w->in, NULL, 0), ESCERTKE_OK);
    expect_rsc(w, w->in, "{'op':2,'to':'-#poa','fr':'/mn1','rqi':'1','rvi':'3'}", 2000, "'m2m:cb':{}");
    world_free(w);
}

/* Each allocation of the making fails once: NOMEM, and nothing is left behind. */
static void memory_sweep(void **state)
{
    struct esc_cse_config cfg = { .sp_id = SP,
                                  .cse_id = "/mn1",
                                  .registrar_url = "http://in1",
                                  .esi = "{\"esf\":[43]}",
                                  .max_ae = 10,
                                  .max_acp = 10,
                                  .max_remote = 10 };
    escertke_err err = ESCERTKE_ERR_NOMEM;
    long n = 0;

    (void)state;
    for (; err != ESCERTKE_OK && n < 200; n++) {
        struct esc_cse *cse = NULL;
        memory_fails_after(n);
        err = esc_cse_new(&cfg, (escertke_now){ 0, NOON }, &cse, NULL);
        if (err != ESCERTKE_OK && err != ESCERTKE_ERR_NOMEM)
            fail_msg("allocation %ld: %s", n, escertke_err_name(err));
        esc_cse_free(cse);
        memory_restored();
    }
    assert_in_range(n, 10, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(configuration), cmocka_unit_test(system_random),
                                        cmocka_unit_test(no_seed), cmocka_unit_test(points_of_access),
                                        cmocka_unit_test(memory_sweep) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
