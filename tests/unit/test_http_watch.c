#include "binding/http_watch.h"

#include "http_support.h"

static void socket_pair(int fds[2])
{
    const struct timeval patience = { PATIENCE_S, 0 };

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static bool is_open(int fd)
{
    char c;

    return recv(fd, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void ends_what_takes_too_long(void **state)
{
    struct esc_watch *w;
    struct esc_watched *slow, *paused, *gone;
    int a[2], b[2], c[2];

    (void)state;
    socket_pair(a);
    socket_pair(b);
    socket_pair(c);
    assert_int_equal(esc_watch_start(1000, &w), ESCERTKE_OK);
    slow = esc_watch_add(w, a[0]);
    paused = esc_watch_add(w, b[0]);
    gone = esc_watch_add(w, c[0]);
    esc_watched_pause(paused);
    esc_watch_remove(w, gone);
    assert_true(raw_closed(a[1])); /* in its time */
    assert_true(is_open(b[1]));
    assert_true(is_open(c[1]));
    esc_watched_begin(paused);
    assert_true(raw_closed(b[1]));
    esc_watch_remove(w, paused);
    esc_watch_remove(w, slow);
    esc_watch_stop(w);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
        close(c[i]);
    }
}

static void leaves_who_is_in_time(void **state)
{
    struct esc_watch *w;
    struct esc_watched *s;
    int a[2];

    (void)state;
    socket_pair(a);
    assert_int_equal(esc_watch_start(60000, &w), ESCERTKE_OK);
    s = esc_watch_add(w, a[0]);
    pause_ms(50);
    assert_true(is_open(a[1]));
    esc_watch_remove(w, s);
    esc_watch_stop(w); /* at once, not at its next look */
    esc_watched_begin(NULL);
    esc_watched_pause(NULL);
    esc_watch_remove(NULL, NULL);
    esc_watch_stop(NULL);
    close(a[0]);
    close(a[1]);
}

/* Who has been awaited longest goes first; who is young, paused or gone stays out of it. */
static void makes_room(void **state)
{
    enum { COUNT_OF = 5 };
    struct esc_watch_counts counts;
    struct esc_watched *s[COUNT_OF];
    struct esc_watch *w;
    int fds[COUNT_OF][2];

    (void)state;
    assert_int_equal(esc_watch_start(60000, &w), ESCERTKE_OK);
    for (int i = 0; i < COUNT_OF; i++) {
        socket_pair(fds[i]);
        s[i] = esc_watch_add(w, fds[i][0]);
    }
    assert_int_equal(esc_watch_make_room(w, 10, 30000), 0); /* all are young */
    esc_watched_begin(s[0]);                                /* now the youngest */
    esc_watched_pause(s[1]);
    assert_int_equal(esc_watch_make_room(w, 2, 0), 2);
    for (int i = 0; i < COUNT_OF; i++)
        assert_int_equal(is_open(fds[i][1]), i != 2 && i != 3);
    esc_watch_remove(w, s[4]);
    esc_watched_begin(s[1]);
    assert_int_equal(esc_watch_make_room(w, 10, 0), 2);
    assert_int_equal(esc_watch_make_room(w, 10, 0), 0);
    assert_true(is_open(fds[4][1]));
    esc_watched_begin(s[2]); /* ended, but not yet removed: harmless */
    esc_watch_get_counts(w, &counts);
    assert_int_equal(counts.seen, COUNT_OF);
    assert_int_equal(counts.now, COUNT_OF - 1);
    assert_int_equal(counts.crowded, 4);
    assert_int_equal(counts.slow, 0);
    for (int i = 0; i < COUNT_OF - 1; i++)
        esc_watch_remove(w, s[i]);
    esc_watch_stop(w);
    for (int i = 0; i < COUNT_OF; i++) {
        close(fds[i][0]);
        close(fds[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(ends_what_takes_too_long), cmocka_unit_test(leaves_who_is_in_time),
                                        cmocka_unit_test(makes_room) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
