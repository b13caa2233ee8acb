/*
 * minimal.c - two devices agree on a key, in one program: base, m2m's identifiers, cert, tls with Mbed TLS, handshake, and
 * nothing else. No thread, no file, no socket, no clock: messages are handed over in memory, the time is said. Prints both key
 * identifiers and what each side took of the heap.
 */
#include <escertke/handshake.h>

#include <stdio.h>
#include <string.h>

#include "credentials.h"
#include "heap.h"

struct device {
    const char *name, *id, *peer;
    enum heap_side side;
    escertke_role role;
    const char *chain, *key;
    void *credential;
    escertke_session *session;
    escertke_key result;
    struct heap_use provisioned, pending;
};

static const escertke_now now = { 1000, CREDENTIALS_TIME };

static escertke_err start(struct device *d)
{
    const escertke_tls_ops *tls = escertke_tls_mbedtls();
    escertke_credential_source src = { .chain = escertke_span_str(d->chain),
                                       .key = escertke_span_str(d->key),
                                       .trust = escertke_span_str(root_crt),
                                       .unix_s = now.unix_s };

    heap_account(d->side);
    escertke_err err = tls->credential_new(&src, &d->credential, NULL);
    if (err != ESCERTKE_OK)
        return err;
    d->provisioned = heap_of(d->side);
    heap_peak_reset(d->side);
    escertke_session_config cfg = { .tls = tls, .credential = d->credential, .role = d->role, .expect = { .id = d->peer } };
    return escertke_session_new(&cfg, &d->session);
}

/* One message in, the answer out: what a device does between receiving and sending. */
static escertke_err take(struct device *d, escertke_span in, escertke_span *out)
{
    heap_account(d->side);
    escertke_err err = in.len ? escertke_session_step(d->session, in, now, out) : escertke_session_start(d->session, now, out);
    if (!escertke_session_done(d->session))
        d->pending = heap_of(d->side);
    if (err != ESCERTKE_OK)
        fprintf(stderr, "%s: %s: %s\n", d->name, escertke_err_name(err), escertke_session_detail(d->session)->reason);
    return err;
}

static escertke_err run(struct device *panel, struct device *meter)
{
    escertke_span message = { NULL, 0 };
    escertke_err err = ESCERTKE_OK;
    int number = 0;

    if ((err = start(panel)) != ESCERTKE_OK || (err = start(meter)) != ESCERTKE_OK)
        return err;
    do { /* M1 and M3 are the panel's, M2 and M4 the meter's; the panel has nothing to say to M4 */
        err = take(number % 2 ? meter : panel, message, &message);
        if (message.len)
            printf("M%d %zu octets\n", ++number, message.len);
    } while (err == ESCERTKE_OK && message.len);
    if (err == ESCERTKE_OK && (err = escertke_session_key(panel->session, &panel->result)) == ESCERTKE_OK)
        err = escertke_session_key(meter->session, &meter->result);
    return err;
}

static void report(const struct device *d)
{
    char id[2 * ESCERTKE_KEY_ID_LEN + 1];
    struct heap_use use = heap_of(d->side);

    escertke_hex((escertke_span){ d->result.id, sizeof d->result.id }, id);
    printf("%s key %s\n", d->name, id);
    printf("%s heap: credential %zu (escertke %zu, Mbed TLS %zu), with it a pending session %zu (escertke %zu, Mbed TLS %zu), "
           "peak %zu\n",
           d->name, d->provisioned.library + d->provisioned.mbedtls, d->provisioned.library, d->provisioned.mbedtls,
           d->pending.library + d->pending.mbedtls, d->pending.library, d->pending.mbedtls, use.peak);
}

static void clear(struct device *d)
{
    escertke_session_free(d->session);
    escertke_tls_mbedtls()->credential_free(d->credential);
    escertke_wipe(&d->result, sizeof d->result);
}

int main(void)
{
    struct device panel = { .name = "panel",
                            .id = PANEL_ID,
                            .peer = METER_ID,
                            .side = HEAP_PANEL,
                            .role = ESCERTKE_INITIATOR,
                            .chain = panel_crt,
                            .key = panel_key };
    struct device meter = { .name = "meter",
                            .id = METER_ID,
                            .peer = PANEL_ID,
                            .side = HEAP_METER,
                            .role = ESCERTKE_TERMINATOR,
                            .chain = meter_crt,
                            .key = meter_key };

    heap_watch();
    escertke_err err = run(&panel, &meter);
    bool same = err == ESCERTKE_OK && escertke_ct_equal(&panel.result, &meter.result, sizeof panel.result);
    if (same) {
        report(&panel);
        report(&meter);
    } else {
        fprintf(stderr, "no common key: %s\n", escertke_err_text(err));
    }
    clear(&panel);
    clear(&meter);
    for (enum heap_side side = HEAP_NOBODY; side < HEAP_SIDES; side++)
        same = same && !heap_of(side).library && !heap_of(side).mbedtls; /* all of it was given back */
    return same ? 0 : 1;
}
