#include <escertke/http.h>

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "base/memory.h"
#include "binding/http_client.h"
#include "binding/http_map.h"
#include "binding/http_target.h"

#define CONNECT_TIMEOUT_MS 5000u
#define TIMEOUT_MS 30000u
#define HEADERS_MAX 32768u        /* all header lines of a response, bytes */
#define CONNECTIONS_PER_HANDLE 8L /* kept open; a handle serves one exchange at a time */
#define IDLE_MAX_S 20L            /* a kept connection is not used again after so long: servers close theirs after 30 s */
#define PEM_MAX ((size_t)1 << 20)

/* A libcurl handle with its open connections; taken by one thread at a time. */
struct handle {
    CURL *curl;
    struct handle *next;
    char error[CURL_ERROR_SIZE];
};

struct escertke_http_client {
    pthread_mutex_t lock;
    struct handle *idle; /* last used first; under lock */
    long connect_timeout_ms, timeout_ms;
    escertke_buf trust, cert, key;
};

/* ---- handles ----------------------------------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global_code;

static void global_init(void)
{
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static CURLcode set_blob(CURL *curl, CURLoption option, const escertke_buf *pem)
{
    struct curl_blob blob = { .data = pem->ptr, .len = pem->len, .flags = CURL_BLOB_NOCOPY };

    return curl_easy_setopt(curl, option, &blob);
}

static CURLcode set_tls(const escertke_http_client *c, CURL *curl)
{
    CURLcode code = curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);

    if (!code && c->trust.len) {
        code = set_blob(curl, CURLOPT_CAINFO_BLOB, &c->trust);
        if (!code)
            code = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL); /* or the system's anchors would count as well */
    }
    if (!code && c->cert.len)
        code = set_blob(curl, CURLOPT_SSLCERT_BLOB, &c->cert);
    if (!code && c->key.len)
        code = set_blob(curl, CURLOPT_SSLKEY_BLOB, &c->key);
    return code;
}

static size_t take_header(char *data, size_t size, size_t count, void *cls);
static size_t take_body(char *data, size_t size, size_t count, void *cls);
static int look_for_end(void *cls, curl_off_t down, curl_off_t now, curl_off_t up, curl_off_t up_now);

/* What is the same for every exchange. */
static CURLcode set_fixed(const escertke_http_client *c, struct handle *h)
{
    CURLcode code = curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->error);

    if (!code)
        code = curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!code)
        code = curl_easy_setopt(h->curl, CURLOPT_PROXY, "");
    if (!code)
        code = curl_easy_setopt(h->curl, CURLOPT_HEADERFUNCTION, take_header);
    if (!code)
        code = curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, take_body);
    if (!code)
        code = curl_easy_setopt(h->curl, CURLOPT_XFERINFOFUNCTION, look_for_end);
    if (!code)
        code = set_tls(c, h->curl);
    static const struct {
        CURLoption option;
        long value;
    } longs[] = {
        { CURLOPT_NOSIGNAL, 1 },
        { CURLOPT_NOPROGRESS, 0 }, /* called at least once a second while nothing comes */
        { CURLOPT_FOLLOWLOCATION, 0 },
        { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
        { CURLOPT_HTTP09_ALLOWED, 0 },
        { CURLOPT_PATH_AS_IS, 1 },
        { CURLOPT_TCP_NODELAY, 1 },
        { CURLOPT_MAXCONNECTS, CONNECTIONS_PER_HANDLE },
        { CURLOPT_MAXAGE_CONN, IDLE_MAX_S },
        { CURLOPT_MAXFILESIZE, ESCERTKE_PRIMITIVE_MAX },
    };
    for (size_t i = 0; !code && i < sizeof longs / sizeof *longs; i++)
        code = curl_easy_setopt(h->curl, longs[i].option, longs[i].value);
    if (!code)
        code = curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT_MS, c->connect_timeout_ms);
    return code;
}

