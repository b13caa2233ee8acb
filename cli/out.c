#include "out.h"

#include <langinfo.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"

static bool use_json;
static bool lost; /* something written to stdout did not arrive */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void out_use_json(bool json)
{
    use_json = json;
}

bool out_is_json(void)
{
    return use_json;
}

bool out_is_interactive(void)
{
    return !use_json && isatty(STDERR_FILENO);
}

bool out_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

json_t *out_new_event(const char *name)
{
    return json_pack("{s:s}", "event", name);
}

void out_text(json_t *event, const char *name, const char *value)
{
    char clean[1024];

    if (!value)
        return;
    esc_printable(escertke_span_str(value), clean, sizeof clean);
    json_object_set_new(event, name, json_string(clean));
}

void out_number(json_t *event, const char *name, json_int_t value)
{
    json_object_set_new(event, name, json_integer(value));
}

static void write_line(const char *text)
{
    pthread_mutex_lock(&lock);
    if (fputs(text, stdout) == EOF || putchar('\n') == EOF || fflush(stdout) == EOF)
        lost = true;
    pthread_mutex_unlock(&lock);
}

static void write_formatted(const char *fmt, va_list args) ESCERTKE_PRINTF(1, 0);

static void write_formatted(const char *fmt, va_list args)
{
    char line[2048];
    vsnprintf(line, sizeof line, fmt, args);
    write_line(line);
}

void out_event(json_t *event, const char *fmt, ...)
{
    va_list args;

    if (use_json) {
        char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
        write_line(text ? text : "{\"event\":\"error\",\"error\":\"NOMEM\"}");
        free(text);
    } else {
        va_start(args, fmt);
        write_formatted(fmt, args);
        va_end(args);
    }
    json_decref(event);
}

void out_line(const char *fmt, ...)
{
    va_list args;

    if (use_json)
        return;
    va_start(args, fmt);
    write_formatted(fmt, args);
    va_end(args);
}

void out_words(const char *fmt, ...)
{
    char text[2048];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fprintf(stderr, "escertke: %s\n", text);
}

void out_log(void *ctx, escertke_level level, const char *event, const char *fields)
{
    static const char *const names[] = { "debug", "info", "warning", "error" };

    (void)ctx;
    fprintf(stderr, "escertke: %s %s %s\n", (unsigned)level < 4 ? names[level] : "?", event, fields);
}

const char *out_advice(escertke_err err)
{
    static const struct {
        escertke_err err;
        const char *text;
    } advice[] = {
        { ESCERTKE_ERR_ALERT, "look at the other side's log: it says there why it ended the handshake" },
        { ESCERTKE_ERR_NEGOTIATION, "the peer must offer TLS 1.2 with ECDHE_ECDSA, P-256, SHA-256 and extended master secret" },
        { ESCERTKE_ERR_NO_PENDING, "start again from message 1: the peer has forgotten this handshake" },
        { ESCERTKE_ERR_NO_CONTENT,
          "use the peer's own point of access (--url) or another carrier; this CSE drops NOTIFY responses" },
        { ESCERTKE_ERR_RQI, "the answer belongs to another request: look for a proxy or cache on the way" },
        { ESCERTKE_ERR_PRIVILEGE, "the access control policy of the peer's resource must grant NOTIFY (16) to this originator, "
                                  "and the peer's --peer rules name it" },
        { ESCERTKE_ERR_CERT, "check that --trust holds the root of the peer's chain (escertke pki check FILE --trust ROOT)" },
        { ESCERTKE_ERR_IDENTITY, "check --to, or give the peer's certificate identity with --peer 'ID,flavour=...,san=...'" },
        { ESCERTKE_ERR_VALIDITY, "check this machine's clock, and the certificate's dates" },
        { ESCERTKE_ERR_PROFILE, "look at the certificate with: escertke pki check FILE" },
        { ESCERTKE_ERR_REFUSED_AUTH, "the peer must trust the root of this certificate, and the certificate must say the --id" },
        { ESCERTKE_ERR_CREDENTIAL, "look at --cert, --key and --trust; escertke pki check FILE explains a certificate" },
        { ESCERTKE_ERR_KEY_MISMATCH, "--cert and --key must come from the same pair" },
        { ESCERTKE_ERR_STORE, "look at the --store file: its folder must be writable, and nobody else may read it" },
        { ESCERTKE_ERR_STORE_FULL, "make room on the disk, or remove old keys: escertke keys prune --store URI" },
        { ESCERTKE_ERR_DEADLINE, "try again, with a longer --timeout if the way is slow" },
        { ESCERTKE_ERR_UNREACHABLE, "check the address and that the other side is listening" },
    };

    for (size_t i = 0; i < sizeof advice / sizeof *advice; i++)
        if (advice[i].err == err)
            return advice[i].text;
    return NULL;
}

