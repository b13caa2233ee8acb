#include "register_keep.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "binding/until.h"
#include "out.h"

#define FIRST_LOOK_MS 1000u

static _Thread_local const struct register_keep *kept_here; /* whose thread this is */

/* A CSE that is not there, or not well, is asked again later. */
static bool is_passing(escertke_err err)
{
    return escertke_err_class(err) == ESCERTKE_CLASS_NETWORK;
}

static const char *reason_of(escertke_err err, const escertke_detail *d)
{
    return d->reason[0] ? d->reason : escertke_err_text(err);
}

/* The command ends, as if somebody had asked it to; register_keep_failed() says why. */
static void give_up(struct register_keep *k, escertke_err err, const escertke_detail *d)
{
    pthread_mutex_lock(&k->lock);
    k->failed = true;
    k->err = err;
    k->d = *d;
    pthread_mutex_unlock(&k->lock);
    kill(getpid(), SIGTERM);
}

/* Register once. @return the time until the next step, ms; 0 = none any more */
static uint64_t try_register(struct register_keep *k, escertke_now now)
{
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = k->what.make(k->what.ctx, now, &d);
    if (err == ESCERTKE_OK) { /* though the end came meanwhile: it is there, and may have to be undone */
        k->was_registered = true;
        k->retry = (struct runtime_retry){ 0 };
        atomic_store(&k->registered, true);
        return FIRST_LOOK_MS; /* for the time that the CSE has given */
    }
    if (atomic_load(&k->stop))
        return 0;
    if (!k->was_registered && !is_passing(err)) {
        give_up(k, err, &d);
        return 0;
    }
    unsigned wait_s = runtime_retry_later(&k->retry, now);
    out_words("not registered at %s: %s; next try in %u s", k->what.url, reason_of(err, &d), wait_s);
    return (uint64_t)wait_s * 1000;
}

static uint64_t look(struct register_keep *k, escertke_now now)
{
    char lost[320] = "";
    unsigned next_s = 0;
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = k->what.look(k->what.ctx, now, lost, sizeof lost, &next_s, &d);
    if (atomic_load(&k->stop))
        return 0;
    if (err != ESCERTKE_OK) { /* nobody knows: what is registered may go on being so */
        unsigned wait_s = runtime_retry_later(&k->retry, now);
        out_words("cannot see whether %s has %s: %s; next look in %u s", k->what.url, k->what.address, reason_of(err, &d),
                  wait_s);
        return (uint64_t)wait_s * 1000;
    }
    k->retry = (struct runtime_retry){ 0 };
    if (!lost[0])
        return (uint64_t)(next_s && next_s < k->what.look_s ? next_s : k->what.look_s) * 1000;
    atomic_store(&k->registered, false);
    out_words("registration at %s is lost: %s; registering again", k->what.url, lost);
    return try_register(k, now);
}

/* @return false: it is over */
static bool wait_ms(struct register_keep *k, uint64_t ms)
{
    uint64_t until_ms = escertke_system_clock(NULL).mono_ms + ms;
    int code = 0;

    pthread_mutex_lock(&k->lock);
    while (!atomic_load(&k->stop) && !k->hurry && code == 0)
        code = esc_until_wait(&k->change, &k->lock, until_ms);
    k->hurry = false;
    pthread_mutex_unlock(&k->lock);
    return !atomic_load(&k->stop);
}

static void *keep(void *arg)
{
    struct register_keep *k = arg;
    uint64_t ms;

    kept_here = k;
    do {
        escertke_now now = escertke_system_clock(NULL);
        ms = atomic_load(&k->registered) ? look(k, now) : try_register(k, now);
    } while (ms && wait_ms(k, ms));
    return NULL;
}

escertke_err register_keep_start(struct register_keep *k, const struct register_kept *what, escertke_detail *d)
{
    k->what = *what;
    pthread_mutex_init(&k->lock, NULL);
    esc_until_init(&k->change);
    k->started = pthread_create(&k->thread, NULL, keep, k) == 0;
    if (k->started)
        return ESCERTKE_OK;
    pthread_cond_destroy(&k->change);
    pthread_mutex_destroy(&k->lock);
    return esc_fail(d, ESCERTKE_ERR_NOMEM, "", "no thread for the registration");
}

bool register_keep_is_self(const struct register_keep *k)
{
    return kept_here == k;
}

void register_keep_hurry(struct register_keep *k)
{
    pthread_mutex_lock(&k->lock);
    k->hurry = true;
    pthread_cond_signal(&k->change);
    pthread_mutex_unlock(&k->lock);
}

escertke_err register_keep_failed(struct register_keep *k, escertke_detail *d)
{
    pthread_mutex_lock(&k->lock);
    escertke_err err = k->failed ? k->err : ESCERTKE_OK;
    if (k->failed)
        *d = k->d;
    pthread_mutex_unlock(&k->lock);
    return err;
}

static void undo(struct register_keep *k)
{
    escertke_detail d;
    json_t *event;

    escertke_detail_init(&d);
    escertke_err err = k->what.undo(k->what.ctx, &d);
    if (err != ESCERTKE_OK) {
        out_words("%s stays at %s: %s", k->what.address, k->what.url, reason_of(err, &d));
        return;
    }
    atomic_store(&k->registered, false);
    event = out_new_event("deregistered");
    out_text(event, "address", k->what.address);
    out_text(event, "via", k->what.url);
    out_event(event, "deregistered %s at %s", k->what.address, k->what.url);
}

void register_keep_halt(struct register_keep *k)
{
    if (!k->started || k->halted)
        return;
    pthread_mutex_lock(&k->lock);
    atomic_store(&k->stop, true);
    pthread_cond_signal(&k->change);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    k->halted = true;
}

void register_keep_stop(struct register_keep *k, bool with_undo)
{
    if (!k->started)
        return;
    register_keep_halt(k);
    if (with_undo && k->was_registered)
        undo(k);
    pthread_cond_destroy(&k->change);
    pthread_mutex_destroy(&k->lock);
    k->started = false;
}
