/* mailbox.c - letters: primitives in contentInstances, and what a NOTIFY is to the owner of a mailbox (R 12.1). */
#include <escertke/mailbox.h>

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "carrier/carrier.h"
#include "endpoint/terminator.h"
#include "m2m/serialization.h"

static const char clause[] = "R-12.1, TS-0004 7.4.7";

/* cnf of the two kinds; ":0" = no encoding (TS-0004 6.3.3). */
#define CNF_REQUEST "application/vnd.onem2m-preq+json:0"
#define CNF_RESPONSE "application/vnd.onem2m-prsp+json:0"

/* Letters hold what `notify` would have sent. */
static escertke_err wrap(escertke_format format, const char *to, escertke_span message, escertke_buf *content)
{
    return esc_carrier_notify.wrap(format, to, message, content);
}

const struct esc_carrier esc_carrier_mailbox = {
    .which = ESCERTKE_CARRIER_MAILBOX, .name = "mailbox", .wrap = wrap, .open = escertke_seci_parse
};

void escertke_letter_init(escertke_letter *l)
{
    memset(l, 0, sizeof *l);
    escertke_primitive_init(&l->primitive);
}

void escertke_letter_clear(escertke_letter *l)
{
    escertke_primitive_clear(&l->primitive);
    escertke_letter_init(l);
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

escertke_err escertke_letter_write(escertke_format format, const escertke_primitive *p, escertke_buf *content)
{
    escertke_buf text;

    escertke_buf_init(&text, ESCERTKE_PRIMITIVE_MAX);
    escertke_err err = escertke_primitive_write_json(p, &text);
    json_t *con = err == ESCERTKE_OK ? json_stringn((const char *)text.ptr, text.len) : NULL;
    json_t *root =
        con ? json_pack("{s:{s:s,s:o,s:n}}", "m2m:cin", "cnf", p->op ? CNF_REQUEST : CNF_RESPONSE, "con", con, "cr") : NULL;
    if (err == ESCERTKE_OK)
        err = root ? esc_serial_dump(format, root, content) : ESCERTKE_ERR_NOMEM;
    json_decref(root);
    escertke_buf_free(&text);
    return err;
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

/* The contentInstance in a content, itself or in a notification; NULL if there is none. */
static const json_t *instance_of(const json_t *root)
{
    const json_t *rep = json_object_get(json_object_get(json_object_get(root, "m2m:sgn"), "nev"), "rep");
    const json_t *cin = json_object_get(rep ? rep : root, "m2m:cin");

    return json_is_object(cin) ? cin : NULL;
}

static void keep_ri(const json_t *cin, escertke_letter *l)
{
    const char *ri = json_string_value(json_object_get(cin, "ri"));
    escertke_address address;

    if (ri && strlen(ri) < sizeof l->ri && escertke_address_parse(escertke_span_str(ri), &address) == ESCERTKE_OK)
        memcpy(l->ri, ri, strlen(ri) + 1);
}

static escertke_err read_id(const char *name, const char *text, const escertke_id_context *ctx, escertke_id *id,
                            escertke_detail *d)
{
    char shown[80];

    if (escertke_id_normalise(escertke_span_str(text), ctx, id) == ESCERTKE_OK)
        return ESCERTKE_OK;
    esc_printable(escertke_span_str(text), shown, sizeof shown);
    return esc_fail(d, ESCERTKE_ERR_ID, "TS-0004 6.2.3", "%s of a letter: expected an AE-ID or CSE-ID, found %s", name, shown);
}

/* Who made it, by the CSE's word, must be who the primitive says it is from. A response may leave fr out. */
static escertke_err check_creator(const json_t *cin, const escertke_id_context *ctx, escertke_letter *l, escertke_detail *d)
{
    const char *cr = json_string_value(json_object_get(cin, "cr"));
    escertke_id from;
    escertke_err err;

    if (!cr)
        return esc_fail(d, ESCERTKE_ERR_CREATOR, clause,
                        "a letter without creator (cr): its writer did not ask the CSE to note one, or the CSE does not");
    if ((err = read_id("cr", cr, ctx, &l->creator, d)) != ESCERTKE_OK)
        return err;
    esc_printable(escertke_span_str(cr), l->primitive.source, sizeof l->primitive.source);
    if (!l->primitive.fr)
        return ESCERTKE_OK;
    if ((err = read_id("fr", l->primitive.fr, ctx, &from, d)) != ESCERTKE_OK)
        return err;
    if (strcmp(from.text, l->creator.text) != 0)
        return esc_fail(d, ESCERTKE_ERR_CREATOR, clause, "a letter says it is from %s, and was made by %s", from.text,
                        l->creator.text);
    return ESCERTKE_OK;
}

static escertke_err read_primitive(const json_t *cin, escertke_letter *l, escertke_detail *d)
{
    const json_t *con = json_object_get(cin, "con"), *cnf = json_object_get(cin, "cnf");
    const char *kind = json_string_value(cnf);

    if (!json_is_string(con))
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, clause, "con: expected a text with a primitive, found %s", esc_json_kind(con));
    if (cnf && (!kind || (strcmp(kind, CNF_REQUEST) != 0 && strcmp(kind, CNF_RESPONSE) != 0)))
        return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, clause,
                        "cnf: expected " CNF_REQUEST " or " CNF_RESPONSE ", found another %s", esc_json_kind(cnf));
    escertke_err err = escertke_primitive_parse_json(esc_json_text(con), &l->primitive, d);
    if (err != ESCERTKE_OK)
        return err;
    if (kind && strcmp(kind, l->primitive.op ? CNF_REQUEST : CNF_RESPONSE) != 0)
        return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, clause, "cnf says %s, and con is a %s", kind,
                        l->primitive.op ? "request" : "response");
    return ESCERTKE_OK;
}

