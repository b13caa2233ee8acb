/* picture.h - Figure 11.4.3-1 of TS-0001 drawn on a terminal while it happens: the four messages, their sizes and times. */
#ifndef ESCERTKE_CLI_PICTURE_H
#define ESCERTKE_CLI_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct picture {
    FILE *out; /* NULL: nobody looks, nothing is drawn */
    bool utf8;
    bool relayed;      /* there is a CSE in the middle */
    size_t width;      /* columns between two life lines */
    uint64_t start_ms; /* monotonic */
};

/** Who stands where; @p through is the CSE in the middle, NULL = the messages go straight from one end to the other. */
void picture_begin(struct picture *p, const char *initiator, const char *through, const char *terminator, uint64_t now_ms);
/** Message 1...4 of so many octets has left (odd) or has arrived (even). */
void picture_message(struct picture *p, int message, size_t len, uint64_t now_ms);
/** The last line: how it ended. */
void picture_end(struct picture *p, const char *words, uint64_t now_ms);

#endif
