/* Which attributes a resource type has, and which of them a request may carry (TS-0004 7.4; R 8.1, 8.2, 8.4). */
#include <string.h>

#include "cse/internal.h"
#include "m2m/json.h"

static const struct esc_attr ae_attrs[] = {
    { "rn", &esc_kind_name, ESC_OPTIONAL, ESC_NO },
    { "api", &esc_kind_app_id, ESC_MUST, ESC_NO },
    { "apn", &esc_kind_string, ESC_OPTIONAL, ESC_OPTIONAL },
    { "aei", &esc_kind_string, ESC_NO, ESC_NO },
    { "rr", &esc_kind_bool, ESC_MUST, ESC_OPTIONAL },
    { "srv", &esc_kind_srv, ESC_MUST, ESC_OPTIONAL },
    { "poa", &esc_kind_poa, ESC_OPTIONAL, ESC_OPTIONAL },
    { "csz", &esc_kind_csz, ESC_OPTIONAL, ESC_OPTIONAL },
    { "esi", &esc_kind_esi, ESC_OPTIONAL, ESC_OPTIONAL },
    { "acpi", &esc_kind_addresses, ESC_OPTIONAL, ESC_OPTIONAL },
    { "et", &esc_kind_time, ESC_OPTIONAL, ESC_OPTIONAL },
    { "lbl", &esc_kind_labels, ESC_OPTIONAL, ESC_OPTIONAL },
    { "nl", &esc_kind_string, ESC_OPTIONAL, ESC_OPTIONAL },
    { "or", &esc_kind_string, ESC_OPTIONAL, ESC_OPTIONAL },
    { "regs", &esc_kind_regs, ESC_OPTIONAL, ESC_OPTIONAL },
    { "at", NULL, ESC_NO, ESC_NO },
    { "aa", NULL, ESC_NO, ESC_NO },
};

static const struct esc_attr acp_attrs[] = {
    { "rn", &esc_kind_name, ESC_OPTIONAL, ESC_NO },
    { "pv", &esc_kind_privileges, ESC_MUST, ESC_OPTIONAL },
    { "pvs", &esc_kind_self_privileges, ESC_MUST, ESC_OPTIONAL },
    { "et", &esc_kind_time, ESC_OPTIONAL, ESC_OPTIONAL },
    { "lbl", &esc_kind_labels, ESC_OPTIONAL, ESC_OPTIONAL },
    { "at", NULL, ESC_NO, ESC_NO },
    { "aa", NULL, ESC_NO, ESC_NO },
};

static const struct esc_attr remote_attrs[] = {
    { "rn", &esc_kind_name, ESC_OPTIONAL, ESC_NO },
    { "cb", &esc_kind_address, ESC_MUST, ESC_NO },
    { "csi", &esc_kind_cse_id, ESC_OPTIONAL, ESC_NO },
    { "cst", &esc_kind_cse_type, ESC_OPTIONAL, ESC_NO },
    { "rr", &esc_kind_bool, ESC_MUST, ESC_OPTIONAL },
    { "srv", &esc_kind_srv, ESC_MUST, ESC_OPTIONAL },
    { "poa", &esc_kind_poa, ESC_OPTIONAL, ESC_OPTIONAL },
    { "csz", &esc_kind_csz, ESC_OPTIONAL, ESC_OPTIONAL },
    { "esi", &esc_kind_esi, ESC_OPTIONAL, ESC_OPTIONAL },
    { "dcse", &esc_kind_cse_ids, ESC_OPTIONAL, ESC_OPTIONAL },
    { "acpi", &esc_kind_addresses, ESC_OPTIONAL, ESC_OPTIONAL },
    { "et", &esc_kind_time, ESC_OPTIONAL, ESC_OPTIONAL },
    { "lbl", &esc_kind_labels, ESC_OPTIONAL, ESC_OPTIONAL },
    { "nl", &esc_kind_string, ESC_OPTIONAL, ESC_OPTIONAL },
    { "at", NULL, ESC_NO, ESC_NO },
    { "aa", NULL, ESC_NO, ESC_NO },
};

