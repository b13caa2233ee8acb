#include "mailbox_serve.h"

#include <escertke/binding.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "out.h"

enum { THREADS = 4 };       /* a letter waits for the CSE: two requests each */
enum { WAITING_MAX = 256 }; /* letters, past which new ones are dropped: they are sent again */
enum { KNOWN_MAX = 256 };   /* mailboxes of others whose addresses are remembered */
enum { LOOK_EVERY_MS = 1000 };

struct waiting {
    escertke_format format;
    escertke_buf content;
    struct waiting *next;
};

/* A writer's mailbox. */
struct known {
    char id[ESCERTKE_ID_MAX + 1], box[MAILBOX_ADDRESS_MAX];
};

struct mailbox_server {
    escertke_terminator *terminator;
    struct mailbox box;
    escertke_mailbox hand;
    pthread_mutex_t lock;
    pthread_cond_t change;
    pthread_t threads[THREADS];
    unsigned thread_count;
    struct waiting *first, **last;
    size_t count;
    bool open, stop, said_full;
    bool told; /* a letter has come by the subscription: it works */
    struct known known[KNOWN_MAX];
    size_t known_count, known_next;
    char seen[ESCERTKE_ID_MAX + 1]; /* ri of the latest letter at the last look; the first thread's */
};

/* ---- other mailboxes ---------------------------------------------------------------------------------------------- */

static bool recall(struct mailbox_server *s, const char *id, char box[MAILBOX_ADDRESS_MAX])
{
    bool found = false;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->known_count && !found; i++)
        if (strcmp(s->known[i].id, id) == 0) {
            memcpy(box, s->known[i].box, MAILBOX_ADDRESS_MAX);
            found = true;
        }
    pthread_mutex_unlock(&s->lock);
    return found;
}

static void remember(struct mailbox_server *s, const char *id, const char *box)
{
    pthread_mutex_lock(&s->lock);
    struct known *k = &s->known[s->known_next];
    s->known_next = (s->known_next + 1) % KNOWN_MAX;
    if (s->known_count < KNOWN_MAX)
        s->known_count++;
    snprintf(k->id, sizeof k->id, "%s", id);
    snprintf(k->box, sizeof k->box, "%s", box);
    pthread_mutex_unlock(&s->lock);
}

static void forget(struct mailbox_server *s, const char *id)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->known_count; i++)
        if (strcmp(s->known[i].id, id) == 0)
            s->known[i].id[0] = '\0';
    pthread_mutex_unlock(&s->lock);
}

/* An S-type AE-ID does not say where its <AE> is: it is looked for at the own registrar. */
static escertke_err find_box(struct mailbox_server *s, const escertke_id *who, char box[MAILBOX_ADDRESS_MAX], escertke_detail *d)
{
    char ae[2 * ESCERTKE_ID_MAX + 2];

    if (who->kind == ESCERTKE_ID_CSE)
        return esc_fail(d, ESCERTKE_ERR_UNSUPPORTED, "R-12.1", "%s is a CSE, and has no mailbox", who->text);
    if (recall(s, who->text, box))
        return ESCERTKE_OK;
    if (who->kind == ESCERTKE_ID_AE_C)
        snprintf(ae, sizeof ae, "%s",
                 strncmp(who->text, s->hand.ctx.sp_id, who->sp_len) == 0 ? who->text + who->sp_len : who->text);
    else
        snprintf(ae, sizeof ae, "%s%s", s->hand.ctx.cse_id, who->text + who->sp_len);
    escertke_err err = mailbox_find(&s->box.exchange, ae, box, d);
    if (err == ESCERTKE_OK)
        remember(s, who->text, box);
    return err;
}

/* ---- letters ------------------------------------------------------------------------------------------------------- */

