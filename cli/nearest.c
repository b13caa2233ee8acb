/* nearest.c - "did you mean": optimal string alignment distance over short words. */
#include <string.h>

#include "options.h"

#define WORD_MAX 32u

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t a_len = strlen(a), b_len = strlen(b);

    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *now = rows[i % 3], *before = rows[(i + 2) % 3], *two_before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replace = before[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(replace, least(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], two_before[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

const char *nearest_word(const char *word, const char *(*candidate)(const void *ctx, size_t index), const void *ctx)
{
    const char *best = NULL, *c;
    size_t len = strlen(word), best_distance = 3;

    if (len < 2 || len > WORD_MAX)
        return NULL;
    for (size_t i = 0; (c = candidate(ctx, i)) != NULL; i++) {
        size_t c_len = strlen(c);
        bool prefix = len >= 3 && c_len > len && strncmp(c, word, len) == 0;
        size_t d = c_len > WORD_MAX ? best_distance : prefix ? 1 : distance(word, c);
        if (d < best_distance && d * 2 < len + 1)
            best = c, best_distance = d;
    }
    return best;
}