static const struct esc_attr channel_attrs[] = {
    { "rn", &esc_kind_name, ESC_OPTIONAL, ESC_NO },
    { "et", &esc_kind_time, ESC_OPTIONAL, ESC_OPTIONAL },
    { "lbl", &esc_kind_labels, ESC_OPTIONAL, ESC_OPTIONAL },
    { "rqag", NULL, ESC_NO, ESC_NO },
};

static const struct esc_attr container_attrs[] = {
    { "rn", &esc_kind_name, ESC_OPTIONAL, ESC_NO },
    { "acpi", &esc_kind_addresses, ESC_OPTIONAL, ESC_OPTIONAL },
    { "et", &esc_kind_time, ESC_OPTIONAL, ESC_OPTIONAL },
    { "lbl", &esc_kind_labels, ESC_OPTIONAL, ESC_OPTIONAL },
    { "cr", &esc_kind_creator, ESC_OPTIONAL, ESC_NO },
    { "mni", &esc_kind_count, ESC_OPTIONAL, ESC_OPTIONAL },
    { "mbs", &esc_kind_count, ESC_OPTIONAL, ESC_OPTIONAL },
    { "mia", &esc_kind_count, ESC_OPTIONAL, ESC_OPTIONAL },
    { "or", &esc_kind_string, ESC_OPTIONAL, ESC_OPTIONAL },
    { "st", &esc_kind_count, ESC_NO, ESC_NO },
    { "cni", &esc_kind_count, ESC_NO, ESC_NO },
    { "cbs", &esc_kind_count, ESC_NO, ESC_NO },
    { "li", NULL, ESC_NO, ESC_NO },
    { "disr", NULL, ESC_NO, ESC_NO },
    { "at", NULL, ESC_NO, ESC_NO },
    { "aa", NULL, ESC_NO, ESC_NO },
};

static const struct esc_attr instance_attrs[] = {
    { "rn", &esc_kind_name, ESC_OPTIONAL, ESC_NO },
    { "et", &esc_kind_time, ESC_OPTIONAL, ESC_NO },
    { "lbl", &esc_kind_labels, ESC_OPTIONAL, ESC_NO },
    { "cr", &esc_kind_creator, ESC_OPTIONAL, ESC_NO },
    { "cnf", &esc_kind_content_info, ESC_OPTIONAL, ESC_NO },
    { "con", &esc_kind_content, ESC_MUST, ESC_NO },
    { "or", &esc_kind_string, ESC_OPTIONAL, ESC_NO },
    { "cs", &esc_kind_count, ESC_NO, ESC_NO },
    { "conr", NULL, ESC_NO, ESC_NO },
    { "dr", NULL, ESC_NO, ESC_NO },
    { "at", NULL, ESC_NO, ESC_NO },
    { "aa", NULL, ESC_NO, ESC_NO },
};

static const struct esc_attr subscription_attrs[] = {
    { "rn", &esc_kind_name, ESC_OPTIONAL, ESC_NO },
    { "acpi", &esc_kind_addresses, ESC_OPTIONAL, ESC_OPTIONAL },
    { "et", &esc_kind_time, ESC_OPTIONAL, ESC_OPTIONAL },
    { "lbl", &esc_kind_labels, ESC_OPTIONAL, ESC_OPTIONAL },
    { "cr", &esc_kind_creator, ESC_OPTIONAL, ESC_NO },
    { "enc", &esc_kind_event_criteria, ESC_MUST, ESC_NO },
    { "nu", &esc_kind_targets, ESC_MUST, ESC_NO },
    { "nct", &esc_kind_notification_type, ESC_OPTIONAL, ESC_NO },
    { "su", &esc_kind_target, ESC_OPTIONAL, ESC_NO },
    { "exc", NULL, ESC_NO, ESC_NO },
    { "gpi", NULL, ESC_NO, ESC_NO },
    { "nfu", NULL, ESC_NO, ESC_NO },
    { "bn", NULL, ESC_NO, ESC_NO },
    { "rl", NULL, ESC_NO, ESC_NO },
    { "psn", NULL, ESC_NO, ESC_NO },
    { "pn", NULL, ESC_NO, ESC_NO },
    { "nsp", NULL, ESC_NO, ESC_NO },
    { "ln", NULL, ESC_NO, ESC_NO },
    { "nec", NULL, ESC_NO, ESC_NO },
};