static void answer(struct mailbox_server *s, const escertke_id *who, const escertke_primitive *rsp)
{
    char box[MAILBOX_ADDRESS_MAX];
    escertke_detail d;

    escertke_detail_init(&d);
    escertke_err err = find_box(s, who, box, &d);
    if (err == ESCERTKE_OK)
        err = escertke_mailbox_post(&s->hand, box, rsp, &d);
    if (err == ESCERTKE_OK)
        return;
    forget(s, who->text);
    out_words("a letter of %s was answered, and the answer could not be left: %s", who->text,
              d.reason[0] ? d.reason : escertke_err_text(err));
}

static void handle(struct mailbox_server *s, escertke_format format, escertke_span content)
{
    const escertke_now now = escertke_system_clock(NULL);
    escertke_letter letter;
    escertke_primitive rsp;

    escertke_primitive_init(&rsp);
    if (escertke_mailbox_serve(s->terminator, format, content, &s->hand.ctx, s->hand.self, now, &letter, &rsp, NULL) ==
        ESCERTKE_OK)
        answer(s, &letter.creator, &rsp);
    escertke_letter_clear(&letter);
    escertke_primitive_clear(&rsp);
}

/* Is it another one than at the last look? Of one without ri nobody knows. */
static bool is_new(struct mailbox_server *s, escertke_format format, escertke_span content)
{
    escertke_letter letter;

    (void)!escertke_letter_read(format, content, &s->hand.ctx, &letter, NULL);
    bool new = !letter.ri[0] || strcmp(letter.ri, s->seen) != 0;
    memcpy(s->seen, letter.ri, sizeof s->seen);
    escertke_letter_clear(&letter);
    return new;
}

/* Without a subscription, and until one has shown that it works: the latest letter. One that another has covered meanwhile is
 * sent again. */
static void look(struct mailbox_server *s)
{
    char latest[MAILBOX_ADDRESS_MAX + 4];
    escertke_primitive rsp;
    struct exchange_request request = { .op = ESCERTKE_OP_RETRIEVE, .to = latest };
    escertke_detail d;

    escertke_detail_init(&d);
    snprintf(latest, sizeof latest, "%s/la", s->box.box);
    escertke_err err = exchange_send(&s->box.exchange, &request, &rsp, &d);
    escertke_span content = escertke_buf_span(&rsp.content);
    if (err == ESCERTKE_OK && rsp.rsc == ESCERTKE_RSC_OK && is_new(s, rsp.format, content))
        handle(s, rsp.format, content);
    escertke_primitive_clear(&rsp);
}

/* ---- threads ------------------------------------------------------------------------------------------------------- */

static struct waiting *next_waiting(struct mailbox_server *s)
{
    struct waiting *w = s->first;

    if (w) {
        s->first = w->next;
        s->count--;
        if (!s->first)
            s->last = &s->first;
    }
    return w;
}

static void release(struct waiting *w)
{
    escertke_buf_free(&w->content);
    free(w);
}

static void wait_for_change(struct mailbox_server *s)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_EVERY_MS / 1000;
    pthread_cond_timedwait(&s->change, &s->lock, &until);
}