static void handle_free(struct handle *h)
{
    if (h->curl)
        curl_easy_cleanup(h->curl);
    esc_release(h);
}

static struct handle *handle_take(escertke_http_client *c)
{
    struct handle *h;

    pthread_mutex_lock(&c->lock);
    h = c->idle;
    if (h)
        c->idle = h->next;
    pthread_mutex_unlock(&c->lock);
    if (h)
        return h;
    h = esc_zalloc(sizeof *h);
    if (!h)
        return NULL;
    h->curl = curl_easy_init();
    if (h->curl && !set_fixed(c, h))
        return h;
    handle_free(h);
    return NULL;
}

static void handle_give(escertke_http_client *c, struct handle *h)
{
    pthread_mutex_lock(&c->lock);
    h->next = c->idle;
    c->idle = h;
    pthread_mutex_unlock(&c->lock);
}

/* ---- client ------------------------------------------------------------------------------------------------ */

static escertke_err copy(escertke_span pem, escertke_buf *out)
{
    escertke_buf_init(out, PEM_MAX);
    return pem.len ? escertke_buf_append(out, pem.ptr, pem.len) : ESCERTKE_OK;
}

escertke_err escertke_http_client_new(const escertke_http_client_config *cfg, escertke_http_client **out)
{
    escertke_http_client *c;
    struct handle *h;
    escertke_err err;

    if (!cfg || !out)
        return ESCERTKE_ERR_ARG;
    *out = NULL;
    if (pthread_once(&once, global_init) || global_code)
        return ESCERTKE_ERR_BACKEND;
    c = esc_zalloc(sizeof *c);
    if (!c)
        return ESCERTKE_ERR_NOMEM;
    pthread_mutex_init(&c->lock, NULL);
    c->connect_timeout_ms = (long)(cfg->connect_timeout_ms ? cfg->connect_timeout_ms : CONNECT_TIMEOUT_MS);
    c->timeout_ms = (long)(cfg->timeout_ms ? cfg->timeout_ms : TIMEOUT_MS);
    err = copy(cfg->tls_trust, &c->trust);
    if (err == ESCERTKE_OK)
        err = copy(cfg->tls_cert, &c->cert);
    if (err == ESCERTKE_OK)
        err = copy(cfg->tls_key, &c->key);
    if (err == ESCERTKE_OK) {
        h = handle_take(c); /* an option that this libcurl does not know shows here */
        if (h)
            handle_give(c, h);
        else
            err = ESCERTKE_ERR_BACKEND;
    }
    if (err == ESCERTKE_OK)
        *out = c;
    else
        escertke_http_client_free(c);
    return err;
}

void escertke_http_client_free(escertke_http_client *c)
{
    if (!c)
        return;
    while (c->idle) {
        struct handle *h = c->idle;
        c->idle = h->next;
        handle_free(h);
    }
    pthread_mutex_destroy(&c->lock);
    escertke_buf_free(&c->key);
    escertke_buf_free(&c->cert);
    escertke_buf_free(&c->trust);
    esc_release(c);
}

/* ---- receiving --------------------------------------------------------------------------------------------- */

struct arriving {
    struct esc_http_in in;
    escertke_primitive *rsp;
    escertke_detail *d;
    size_t header_bytes;
    bool head_complete; /* the empty line behind the headers has come */
    escertke_err err;   /* why a callback stopped the transfer */
    const struct esc_patience *patience;
};

static void begin_response(struct arriving *a)
{
    escertke_primitive_clear(a->rsp);
    a->head_complete = false;
    esc_http_in_init(&a->in, true, a->rsp, a->d);
}

