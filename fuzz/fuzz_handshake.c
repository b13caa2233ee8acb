/*
 * A genuine run with edited messages. Octet 0 says which message is edited (bits 0, 1), how (bit 2), and which back ends run the
 * initiator (bits 3, 4) and the terminator (bits 5, 6). Behind it, changes of octets {what, where, where, value}, or of TLS's
 * parts (mutate.h). Whatever is done to them: a named error, or both ends have the same key.
 */
#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EDITS_MAX = 64 };

static void edit(struct mutate_text *m, const uint8_t *e)
{
    size_t at = m->len ? (size_t)(e[1] << 8 | e[2]) % m->len : 0;

    if (!m->len)
        return;
    switch (e[0] % 6) {
    case 0: m->octets[at] ^= (uint8_t)(1u << (e[3] & 7)); break;
    case 1: m->octets[at] = e[3]; break;
    case 2: m->len = at; break;
    case 3: (void)mutate_replace(m, at, at + 1, NULL, 0); break;
    case 4: (void)mutate_replace(m, at, at, &e[3], 1); break;
    default: (void)mutate_replace(m, m->len, m->len, m->octets + at, m->len - at); break; /* repeat the tail */
    }
}

static void edit_all(struct mutate_text *m, const uint8_t *data, size_t size)
{
    bool parts = data[0] & 4;
    size_t step = parts ? MUTATE_TLS_EDIT : 4;

    for (size_t at = 1; at + step <= size && at < EDITS_MAX; at += step) {
        if (parts)
            mutate_tls(m, data + at);
        else
            edit(m, data + at);
    }
}

static bool step(escertke_session *s, const struct mutate_text *in, struct mutate_text *out)
{
    escertke_span reply;
    escertke_err err = escertke_session_step(s, (escertke_span){ in->octets, in->len }, world_now(), &reply);

    must(mutate_set(out, reply.ptr, reply.len));
    if (err == ESCERTKE_OK)
        return true;
    must(escertke_session_detail(s)->err != ESCERTKE_OK && escertke_session_detail(s)->reason[0]); /* it would help nobody */
    must(!reply.len || (reply.len == 7 && reply.ptr[0] == 21)); /* nothing leaves with an error but an alert */
    return false;
}

static void compare(escertke_session *i, escertke_session *t)
{
    escertke_key a, b;

    if (escertke_session_key(i, &a) != ESCERTKE_OK)
        return;
    /* the initiator's success means that the terminator has that very key */
    must(escertke_session_key(t, &b) == ESCERTKE_OK && memcmp(&a, &b, sizeof a) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mutate_text m[5];
    escertke_span m1;

    if (size < 1)
        return 0;
    world_begin();
    escertke_session *i = world_session(data[0] >> 3 & 3, WORLD_A_PANEL, ESCERTKE_INITIATOR, WORLD_METER),
                     *t = world_session(data[0] >> 5 & 3, WORLD_A_METER, ESCERTKE_TERMINATOR, WORLD_PANEL);
    must(escertke_session_start(i, world_now(), &m1) == ESCERTKE_OK && mutate_set(&m[1], m1.ptr, m1.len));
    bool ok = true;
    for (int k = 1; ok && k <= 4; k++) {
        if ((data[0] & 3) + 1 == k)
            edit_all(&m[k], data, size);
        ok = step(k % 2 ? t : i, &m[k], &m[k < 4 ? k + 1 : 0]);
    }
    must(size > 1 || ok); /* what nobody has touched leads to a key */
    compare(i, t);
    escertke_session_free(i);
    escertke_session_free(t);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_script_input(data, size, max_size, seed, 1, size && data[0] & 4 ? MUTATE_TLS_EDIT : 4);
}
