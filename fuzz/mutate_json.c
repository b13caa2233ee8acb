#include "mutate.h"

#include <stdio.h>
#include <string.h>

/* ---- tokens ---------------------------------------------------------------------------------------------------- */

enum { TOKENS_MAX = 2048 };

/* One character of structure, a string with its quotes, or a word or number. Text that is no JSON has tokens, too. */
struct token {
    size_t begin, end;
    char kind; /* { } [ ] : , " or w */
};

struct tokens {
    struct token list[TOKENS_MAX];
    size_t count;
};

static size_t end_of_string(const struct mutate_text *t, size_t at)
{
    for (at++; at < t->len && t->octets[at] != '"'; at++)
        if (t->octets[at] == '\\')
            at++;
    return at < t->len ? at + 1 : t->len;
}

static size_t end_of_word(const struct mutate_text *t, size_t at)
{
    while (at < t->len && !memchr("{}[]:,\" \t\r\n", t->octets[at], 12))
        at++;
    return at;
}

static void find_tokens(const struct mutate_text *t, struct tokens *k)
{
    k->count = 0;
    for (size_t at = 0; at < t->len && k->count < TOKENS_MAX;) {
        char c = (char)t->octets[at];
        size_t begin = at;
        if (memchr(" \t\r\n", c, 4)) {
            at++;
            continue;
        }
        bool structure = memchr("{}[]:,", c, 6) != NULL;
        at = structure ? at + 1 : c == '"' ? end_of_string(t, at) : end_of_word(t, at);
        k->list[k->count++] = (struct token){ begin, at, structure || c == '"' ? c : 'w' };
    }
}

/* The token at which the value that begins with token @p i ends. */
static size_t last_of(const struct tokens *k, size_t i)
{
    size_t depth = 0;

    if (k->list[i].kind != '{' && k->list[i].kind != '[')
        return i;
    for (size_t at = i; at < k->count; at++) {
        char kind = k->list[at].kind;
        if (kind == '{' || kind == '[')
            depth++;
        else if ((kind == '}' || kind == ']') && --depth == 0)
            return at;
    }
    return k->count - 1;
}

/* Is a value's first token? What is a name is followed by a colon. */
static bool is_value(const struct tokens *k, size_t i)
{
    char kind = k->list[i].kind;

    return (kind == '{' || kind == '[' || kind == '"' || kind == 'w') && (i + 1 == k->count || k->list[i + 1].kind != ':');
}

