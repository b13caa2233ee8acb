#include "binding/backoff.h"

#include <sys/random.h>

uint32_t esc_backoff_next(struct esc_backoff *b)
{
    uint32_t number = 0, wait = b->wait_ms ? b->wait_ms : b->first_ms;

    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number)
        number = 0; /* early after the machine's start: the whole wait */
    b->wait_ms = wait > b->most_ms / 2 ? b->most_ms : wait * 2;
    return wait - number % (wait / 2 + 1);
}

void esc_backoff_reset(struct esc_backoff *b)
{
    b->wait_ms = 0;
}
