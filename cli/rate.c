#include "rate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_MAX 1000000u

bool rate_parse(const char *value, escertke_rate *out)
{
    char *rest;

    *out = (escertke_rate){ ESCERTKE_NO_LIMIT, 0 };
    if (strcmp(value, "none") == 0)
        return true;
    if (strspn(value, "0123456789/") != strlen(value) || strlen(value) > 2 * strlen("1000000") + 1)
        return false;
    unsigned long long burst = strtoull(value, &rest, 10), minute = burst; /* of 15 digits at most */
    if (*rest == '/')
        minute = strtoull(rest + 1, &rest, 10); /* none there: 0 */
    if (*rest || burst < 1 || burst > RATE_MAX || minute < 1 || minute > RATE_MAX)
        return false;
    *out = (escertke_rate){ (uint32_t)burst, (uint32_t)minute };
    return true;
}

bool rate_check(const char *value, char *why, size_t cap)
{
    escertke_rate rate;

    if (rate_parse(value, &rate))
        return true;
    snprintf(why, cap, "expected N or N/M, numbers from 1 to %u, or none, found \"%s\"", RATE_MAX, value);
    return false;
}

void rate_set(const char *value, escertke_rate *out)
{
    if (value)
        (void)rate_parse(value, out);
}