static size_t take_header(char *data, size_t size, size_t count, void *cls)
{
    struct arriving *a = cls;
    size_t len = size * count, name;
    const char *colon = memchr(data, ':', len);

    a->header_bytes += len;
    if (a->header_bytes > HEADERS_MAX) {
        a->err = esc_fail(a->d, ESCERTKE_ERR_TOO_LARGE, "", "headers of the response are larger than %u bytes", HEADERS_MAX);
        return 0;
    }
    if (len >= 5 && !memcmp(data, "HTTP/", 5)) {
        begin_response(a); /* of a 100 and of the answer after it, only the last counts */
        return len;
    }
    a->head_complete = a->head_complete || len == 0 || data[0] == '\r' || data[0] == '\n';
    if (!colon)
        return len;
    name = (size_t)(colon - data);
    size_t end = len;
    while (end > name + 1 && (data[end - 1] == '\r' || data[end - 1] == '\n'))
        end--;
    esc_http_in_field(&a->in, (escertke_span){ (uint8_t *)data, name },
                      (escertke_span){ (uint8_t *)data + name + 1, end - name - 1 });
    return len;
}

static size_t take_body(char *data, size_t size, size_t count, void *cls)
{
    struct arriving *a = cls;

    a->err = escertke_buf_append(&a->rsp->content, data, size * count);
    if (a->err == ESCERTKE_OK)
        return size * count;
    esc_fail(a->d, a->err, "", "content of the response: %s, limit %zu bytes", escertke_err_text(a->err), a->rsp->content.max);
    return 0;
}

static int look_for_end(void *cls, curl_off_t down, curl_off_t now, curl_off_t up, curl_off_t up_now)
{
    struct arriving *a = cls;

    (void)down, (void)now, (void)up, (void)up_now;
    if (!esc_patience_ended(a->patience))
        return 0;
    a->err = esc_fail(a->d, ESCERTKE_ERR_UNREACHABLE, "", "given up");
    return 1;
}

/* libcurl's results that are not "no connection, no answer". */
static const struct {
    CURLcode code;
    escertke_err err;
} results[] = {
    { CURLE_URL_MALFORMAT, ESCERTKE_ERR_ARG },           { CURLE_OPERATION_TIMEDOUT, ESCERTKE_ERR_DEADLINE },
    { CURLE_UNSUPPORTED_PROTOCOL, ESCERTKE_ERR_HTTP }, /* an answer without a status line; the scheme was checked before */
    { CURLE_WEIRD_SERVER_REPLY, ESCERTKE_ERR_HTTP },     { CURLE_BAD_CONTENT_ENCODING, ESCERTKE_ERR_HTTP },
    { CURLE_FILESIZE_EXCEEDED, ESCERTKE_ERR_TOO_LARGE }, { CURLE_OUT_OF_MEMORY, ESCERTKE_ERR_NOMEM },
    { CURLE_SSL_CERTPROBLEM, ESCERTKE_ERR_CREDENTIAL },  { CURLE_SSL_CACERT_BADFILE, ESCERTKE_ERR_CREDENTIAL },
};

static escertke_err result_error(CURL *curl, CURLcode code, bool https)
{
    curl_off_t connected = 0, first_byte = 0;
    long os_errno = 0;
    size_t i = 0;

    curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
    curl_easy_getinfo(curl, CURLINFO_STARTTRANSFER_TIME_T, &first_byte);
    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_errno);
    if (code == CURLE_RECV_ERROR && first_byte && !os_errno && !https)
        return ESCERTKE_ERR_HTTP; /* nothing wrong with the socket: the chunks are */
    while (i < sizeof results / sizeof *results && results[i].code != code)
        i++;
    if (i == sizeof results / sizeof *results)
        return ESCERTKE_ERR_UNREACHABLE;
    if (code == CURLE_OPERATION_TIMEDOUT && !connected)
        return ESCERTKE_ERR_UNREACHABLE;
    if (code == CURLE_OUT_OF_MEMORY && first_byte) /* that is how libcurl 7 reports a header line past its own limit */
        return ESCERTKE_ERR_TOO_LARGE;
    return results[i].err;
}

/* ---- sending ----------------------------------------------------------------------------------------------- */

