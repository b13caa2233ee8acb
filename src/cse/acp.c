/* <accessControlPolicy>: what privileges look like, and whom they permit what (TS-0001 9.6.2; R-RG-10...12). */
#include <stdio.h>
#include <string.h>

#include "cse/internal.h"
#include "m2m/json.h"

enum { RULES_MAX = 32, ORIGINATORS_MAX = 64, ACOP_ALL = 63 };

static bool is_originator(const json_t *value)
{
    return esc_text_valid(value, ESCERTKE_ID_MAX);
}

/* Contexts and object details are kept as they came; rules that have them never permit anything here. */
static bool is_condition(const json_t *value)
{
    return json_is_object(value) || json_is_array(value);
}

static bool is_operations(const json_t *value)
{
    int n;

    return esc_json_int(value, 1, ACOP_ALL, &n);
}

static bool is_originators(const json_t *value)
{
    return esc_list_valid(value, ORIGINATORS_MAX, is_originator);
}

static bool is_flag(const json_t *value)
{
    return json_is_boolean(value);
}

static const struct {
    const char *name;
    bool (*ok)(const json_t *value);
    bool must;
} rule_members[] = {
    { "acor", is_originators, true }, { "acop", is_operations, true }, { "acaf", is_flag, false },
    { "acco", is_condition, false },  { "acod", is_condition, false },
};

static bool rule_valid(const json_t *rule)
{
    size_t known = 0;

    if (!json_is_object(rule))
        return false;
    for (size_t i = 0; i < sizeof rule_members / sizeof rule_members[0]; i++) {
        const json_t *value = json_object_get(rule, rule_members[i].name);
        if (value ? !rule_members[i].ok(value) : rule_members[i].must)
            return false;
        known += value != NULL;
    }
    return known == json_object_size(rule);
}

bool esc_acp_valid(const json_t *privileges, bool self)
{
    const json_t *rules = json_object_get(privileges, "acr");

    if (json_object_size(privileges) != 1 || !json_is_array(rules))
        return false;
    return (!self && !json_array_size(rules)) || esc_list_valid(rules, RULES_MAX, rule_valid);
}

/* "*" stands for any characters up to the next "/". */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star && *resume != '/') {
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* The forms of a From, completed with this CSE's context (R-RG-12). Group identifiers and Role-IDs match nobody. */
static bool originator_matches(const struct esc_cse *cse, const char *acor, const struct esc_originator *o)
{
    char pattern[3 * (ESCERTKE_ID_MAX + 1)];

    if (!strcmp(acor, "all"))
        return true;
    if (acor[0] == '/' && acor[1] == '/')
        return matches(acor, o->id.text);
    if (acor[0] == '/')
        snprintf(pattern, sizeof pattern, "%s%s", cse->cfg.sp_id, acor);
    else if (acor[0] == 'S')
        snprintf(pattern, sizeof pattern, "%s/%s", cse->cfg.sp_id, acor);
    else if (acor[0] == 'C' || acor[0] == '*')
        snprintf(pattern, sizeof pattern, "%s%s/%s", cse->cfg.sp_id, cse->cfg.cse_id, acor);
    else /* a service provider's domain name */
        return strlen(acor) + 2 == o->id.sp_len && !strncmp(acor, o->id.text + 2, strlen(acor));
    return matches(pattern, o->id.text);
}

static bool rule_permits(const struct esc_cse *cse, const json_t *rule, const struct esc_originator *o, unsigned op)
{
    const json_t *acor = json_object_get(rule, "acor"), *item;
    int acop;
    size_t i;

    /* A plain hop authenticates nobody (R-PR-27), and a condition that cannot be evaluated is not fulfilled. */
    if (json_is_true(json_object_get(rule, "acaf")) || json_object_get(rule, "acco") || json_object_get(rule, "acod"))
        return false;
    if (!esc_json_int(json_object_get(rule, "acop"), 1, ACOP_ALL, &acop) || !((unsigned)acop & op))
        return false;
    json_array_foreach(acor, i, item) {
        if (originator_matches(cse, json_string_value(item), o))
            return true;
    }
    return false;
}

bool esc_acp_permits(const struct esc_cse *cse, const json_t *privileges, const struct esc_originator *o, unsigned op)
{
    const json_t *rule;
    size_t i;

    if (o->kind == ESC_ORIGIN_NEW)
        return false;
    json_array_foreach(json_object_get(privileges, "acr"), i, rule) {
        if (rule_permits(cse, rule, o, op))
            return true;
    }
    return false;
}

/* How many policies this originator already has directly below <CSEBase>. */
static size_t count_of(const struct esc_cse *cse, const char *creator)
{
    size_t count = 0;

    for (const struct esc_resource *r = cse->base->first; r; r = r->next)
        count += r->ty == ESC_TY_ACP && !strcmp(r->creator, creator);
    return count;
}

int esc_acp_prepare(struct esc_call *c, struct esc_draft *draft)
{
    if (c->cse->acp >= c->cse->cfg.max_acp ||
        (c->target == c->cse->base && count_of(c->cse, c->orig.id.text) >= ESC_ACP_PER_CREATOR_MAX))
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "no room for another accessControlPolicy");
    memcpy(draft->creator, c->orig.id.text, sizeof draft->creator);
    if (esc_generate_ri(c->cse, draft->type->stem, draft->ri) != ESCERTKE_OK)
        return esc_cse_refuse(c, ESCERTKE_RSC_INTERNAL_SERVER_ERROR, "no randomness");
    return 0;
}
