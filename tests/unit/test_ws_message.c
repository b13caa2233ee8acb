/* URLs, subprotocols, fragments and kinds of messages of the WebSocket binding. */
#include "binding/ws_message.h"

#include "binding_support.h"

static void chooses_the_first_that_it_has(void **state)
{
    const struct {
        const char *header;
        escertke_format format;
    } cases[] = {
        { "oneM2M.json", ESCERTKE_FORMAT_JSON },
        { "chat, oneM2M.json", ESCERTKE_FORMAT_JSON },
        { " ,,\toneM2M.json ,oneM2M.cbor", ESCERTKE_FORMAT_JSON },
        { "onem2m.json", (escertke_format)0 },
        { "oneM2M.jsonx", (escertke_format)0 },
        { "oneM2M.json oneM2M.cbor", (escertke_format)0 },
        { ",", (escertke_format)0 },
        { "", (escertke_format)0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(esc_ws_choose(text_span(cases[i].header)), cases[i].format);
}

static void offers_what_is_preferred_first(void **state)
{
    char offer[ESC_WS_OFFER_MAX];

    (void)state;
    esc_ws_offer(ESCERTKE_FORMAT_JSON, offer);
    assert_memory_equal(offer, "oneM2M.json", 11);
    assert_string_equal(offer, "oneM2M.json"); /* alone */
    esc_ws_offer((escertke_format)0, offer);
    assert_memory_equal(offer, "oneM2M.json", 11);
    assert_int_equal(strchr(offer, ',') != NULL, escertke_format_available(ESCERTKE_FORMAT_XML) || escertke_format_available(ESCERTKE_FORMAT_CBOR));
    assert_int_equal(esc_ws_choose(text_span(offer)), ESCERTKE_FORMAT_JSON);
}

static void takes_urls(void **state)
{
    const struct {
        const char *text, *written;
        escertke_err err;
    } cases[] = {
        { "ws://cse", "ws://cse:80", ESCERTKE_OK },
        { "wss://cse/a/", "wss://cse:443/a", ESCERTKE_OK },
        { "ws://[::1]:9/", "ws://[::1]:9", ESCERTKE_OK },
        { "http://cse", "", ESCERTKE_ERR_ARG },
        { "ws://me@cse", "", ESCERTKE_ERR_ARG },
        { "ws://cse/?a", "", ESCERTKE_ERR_ARG },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct esc_http_url url;
        char written[2 * ESCERTKE_ID_MAX + 32];
        escertke_detail d;
        escertke_detail_init(&d);
        expect_err(cases[i].text, esc_ws_url_parse(cases[i].text, &url, &d), cases[i].err, &d);
        if (cases[i].err != ESCERTKE_OK)
            continue;
        esc_ws_url_write(&url, written, sizeof written);
        expect_text(cases[i].text, written, cases[i].written);
    }
}

static struct esc_ws_piece piece(const char *text, bool first, bool final, bool binary)
{
    return (struct esc_ws_piece){ text_span(text), first, final, binary };
}

static void puts_fragments_together(void **state)
{
    static uint8_t large[ESC_WHOLE_MAX + 1];
    struct esc_ws_assembly a = { 0 };
    struct esc_ws_piece p = piece("{\"a\"", true, false, false);

    (void)state;
    assert_int_equal(esc_ws_assemble(&a, ESCERTKE_FORMAT_JSON, &p, 7), ESC_WS_MORE);
    assert_true(a.open && a.since_ms == 7);
    p = piece(":1}", false, true, false);
    assert_int_equal(esc_ws_assemble(&a, ESCERTKE_FORMAT_JSON, &p, 9), ESC_WS_WHOLE);
    assert_int_equal(a.message.len, 7);
    assert_memory_equal(a.message.ptr, "{\"a\":1}", 7);
    p = piece("x", true, true, true);
    assert_int_equal(esc_ws_assemble(&a, ESCERTKE_FORMAT_JSON, &p, 9), ESC_WS_WRONG_TYPE);
    p.binary = false;
    assert_int_equal(esc_ws_assemble(&a, ESCERTKE_FORMAT_CBOR, &p, 9), ESC_WS_WRONG_TYPE);
    p.octets = (escertke_span){ large, ESC_WHOLE_MAX };
    p.final = false;
    assert_int_equal(esc_ws_assemble(&a, ESCERTKE_FORMAT_JSON, &p, 9), ESC_WS_MORE);
    p = piece("x", false, true, false);
    assert_int_equal(esc_ws_assemble(&a, ESCERTKE_FORMAT_JSON, &p, 9), ESC_WS_TOO_LARGE);
    esc_ws_assembly_clear(&a);
    assert_null(a.message.ptr);
}

static void sorts_messages(void **state)
{
    const struct {
        const char *message;
        enum esc_ws_kind kind;
    } cases[] = {
        { "{\"op\":2,\"fr\":\"C1\",\"to\":\"-\",\"rqi\":\"1\"}", ESC_WS_REQUEST },
        { "{\"rsc\":2000,\"rqi\":\"1\"}", ESC_WS_RESPONSE },
        { "{\"op\":2,\"fr\":\"C1\",\"rqi\":\"1\"}", ESC_WS_UNREADABLE },
        { "{\"op\":2,\"fr\":\"C1\",\"to\":\"-\"}", ESC_WS_MEANINGLESS },
        { "{", ESC_WS_MEANINGLESS },
        { "", ESC_WS_MEANINGLESS },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        escertke_primitive p;
        escertke_detail why;
        escertke_detail_init(&why);
        assert_int_equal(esc_ws_sort(ESCERTKE_FORMAT_JSON, text_span(cases[i].message), &p, &why), cases[i].kind);
        escertke_primitive_clear(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_the_first_that_it_has), cmocka_unit_test(offers_what_is_preferred_first),
        cmocka_unit_test(takes_urls),                    cmocka_unit_test(puts_fragments_together),
        cmocka_unit_test(sorts_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
