/* rate.h - how often something may be done, as an option's value: "8/120", "8" or "none". */
#ifndef ESCERTKE_CLI_RATE_H
#define ESCERTKE_CLI_RATE_H

#include <escertke/endpoint.h>

/** "8/120" is 8 at once and 120 a minute, "8" as many a minute as at once. @return false: not a rate, @p out is of no use */
bool rate_parse(const char *value, escertke_rate *out);
/** option_check. */
bool rate_check(const char *value, char *why, size_t cap);
/** Of an option that was checked; NULL leaves @p out as it is. */
void rate_set(const char *value, escertke_rate *out);

#endif