static bool is_name(const struct tokens *k, size_t i)
{
    return k->list[i].kind == '"' && i + 1 < k->count && k->list[i + 1].kind == ':';
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

struct change {
    struct mutate_text *t;
    struct mutate_random *r;
    struct tokens tokens;
    const char *const *names;
};

struct range {
    size_t from, to;
};

typedef bool (*token_test)(const struct tokens *k, size_t i);

/* One of the tokens of a kind; count: there is none. */
static size_t pick(struct change *c, token_test wanted)
{
    size_t n = 0, chosen = c->tokens.count;

    for (size_t i = 0; i < c->tokens.count; i++)
        if (wanted(&c->tokens, i) && mutate_below(c->r, ++n) == 0)
            chosen = i;
    return chosen;
}

static struct range value_range(const struct change *c, size_t i)
{
    return (struct range){ c->tokens.list[i].begin, c->tokens.list[last_of(&c->tokens, i)].end };
}

/* A value with its name in front of it. */
static struct range member_range(const struct change *c, size_t i)
{
    struct range r = value_range(c, i);

    if (i >= 2 && c->tokens.list[i - 1].kind == ':')
        r.from = c->tokens.list[i - 2].begin;
    return r;
}

static void put(struct change *c, struct range r, const char *text)
{
    (void)mutate_replace(c->t, r.from, r.to, text, strlen(text));
}

static void leave_out(struct change *c, size_t i)
{
    struct range r = member_range(c, i);
    size_t last = last_of(&c->tokens, i);

    if (last + 1 < c->tokens.count && c->tokens.list[last + 1].kind == ',')
        r.to = c->tokens.list[last + 1].end;
    put(c, r, "");
}

static void repeat(struct change *c, size_t i)
{
    struct range r = member_range(c, i);

    if (mutate_replace(c->t, r.to, r.to, c->t->octets + r.from, r.to - r.from))
        put(c, (struct range){ r.to, r.to }, ",");
}

static void other_type(struct change *c, size_t i)
{
    static const char *const values[] = { "null", "true",     "false",       "0",      "1",  "-1",  "\"\"", "[]",
                                          "{}",   "\"x\"",    "[0]",         "[null]", "2",  "5",   "6",    "43",
                                          "1.0",  "6.0",      "6.5",         "1e300",  "-0", "00",  "+1",   "NaN",
                                          "[[]]", "{\"\":0}", "\"\\u0000\"", "[1,1]",  "16", "255", "256",  "2147483647" };

    put(c, value_range(c, i), values[mutate_below(c->r, sizeof values / sizeof *values)]);
}

static void number_at_limit(struct change *c, size_t i)
{
    static const char *const numbers[] = { "2147483647",
                                           "2147483648",
                                           "-2147483648",
                                           "-2147483649",
                                           "4294967295",
                                           "4294967296",
                                           "9007199254740993",
                                           "9223372036854775807",
                                           "9223372036854775808",
                                           "-9223372036854775808",
                                           "18446744073709551615",
                                           "1e400",
                                           "-1e400",
                                           "1e-400",
                                           "0.1",
                                           "32767",
                                           "65536",
                                           "1E2",
                                           "2.0e0",
                                           "0x10",
                                           "1." };

    if (c->tokens.list[i].kind == 'w')
        put(c, value_range(c, i), numbers[mutate_below(c->r, sizeof numbers / sizeof *numbers)]);
    else
        other_type(c, i);
}

/* In the middle of a string, of a value or of a name. */
static void in_string(struct change *c, size_t i)
{
    static const char *const pieces[] = { "\\u0000",
                                          "\\ud800",
                                          "\\udc00\\ud800",
                                          "\\ud83d\\ude00",
                                          "\\/",
                                          "\\n",
                                          "\\q",
                                          "\\",
                                          "\"",
                                          "\xC3\xA9",
                                          "\xC0\x80",
                                          "\xFF",
                                          "\xED\xA0\x80",
                                          "=",
                                          "==",
                                          " ",
                                          "\t",
                                          "/",
                                          "//",
                                          "-",
                                          "#esi",
                                          "A",
                                          "\\u0041",
                                          "\xF4\x90\x80\x80",
                                          "%00" };
    struct token s = c->tokens.list[i];
    size_t len = s.end - s.begin, at = s.begin + 1 + (len > 2 ? mutate_below(c->r, len - 1) : 0);
    const char *piece = pieces[mutate_below(c->r, sizeof pieces / sizeof *pieces)];

    if (s.kind != '"') {
        other_type(c, i);
        return;
    }
    if (mutate_below(c->r, 4) == 0 && at + 1 < s.end)
        put(c, (struct range){ at, at + 1 }, "");
    else if (mutate_below(c->r, 8) == 0)
        (void)mutate_replace(c->t, at, at, c->t->octets + s.begin + 1, len > 2 ? len - 2 : 0);
    else
        put(c, (struct range){ at, at }, piece);
}

/* A word that means something to the reader, as a value or, where there is a name, as another name. */
static void known_word(struct change *c, size_t i)
{
    size_t n = 0;
    char word[512];

    while (c->names[n])
        n++;
    snprintf(word, sizeof word, "\"%s\"", c->names[mutate_below(c->r, n)]);
    size_t name = mutate_below(c->r, 2) ? pick(c, is_name) : c->tokens.count;
    put(c, name < c->tokens.count ? (struct range){ c->tokens.list[name].begin, c->tokens.list[name].end } : value_range(c, i),
        word);
}

static void new_member(struct change *c, size_t i)
{
    size_t n = 0, last = last_of(&c->tokens, i);
    char member[512];

    while (c->names[n])
        n++;
    snprintf(member, sizeof member, "%s\"%s\":%s", last > i + 1 ? "," : "", c->names[mutate_below(c->r, n)],
             mutate_below(c->r, 2) ? "1" : "\"1\"");
    if (c->tokens.list[i].kind == '{')
        put(c, (struct range){ c->tokens.list[last].begin, c->tokens.list[last].begin }, member);
    else
        known_word(c, i);
}

static void deeper(struct change *c, size_t i)
{
    struct range r = value_range(c, i);
    static const size_t depths[] = { 1, 2, 8, 15, 16, 17, 64, 1000 };
    size_t depth = depths[mutate_below(c->r, sizeof depths / sizeof *depths)];
    bool object = mutate_below(c->r, 2) != 0;

    while (depth--) {
        put(c, (struct range){ r.to, r.to }, object ? "}" : "]");
        put(c, (struct range){ r.from, r.from }, object ? "{\"m2m:seci\":" : "[");
        r.to += object ? 13 : 1;
    }
}

static void exchange(struct change *c, size_t i)
{
    size_t other = pick(c, is_value);
    struct range a = value_range(c, i), b = value_range(c, other);
    struct mutate_text was = *c->t;

    (void)mutate_replace(c->t, a.from, a.to, was.octets + b.from, b.to - b.from);
    if (b.from >= a.to || b.to <= a.from) {
        size_t moved = b.from >= a.to ? (b.to - b.from) - (a.to - a.from) : 0;
        (void)mutate_replace(c->t, b.from + moved, b.to + moved, was.octets + a.from, a.to - a.from);
    }
}

static void loose_token(struct change *c, size_t i)
{
    static const char *const tokens[] = { ",", ":", "{", "}", "[", "]", "\"", " \t\r\n", "//", "/**/", "'", "\xEF\xBB\xBF" };
    size_t at = c->tokens.list[mutate_below(c->r, c->tokens.count)].begin;

    (void)i;
    put(c, (struct range){ at, at }, tokens[mutate_below(c->r, sizeof tokens / sizeof *tokens)]);
}

static void (*const changes[])(struct change *, size_t) = { leave_out, repeat,    other_type, number_at_limit,
                                                            in_string, in_string, known_word, new_member,
                                                            deeper,    exchange,  loose_token };

static void change_once(struct mutate_text *t, struct mutate_random *r, const char *const *names)
{
    struct change c = { .t = t, .r = r, .names = names };

    find_tokens(t, &c.tokens);
    size_t i = pick(&c, is_value);
    if (i < c.tokens.count)
        changes[mutate_below(r, sizeof changes / sizeof *changes)](&c, i);
}

size_t mutate_json_input(uint8_t *data, size_t size, size_t max_size, unsigned int seed, const char *const *names)
{
    struct mutate_random r = mutate_random(seed);
    struct mutate_text t;

    if (!mutate_below(&r, 8) || !mutate_set(&t, data, size))
        return LLVMFuzzerMutate(data, size, max_size);
    for (size_t times = 1 + mutate_below(&r, 3); times--;)
        change_once(&t, &r, names);
    if (!t.len || t.len > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, t.octets, t.len);
    return t.len;
}

size_t mutate_json_cross(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out, size_t max_size,
                         unsigned int seed)
{
    struct mutate_random r = mutate_random(seed);
    struct mutate_text into, from;
    struct change c = { .t = &into, .r = &r }, d = { .t = &from, .r = &r };

    if (!mutate_set(&into, a, a_size) || !mutate_set(&from, b, b_size))
        return 0;
    find_tokens(&into, &c.tokens);
    find_tokens(&from, &d.tokens);
    size_t i = pick(&c, is_value), j = pick(&d, is_value);
    if (i == c.tokens.count || j == d.tokens.count)
        return 0;
    struct range to = value_range(&c, i), value = value_range(&d, j);
    if (!mutate_replace(&into, to.from, to.to, from.octets + value.from, value.to - value.from) || into.len > max_size)
        return 0;
    memcpy(out, into.octets, into.len);
    return into.len;
}