escertke_err escertke_letter_read(escertke_format format, escertke_span content, const escertke_id_context *ctx,
                                  escertke_letter *out, escertke_detail *d)
{
    json_t *root;

    escertke_letter_init(out);
    escertke_err err = esc_serial_load(format, content, &root, d);
    if (err != ESCERTKE_OK)
        return err;
    const json_t *cin = instance_of(root);
    if (!cin) {
        err = esc_fail(d, ESCERTKE_ERR_PRIMITIVE, clause, "expected a contentInstance (m2m:cin), found none");
    } else {
        keep_ri(cin, out);
        if ((err = read_primitive(cin, out, d)) == ESCERTKE_OK)
            err = check_creator(cin, ctx, out, d);
    }
    if (err != ESCERTKE_OK)
        escertke_primitive_clear(&out->primitive);
    json_decref(root);
    return err;
}

/* ---- notifications -------------------------------------------------------------------------------------------- */

/* In XML a boolean is a text. */
static bool is_true(const json_t *value)
{
    const char *text = json_string_value(value);

    return json_is_true(value) || (text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0));
}

static escertke_mail kind_of(const json_t *root)
{
    const json_t *sgn = json_object_get(root, "m2m:sgn");

    if (!json_is_object(sgn) || json_object_size(root) != 1)
        return ESCERTKE_MAIL_NONE;
    if (is_true(json_object_get(sgn, "vrq")))
        return ESCERTKE_MAIL_VERIFICATION;
    if (is_true(json_object_get(sgn, "sud")))
        return ESCERTKE_MAIL_ENDED;
    if (json_object_get(json_object_get(json_object_get(sgn, "nev"), "rep"), "m2m:seci"))
        return ESCERTKE_MAIL_NONE; /* of the carrier sgn */
    return instance_of(root) ? ESCERTKE_MAIL_LETTER : ESCERTKE_MAIL_OTHER;
}

escertke_mail escertke_mail_look(escertke_format format, escertke_span content)
{
    json_t *root;

    if (esc_serial_load(format, content, &root, NULL) != ESCERTKE_OK)
        return ESCERTKE_MAIL_NONE;
    escertke_mail kind = kind_of(root);
    json_decref(root);
    return kind;
}

/* ---- terminating side ------------------------------------------------------------------------------------------ */

static escertke_err check_age(const escertke_primitive *req, escertke_now now, escertke_detail *d)
{
    int64_t until_ms;

    if (!req->rqet)
        return esc_fail(d, ESCERTKE_ERR_DEADLINE, clause, "a request without rqet: in a mailbox nobody knows how old it is");
    if (escertke_timestamp_parse(escertke_span_str(req->rqet), &until_ms) != ESCERTKE_OK)
        return esc_fail(d, ESCERTKE_ERR_PRIMITIVE, clause, "rqet of a letter: expected an absolute time");
    if (until_ms <= now.unix_s * 1000)
        return esc_fail(d, ESCERTKE_ERR_DEADLINE, clause, "an old letter: its rqet %s has passed", req->rqet);
    return ESCERTKE_OK;
}

/* Who the response is for and from, and how long it may lie there. */
static escertke_err address(const escertke_letter *l, const char *self, escertke_primitive *rsp)
{
    escertke_err err = escertke_primitive_set(&rsp->to, escertke_span_str(l->primitive.fr));

    if (err == ESCERTKE_OK)
        err = escertke_primitive_set(&rsp->fr, escertke_span_str(self));
    return err == ESCERTKE_OK ? escertke_primitive_set(&rsp->rset, escertke_span_str(l->primitive.rqet)) : err;
}

static escertke_err take(escertke_format format, escertke_span content, const escertke_id_context *ctx, escertke_now now,
                         escertke_letter *letter, escertke_detail *d)
{
    escertke_err err = escertke_letter_read(format, content, ctx, letter, d);

    if (err != ESCERTKE_OK)
        return err;
    if (!letter->primitive.op)
        return esc_fail(d, ESCERTKE_ERR_STATE, clause, "a response, which is for whoever asked");
    return check_age(&letter->primitive, now, d);
}

escertke_err escertke_mailbox_serve(escertke_terminator *t, escertke_format format, escertke_span content,
                                    const escertke_id_context *ctx, const char *self, escertke_now now, escertke_letter *letter,
                                    escertke_primitive *rsp, escertke_detail *d)
{
    escertke_detail why;

    escertke_detail_init(&why);
    escertke_err err = take(format, content, ctx, now, letter, &why);
    if (err == ESCERTKE_OK) {
        escertke_carrier_serve(t, ESCERTKE_CARRIER_NOTIFY, &letter->primitive, now, rsp);
        return address(letter, self, rsp);
    }
    (void)esc_fail(&why, err, clause, "a letter: %s", escertke_err_text(err)); /* where nobody said more */
    if (err != ESCERTKE_ERR_STATE)
        esc_terminator_note_refusal(t, escertke_span_str(letter->creator.text), &why, content.len);
    if (d && d->err == ESCERTKE_OK)
        *d = why;
    return err;
}
