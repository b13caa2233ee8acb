#include <escertke/m2m.h>

#include <string.h>

#include "base/fail.h"
#include "m2m/serialization.h"

enum { DBG_MAX = 512 };

escertke_err escertke_dbg_write(escertke_format format, const char *text, escertke_buf *out)
{
    char clean[DBG_MAX + 1];

    esc_printable(escertke_span_str(text), clean, sizeof clean);
    json_t *content = json_pack("{ss}", "m2m:dbg", clean);
    escertke_err err = content ? esc_serial_dump(format, content, out) : ESCERTKE_ERR_NOMEM;
    json_decref(content);
    return err;
}

bool escertke_dbg_read(escertke_format format, escertke_span content, char *out, size_t cap)
{
    json_t *root, *value;
    const char *name;

    if (cap)
        out[0] = '\0';
    if (esc_serial_load_content(format, content, &root, &name, &value, NULL) != ESCERTKE_OK)
        return false;
    bool found = !strcmp(name, "m2m:dbg") && json_is_string(value);
    if (found)
        esc_printable(esc_json_text(value), out, cap);
    json_decref(root);
    return found;
}
