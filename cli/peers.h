/* peers.h - --peer 'ID[,flavour=ae|cse|node|device|raw][,san=VALUE][,pin=ni:///...]': what is known about a peer (R-HS-13). */
#ifndef ESCERTKE_CLI_PEERS_H
#define ESCERTKE_CLI_PEERS_H

#include <escertke/endpoint.h>

#include "options.h"

struct peer_list {
    escertke_peer *items;
    char **texts; /* the rules' own copies, which items point into */
    size_t count, texts_count;
};

/** Parse the rules. @p list is to be freed in any case. @return OK, CONFIG (detail says which rule and why), NOMEM */
ESCERTKE_CHECKED escertke_err peers_parse(const struct text_list *rules, struct peer_list *list, escertke_detail *d);
void peers_free(struct peer_list *list);
/** One rule, for the check of the option itself. option_check. */
bool peers_check_rule(const char *value, char *why, size_t cap);
/** The rule for an Absolute ID; NULL if there is none. */
const escertke_peer *peers_find(const struct peer_list *list, const char *id);

#endif
