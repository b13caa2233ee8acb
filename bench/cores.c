/* cores.c - whose core is whose: threads and processes inherit the cores of the thread that starts them. */
#include "bench/bench.h"

#include <sched.h>

static void move(const cpu_set_t *cores)
{
    (void)sched_setaffinity(0, sizeof *cores, cores); /* where it is not allowed all have all of them, as before */
}

unsigned cores_split(unsigned wanted, struct cores *out)
{
    unsigned given = 0, count;

    CPU_ZERO(&out->server);
    CPU_ZERO(&out->others);
    if (sched_getaffinity(0, sizeof out->all, &out->all) != 0)
        CPU_ZERO(&out->all);
    count = (unsigned)CPU_COUNT(&out->all);
    if (count < 2) {
        out->server = out->others = out->all;
        return 0;
    }
    if (wanted > count - 1)
        wanted = count - 1;
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &out->all))
            continue;
        if (given < wanted)
            CPU_SET(i, &out->server), given++;
        else
            CPU_SET(i, &out->others);
    }
    return given;
}

void cores_enter(const struct cores *c, enum cores_part part)
{
    const cpu_set_t *sets[] = { [CORES_ALL] = &c->all, [CORES_SERVER] = &c->server, [CORES_OTHERS] = &c->others };

    move(sets[part]);
}
