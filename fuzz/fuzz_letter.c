/* Letters of the carrier mailbox and notifications of the carrier sgn: what is read is whole and from whom it says, or has a
 * reason. */
#include <escertke/mailbox.h>

#include <stdlib.h>
#include <string.h>

#include "carrier/carrier.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const escertke_id_context ctx = { "//m2m.example.org", "/in1" };

static void read_letter(escertke_span content)
{
    escertke_letter letter;
    escertke_detail d;
    escertke_id from;

    escertke_detail_init(&d);
    escertke_err err = escertke_letter_read(ESCERTKE_FORMAT_JSON, content, &ctx, &letter, &d);
    if (err != ESCERTKE_OK && (letter.primitive.rqi || d.err != err))
        abort();
    if (err == ESCERTKE_OK && (!letter.creator.text[0] || !letter.primitive.rqi))
        abort();
    if (err == ESCERTKE_OK && letter.primitive.fr &&
        (escertke_id_normalise(escertke_span_str(letter.primitive.fr), &ctx, &from) != ESCERTKE_OK ||
         strcmp(from.text, letter.creator.text) != 0))
        abort();
    escertke_letter_clear(&letter);
}

static void open_notification(escertke_span content)
{
    escertke_seci seci;
    escertke_detail d;
    bool mine = esc_carrier_sgn.recognise(ESCERTKE_FORMAT_JSON, content);

    escertke_detail_init(&d);
    escertke_err err = esc_carrier_sgn.open(ESCERTKE_FORMAT_JSON, content, &seci, &d);
    if ((err == ESCERTKE_OK && (!mine || !seci.sit)) || (err != ESCERTKE_OK && (d.err != err || seci.eckm.len)))
        abort();
    if (mine && escertke_mail_look(ESCERTKE_FORMAT_JSON, content) == ESCERTKE_MAIL_LETTER)
        abort();
    escertke_seci_clear(&seci);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_letter((escertke_span){ data, size });
    open_notification((escertke_span){ data, size });
    return 0;
}

static const char *const names[] = {
    "m2m:sgn", "m2m:cin", "m2m:seci", "nev", "rep", "con", "cnf", "cr", "ri", "vrq", "sud", NULL
};

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_json_input(data, size, max_size, seed, names);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out, size_t max_size,
                                 unsigned int seed)
{
    return mutate_json_cross(a, a_size, b, b_size, out, max_size, seed);
}
