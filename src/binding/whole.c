#include "binding/whole.h"

#include "base/fail.h"

escertke_err esc_whole_parse(escertke_format format, escertke_span text, escertke_primitive *out, escertke_detail *d)
{
    if (format == ESCERTKE_FORMAT_JSON)
        return escertke_primitive_parse_json(text, out, d);
    escertke_primitive_init(out);
    return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "TS-0004 8", "this build reads primitives in JSON only");
}

escertke_err esc_whole_write(const escertke_primitive *p, escertke_buf *out)
{
    return p->format == ESCERTKE_FORMAT_JSON ? escertke_primitive_write_json(p, out) : ESCERTKE_ERR_UNSUPPORTED;
}
