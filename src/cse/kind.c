/* Values of attributes: what each kind accepts. */
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "cse/internal.h"
#include "m2m/json.h"
#include "m2m/token.h"

enum { TEXT_MAX = 256, NAME_MAX_LEN = 64, LIST_MAX = 16 };

/* A string of 1 to @p max octets without control characters. */
bool esc_text_valid(const json_t *value, size_t max)
{
    escertke_span s = esc_json_text(value);

    if (!json_is_string(value) || !s.len || s.len > max)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    }
    return true;
}

bool esc_list_valid(const json_t *value, size_t max, bool (*ok)(const json_t *item))
{
    const json_t *item;
    size_t i;

    if (!json_is_array(value) || !json_array_size(value) || json_array_size(value) > max)
        return false;
    json_array_foreach(value, i, item) {
        if (!ok(item))
            return false;
    }
    return true;
}

static bool one_of(const json_t *value, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (esc_token_is(esc_json_text(value), words[i]))
            return true;
    }
    return false;
}

static bool is_text(const json_t *value)
{
    return esc_text_valid(value, TEXT_MAX);
}

/* A resourceName: none of the shortcuts and names of virtual resources (R-ID-10, R-ID-12). */
static bool is_name(const json_t *value)
{
    static const char *const taken[] = { "la", "ol", "fopt", "sfop", "pcu", "ntsr", "smv", "msp" };
    escertke_span s = esc_json_text(value);

    return s.len <= NAME_MAX_LEN && esc_token_valid(s) && !one_of(value, taken, sizeof taken / sizeof taken[0]);
}

static bool is_bool(const json_t *value)
{
    return json_is_boolean(value);
}

static bool is_app_id(const json_t *value)
{
    return esc_text_valid(value, TEXT_MAX) && json_string_length(value) > 1 && strchr("RrN", json_string_value(value)[0]);
}

static bool is_time(const json_t *value)
{
    int64_t at_ms;

    return json_is_string(value) && escertke_timestamp_parse(esc_json_text(value), &at_ms) == ESCERTKE_OK && at_ms >= 1000;
}

static bool is_label(const json_t *value)
{
    return esc_text_valid(value, 128);
}

static bool is_labels(const json_t *value)
{
    return esc_list_valid(value, 32, is_label);
}

/* scheme://authority[/path] of a binding, visible ASCII only. */
bool esc_url_valid(const char *url)
{
    static const char *const schemes[] = { "http", "https", "coap", "coaps", "mqtt", "mqtts", "ws", "wss" };
    const char *behind = strstr(url, "://");
    bool known = false;

    for (size_t i = 0; behind && i < sizeof schemes / sizeof schemes[0]; i++)
        known |= strlen(schemes[i]) == (size_t)(behind - url) && !strncmp(url, schemes[i], (size_t)(behind - url));
    if (!known || !behind[3] || behind[3] == '/')
        return false;
    for (const char *c = url; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f || strchr("\"<>\\^`{|}#", *c))
            return false;
    }
    return true;
}

static bool is_url(const json_t *value)
{
    return esc_text_valid(value, ESC_CSE_URL_MAX) && esc_url_valid(json_string_value(value));
}

static bool is_poa(const json_t *value)
{
    return esc_list_valid(value, ESC_CSE_POA_MAX, is_url);
}

static bool is_release(const json_t *value)
{
    static const char *const releases[] = { "1", "2", "2a", "3", "4", "5" };

    return one_of(value, releases, sizeof releases / sizeof releases[0]);
}

static bool is_srv(const json_t *value)
{
    return esc_list_valid(value, 8, is_release);
}

/* "json", and also "application/json" and the like (A-65). */
static bool is_serialization(const json_t *value)
{
    static const char *const words[] = {
        "json", "application/json", "application/vnd.onem2m-res+json", /* the short value, then what others write */
        "xml",  "application/xml",  "application/vnd.onem2m-res+xml",
        "cbor", "application/cbor", "application/vnd.onem2m-res+cbor",
    };

    return one_of(value, words, sizeof words / sizeof words[0]);
}

static bool is_csz(const json_t *value)
{
    return esc_list_valid(value, 8, is_serialization);
}

static bool is_esi(const json_t *value)
{
    escertke_buf text;
    escertke_esi esi;

    escertke_buf_init(&text, ESC_RESOURCE_BYTES_MAX);
    bool ok = json_is_object(value) && esc_json_dump(value, &text) == ESCERTKE_OK &&
              escertke_esi_parse_json(escertke_buf_span(&text), &esi, NULL) == ESCERTKE_OK;
    escertke_buf_free(&text);
    return ok;
}

static bool is_address(const json_t *value)
{
    escertke_address a;

    return json_is_string(value) && escertke_address_parse(esc_json_text(value), &a) == ESCERTKE_OK && !a.attr.len;
}

static bool is_addresses(const json_t *value)
{
    return esc_list_valid(value, LIST_MAX, is_address);
}

