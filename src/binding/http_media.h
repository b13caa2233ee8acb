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

/** How well a format is liked by an Accept header so far. */
struct esc_http_liking {
    int rank;   /* how closely the best range fits: 0 = none, 1 = all types, 2 = application, 3 = a type of this format */
    int weight; /* its q, thousandths */
};

/** What Accept says about each format; several header fields are read one after the other. Begin with all zero. */
struct esc_http_accept {
    struct esc_http_liking formats[ESCERTKE_FORMAT_CBOR + 1]; /* by format */
    bool seen;
};

void esc_http_accept_read(escertke_span value, struct esc_http_accept *accept);
/**
 * The format to answer in: the one most liked of those that this build has; of several @p like, the request's own (0 = it has
 * none), and then JSON, XML, CBOR. Without Accept all are liked. 0 = none will do.
 */
escertke_format esc_http_accept_choose(const struct esc_http_accept *accept, escertke_format like);

#endif
