#include "binding/http_fetch.h"

#include <curl/curl.h>

#include "base/fail.h"

#define TIMEOUT_S 10L

static size_t take(char *data, size_t size, size_t count, void *out)
{
    return escertke_buf_append(out, data, size * count) == ESCERTKE_OK ? count : 0;
}

escertke_err esc_http_fetch(const char *url, escertke_buf *out, escertke_detail *d)
{
    CURL *curl = curl_easy_init();
    char words[CURL_ERROR_SIZE] = "";
    long status = 0;

    if (!curl)
        return ESCERTKE_ERR_NOMEM;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (!code)
        code = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    if (!code)
        code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!code)
        code = curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (!code)
        code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (!code)
        code = curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    if (!code)
        code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    if (!code)
        code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    if (!code)
        code = curl_easy_perform(curl);
    if (!code)
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (code == CURLE_WRITE_ERROR)
        return esc_fail(d, ESCERTKE_ERR_TOO_LARGE, "", "more than %zu bytes", out->max);
    if (code)
        return esc_fail(d, ESCERTKE_ERR_UNREACHABLE, "", "%s", words[0] ? words : curl_easy_strerror(code));
    return status == 200 ? ESCERTKE_OK : esc_fail(d, ESCERTKE_ERR_HTTP, "", "HTTP status %ld", status);
}
