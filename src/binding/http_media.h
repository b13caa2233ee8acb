/* http_media.h - media types of TS-0004 6.7 in Content-Type and Accept. */
#ifndef ESCERTKE_BINDING_HTTP_MEDIA_H
#define ESCERTKE_BINDING_HTTP_MEDIA_H

#include <escertke/m2m.h>

enum esc_http_media { ESC_MEDIA_ABSENT = 0, ESC_MEDIA_KNOWN, ESC_MEDIA_UNKNOWN };

/**
 * Read a Content-Type. @p ty is set if the type has a "ty" parameter. Other parameters are ignored.
 * @return OK (media says if the type is known, format which), PRIMITIVE (ty is not a number or stands twice)
 */
escertke_err esc_http_content_type_read(escertke_span value, enum esc_http_media *media, escertke_format *format, int *ty);

/** What an Accept header says about JSON; several header fields are read one after the other. Begin with all zero. */
struct esc_http_accept {
    int rank; /* how closely the best range fits so far: 0 = none, 1 = all types, 2 = application, 3 = a JSON type of oneM2M */
    bool ok;  /* that range is not excluded by q=0 */
    bool seen;
};

void esc_http_accept_read(escertke_span value, struct esc_http_accept *accept);
/** May the answer be JSON? Without Accept, yes. */
bool esc_http_accept_json(const struct esc_http_accept *accept);

/** "application/json", "application/xml", "application/cbor". Static storage. */
const char *esc_http_media_name(escertke_format format);

#endif
