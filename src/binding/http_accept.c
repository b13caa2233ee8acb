#define _GNU_SOURCE /* accept4, pipe2 */
#include "binding/http_accept.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

#define PAUSE_MS 20 /* at the limit, or without descriptors or memory: until somebody has given something back */

struct esc_acceptor {
    int fd, stop[2]; /* closing the pipe's end ends the thread */
    struct MHD_Daemon *daemon;
    unsigned limit; /* of connections; who comes past it waits in the system's queue */
    pthread_t thread;
};

static bool is_full(const struct esc_acceptor *a)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info && info->num_connections >= a->limit;
}

/* @return false: nobody else is waiting now, or the system has no room */
static bool accept_one(struct esc_acceptor *a, bool *pause)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;

    *pause = is_full(a);
    if (*pause)
        return false;
    int fd = accept4(a->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        (void)MHD_add_connection(a->daemon, fd, (struct sockaddr *)&from, len); /* what it cannot take it closes */
        return true;
    }
    *pause = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    return errno == EINTR || errno == ECONNABORTED;
}

static void *run(void *arg)
{
    struct esc_acceptor *a = arg;
    struct pollfd wait[] = { { .fd = a->stop[0], .events = POLLIN }, { .fd = a->fd, .events = POLLIN } };

    for (;;) {
        bool pause = false;
        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            break;
        if (wait[0].revents)
            break;
        while (accept_one(a, &pause))
            ;
        if (pause && poll(wait, 1, PAUSE_MS) > 0)
            break;
    }
    return NULL;
}

escertke_err esc_acceptor_start(int fd, unsigned limit, struct MHD_Daemon *daemon, struct esc_acceptor **out)
{
    struct esc_acceptor *a = esc_zalloc(sizeof *a);

    if (!a)
        return ESCERTKE_ERR_NOMEM;
    a->fd = fd;
    a->daemon = daemon;
    a->limit = limit;
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
    close(a->fd);
    esc_release(a);
}