/* What a peer means by its alert, which is all that this side gets to know. */
static const char *advice_for_alert(int alert)
{
    static const struct {
        int alert;
        const char *text;
    } alerts[] = {
        { 42, "the peer expects another identity, or refuses this certificate's form: escertke inspect shows both; its log says "
              "why" },
        { 43, "this end-point's certificate is outside the profile: look at it with escertke inspect" },
        { 44, "this end-point's certificate has been revoked: have a new one issued" },
        { 45, "this end-point's certificate, or one above it, is not valid now by the peer's clock: escertke inspect shows the "
              "dates" },
        { 48, "the peer does not trust the root of this end-point's certificate: its --trust must hold it" },
        { 49, "the peer expects another certificate or key of this identity: compare its --peer rule with escertke inspect" },
        { 51, "signature or Finished did not hold: --cert and --key must come from one pair, and nobody may change messages" },
    };

    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
        if (alerts[i].alert == alert)
            return alerts[i].text;
    return NULL;
}

const char *out_what_to_do(escertke_err err, const escertke_detail *d)
{
    if (d && d->advice[0])
        return d->advice;
    const char *text = d && (err == ESCERTKE_ERR_ALERT || err == ESCERTKE_ERR_REFUSED_AUTH) ? advice_for_alert(d->alert) : NULL;
    return text ? text : out_advice(err);
}

/* One indented line of what is known; what is not known is not said. */
static void say_line(const char *name, const char *text)
{
    if (text && *text)
        fprintf(stderr, "  %-13s%s\n", name, text);
}

static void say_detail(escertke_err err, const escertke_detail *d)
{
    char number[32];

    if (d) {
        say_line("reason:", d->reason);
        say_line("certificate:", d->certificate);
        say_line("expected:", d->expected);
        say_line("found:", d->found);
        snprintf(number, sizeof number, "message %d of 4", d->message);
        say_line("at:", d->message ? number : NULL);
        snprintf(number, sizeof number, "%d", d->rsc);
        say_line("rsc:", d->rsc ? number : NULL);
        say_line("alert:", escertke_alert_name(d->alert));
        say_line("TLS:", d->backend);
        say_line("clause:", d->clause);
    }
    say_line("to do:", out_what_to_do(err, d));
}

int out_failure(escertke_err err, const escertke_detail *d, const char *fmt, ...)
{
    char what[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    out_words("%s: %s (%s)", what, escertke_err_text(err), escertke_err_name(err));
    say_detail(err, d);
    return (int)escertke_err_class(err);
}

int out_usage(const char *command, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    if (fmt) {
        va_start(args, fmt);
        vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
        out_words("%s", text);
    }
    fprintf(stderr, "  see: escertke %s%s--help\n", command, *command ? " " : "");
    return EXIT_USAGE;
}

int out_finish(int code)
{
    pthread_mutex_lock(&lock);
    bool bad = fflush(stdout) == EOF || ferror(stdout) || lost;
    pthread_mutex_unlock(&lock);
    if (!bad || code != EXIT_DONE)
        return code;
    out_words("standard output: what was said could not be written");
    return EXIT_LOCAL;
}

void out_time(int64_t unix_s, char out[24])
{
    time_t t = (time_t)unix_s;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, 24, "-");
}
