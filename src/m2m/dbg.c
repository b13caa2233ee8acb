#include <escertke/m2m.h>

#include <string.h>

#include "base/fail.h"
#include "m2m/json.h"

enum { DBG_MAX = 512 };

escertke_err escertke_dbg_write(escertke_format format, const char *text, escertke_buf *out)
{
    char clean[DBG_MAX + 1];
    struct esc_json_writer w = esc_json_write_begin(out);

    if (format != ESCERTKE_FORMAT_JSON)
        return ESCERTKE_ERR_UNSUPPORTED;
    esc_printable(escertke_span_str(text), clean, sizeof clean);
    esc_json_write_open(&w, '{');
    esc_json_write_name(&w, "m2m:dbg");
    esc_json_write_text(&w, escertke_span_str(clean));
    esc_json_write_close(&w, '}');
    return esc_json_write_end(&w);
}

bool escertke_dbg_read(escertke_format format, escertke_span content, char *out, size_t cap)
{
    json_t *root, *value;
    const char *name;

    if (cap)
        out[0] = '\0';
    if (format != ESCERTKE_FORMAT_JSON || esc_json_load_content(content, &root, &name, &value, NULL) != ESCERTKE_OK)
        return false;
    bool found = !strcmp(name, "m2m:dbg") && json_is_string(value);
    if (found)
        esc_printable(esc_json_text(value), out, cap);
    json_decref(root);
    return found;
}