/* The first thread looks, if that is what has to be done. */
static void *work(void *ctx)
{
    struct mailbox_server *s = ctx;

    pthread_mutex_lock(&s->lock);
    bool looks = pthread_equal(pthread_self(), s->threads[0]);
    while (!s->stop) {
        struct waiting *w = s->open ? next_waiting(s) : NULL;
        bool to_look = !w && looks && s->open && !(s->box.subscribed && s->told);
        if (w || to_look) {
            pthread_mutex_unlock(&s->lock);
            if (w) {
                handle(s, w->format, escertke_buf_span(&w->content));
                release(w);
            } else {
                look(s);
            }
            pthread_mutex_lock(&s->lock);
        }
        if (!w && !s->stop)
            wait_for_change(s);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- the face ------------------------------------------------------------------------------------------------------ */

static void enqueue(struct mailbox_server *s, const escertke_primitive *req)
{
    struct waiting *w = calloc(1, sizeof *w);
    bool full = true;

    if (w) {
        w->format = req->format;
        escertke_buf_init(&w->content, ESCERTKE_PRIMITIVE_MAX);
    }
    bool copied = w && escertke_buf_append(&w->content, req->content.ptr, req->content.len) == ESCERTKE_OK;
    pthread_mutex_lock(&s->lock);
    s->told = true;
    if (copied && s->count < WAITING_MAX) {
        *s->last = w;
        s->last = &w->next;
        s->count++;
        full = false;
        pthread_cond_signal(&s->change);
    }
    bool say = full && !s->said_full;
    s->said_full = full;
    pthread_mutex_unlock(&s->lock);
    if (full && w)
        release(w);
    if (say)
        out_words("more letters come than can be answered: some are dropped");
}

bool mailbox_server_take(struct mailbox_server *s, const escertke_primitive *req, escertke_primitive *rsp)
{
    escertke_mail mail = ESCERTKE_MAIL_NONE;

    if (req->op == ESCERTKE_OP_NOTIFY && req->content.len)
        mail = escertke_mail_look(req->format, escertke_buf_span(&req->content));
    if (mail == ESCERTKE_MAIL_NONE)
        return false;
    if (mail == ESCERTKE_MAIL_LETTER)
        enqueue(s, req);
    else if (mail == ESCERTKE_MAIL_ENDED)
        out_words("the CSE has ended the subscription to the mailbox");
    if (escertke_respond(req, ESCERTKE_RSC_OK, NULL, rsp) != ESCERTKE_OK)
        rsp->rsc = ESCERTKE_RSC_INTERNAL_SERVER_ERROR;
    return true;
}

static escertke_err start_threads(struct mailbox_server *s)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->change, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_lock(&s->lock); /* until threads[0] is known to all */
    while (s->thread_count < THREADS && pthread_create(&s->threads[s->thread_count], NULL, work, s) == 0)
        s->thread_count++;
    pthread_mutex_unlock(&s->lock);
    return s->thread_count == THREADS ? ESCERTKE_OK : ESCERTKE_ERR_BACKEND;
}

escertke_err mailbox_server_new(escertke_terminator *terminator, const struct mailbox *box, struct mailbox_server **out,
                                escertke_detail *d)
{
    struct mailbox_server *s = calloc(1, sizeof *s);

    *out = s;
    if (!s)
        return ESCERTKE_ERR_NOMEM;
    s->terminator = terminator;
    s->box = *box;
    s->last = &s->first;
    escertke_err err = start_threads(s);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "no threads for the mailbox");
}

static void say_open(const struct mailbox *m)
{
    json_t *event = out_new_event("mailbox");

    out_text(event, "address", m->box);
    out_text(event, "via", m->exchange.url);
    json_object_set_new(event, "subscribed", json_boolean(m->subscribed));
    out_event(event, "mailbox %s at %s, %s", m->box, m->exchange.url,
              m->subscribed ? "told of letters" : "looked into every second");
}

/* The addresses are the same the second time: threads read them all the while. */
escertke_err mailbox_server_open(struct mailbox_server *s, const char *poa, escertke_detail *d)
{
    struct mailbox box = s->box;

    box.poa = poa;
    escertke_err err = mailbox_open(&box, d);
    if (err != ESCERTKE_OK)
        return err;
    pthread_mutex_lock(&s->lock);
    if (!s->open) {
        s->box = box;
        mailbox_hand(&s->box, &s->hand);
    }
    s->box.subscribed = box.subscribed;
    s->told = false; /* by this subscription */
    s->open = true;
    pthread_cond_broadcast(&s->change);
    pthread_mutex_unlock(&s->lock);
    say_open(&box);
    return ESCERTKE_OK;
}

void mailbox_server_free(struct mailbox_server *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->change);
    pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < s->thread_count; i++)
        pthread_join(s->threads[i], NULL);
    for (struct waiting *w; (w = next_waiting(s)) != NULL;)
        release(w);
    pthread_cond_destroy(&s->change);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
