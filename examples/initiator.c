/*
 * An Initiating End-Point in one file: one ESCertKE run over HTTP.
 *
 *   initiator ID CERT KEY TRUST TO URL  e.g. initiator //m2m.example.org/in1/Cpanel panel.crt panel.key pki/root.crt \
 *                                            //m2m.example.org/in1/Cmeter http://127.0.0.1:8080/notify
 */
#include <escertke/escertke.h>

#include <stdio.h>
#include <string.h>

struct hop {
    escertke_http_client *client;
    const char *url;
};

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
    return (int)escertke_err_class(d->err);
}

static escertke_err send(void *ctx, const escertke_primitive *req, escertke_primitive *rsp, escertke_detail *d)
{
    const struct hop *hop = ctx;

    return escertke_http_send(hop->client, hop->url, true, req, rsp, d);
}

int main(int argc, char **argv)
{
    const escertke_tls_ops *tls = escertke_tls_openssl();
    escertke_attempt *run;
    escertke_key_entry entry;
    escertke_store store;
    escertke_detail d;
    escertke_id id;
    struct hop hop;
    void *credential;
    char key_id[33];

    escertke_detail_init(&d);
    if (argc != 7 || escertke_id_parse(escertke_span_str(argv[1]), &id) != ESCERTKE_OK)
        return fprintf(stderr, "usage: initiator ID CERT KEY TRUST TO URL\n"), 2;
    escertke_credential_source files = { .chain = read_file(argv[2]),
                                         .key = read_file(argv[3]),
                                         .trust = read_file(argv[4]),
                                         .unix_s = escertke_system_clock(NULL).unix_s };
    if (tls->credential_new(&files, &credential, &d) != ESCERTKE_OK)
        return failed("certificate", &d);
    hop.url = argv[6];
    if (escertke_store_memory(1000, &store) != ESCERTKE_OK ||
        escertke_http_client_new(&(escertke_http_client_config){ 0 }, &hop.client) != ESCERTKE_OK)
        return 1;
    escertke_identity identity = { .tls = tls, .credential = credential, .id = id.text, .store = &store };
    if (escertke_attempt_new(&identity, argv[5], NULL, escertke_system_clock(NULL), &run, &d) != ESCERTKE_OK)
        return failed("attempt", &d);
    /* From in the form in which an AE sends it: the bare AE-ID-Stem. */
    escertke_notify_params params = { .to = argv[5],
                                      .from = id.text + id.sp_len + id.cse_len + 1,
                                      .send = send,
                                      .send_ctx = &hop,
                                      .clock = escertke_system_clock };
    escertke_err err = escertke_notify_establish(run, &params, &d);
    if (err == ESCERTKE_OK && escertke_attempt_entry(run, &entry) == ESCERTKE_OK) {
        escertke_hex((escertke_span){ entry.key.id, ESCERTKE_KEY_ID_LEN }, key_id);
        printf("established %s with %s\n", key_id, entry.peer);
        escertke_key_entry_wipe(&entry); /* entry.key.key is what ESPrim would use */
    }
    escertke_attempt_free(run);
    escertke_http_client_free(hop.client);
    escertke_store_close(&store);
    tls->credential_free(credential);
    return err == ESCERTKE_OK ? 0 : failed("establish", &d);
}
