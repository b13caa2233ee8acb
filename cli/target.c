#include "target.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"

/* //sp/Sname may be a CSE or an AE: a rule for the peer decides, never a guess (R-ID-31). */
static escertke_err find_kind(const struct identity *self, const escertke_id *peer, bool *is_cse, escertke_detail *d)
{
    const escertke_peer *rule = peers_find(&self->peers, peer->text);

    *is_cse = peer->kind == ESCERTKE_ID_CSE || (rule && rule->flavour == ESCERTKE_FLAVOUR_CSE);
    if (peer->kind != ESCERTKE_ID_CSE_OR_AE_S || *is_cse || (rule && rule->flavour == ESCERTKE_FLAVOUR_AE))
        return ESCERTKE_OK;
    return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0004 6.2.3, R-ID-31",
                    "%s may name an S-type AE or a CSE: say which with --peer '%s,flavour=ae' or flavour=cse", peer->text,
                    peer->text);
}

static escertke_err default_address(const struct identity *self, const escertke_id *peer, struct target *t, escertke_detail *d)
{
    bool same_sp = strlen(self->sp_id) == peer->sp_len && strncmp(self->sp_id, peer->text, peer->sp_len) == 0;
    const char *text = same_sp ? peer->text + peer->sp_len : peer->text;

    if (peer->kind == ESCERTKE_ID_CSE_OR_AE_S && !t->is_cse)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0001 9.6.5, R-ID-3",
                        "an S-type AE-ID does not say where its <AE> is: give --address /CSE/%s", strrchr(peer->text, '/') + 1);
    snprintf(t->address, sizeof t->address, "%s%s", text, t->is_cse ? "/-" : "");
    return ESCERTKE_OK;
}

/* Own ID as the peer will understand it (R-ID-24). */
static void set_from(const struct identity *self, const escertke_id *peer, bool direct, struct target *t)
{
    const char *relative = self->id.text + self->id.sp_len;
    bool same_sp = strlen(self->sp_id) == peer->sp_len && strncmp(self->sp_id, peer->text, peer->sp_len) == 0;
    bool same_cse = same_sp && peer->kind != ESCERTKE_ID_CSE_OR_AE_S && strlen(self->cse_id) == peer->cse_len &&
                    strncmp(self->cse_id, peer->text + peer->sp_len, peer->cse_len) == 0;

    if (direct && !same_sp)
        snprintf(t->from, sizeof t->from, "%s", self->id.text);
    else if (self->is_cse || (direct && !same_cse))
        snprintf(t->from, sizeof t->from, "%s", relative);
    else
        snprintf(t->from, sizeof t->from, "%s", self->stem);
}

escertke_err target_find(const struct identity *self, const char *to, bool direct, const char *address, struct target *t,
                         escertke_detail *d)
{
    escertke_id peer;
    escertke_err err;

    memset(t, 0, sizeof *t);
    if (escertke_id_parse(escertke_span_str(to), &peer) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_CONFIG, "TS-0004 6.2.3", "not an Absolute AE-ID or CSE-ID: %s", to);
    if ((err = find_kind(self, &peer, &t->is_cse, d)) != ESCERTKE_OK)
        return err;
    if (address)
        snprintf(t->address, sizeof t->address, "%s", address);
    else if ((err = default_address(self, &peer, t, d)) != ESCERTKE_OK)
        return err;
    set_from(self, &peer, direct, t);
    return ESCERTKE_OK;
}