static bool is_regs(const json_t *value)
{
    int n;

    return esc_json_int(value, 1, 2, &n);
}

static bool is_cse_type(const json_t *value)
{
    int n;

    return esc_json_int(value, 1, 3, &n);
}

static bool is_cse_id(const json_t *value)
{
    escertke_address a;

    return is_address(value) && escertke_address_parse(esc_json_text(value), &a) == ESCERTKE_OK && a.cse.len && !a.path.len;
}

static bool is_cse_ids(const json_t *value)
{
    return esc_list_valid(value, 64, is_cse_id);
}

static bool is_privileges(const json_t *value)
{
    return esc_acp_valid(value, false);
}

static bool is_self_privileges(const json_t *value)
{
    return esc_acp_valid(value, true);
}

static bool is_count(const json_t *value)
{
    int n;

    return esc_json_int(value, 1, INT_MAX, &n);
}

/* Any text: its length is the container's matter. */
static bool is_content(const json_t *value)
{
    return json_is_string(value);
}

/* "application/json:0" and the like: a media type, how it is encoded, and what follows (TS-0004 6.3.4.2.36). */
static bool is_content_info(const json_t *value)
{
    const char *colon = esc_text_valid(value, TEXT_MAX) ? strchr(json_string_value(value), ':') : NULL;

    return colon && memchr(json_string_value(value), '/', (size_t)(colon - json_string_value(value))) && colon[1] >= '0' &&
           colon[1] <= '2' && (!colon[2] || colon[2] == ':');
}

/* null asks for it; the CSE fills in the name. */
static bool is_creator(const json_t *value)
{
    return json_is_null(value) || esc_text_valid(value, ESCERTKE_ID_MAX);
}

static bool is_event(const json_t *value)
{
    int n;

    return esc_json_int(value, 1, 8, &n);
}

static bool is_event_criteria(const json_t *value)
{
    return json_object_size(value) >= 1 && esc_list_valid(json_object_get(value, "net"), 8, is_event);
}

static bool is_notification_type(const json_t *value)
{
    int n;

    return esc_json_int(value, 1, 5, &n);
}

static bool is_target(const json_t *value)
{
    return is_url(value) || is_address(value);
}

static bool is_targets(const json_t *value)
{
    return esc_list_valid(value, LIST_MAX, is_target);
}

const struct esc_kind esc_kind_count = { is_count, "a number above 0" };
const struct esc_kind esc_kind_content = { is_content, "a string" };
const struct esc_kind esc_kind_content_info = { is_content_info, "a media type and an encoding, as application/json:0" };
const struct esc_kind esc_kind_creator = { is_creator, "null" };
const struct esc_kind esc_kind_event_criteria = { is_event_criteria, "an object with net, a list of 1 to 8" };
const struct esc_kind esc_kind_notification_type = { is_notification_type, "1 to 5" };
const struct esc_kind esc_kind_target = { is_target, "a URL or an address" };
const struct esc_kind esc_kind_targets = { is_targets, "a list of URLs and addresses" };
const struct esc_kind esc_kind_string = { is_text, "a string of 1 to 256 octets" };
const struct esc_kind esc_kind_name = { is_name, "a resource name: 1 to 64 of A-Z a-z 0-9 - . _ ~, not a reserved one" };
const struct esc_kind esc_kind_bool = { is_bool, "true or false" };
const struct esc_kind esc_kind_app_id = { is_app_id, "an App-ID that begins with R, r or N" };
const struct esc_kind esc_kind_time = { is_time, "a timestamp YYYYMMDDThhmmss" };
const struct esc_kind esc_kind_labels = { is_labels, "a list of 1 to 32 strings of at most 128 octets" };
const struct esc_kind esc_kind_poa = { is_poa, "a list of 1 to 8 URLs (http, coap, mqtt, ws, each also with s)" };
const struct esc_kind esc_kind_srv = { is_srv, "a list of releases (1, 2, 2a, 3, 4, 5) as strings" };
const struct esc_kind esc_kind_csz = { is_csz, "a list of json, xml, cbor" };
const struct esc_kind esc_kind_esi = { is_esi, "an e2eSecInfo object with esf" };
const struct esc_kind esc_kind_addresses = { is_addresses, "a list of 1 to 16 addresses" };
const struct esc_kind esc_kind_regs = { is_regs, "1 or 2" };
const struct esc_kind esc_kind_cse_type = { is_cse_type, "1, 2 or 3" };
const struct esc_kind esc_kind_address = { is_address, "an address" };
const struct esc_kind esc_kind_cse_id = { is_cse_id, "a CSE-ID" };
const struct esc_kind esc_kind_cse_ids = { is_cse_ids, "a list of 1 to 64 CSE-IDs" };
const struct esc_kind esc_kind_privileges = { is_privileges, "{\"acr\":[rule...]} with at most 32 rules" };
const struct esc_kind esc_kind_self_privileges = { is_self_privileges, "{\"acr\":[rule...]} with 1 to 32 rules" };
