/* Connections are shared out among the event loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "http_support.h"

enum { LOOPS = 2, CONNECTIONS = 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t seen[LOOPS + 1];
static size_t seen_count, requests[LOOPS + 1];

static void note_thread(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    size_t i = 0;

    (void)ctx, (void)req, (void)now;
    pthread_mutex_lock(&lock);
    while (i < seen_count && !pthread_equal(seen[i], pthread_self()))
        i++;
    if (i == seen_count && seen_count < LOOPS + 1)
        seen[seen_count++] = pthread_self();
    requests[i]++;
    pthread_mutex_unlock(&lock);
    rsp->rsc = ESCERTKE_RSC_OK;
}

static void both_loops_work(void **state)
{
    static const char request[] = "GET /x HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: C1\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n\r\n";
    escertke_http_server_config cfg = { .listen = "http://127.0.0.1:0/", .handler = note_thread, .threads = LOOPS };
    escertke_http_server *s;
    int fds[CONNECTIONS];
    char text[1024];

    (void)state;
    assert_int_equal(escertke_http_server_start(&cfg, &s, NULL), ESCERTKE_OK);
    for (size_t i = 0; i < CONNECTIONS; i++)
        fds[i] = raw_connect(port_of(escertke_http_server_url(s)));
    for (size_t i = 0; i < CONNECTIONS; i++) {
        assert_true(raw_write(fds[i], request, sizeof request - 1));
        assert_true(recv(fds[i], text, sizeof text, 0) > 0);
    }
    assert_int_equal(seen_count, LOOPS);
    assert_true(requests[0] >= CONNECTIONS / 4 && requests[1] >= CONNECTIONS / 4);
    for (size_t i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    escertke_http_server_stop(s, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(both_loops_work) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