/* Made by configuration only: the names serve partial retrieval. */
static const struct esc_attr base_attrs[] = {
    { "csi", &esc_kind_cse_id, ESC_NO, ESC_NO }, { "cst", &esc_kind_cse_type, ESC_NO, ESC_NO },
    { "srt", &esc_kind_string, ESC_NO, ESC_NO }, { "srv", &esc_kind_srv, ESC_NO, ESC_NO },
    { "poa", &esc_kind_poa, ESC_NO, ESC_NO },    { "esi", &esc_kind_esi, ESC_NO, ESC_NO },
    { "csz", &esc_kind_csz, ESC_NO, ESC_NO },
};

/* Every resource has them; the CSE assigns them. */
static const struct esc_attr universal[] = {
    { "rn", &esc_kind_name, ESC_NO, ESC_NO },   { "ty", &esc_kind_string, ESC_NO, ESC_NO },
    { "ri", &esc_kind_string, ESC_NO, ESC_NO }, { "pi", &esc_kind_string, ESC_NO, ESC_NO },
    { "ct", &esc_kind_time, ESC_NO, ESC_NO },   { "lt", &esc_kind_time, ESC_NO, ESC_NO },
    { "et", &esc_kind_time, ESC_NO, ESC_NO },
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct esc_type types[] = {
    { ESC_TY_AE, "m2m:ae", "C", ae_attrs, COUNT(ae_attrs), esc_ae_prepare },
    { ESC_TY_ACP, "m2m:acp", "acp", acp_attrs, COUNT(acp_attrs), esc_acp_prepare },
    { ESC_TY_CSR, "m2m:csr", "csr", remote_attrs, COUNT(remote_attrs), esc_remote_prepare },
    { ESC_TY_CNT, "m2m:cnt", "cnt", container_attrs, COUNT(container_attrs), esc_container_prepare },
    { ESC_TY_CIN, "m2m:cin", "cin", instance_attrs, COUNT(instance_attrs), esc_instance_prepare },
    { ESC_TY_SUB, "m2m:sub", "sub", subscription_attrs, COUNT(subscription_attrs), esc_subscription_prepare },
    { ESC_TY_PCH, "m2m:pch", "pch", channel_attrs, COUNT(channel_attrs), esc_channel_prepare },
    { ESC_TY_CB, "m2m:cb", "", base_attrs, COUNT(base_attrs), NULL },
};

const struct esc_type *esc_type_of(int ty)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        if (types[i].ty == ty)
            return &types[i];
    }
    return NULL;
}

static const struct {
    int parent, ty;
} children[] = {
    { ESC_TY_CB, ESC_TY_ACP }, { ESC_TY_CB, ESC_TY_AE },   { ESC_TY_CB, ESC_TY_CSR },
    { ESC_TY_AE, ESC_TY_ACP }, { ESC_TY_AE, ESC_TY_PCH },  { ESC_TY_CSR, ESC_TY_PCH },
    { ESC_TY_AE, ESC_TY_CNT }, { ESC_TY_CNT, ESC_TY_CIN }, { ESC_TY_CNT, ESC_TY_SUB },
};

bool esc_type_fits(int parent, int ty)
{
    for (size_t i = 0; i < COUNT(children); i++) {
        if (children[i].parent == parent && children[i].ty == ty)
            return true;
    }
    return false;
}

const struct esc_attr *esc_attr_find(const struct esc_type *type, const char *name)
{
    for (size_t i = 0; i < type->attr_count; i++) {
        if (!strcmp(type->attrs[i].name, name))
            return &type->attrs[i];
    }
    for (size_t i = 0; i < COUNT(universal); i++) {
        if (!strcmp(universal[i].name, name))
            return &universal[i];
    }
    return NULL;
}

