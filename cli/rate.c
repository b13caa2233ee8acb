#include "rate.h"

#include <stdio.h>
#include <string.h>

#define RATE_MAX 1000000u

bool rate_parse(const char *value, escertke_rate *out)
{
    unsigned long long burst, minute; /* of 15 digits at most */
    char rest;

    *out = (escertke_rate){ ESCERTKE_NO_LIMIT, 0 };
    if (strcmp(value, "none") == 0)
        return true;
    if (strspn(value, "0123456789/") != strlen(value) || strlen(value) > 2 * strlen("1000000") + 1)
        return false;
    int parts = sscanf(value, "%llu/%llu%c", &burst, &minute, &rest);
    if (parts == 1 && !strchr(value, '/'))
        minute = burst;
    else if (parts != 2)
        return false;
    if (burst < 1 || burst > RATE_MAX || minute < 1 || minute > RATE_MAX)
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
