/*
 * A look at XML before it is parsed: the limits, and what has no place in a primitive. libxml2 checks its own, which are far
 * wider, while it already works; here nothing is built and nothing is looked for twice. What is no XML passes: that is the
 * parser's to find, and it stops at the first fault, up to which both see the same.
 */
#include <string.h>

#include "base/fail.h"
#include "base/utf8.h"
#include "m2m/xml.h"

static const char clause[] = "TS-0004 8.3";

enum { ATTRIBUTES_MAX = 64 }; /* in one tag: parsers compare each with each */

struct scan {
    escertke_span text;
    size_t at;
    size_t depth, items;
};

static bool begins(const struct scan *s, const char *word)
{
    size_t len = strlen(word);

    return s->text.len - s->at >= len && !memcmp(s->text.ptr + s->at, word, len);
}

/* Behind the next @p end; without one, at the end of the text. */
static void skip_to(struct scan *s, const char *end)
{
    while (s->at < s->text.len && !begins(s, end))
        s->at++;
    s->at += s->at < s->text.len ? strlen(end) : 0;
}

static const char *scan_tag(struct scan *s)
{
    uint8_t quote = 0, last = 0;
    size_t attributes = 0;

    for (s->at++; s->at < s->text.len; s->at++) {
        uint8_t c = s->text.ptr[s->at];
        if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '>') {
            break;
        } else {
            quote = c == '"' || c == '\'' ? c : 0;
            attributes += c == '=';
            last = c;
        }
    }
    s->items += 1 + attributes;
    if (++s->depth > ESC_JSON_DEPTH_MAX)
        return "nested too deeply";
    if (last == '/')
        s->depth--;
    return attributes > ATTRIBUTES_MAX ? "too many attributes in a tag" : NULL;
}

/* At a "<". @return what is wrong with it, NULL = nothing that is looked for here */
static const char *scan_markup(struct scan *s, size_t start)
{
    if (begins(s, "<!--")) {
        s->at += 4;
        skip_to(s, "-->");
    } else if (begins(s, "<![CDATA[")) {
        skip_to(s, "]]>");
    } else if (begins(s, "<!")) {
        return "a document type, which a primitive has not";
    } else if (begins(s, "<?")) {
        if (s->at != start || !begins(s, "<?xml") || s->text.len - s->at < 6 || !esc_xml_is_space(s->text.ptr[s->at + 5]))
            return "a processing instruction, which a primitive has not";
        skip_to(s, "?>");
    } else if (begins(s, "</")) {
        s->depth -= s->depth > 0;
        skip_to(s, ">");
    } else {
        return scan_tag(s);
    }
    return NULL;
}

static bool is_utf8(escertke_span text)
{
    for (size_t i = 0, len; i < text.len; i += len) {
        len = esc_utf8_len((escertke_span){ text.ptr + i, text.len - i });
        if (!len || !text.ptr[i])
            return false;
    }
    return true;
}

escertke_err esc_xml_scan(escertke_span text, escertke_detail *d)
{
    struct scan s = { .text = text };

    if (!text.len)
        return esc_fail(d, ESCERTKE_ERR_XML, clause, "expected an XML text, found nothing");
    if (text.len > ESCERTKE_PRIMITIVE_MAX)
        return esc_fail(d, ESCERTKE_ERR_TOO_LARGE, "", "XML text of %zu bytes, limit %u", text.len, ESCERTKE_PRIMITIVE_MAX);
    if (!is_utf8(text))
        return esc_fail(d, ESCERTKE_ERR_XML, clause, "expected UTF-8 without NUL, found another encoding");
    size_t start = begins(&s, "\xef\xbb\xbf") ? 3 : 0; /* a byte order mark */
    for (s.at = start; s.at < text.len;) {
        const uint8_t *next = memchr(text.ptr + s.at, '<', text.len - s.at);
        if (!next)
            break;
        s.at = (size_t)(next - text.ptr);
        const char *wrong = scan_markup(&s, start);
        if (wrong)
            return esc_fail(d, ESCERTKE_ERR_XML, clause, "octet %zu: %s", (size_t)(next - text.ptr), wrong);
        if (s.items > ESC_ITEMS_MAX)
            return esc_fail(d, ESCERTKE_ERR_TOO_LARGE, clause, "XML text of more than %d elements", ESC_ITEMS_MAX);
    }
    return ESCERTKE_OK;
}