static const struct esc_kind *kind_of(const struct esc_cse *cse, const struct esc_attr *a)
{
    return a->kind == &esc_kind_esi ? cse->behaviour->esi : a->kind;
}

/* One attribute of a request. null stands for "remove it". */
static int check_attr(struct esc_call *c, const struct esc_type *type, const char *name, const json_t *value, bool update)
{
    const struct esc_attr *a = esc_attr_find(type, name);

    if (!a)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "%s has no attribute \"%.32s\"", type->root, name);
    if (!a->kind)
        return esc_cse_refuse(c, ESCERTKE_RSC_NOT_IMPLEMENTED, "attribute %s is not supported", name);
    if ((update ? a->update : a->create) == ESC_NO)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "attribute %s must not be given in this request", name);
    if (update && json_is_null(value)) {
        if (a->create == ESC_MUST)
            return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "attribute %s cannot be removed", name);
        return 0;
    }
    const struct esc_kind *kind = kind_of(c->cse, a);
    if (!kind->ok(value))
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "attribute %s must be %s", name, kind->expected);
    return 0;
}

static int check_attrs(struct esc_call *c, const struct esc_type *type, const json_t *attrs, bool update)
{
    const char *name;
    json_t *value;
    int rsc;

    json_object_foreach((json_t *)(uintptr_t)attrs, name, value)
    {
        if ((rsc = check_attr(c, type, name, value, update)))
            return rsc;
    }
    int64_t et = esc_attrs_expiry(attrs);
    if (et && et <= c->now.unix_s)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "attribute et is in the past");
    return 0;
}

int esc_schema_create(struct esc_call *c, const struct esc_type *type, const json_t *attrs)
{
    int rsc = check_attrs(c, type, attrs, false);

    for (size_t i = 0; !rsc && i < type->attr_count; i++) {
        if (type->attrs[i].create == ESC_MUST && !json_object_get(attrs, type->attrs[i].name))
            rsc = esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "attribute %s is missing", type->attrs[i].name);
    }
    return rsc;
}

int esc_schema_update(struct esc_call *c, const struct esc_type *type, const json_t *attrs)
{
    if (!json_object_size(attrs))
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "nothing to update");
    if (json_object_get(attrs, "acpi") && json_object_size(attrs) > 1)
        return esc_cse_refuse(c, ESCERTKE_RSC_BAD_REQUEST, "acpi must be the only attribute of its update");
    return check_attrs(c, type, attrs, true);
}

size_t esc_type_bytes_max(int ty)
{
    return ty == ESC_TY_CIN ? ESC_INSTANCE_BYTES_MAX : ESC_RESOURCE_BYTES_MAX;
}

/* What a resource in the state file may hold. */
bool esc_schema_stored(const struct esc_cse *cse, const struct esc_type *type, const json_t *attrs)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)attrs, name, value)
    {
        const struct esc_attr *a = esc_attr_find(type, name);
        if (!a || !a->kind || a->create == ESC_NO || !strcmp(name, "rn") || !kind_of(cse, a)->ok(value))
            return false;
    }
    for (size_t i = 0; i < type->attr_count; i++) {
        if (type->attrs[i].create == ESC_MUST && !json_object_get(attrs, type->attrs[i].name))
            return false;
    }
    return esc_attrs_size(attrs) <= esc_type_bytes_max(type->ty);
}

int64_t esc_attrs_expiry(const json_t *attrs)
{
    const json_t *et = json_object_get(attrs, "et");
    int64_t at_ms;

    if (!json_is_string(et) || escertke_timestamp_parse(esc_json_text(et), &at_ms) != ESCERTKE_OK)
        return 0;
    return at_ms / 1000;
}

size_t esc_attrs_size(const json_t *attrs)
{
    return json_dumpb(attrs, NULL, 0, JSON_COMPACT);
}
