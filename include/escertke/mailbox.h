/*
 * escertke/mailbox.h - the carrier `mailbox`: primitives as texts in contentInstances (R 12.1).
 *
 * Each end owns a <container> below its <AE>, its mailbox, and lets the other create in it. A letter is a contentInstance whose
 * con is a whole primitive in JSON and whose cnf says which: a request lies in the mailbox of who is to answer it, its response
 * in the mailbox of who asked. Letters carry rqet or rset, since they lie there until the container drops them; nobody deletes
 * them.
 *
 * Nothing here opens a socket or waits by itself: sending, the clock and pauses are callbacks.
 */
#ifndef ESCERTKE_MAILBOX_H
#define ESCERTKE_MAILBOX_H

#include <escertke/carrier.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A letter that was read. */
typedef struct escertke_letter {
    char ri[ESCERTKE_ID_MAX + 1]; /* of the contentInstance; "" = the CSE did not say it */
    escertke_id creator;          /* who made it, by the CSE's word (cr) */
    escertke_primitive primitive; /* its source is cr */
} escertke_letter;

ESCERTKE_API void escertke_letter_init(escertke_letter *l);
ESCERTKE_API void escertke_letter_clear(escertke_letter *l);

/**
 * Append the content of the Create of a letter: {"m2m:cin":{"cnf":...,"con":"<p in JSON>","cr":null}}. With cr null the CSE is
 * asked to note who creates it (TS-0004 7.4.7).
 * @return OK, PRIMITIVE (not a whole primitive), TOO_LARGE, NOMEM, UNSUPPORTED (format)
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_letter_write(escertke_format format, const escertke_primitive *p,
                                                                 escertke_buf *content);
/**
 * Read a letter out of {"m2m:cin":{...}}, as a Retrieve gives it, or out of the notification of a subscription that has it in
 * nev.rep.
 * @param ctx  completes cr and fr to Absolute IDs
 * @param out  initialised by the call; after a failure ri may be set all the same
 * @return OK, or ESCERTKE_ERR_
 *         JSON, XML, CBOR  the content, or con, cannot be read
 *         PRIMITIVE        no m2m:cin; con no text, or no whole primitive
 *         UNSUPPORTED      cnf is there and names neither a request nor a response primitive in JSON, or not the one that con is
 *         CREATOR          no cr, or another one than the primitive's fr
 *         ID               cr or fr is no ID
 *         TOO_LARGE, NOMEM
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_letter_read(escertke_format format, escertke_span content,
                                                                const escertke_id_context *ctx, escertke_letter *out,
                                                                escertke_detail *d);

/** What a NOTIFY is to the owner of a mailbox. */
typedef enum escertke_mail {
    ESCERTKE_MAIL_NONE = 0,     /* nothing of a subscription */
    ESCERTKE_MAIL_VERIFICATION, /* vrq: the CSE asks whether notifications are wanted here: 2000 */
    ESCERTKE_MAIL_ENDED,        /* sud: the subscription is gone */
    ESCERTKE_MAIL_OTHER,        /* a notification of something else than a new contentInstance: 2000, and that is all */
    ESCERTKE_MAIL_LETTER        /* for escertke_mailbox_serve */
} escertke_mail;

ESCERTKE_API escertke_mail escertke_mail_look(escertke_format format, escertke_span content);

/**
 * Terminating side: read the letter and answer it, with the receiver's checks of escertke_notify_serve. What is no acceptable
 * letter is counted and reported as refused; nobody is answered, since it is not known who wrote it. Thread-safe.
 * @param self    own Absolute ID: fr of the response
 * @param letter  initialised by the call, to be cleared in any case
 * @param rsp     initialised and empty; OK: to be left in the mailbox of letter->creator
 * @return OK; STATE (a response: of another who uses this mailbox; not refused); DEADLINE (a request without rqet,
 *         or it has passed: an old letter); as escertke_letter_read
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_mailbox_serve(escertke_terminator *t, escertke_format format,
                                                                  escertke_span content, const escertke_id_context *ctx,
                                                                  const char *self, escertke_now now, escertke_letter *letter,
                                                                  escertke_primitive *rsp, escertke_detail *d);

/** How one end uses mailboxes. Everything borrowed. */
typedef struct escertke_mailbox {
    const char *from;            /* originator of the requests to the CSE: AE-ID-Stem */
    const char *self;            /* own Absolute ID */
    escertke_id_context ctx;     /* own SP-ID and registrar's CSE-ID */
    escertke_format format;      /* of the requests to the CSE; 0 = JSON */
    const escertke_tls_ops *tls; /* for request identifiers */
    escertke_send_fn send;       /* to the registrar CSE */
    void *send_ctx;
    /* initiating side */
    const char *own_box, *peer_box; /* addresses of the two containers */
    const char *peer;               /* Absolute ID of who is to answer */
    escertke_clock_fn clock;
    void *clock_ctx;
    void (*pause)(void *ctx, uint64_t until_ms); /* until this monotonic time */
    void *pause_ctx;
    uint32_t patience_ms; /* for one answer */
} escertke_mailbox;

/** Leave @p p as a letter in the container @p box. @return OK; what send returns; as escertke_notify_establish for an RSC */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_mailbox_post(const escertke_mailbox *m, const char *box,
                                                                 const escertke_primitive *p, escertke_detail *d);
/**
 * Initiating side, as escertke_send_fn: leave the request in the peer's mailbox, and look at the latest letter in the own one
 * until it is the response (of the peer, with the same rqi). Whatever else lies there is passed over.
 * @param ctx  an escertke_mailbox
 * @return OK; what escertke_mailbox_post returns; DEADLINE (no answer in time); the error of a Retrieve that was refused
 */
ESCERTKE_CHECKED ESCERTKE_API escertke_err escertke_mailbox_send(void *ctx, const escertke_primitive *req,
                                                                 escertke_primitive *rsp, escertke_detail *d);

#ifdef __cplusplus
}
#endif
#endif
