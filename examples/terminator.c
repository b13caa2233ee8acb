/*
 * A Terminating End-Point in one file: listens for ESCertKE over HTTP and keeps the keys in memory.
 *
 *   terminator ID CERT KEY TRUST        e.g. terminator //m2m.example.org/in1/Cmeter meter.crt meter.key pki/root.crt
 *
 * Prints its URL, then one line per key; ends when its standard input does.
 */
#include <escertke/escertke.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static escertke_span read_file(const char *path)
{
    static char room[3][65536];
    static int used;
    FILE *f = fopen(path, "rb");
    char *to = room[used++];
    size_t len = f ? fread(to, 1, sizeof room[0], f) : 0;

    if (f)
        fclose(f);
    return (escertke_span){ (const uint8_t *)to, len };
}

static int failed(const char *what, const escertke_detail *d)
{
    fprintf(stderr, "%s: %s: %s (%s)\n", what, escertke_err_name(d->err), d->reason, d->clause);
    return 1;
}

static void on_event(void *ctx, const escertke_event *event)
{
    char id[33];

    (void)ctx;
    if (event->kind == ESCERTKE_EVENT_ESTABLISHED) {
        escertke_hex((escertke_span){ event->entry->key.id, ESCERTKE_KEY_ID_LEN }, id);
        printf("established %s with %s\n", id, event->peer);
    } else if (event->kind == ESCERTKE_EVENT_REFUSED) {
        printf("refused %s: %s\n", event->peer, event->detail->reason);
    }
    fflush(stdout);
}

static void handle(void *ctx, const escertke_primitive *req, escertke_now now, escertke_primitive *rsp)
{
    escertke_notify_serve(ctx, req, now, rsp);
}

int main(int argc, char **argv)
{
    const escertke_tls_ops *tls = escertke_tls_openssl();
    escertke_http_server *server;
    escertke_terminator *terminator;
    escertke_store store;
    escertke_detail d;
    escertke_id id;
    void *credential;
    char sp[256], cse[256];

    escertke_detail_init(&d);
    if (argc != 5 || escertke_id_parse(escertke_span_str(argv[1]), &id) != ESCERTKE_OK)
        return fprintf(stderr, "usage: terminator ID CERT KEY TRUST\n"), 2;
    escertke_credential_source files = { .chain = read_file(argv[2]),
                                         .key = read_file(argv[3]),
                                         .trust = read_file(argv[4]),
                                         .unix_s = escertke_system_clock(NULL).unix_s };
    if (tls->credential_new(&files, &credential, &d) != ESCERTKE_OK)
        return failed("certificate", &d);
    if (escertke_store_memory(1000, &store) != ESCERTKE_OK)
        return 1;
    /* What completes a From that comes without them: our own SP-ID and our registrar's CSE-ID. */
    snprintf(sp, sizeof sp, "%.*s", (int)id.sp_len, id.text);
    snprintf(cse, sizeof cse, "%.*s", (int)id.cse_len, id.text + id.sp_len);
    escertke_terminator_config cfg = {
        .identity = { .tls = tls, .credential = credential, .id = id.text, .ctx = { sp, cse }, .store = &store },
        .on_event = on_event
    };
    if (escertke_terminator_new(&cfg, &terminator, &d) != ESCERTKE_OK)
        return failed("terminator", &d);
    escertke_http_server_config http = { .listen = "http://127.0.0.1:0/notify", .handler = handle, .handler_ctx = terminator };
    if (escertke_http_server_start(&http, &server, &d) != ESCERTKE_OK)
        return failed("listen", &d);
    printf("listening %s\n", escertke_http_server_url(server));
    fflush(stdout);
    while (getchar() != EOF)
        escertke_terminator_tick(terminator, escertke_system_clock(NULL));
    escertke_http_server_stop(server, 1000);
    escertke_terminator_free(terminator);
    escertke_store_close(&store);
    tls->credential_free(credential);
    return 0;
}
