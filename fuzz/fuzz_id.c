/* A normalised identifier is Absolute, stays the same when it is normalised again, and its domain name is clean. */
#include <escertke/m2m.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_domain_name(const escertke_id *id)
{
    char name[ESCERTKE_ID_MAX + 1];

    if (escertke_id_domain_name(id, "/in1", name) != ESCERTKE_OK)
        return;
    if (!*name || strlen(name) > 253 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != strlen(name) ||
        strstr(name, "..") || name[0] == '.' || id->kind == ESCERTKE_ID_AE_C)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const escertke_id_context contexts[] = { { "//m2m.prov.com", "/in1" }, { "//m2m.prov.com", NULL }, { NULL, NULL } };
    escertke_id id, again;

    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
        if (escertke_id_normalise((escertke_span){ data, size }, &contexts[i], &id) != ESCERTKE_OK)
            continue;
        size_t len = strlen(id.text);
        if (len > ESCERTKE_ID_MAX || strncmp(id.text, "//", 2) || id.text[id.sp_len] != '/' || id.sp_len + id.cse_len > len ||
            (id.kind == ESCERTKE_ID_AE_C) != ((size_t)(id.sp_len + id.cse_len) < len))
            abort();
        if (escertke_id_parse(escertke_span_str(id.text), &again) != ESCERTKE_OK || strcmp(id.text, again.text) ||
            id.kind != again.kind || id.sp_len != again.sp_len || id.cse_len != again.cse_len)
            abort();
        check_domain_name(&id);
    }
    return 0;
}
