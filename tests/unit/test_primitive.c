#include "m2m_support.h"

#include <escertke/m2m.h>

static void set_replaces_and_removes(void **state)
{
    escertke_primitive p;

    (void)state;
    memory_fails_after(-1);
    escertke_primitive_init(&p);
    assert_int_equal(p.rcn, -1);
    assert_int_equal(p.format, ESCERTKE_FORMAT_JSON);
    assert_int_equal(p.content.max, ESCERTKE_PRIMITIVE_MAX);
    assert_int_equal(escertke_primitive_set(&p.to, escertke_span_str("/in1/-")), ESCERTKE_OK);
    assert_string_equal(p.to, "/in1/-");
    assert_int_equal(escertke_primitive_set(&p.to, escertke_span_str("gr\xc3\xbcn")), ESCERTKE_OK);
    assert_string_equal(p.to, "gr\xc3\xbcn");
    assert_int_equal(escertke_primitive_set(&p.fr, escertke_span_str("")), ESCERTKE_OK);
    assert_string_equal(p.fr, "");
    assert_int_equal(escertke_primitive_set(&p.to, escertke_span_str(NULL)), ESCERTKE_OK);
    assert_null(p.to);
    escertke_primitive_clear(&p);
    assert_null(p.fr);
    memory_restored();
}

static void set_refuses(void **state)
{
    static const escertke_span bad[] = {
        BYTES("a\0b"), BYTES("a\nb"), BYTES("\x1b[2J"), BYTES("\x7f"), BYTES("\xc2\x85"), BYTES("a\xff"), BYTES("\xc3"),
    };
    char longest[4097], *member = NULL;

    (void)state;
    memory_fails_after(-1);
    assert_int_equal(escertke_primitive_set(&member, escertke_span_str("before")), ESCERTKE_OK);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(escertke_primitive_set(&member, bad[i]), ESCERTKE_ERR_PRIMITIVE);
        assert_string_equal(member, "before");
    }
    memset(longest, 'x', sizeof longest);
    assert_int_equal(escertke_primitive_set(&member, (escertke_span){ (uint8_t *)longest, 4097 }), ESCERTKE_ERR_PRIMITIVE);
    assert_string_equal(member, "before");
    assert_int_equal(escertke_primitive_set(&member, (escertke_span){ (uint8_t *)longest, 4096 }), ESCERTKE_OK);
    memory_left = 0;
    assert_int_equal(escertke_primitive_set(&member, escertke_span_str("after")), ESCERTKE_ERR_NOMEM);
    assert_int_equal(strlen(member), 4096);
    assert_int_equal(escertke_primitive_set(&member, escertke_span_str(NULL)), ESCERTKE_OK);
    memory_restored();
}

static void fill(escertke_primitive *p)
{
    char **members[] = { &p->to, &p->fr, &p->rqi, &p->rvi, &p->ot, &p->rqet, &p->rset, &p->oet, &p->gid, &p->vsi, &p->atrl };
    char text[] = "text A";

    escertke_primitive_init(p);
    p->op = ESCERTKE_OP_NOTIFY;
    p->rsc = 1;
    p->ty = 2;
    p->rt = 3;
    p->rcn = 4;
    p->other_params = true;
    for (size_t i = 0; i < COUNT(members); i++, text[5]++)
        assert_int_equal(escertke_primitive_set(members[i], escertke_span_str(text)), ESCERTKE_OK);
    assert_int_equal(escertke_buf_append(&p->content, "{\"a\":1}", 7), ESCERTKE_OK);
}

static void copy_is_deep_and_complete(void **state)
{
    escertke_primitive from, to;

    (void)state;
    memory_fails_after(-1);
    fill(&from);
    escertke_primitive_init(&to);
    assert_int_equal(escertke_primitive_copy(&from, &to), ESCERTKE_OK);
    escertke_primitive_clear(&from);
    assert_int_equal(to.op, ESCERTKE_OP_NOTIFY);
    assert_int_equal(to.rsc, 1);
    assert_int_equal(to.ty, 2);
    assert_int_equal(to.rt, 3);
    assert_int_equal(to.rcn, 4);
    assert_true(to.other_params);
    assert_string_equal(to.to, "text A");
    assert_string_equal(to.fr, "text B");
    assert_string_equal(to.rqi, "text C");
    assert_string_equal(to.rvi, "text D");
    assert_string_equal(to.ot, "text E");
    assert_string_equal(to.rqet, "text F");
    assert_string_equal(to.rset, "text G");
    assert_string_equal(to.oet, "text H");
    assert_string_equal(to.gid, "text I");
    assert_string_equal(to.vsi, "text J");
    assert_string_equal(to.atrl, "text K");
    assert_buf_text(&to.content, "{\"a\":1}");
    escertke_primitive_clear(&to);
    memory_restored();
}

static void copy_out_of_memory_at_every_place(void **state)
{
    escertke_primitive from, to;
    escertke_err err;
    long count = 0;

    (void)state;
    memory_fails_after(-1);
    fill(&from);
    do {
        long held = memory_blocks;
        memory_left = count++;
        escertke_primitive_init(&to);
        err = escertke_primitive_copy(&from, &to);
        memory_left = -1;
        if (err != ESCERTKE_OK) {
            assert_int_equal(err, ESCERTKE_ERR_NOMEM);
            assert_int_equal(memory_blocks, held);
            assert_null(to.to);
        }
    } while (err != ESCERTKE_OK);
    assert_int_equal(count, 13); /* 11 members, one content */
    escertke_primitive_clear(&to);
    escertke_primitive_clear(&from);
    memory_restored();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_replaces_and_removes),
        cmocka_unit_test(set_refuses),
        cmocka_unit_test(copy_is_deep_and_complete),
        cmocka_unit_test(copy_out_of_memory_at_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
