/*
 * fuzz_match.c - M3 before TLS sees it (R-HS-37). Input: lengths of M1 and M2, two octets each, then M1, M2 and M3. Who has
 * signed is the same for all back ends; and a signature over these messages is none over any others.
 */
#include <stdlib.h>
#include <string.h>

#include "handshake/match.h"
#include "mutate.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD 4u

static bool within(escertke_span inner, escertke_span outer)
{
    return !inner.len || (inner.ptr >= outer.ptr && inner.ptr + inner.len <= outer.ptr + outer.len);
}

struct run {
    escertke_span m1, m2, m3;
};

/* Lengths that are too great are cut. */
static bool take_apart(const uint8_t *data, size_t size, struct run *out)
{
    if (size < HEAD)
        return false;
    size_t left = size - HEAD, m1 = (size_t)data[0] << 8 | data[1], m2 = (size_t)data[2] << 8 | data[3];
    m1 = m1 < left ? m1 : left;
    m2 = m2 < left - m1 ? m2 : left - m1;
    out->m1 = (escertke_span){ data + HEAD, m1 };
    out->m2 = (escertke_span){ data + HEAD + m1, m2 };
    out->m3 = (escertke_span){ data + HEAD + m1 + m2, left - m1 - m2 };
    return true;
}

static escertke_err ask(const char *engine, const struct esc_m3 *m3, escertke_span m1, escertke_span m2)
{
    const escertke_tls_ops *tls = escertke_tls_by_name(engine);

    if (!tls)
        tls = escertke_tls_by_name("openssl");
    escertke_err err = esc_m3_verify(m3, tls, m1, m2);
    must(err == ESCERTKE_OK || err == ESCERTKE_ERR_SIGNATURE);
    return err;
}

/* The last octet of a handshake message is signed whatever it is; M2 and M1 have one in their last record. */
static void other_messages(const struct esc_m3 *m3, const struct run *run)
{
    uint8_t octets[65536];

    if (!run->m2.len || run->m2.len > sizeof octets || run->m2.ptr[0] != 22)
        return;
    memcpy(octets, run->m2.ptr, run->m2.len);
    size_t first = (size_t)octets[3] << 8 | octets[4];
    if (run->m2.len < 5 + first || !first)
        return;
    octets[5] ^= 1; /* the first octet of what is signed of M2 */
    must(ask("openssl", m3, run->m1, (escertke_span){ octets, run->m2.len }) == ESCERTKE_ERR_SIGNATURE);
    must(ask("openssl", m3, run->m1, (escertke_span){ NULL, 0 }) == ESCERTKE_ERR_SIGNATURE);
}

static void look(const struct run *run, bool raw)
{
    escertke_span certificates[ESC_M3_CERTIFICATES_MAX];
    struct esc_m3 m3;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = esc_m3_read(run->m3, raw, &m3, &d);
    if (err != ESCERTKE_OK) {
        must(!m3.octets.ptr && d.err == err && d.reason[0]);
        must(err == ESCERTKE_ERR_TLS || err == ESCERTKE_ERR_NO_CERT ||
             (!raw && (err == ESCERTKE_ERR_CERT || err == ESCERTKE_ERR_PROFILE)));
        return;
    }
    escertke_span all = escertke_buf_span(&m3.octets);
    must(within(m3.signed_part, all) && m3.signed_part.ptr == all.ptr && within(m3.list, all) && within(m3.spki, all));
    must(within(m3.signature, all) && m3.spki.len);
    size_t count = esc_m3_certificates(&m3, certificates);
    must(count <= ESC_M3_CERTIFICATES_MAX && (!raw || count == 1));
    for (size_t i = 0; i < count; i++)
        must(certificates[i].len && within(certificates[i], all));
    escertke_err verdict = ask("openssl", &m3, run->m1, run->m2);
    must(ask(run->m3.len & 1 ? "gnutls" : "mbedtls", &m3, run->m1, run->m2) == verdict);
    if (verdict == ESCERTKE_OK)
        other_messages(&m3, run);
    esc_m3_clear(&m3);
}

/* That what is genuine is taken for it, no input could say. */
static void genuine_is_good(unsigned engine)
{
    escertke_session *i = world_session(engine, WORLD_A_PANEL, ESCERTKE_INITIATOR, WORLD_METER),
                     *t = world_session(engine, WORLD_A_METER, ESCERTKE_TERMINATOR, WORLD_PANEL);
    escertke_span m1, m2, m3;
    struct esc_m3 read;

    must(escertke_session_start(i, world_now(), &m1) == ESCERTKE_OK);
    must(escertke_session_step(t, m1, world_now(), &m2) == ESCERTKE_OK);
    escertke_buf first; /* M1 is gone with the next step */
    escertke_buf_init(&first, ESCERTKE_MESSAGE_MAX);
    must(escertke_buf_append(&first, m1.ptr, m1.len) == ESCERTKE_OK);
    must(escertke_session_step(i, m2, world_now(), &m3) == ESCERTKE_OK);
    must(esc_m3_read(m3, false, &read, NULL) == ESCERTKE_OK);
    for (unsigned e = 0; e < WORLD_ENGINES; e++)
        must(esc_m3_verify(&read, world_tls(e), escertke_buf_span(&first), m2) == ESCERTKE_OK);
    esc_m3_clear(&read);
    escertke_buf_free(&first);
    escertke_session_free(i);
    escertke_session_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool begun;
    struct run run;
    escertke_flight flight;
    int alert;

    for (unsigned e = 0; !begun && e < WORLD_ENGINES; e++) {
        world_begin();
        genuine_is_good(e);
    }
    begun = true;

    if (!take_apart(data, size, &run) || escertke_flight_classify(run.m3, &flight, &alert, NULL) != ESCERTKE_OK ||
        flight != ESCERTKE_FLIGHT_M3)
        return 0;
    look(&run, false);
    look(&run, true);
    return 0;
}

/* One of the three messages is changed, most often M3. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    static uint8_t message[65536];
    struct run run;
    struct mutate_random r = mutate_random(seed);

    if (!take_apart(data, size, &run) || max_size < size || size > sizeof message || !mutate_below(&r, 16))
        return LLVMFuzzerMutate(data, size, max_size);
    size_t which = mutate_below(&r, 6);
    const escertke_span old = which == 0 ? run.m1 : which == 1 ? run.m2 : run.m3;
    size_t at = (size_t)(old.ptr - data), room = max_size - size, behind = size - at - old.len;
    if (!old.len)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(message, old.ptr, old.len);
    size_t most = old.len + room < sizeof message ? old.len + room : sizeof message;
    size_t len = mutate_tls_input(message, old.len, most, seed);
    memmove(data + at + len, data + at + old.len, behind);
    memcpy(data + at, message, len);
    if (which < 2) {
        data[2 * which] = (uint8_t)(len >> 8);
        data[2 * which + 1] = (uint8_t)len;
    }
    return size - old.len + len;
}
