#include "binding/http_source.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "http_support.h"

static void names_the_peer(void **state)
{
    static const struct {
        int family;
        const char *address, *expected;
    } cases[] = {
        { AF_INET, "192.0.2.7", "192.0.2.7" },
        { AF_INET, "255.255.255.255", "255.255.255.255" },
        { AF_INET6, "2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64" },
        { AF_INET6, "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64" },
        { AF_INET6, "2001:db8:0:2:2:3:4:5", "2001:db8:0:2::/64" },
        { AF_INET6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::/64" },
        { AF_INET6, "::1", "::/64" },
        { AF_INET6, "::ffff:192.0.2.7", "192.0.2.7" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(4711) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(4711) };
        char name[ESCERTKE_SOURCE_MAX + 1] = "?";
        bool is_v4 = cases[i].family == AF_INET;

        assert_int_equal(inet_pton(cases[i].family, cases[i].address, is_v4 ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr), 1);
        esc_http_source(is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, name);
        expect_text(cases[i].address, name, cases[i].expected);
    }
}

static void others_have_no_name(void **state)
{
    const struct sockaddr local = { .sa_family = AF_UNIX };
    char name[ESCERTKE_SOURCE_MAX + 1] = "?";

    (void)state;
    esc_http_source(NULL, name);
    expect_text("NULL", name, "");
    name[0] = '?';
    esc_http_source(&local, name);
    expect_text("AF_UNIX", name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(names_the_peer), cmocka_unit_test(others_have_no_name) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
