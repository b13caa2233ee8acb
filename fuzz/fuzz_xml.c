/* XML that was read is a tree that JSON, CBOR and XML can say, and reads the same again; a refusal has a reason. */
#include "serialized.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    escertke_span text = { data, size };
    escertke_detail d;
    json_t *tree;

    escertke_detail_init(&d);
    escertke_err err = esc_serial_load(ESCERTKE_FORMAT_XML, text, &tree, &d);
    if (err != ESCERTKE_OK && (d.err != err || !*d.reason || tree))
        abort();
    if (err == ESCERTKE_OK) {
        same_through(ESCERTKE_FORMAT_XML, tree, false);
        same_through(ESCERTKE_FORMAT_JSON, tree, false);
        if (escertke_format_available(ESCERTKE_FORMAT_CBOR))
            same_through(ESCERTKE_FORMAT_CBOR, tree, false);
    }
    json_decref(tree);
    primitive_through(ESCERTKE_FORMAT_XML, text);
    seci_through(ESCERTKE_FORMAT_XML, text);
    return 0;
}
