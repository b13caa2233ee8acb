/* Peer rules (--peer), one a line: all are taken, or the first bad one is refused with the reason; and what one is, is found. */
#include <stdlib.h>
#include <string.h>

#include "peers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES = 8 };

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void check_list(const struct peer_list *list, size_t lines)
{
    escertke_id id;

    must(list->count == lines);
    for (size_t i = 0; i < list->count; i++) {
        const escertke_peer *p = &list->items[i];
        const escertke_expect expect = { .flavour = p->flavour, .id = p->id, .san = p->san, .pin = p->pin };
        must(escertke_id_parse(escertke_span_str(p->id), &id) == ESCERTKE_OK && peers_find(list, p->id) == p);
        must(escertke_expect_check(&expect, NULL) == ESCERTKE_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *lines[LINES];
    struct text_list rules = { lines, 0 };
    struct peer_list list;
    escertke_detail d;
    bool each = true;
    char *text = malloc(size + 1), *rest = text;

    must(text != NULL);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    while (rules.count < LINES && rest) {
        char why[1024] = "", *end = strchr(rest, '\n');
        lines[rules.count++] = rest;
        rest = end ? end + 1 : NULL;
        if (end)
            *end = '\0';
        bool ok = peers_check_rule(lines[rules.count - 1], why, sizeof why);
        must(ok || why[0]);
        each = each && ok;
    }
    escertke_detail_init(&d);
    escertke_err err = peers_parse(&rules, &list, &d);
    if (err == ESCERTKE_OK)
        check_list(&list, rules.count);
    else
        must(err == ESCERTKE_ERR_CONFIG && d.err == err && d.reason[0]);
    must(err != ESCERTKE_OK || each); /* of good rules, two may be for one peer */
    must(err == ESCERTKE_OK || !each || strstr(d.reason, "two rules"));
    peers_free(&list);
    free(text);
    return 0;
}
