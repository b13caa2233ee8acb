#include "broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAM "mosquitto"

static bool is_in(const char *folder, size_t len, char path[BROKER_PATH_MAX])
{
    return len && snprintf(path, BROKER_PATH_MAX, "%.*s/" PROGRAM, (int)len, folder) < BROKER_PATH_MAX && access(path, X_OK) == 0;
}

bool broker_find(char path[BROKER_PATH_MAX])
{
    static const char *const others[] = { "/usr/sbin", "/usr/local/sbin" };
    const char *at = getenv("PATH");

    while (at && *at) {
        size_t len = strcspn(at, ":");
        if (is_in(at, len, path))
            return true;
        at += len + (at[len] == ':');
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is_in(others[i], strlen(others[i]), path))
            return true;
    return false;
}

static int loopback_socket(unsigned port, struct sockaddr_in *at)
{
    *at =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    return socket(AF_INET, SOCK_STREAM, 0);
}

unsigned broker_free_port(void)
{
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    int fd = loopback_socket(0, &at);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && getsockname(fd, (struct sockaddr *)&at, &len) == 0;

    if (fd >= 0)
        close(fd);
    return ok ? ntohs(at.sin_port) : 0;
}

void broker_settings(unsigned port, char out[BROKER_SETTINGS_MAX])
{
    /* As root it would become another user, and then outlive who has started it and been killed. */
    snprintf(out, BROKER_SETTINGS_MAX,
             "%slistener %u 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\nmax_queued_messages 10000\n"
             "log_dest stderr\nlog_type error\n",
             geteuid() == 0 ? "user root\n" : "", port);
}

bool broker_is_up(unsigned port)
{
    struct sockaddr_in at;
    int fd = loopback_socket(port, &at);
    bool up = fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0;

    if (fd >= 0)
        close(fd);
    return up;
}
