#define _GNU_SOURCE /* accept4, pipe2 */
#include "binding/http_accept.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

#define PAUSE_MS 20    /* at the limit, or without descriptors or memory: until somebody has given something back */
#define GRACE_MS 1000u /* what a peer has in any case to send a request in, or to take a response */
#define ROOM_AT_ONCE 32u

struct esc_acceptor {
    struct esc_acceptor_config cfg;
    int stop[2];          /* closing the pipe's end ends the thread */
    uint64_t handed_over; /* connections, to the event loops */
    pthread_t thread;
};

/*
 * Those that an event loop has not taken in yet count as well: libmicrohttpd 0.9.75 stops for ever when one of them is past its
 * own limit.
 */
static bool is_full(const struct esc_acceptor *a)
{
    struct esc_watch_counts counts;

    esc_watch_get_counts(a->cfg.watch, &counts);
    return counts.now + (a->handed_over - counts.seen) >= a->cfg.limit;
}

/* @return false: nobody else is waiting now, or the system has no room */
static bool accept_one(struct esc_acceptor *a, bool *pause)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;

    *pause = is_full(a);
    if (*pause)
        return false;
    int fd = accept4(a->cfg.fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        if (MHD_add_connection(a->cfg.daemon, fd, (struct sockaddr *)&from, len) == MHD_YES) /* else it has closed it */
            a->handed_over++;
        return true;
    }
    *pause = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    return errno == EINTR || errno == ECONNABORTED;
}

static void *run(void *arg)
{
    struct esc_acceptor *a = arg;
    struct pollfd wait[] = { { .fd = a->stop[0], .events = POLLIN }, { .fd = a->cfg.fd, .events = POLLIN } };

    for (;;) {
        bool pause = false;
        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            break;
        if (wait[0].revents)
            break;
        while (accept_one(a, &pause))
            ;
        if (pause)
            (void)esc_watch_make_room(a->cfg.watch, ROOM_AT_ONCE, GRACE_MS);
        if (pause && poll(wait, 1, PAUSE_MS) > 0)
            break;
    }
    return NULL;
}

escertke_err esc_acceptor_start(const struct esc_acceptor_config *cfg, struct esc_acceptor **out)
{
    struct esc_acceptor *a = esc_zalloc(sizeof *a);

    if (!a)
        return ESCERTKE_ERR_NOMEM;
    a->cfg = *cfg;
    if (pipe2(a->stop, O_CLOEXEC) != 0) {
        esc_release(a);
        return ESCERTKE_ERR_IO;
    }
    if (pthread_create(&a->thread, NULL, run, a) != 0) {
        close(a->stop[0]);
        close(a->stop[1]);
        esc_release(a);
        return ESCERTKE_ERR_IO;
    }
    *out = a;
    return ESCERTKE_OK;
}

void esc_acceptor_stop(struct esc_acceptor *a)
{
    if (!a)
        return;
    close(a->stop[1]);
    pthread_join(a->thread, NULL);
    close(a->stop[0]);
    close(a->cfg.fd);
    esc_release(a);
}
