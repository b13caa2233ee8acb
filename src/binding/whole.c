#include "binding/whole.h"

escertke_err esc_whole_parse(escertke_format format, escertke_span text, escertke_primitive *out, escertke_detail *d)
{
    return escertke_primitive_parse(format, text, out, d);
}

escertke_err esc_whole_write(const escertke_primitive *p, escertke_buf *out)
{
    return escertke_primitive_write(p->format, p, out);
}
