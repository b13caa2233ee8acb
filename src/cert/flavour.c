#include <escertke/cert.h>

#include <string.h>

static const struct {
    escertke_flavour flavour;
    const char *name;
} flavours[] = {
    { ESCERTKE_FLAVOUR_AE, "ae" },         { ESCERTKE_FLAVOUR_CSE, "cse" }, { ESCERTKE_FLAVOUR_NODE, "node" },
    { ESCERTKE_FLAVOUR_DEVICE, "device" }, { ESCERTKE_FLAVOUR_RAW, "raw" }, { ESCERTKE_FLAVOUR_BY_ID, "" },
};

const char *escertke_flavour_name(escertke_flavour f)
{
    for (size_t i = 0; i < sizeof flavours / sizeof *flavours; i++)
        if (flavours[i].flavour == f)
            return flavours[i].name;
    return "";
}

escertke_err escertke_flavour_parse(const char *name, escertke_flavour *out)
{
    if (!name || !out)
        return ESCERTKE_ERR_ARG;
    for (size_t i = 0; i < sizeof flavours / sizeof *flavours; i++) {
        if (strcmp(flavours[i].name, name) != 0)
            continue;
        *out = flavours[i].flavour;
        return ESCERTKE_OK;
    }
    return ESCERTKE_ERR_ARG;
}
