/* carrier.h - the carriers behind one table: how a message is put into a NOTIFY and taken out of it, on both sides. */
#ifndef ESCERTKE_CARRIER_CARRIER_H
#define ESCERTKE_CARRIER_CARRIER_H

#include <escertke/carrier.h>

/**
 * A row of the table. The handshake, the receiver's checks, the answers and the keys are the same for all of them; so is the
 * response of a NOTIFY, an m2m:seci. A carrier whose primitives travel in something else than a hop (mailbox) has the rows of
 * `notify`, and a way to send of its own.
 */
struct esc_carrier {
    escertke_carrier which;
    const char *name;

    /** Append the content of the NOTIFY that takes a message to @p to. @return OK, TOO_LARGE, NOMEM, UNSUPPORTED (format) */
    escertke_err (*wrap)(escertke_format format, const char *to, escertke_span message, escertke_buf *content);
    /** Is this the content of a NOTIFY of this carrier, good or bad? NULL: none is, or it is the standard's. */
    bool (*recognise)(escertke_format format, escertke_span content);
    /** The securityInfo in such a content. @return as escertke_seci_parse */
    escertke_err (*open)(escertke_format format, escertke_span content, escertke_seci *out, escertke_detail *d);
};

extern const struct esc_carrier esc_carrier_notify, esc_carrier_sgn, esc_carrier_mailbox;

/** The row of a carrier; NULL if it is none, or several. */
const struct esc_carrier *esc_carrier_of(escertke_carrier which);

/** What a Response Status Code that is not the expected one means for a run. */
escertke_err esc_carrier_outcome(int rsc);

#endif
