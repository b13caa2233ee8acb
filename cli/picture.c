#include "picture.h"

#include <string.h>

#define WIDTH 56 /* columns between the two life lines */

static void repeat(FILE *out, const char *what, int count)
{
    for (int i = 0; i < count; i++)
        fputs(what, out);
}

/* Names longer than their room are cut on the left: what tells them apart stands at the end. */
static const char *tail(const char *name, size_t room)
{
    size_t len = strlen(name);
    return len > room ? name + (len - room) : name;
}

void picture_begin(struct picture *p, const char *initiator, const char *through, const char *terminator, uint64_t now_ms)
{
    const char *line = p->utf8 ? "│" : "|";

    p->start_ms = p->last_ms = now_ms;
    if (!p->out)
        return;
    const char *left = tail(initiator, 26), *right = tail(terminator, 26);
    fprintf(p->out, "\n  %-26s%*s\n", left, WIDTH + 2 - 26, right);
    fprintf(p->out, "  %s%*s\n", line, WIDTH + (int)strlen(line), line);
    if (through) {
        const char *middle = tail(through, WIDTH - 8);
        int room = WIDTH - 6 - (int)strlen(middle);
        fprintf(p->out, "  %s%*s[ %s ]%*s%s\n", line, room / 2 + 1, "", middle, room - room / 2 + 1, "", line);
    }
    fflush(p->out);
}

static const char *const contents[] = { "", "ClientHello", "ServerHello, Certificate, CertificateRequest",
                                        "Certificate, CertificateVerify, Finished", "ChangeCipherSpec, Finished" };

static void draw_arrow(struct picture *p, const char *label, bool to_right)
{
    const char *line = p->utf8 ? "│" : "|", *dash = p->utf8 ? "─" : "-";
    int room = WIDTH - 4 - (int)strlen(label);

    fprintf(p->out, "  %s", line);
    fputs(to_right ? dash : p->utf8 ? "◀" : "<", p->out);
    repeat(p->out, dash, room / 2);
    fprintf(p->out, " %s ", label);
    repeat(p->out, dash, room - room / 2);
    fputs(to_right ? p->utf8 ? "▶" : ">" : dash, p->out);
    fputs(line, p->out);
}

void picture_message(struct picture *p, int message, size_t len, uint64_t now_ms)
{
    char label[WIDTH];
    bool to_right = message % 2 != 0;

    if (!p->out || message < 1 || message > 4)
        return;
    snprintf(label, sizeof label, "message %d, %zu octets", message, len);
    draw_arrow(p, label, to_right);
    fprintf(p->out, " +%llu ms  %s\n", (unsigned long long)(now_ms - p->last_ms), contents[message]);
    p->last_ms = now_ms;
    fflush(p->out);
}

void picture_end(struct picture *p, const char *words, uint64_t now_ms)
{
    const char *line = p->utf8 ? "│" : "|";

    if (!p->out)
        return;
    fprintf(p->out, "  %s%*s\n  %s (%llu ms)\n\n", line, WIDTH + (int)strlen(line), line, words,
            (unsigned long long)(now_ms - p->start_ms));
    fflush(p->out);
}