static escertke_err write_url(const char *base, bool to_ae, const escertke_primitive *req, escertke_buf *url, escertke_detail *d)
{
    struct esc_http_url parsed;
    escertke_err err = esc_http_url_parse(base, &parsed, d);

    if (err == ESCERTKE_OK && parsed.port == 0)
        err = esc_fail(d, ESCERTKE_ERR_ARG, "", "no port to connect to: %.200s", base);
    if (err == ESCERTKE_OK)
        err = esc_http_url_authority(&parsed, url);
    if (err == ESCERTKE_OK)
        err = esc_http_target_write(&parsed, to_ae, req, url, d);
    if (err == ESCERTKE_OK)
        err = escertke_buf_append(url, "", 1);
    return err == ESCERTKE_ERR_TOO_LARGE ? esc_fail(d, ESCERTKE_ERR_ARG, "", "URL and To are too long together") : err;
}

static bool add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *more = curl_slist_append(*list, line);

    if (more)
        *list = more;
    return more != NULL;
}

static escertke_err write_headers(const struct esc_http_out *out, struct curl_slist **list)
{
    escertke_buf line;
    escertke_err err = ESCERTKE_OK;
    bool typed = false;

    escertke_buf_init(&line, HEADERS_MAX);
    if (!add_line(list, "Expect:"))
        err = ESCERTKE_ERR_NOMEM;
    for (size_t i = 0; i < out->count && err == ESCERTKE_OK; i++) {
        const char *name = out->fields[i].name, *value = out->fields[i].value;

        typed = typed || value == out->type;
        escertke_buf_reset(&line);
        err = escertke_buf_append(&line, name, strlen(name));
        if (err == ESCERTKE_OK)
            err = escertke_buf_append(&line, ": ", 2);
        if (err == ESCERTKE_OK)
            err = escertke_buf_append(&line, value, strlen(value) + 1);
        if (err == ESCERTKE_OK && !add_line(list, (const char *)line.ptr))
            err = ESCERTKE_ERR_NOMEM;
    }
    if (err == ESCERTKE_OK && !typed && !add_line(list, "Content-Type:")) /* none instead of libcurl's own */
        err = ESCERTKE_ERR_NOMEM;
    escertke_buf_free(&line);
    return err;
}

static CURLcode set_request(struct handle *h, const char *url, const char *method, struct curl_slist *headers,
                            const escertke_primitive *req, struct arriving *a)
{
    bool post = req->content.len > 0 || !strcmp(method, "POST") || !strcmp(method, "PUT");
    CURLcode code = curl_easy_setopt(h->curl, CURLOPT_URL, url);

    if (!code)
        code = curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
    if (!code)
        code = curl_easy_setopt(h->curl, post ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
    if (!code && post)
        code = curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->content.len);
    if (!code && post)
        code = curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, req->content.len ? (const char *)req->content.ptr : "");
    if (!code)
        code = curl_easy_setopt(h->curl, CURLOPT_CUSTOMREQUEST, method);
    if (!code)
        code = curl_easy_setopt(h->curl, CURLOPT_HEADERDATA, a);
    if (!code)
        code = curl_easy_setopt(h->curl, CURLOPT_XFERINFODATA, a);
    return code ? code : curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, a);
}

