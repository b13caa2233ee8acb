#include "peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define CLAUSE "TS-0003 8.1.2.4, 8.7.2.2"

static escertke_err parse_field(char *field, escertke_peer *peer, escertke_detail *d)
{
    char *value = strchr(field, '=');

    if (!value || !value[1])
        return esc_fail(d, ESCERTKE_ERR_CONFIG, CLAUSE, "expected flavour=..., san=... or pin=..., found \"%s\"", field);
    *value++ = '\0';
    if (strcmp(field, "san") == 0 && !peer->san)
        peer->san = value;
    else if (strcmp(field, "pin") == 0 && !peer->pin)
        peer->pin = value;
    else if (strcmp(field, "flavour") != 0)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, CLAUSE, "expected flavour, san or pin, each once, found \"%s\"", field);
    else if (peer->flavour != ESCERTKE_FLAVOUR_BY_ID || escertke_flavour_parse(value, &peer->flavour) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, CLAUSE, "expected one flavour out of ae, cse, node, device and raw, found \"%s\"",
                        value);
    return ESCERTKE_OK;
}

/* What does not go together in a rule; whether any certificate or key can meet the rule, the library says. */
static escertke_err check_peer(const escertke_peer *peer, escertke_detail *d)
{
    const escertke_expect expect = { .flavour = peer->flavour, .id = peer->id, .san = peer->san, .pin = peer->pin };
    escertke_detail why;

    if (peer->pin && peer->flavour != ESCERTKE_FLAVOUR_RAW)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, CLAUSE, "pin=... goes with flavour=raw only");
    if (peer->san && peer->flavour == ESCERTKE_FLAVOUR_RAW)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, CLAUSE, "san=... does not go with flavour=raw: a raw key has no names");
    escertke_detail_init(&why);
    if (escertke_expect_check(&expect, &why) == ESCERTKE_OK)
        return ESCERTKE_OK;
    if (!d || d->err != ESCERTKE_OK)
        return ESCERTKE_ERR_CONFIG;
    *d = why;
    d->err = ESCERTKE_ERR_CONFIG; /* whatever it is to a handshake, here it is the rule's fault */
    return d->err;
}

/* Takes @p text apart in place; the peer points into it. */
static escertke_err parse_rule(char *text, escertke_peer *peer, escertke_detail *d)
{
    escertke_id id;
    escertke_err err = ESCERTKE_OK;
    char *next = strchr(text, ',');

    *peer = (escertke_peer){ .id = text, .flavour = ESCERTKE_FLAVOUR_BY_ID };
    while (next && err == ESCERTKE_OK) {
        char *field = next + 1;
        *next = '\0';
        next = strchr(field, ',');
        if (next)
            *next = '\0';
        err = parse_field(field, peer, d);
    }
    if (err != ESCERTKE_OK)
        return err;
    if (escertke_id_parse(escertke_span_str(text), &id) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0004 6.2.3", "expected an Absolute AE-ID or CSE-ID first, found \"%s\"",
                        text);
    return check_peer(peer, d);
}

bool peers_check_rule(const char *value, char *why, size_t cap)
{
    escertke_peer peer;
    escertke_detail d;
    char *copy = strdup(value);

    escertke_detail_init(&d);
    escertke_err err = copy ? parse_rule(copy, &peer, &d) : esc_fail(&d, ESCERTKE_ERR_NOMEM, "", "out of memory");
    free(copy);
    if (err != ESCERTKE_OK)
        snprintf(why, cap, "%s%s%s%s", d.reason, d.clause[0] ? " (" : "", d.clause, d.clause[0] ? ")" : "");
    return err == ESCERTKE_OK;
}

const escertke_peer *peers_find(const struct peer_list *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].id, id) == 0)
            return &list->items[i];
    return NULL;
}

escertke_err peers_parse(const struct text_list *rules, struct peer_list *list, escertke_detail *d)
{
    *list = (struct peer_list){ NULL, NULL, 0, 0 };
    if (!rules->count)
        return ESCERTKE_OK;
    list->items = calloc(rules->count, sizeof *list->items);
    list->texts = calloc(rules->count, sizeof *list->texts);
    if (!list->items || !list->texts)
        return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "peer rules: out of memory");
    for (size_t i = 0; i < rules->count; i++) {
        escertke_peer peer;
        char *text = list->texts[list->texts_count++] = strdup(rules->items[i]);
        if (!text)
            return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "peer rules: out of memory");
        escertke_err err = parse_rule(text, &peer, d);
        if (err != ESCERTKE_OK)
            return err;
        if (peers_find(list, peer.id))
            return esc_fail(d, ESCERTKE_ERR_CONFIG, CLAUSE, "two rules for %s; one is expected", peer.id);
        list->items[list->count++] = peer;
    }
    return ESCERTKE_OK;
}

void peers_free(struct peer_list *list)
{
    for (size_t i = 0; i < list->texts_count; i++)
        free(list->texts[i]);
    free(list->texts);
    free(list->items);
    *list = (struct peer_list){ NULL, NULL, 0, 0 };
}
