/*
 * A genuine run with edited messages. The input says which message is edited and how: octet 0 chooses M1...M4, then triples
 * {what, where, value}. Whatever is done to them: a named error, or both ends have the same key.
 */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
    uint8_t octets[8192];
    size_t len;
};

static void edit(struct text *m, const uint8_t *e)
{
    size_t at = m->len ? (size_t)(e[1] << 8 | e[2]) % m->len : 0;

    switch (e[0] % 6) {
    case 0: m->octets[at] ^= (uint8_t)(1u << (e[3] & 7)); break;
    case 1: m->octets[at] = e[3]; break;
    case 2: m->len = at; break;
    case 3: /* remove */
        if (m->len) {
            memmove(m->octets + at, m->octets + at + 1, m->len - at - 1);
            m->len--;
        }
        break;
    case 4: /* insert */
        if (m->len < sizeof m->octets) {
            memmove(m->octets + at + 1, m->octets + at, m->len - at);
            m->octets[at] = e[3];
            m->len++;
        }
        break;
    default: /* repeat the tail */
        if (m->len && m->len + (m->len - at) <= sizeof m->octets) {
            memcpy(m->octets + m->len, m->octets + at, m->len - at);
            m->len += m->len - at;
        }
    }
}

static bool step(escertke_session *s, const struct fixture *f, const struct text *in, struct text *out)
{
    escertke_span reply;
    escertke_err err = escertke_session_step(s, (escertke_span){ in->octets, in->len }, f->now, &reply);

    if (reply.len > sizeof out->octets)
        abort();
    if (reply.len)
        memcpy(out->octets, reply.ptr, reply.len);
    out->len = reply.len;
    if (err != ESCERTKE_OK && (escertke_session_detail(s)->err == ESCERTKE_OK || !escertke_session_detail(s)->reason[0]))
        abort(); /* an error without a reason helps nobody */
    if (err != ESCERTKE_OK && reply.len && (reply.len != 7 || reply.ptr[0] != 21))
        abort(); /* nothing leaves with an error but an alert */
    return err == ESCERTKE_OK;
}

static void compare(escertke_session *i, escertke_session *t)
{
    escertke_key a, b;

    if (escertke_session_key(i, &a) != ESCERTKE_OK)
        return;
    if (escertke_session_key(t, &b) != ESCERTKE_OK || memcmp(&a, &b, sizeof a) != 0)
        abort(); /* the initiator's success means that the terminator has that very key */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fixture *f;
    struct text m[5];
    escertke_span m1;

    if (!f)
        f = fixture_new();
    if (size < 1)
        return 0;
    escertke_session *i = session_of(f, &f->panel, ESCERTKE_INITIATOR, METER), *t = session_of(f, &f->meter, ESCERTKE_TERMINATOR, PANEL);
    bool ok = escertke_session_start(i, f->now, &m1) == ESCERTKE_OK && m1.len <= sizeof m[1].octets;
    if (!ok)
        abort();
    memcpy(m[1].octets, m1.ptr, m1.len);
    m[1].len = m1.len;
    for (int k = 1; ok && k <= 4; k++) {
        if (data[0] % 4 + 1 == k)
            for (size_t at = 1; at + 4 <= size && at < 64; at += 4)
                edit(&m[k], data + at);
        ok = step(k % 2 ? t : i, f, &m[k], &m[k < 4 ? k + 1 : 0]);
    }
    compare(i, t);
    escertke_session_free(i);
    escertke_session_free(t);
    return 0;
}
