#include "picture.h"

#include <string.h>

#define WIDTH_DIRECT 56u
#define WIDTH_RELAYED 34u /* of each half */

/* What the figure is drawn with. */
struct pen {
    const char *line, *dash, *cross, *left, *right;
};

static const struct pen *pen_of(const struct picture *p)
{
    static const struct pen ascii = { "|", "-", "+", "<", ">" };
    static const struct pen boxes = { "│", "─", "┼", "◀", "▶" };
    return p->utf8 ? &boxes : &ascii;
}

static void repeat(FILE *out, const char *what, size_t count)
{
    while (count--)
        fputs(what, out);
}

/* Names longer than their room are cut on the left: what tells them apart stands at the end. */
static const char *tail(const char *name, size_t room)
{
    size_t len = strlen(name);
    return len > room ? name + (len - room) : name;
}

static void draw_life_lines(const struct picture *p)
{
    const struct pen *pen = pen_of(p);

    fprintf(p->out, "  %s", pen->line);
    for (int i = 0; i < (p->relayed ? 2 : 1); i++) {
        repeat(p->out, " ", p->width);
        fputs(pen->line, p->out);
    }
    fputc('\n', p->out);
}

void picture_begin(struct picture *p, const char *initiator, const char *through, const char *terminator, uint64_t now_ms)
{
    p->start_ms = now_ms;
    p->relayed = through != NULL;
    p->width = through ? WIDTH_RELAYED : WIDTH_DIRECT;
    if (!p->out)
        return;
    /* The left name begins above its line, the middle one is centred on it, the right one ends above it. */
    size_t total = (through ? 2 * p->width + 1 : p->width) + 2;
    const char *left = tail(initiator, total / 2 - 2), *right = tail(terminator, total / 2 - 2);
    fprintf(p->out, "\n  %s%*s\n", left, (int)(total - strlen(left)), right);
    if (through) {
        const char *middle = tail(through, 2 * p->width - 4);
        size_t indent = p->width + 1 - strlen(middle) / 2;
        fprintf(p->out, "  %s%*s%s%*s%s\n", pen_of(p)->line, (int)indent - 1, "", middle,
                (int)(total - 2 - (indent - 1) - strlen(middle)), "", pen_of(p)->line);
    }
    draw_life_lines(p);
    fflush(p->out);
}

/* Half an arrow: dashes with the label in them, `room` columns wide. */
static void draw_half(const struct picture *p, const char *label, size_t room)
{
    const char *dash = pen_of(p)->dash;
    size_t len = strlen(label), before = room > len + 2 ? (room - len - 2) / 2 : 0;

    if (!len) {
        repeat(p->out, dash, room);
        return;
    }
    repeat(p->out, dash, before);
    fprintf(p->out, " %s ", label);
    repeat(p->out, dash, room - before - len - 2);
}

static void draw_arrow(const struct picture *p, const char *label, bool to_right)
{
    const struct pen *pen = pen_of(p);

    fprintf(p->out, "  %s", pen->line);
    if (!to_right)
        fputs(pen->left, p->out);
    draw_half(p, !p->relayed || to_right ? label : "", p->relayed && to_right ? p->width : p->width - 1);
    if (p->relayed) {
        fputs(pen->cross, p->out);
        draw_half(p, to_right ? "" : label, to_right ? p->width - 1 : p->width);
    }
    if (to_right)
        fputs(pen->right, p->out);
    fputs(pen->line, p->out);
}

void picture_message(struct picture *p, int message, size_t len, uint64_t now_ms)
{
    static const char *const contents[] = { "", "ClientHello", "ServerHello, Certificate, CertificateRequest",
                                            "Certificate, CertificateVerify, Finished", "ChangeCipherSpec, Finished" };
    char label[WIDTH_RELAYED];
    bool to_right = message % 2 != 0;

    if (!p->out || message < 1 || message > 4)
        return;
    snprintf(label, sizeof label, "%d: %s, %zu octets", message, to_right ? "NOTIFY" : "2000 OK", len);
    draw_arrow(p, label, to_right);
    fprintf(p->out, " %5llu ms  %s\n", (unsigned long long)(now_ms - p->start_ms), contents[message]);
    fflush(p->out);
}

void picture_end(struct picture *p, const char *words, uint64_t now_ms)
{
    if (!p->out)
        return;
    draw_life_lines(p);
    fprintf(p->out, "  %s (%llu ms)\n\n", words, (unsigned long long)(now_ms - p->start_ms));
    fflush(p->out);
}