/* A write to a connection that the peer has closed must not end the program; older libcurl does not see to it for TLS. */
static CURLcode perform_quietly(CURL *curl)
{
    static const struct timespec now = { 0, 0 };
    sigset_t pipe_only, before, pending;
    CURLcode code;

    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    code = curl_easy_perform(curl);
    sigpending(&pending);
    if (!was_pending && sigismember(&pending, SIGPIPE) == 1)
        sigtimedwait(&pipe_only, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

/* What is left for this exchange, milliseconds: the client's limit, or less where rqet ends sooner. @return OK, DEADLINE */
static escertke_err time_left(const escertke_http_client *c, const escertke_primitive *req, const struct esc_patience *p,
                              long *left_ms, escertke_detail *d)
{
    int64_t until_ms, now_ms = escertke_system_clock(NULL).unix_s * 1000;

    *left_ms = p->timeout_ms ? (long)p->timeout_ms : c->timeout_ms;
    if (p->timeout_ms || !req->rqet || escertke_abs_rel_parse(escertke_span_str(req->rqet), now_ms, &until_ms) != ESCERTKE_OK)
        return ESCERTKE_OK;
    if (until_ms <= now_ms)
        return esc_fail(d, ESCERTKE_ERR_DEADLINE, "TS-0004 7.3.2.6", "rqet %s has passed", req->rqet);
    if (until_ms - now_ms < *left_ms)
        *left_ms = (long)(until_ms - now_ms);
    return ESCERTKE_OK;
}

static escertke_err exchange(struct handle *h, const char *base, const char *url, const char *method, struct curl_slist *headers,
                             const escertke_primitive *req, const struct esc_patience *p, escertke_primitive *rsp,
                             escertke_detail *d)
{
    struct arriving a = { .rsp = rsp, .d = d, .patience = p };
    CURLcode code;
    escertke_err err;

    begin_response(&a);
    h->error[0] = '\0';
    code = set_request(h, url, method, headers, req, &a);
    if (!code)
        code = perform_quietly(h->curl);
    if (!code && !a.head_complete) /* libcurl 7 is content with a part of the headers */
        return esc_fail(d, ESCERTKE_ERR_UNREACHABLE, "", "%.100s: connection closed in the headers of the response", base);
    if (!code)
        return esc_http_in_response_end(&a.in, req->rqi);
    if (a.err != ESCERTKE_OK)
        return a.err;
    err = result_error(h->curl, code, !strncmp(base, "https", 5));
    const char *words = h->error[0] ? h->error : curl_easy_strerror(code);
    if (d && d->err == ESCERTKE_OK)
        esc_printable(escertke_span_str(words), d->backend, sizeof d->backend);
    return esc_fail(d, err, "", "%.100s: %s", base, words);
}

escertke_err escertke_http_send(escertke_http_client *c, const char *base, bool to_ae, const escertke_primitive *req,
                                escertke_primitive *rsp, escertke_detail *d)
{
    return esc_http_send(c, base, to_ae, req, &(struct esc_patience){ 0 }, rsp, d);
}

escertke_err esc_http_send(escertke_http_client *c, const char *base, bool to_ae, const escertke_primitive *req,
                           const struct esc_patience *p, escertke_primitive *rsp, escertke_detail *d)
{
    struct esc_http_out out;
    struct curl_slist *headers = NULL;
    struct handle *h = NULL;
    escertke_buf url;
    escertke_err err;
    long left_ms;

    if (!c || !base || !req || !rsp)
        return esc_fail(d, ESCERTKE_ERR_ARG, "", "a client, a URL, a request and room for the response are needed");
    escertke_buf_init(&url, 2 * ESC_HTTP_TARGET_MAX);
    err = esc_http_out_request(req, &out, d);
    if (err == ESCERTKE_OK)
        err = write_url(base, to_ae, req, &url, d);
    if (err == ESCERTKE_OK)
        err = write_headers(&out, &headers);
    if (err == ESCERTKE_OK)
        err = time_left(c, req, p, &left_ms, d);
    if (err == ESCERTKE_OK) {
        h = handle_take(c);
        if (h && curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, left_ms))
            err = ESCERTKE_ERR_BACKEND;
        else
            err = h ? exchange(h, base, (const char *)url.ptr, out.method, headers, req, p, rsp, d) : ESCERTKE_ERR_NOMEM;
    }
    if (h)
        handle_give(c, h);
    curl_slist_free_all(headers);
    escertke_buf_free(&url);
    if (err != ESCERTKE_OK)
        escertke_primitive_clear(rsp);
    return err == ESCERTKE_OK ? err : esc_fail(d, err, "", "%s", escertke_err_text(err));
}
