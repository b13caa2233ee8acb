/*
 * crl_index.c - the entries of a CRL in the order of their serial numbers. Sorted by merging: the time is bounded whatever order
 * somebody has written them in, there is no recursion, and a list that is in order already is gone through once.
 */
#include <string.h>

#include "base/memory.h"
#include "cert/crl.h"

/* Serial number of the entry that begins here; the parser has seen the whole of it. */
static escertke_span serial_of(const uint8_t *entry)
{
    const uint8_t *integer = entry + 2 + (entry[1] < 0x80 ? 0 : entry[1] & 0x7F);

    return (escertke_span){ integer + 2, integer[1] };
}

int esc_number_compare(escertke_span a, escertke_span b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

static bool in_order(const uint8_t *base, uint32_t a, uint32_t b)
{
    return esc_number_compare(serial_of(base + a), serial_of(base + b)) <= 0;
}

/* Merge from[low...middle) and from[middle...high) into the same places of @p to. */
static void merge(const uint8_t *base, const uint32_t *from, uint32_t *to, size_t low, size_t middle, size_t high)
{
    size_t a = low, b = middle;

    if (middle >= high || in_order(base, from[middle - 1], from[middle])) {
        memcpy(to + low, from + low, (high - low) * sizeof *to);
        return;
    }
    for (size_t i = low; i < high; i++) {
        bool left = b == high || (a < middle && in_order(base, from[a], from[b]));
        to[i] = from[left ? a++ : b++];
    }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* @p offsets holds twice as many places as entries: the second half is room to merge into. @return the half that is sorted */
static uint32_t *sort(const uint8_t *base, uint32_t *offsets, size_t count)
{
    uint32_t *from = offsets, *to = offsets + count;

    for (size_t width = 1; width < count; width *= 2) {
        for (size_t low = 0; low < count; low += 2 * width)
            merge(base, from, to, low, least(low + width, count), least(low + 2 * width, count));
        uint32_t *sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}

escertke_err esc_crl_index(const escertke_crl *crl, uint32_t **out)
{
    struct der r = esc_der_init(crl->revoked);
    size_t count = crl->revoked_count;
    struct der_tlv entry;

    *out = NULL;
    if (!count)
        return ESCERTKE_OK;
    uint32_t *offsets = esc_alloc(2 * count * sizeof *offsets);
    if (!offsets)
        return ESCERTKE_ERR_NOMEM;
    for (size_t i = 0; i < count && esc_der_next(&r, &entry); i++)
        offsets[i] = (uint32_t)(entry.whole.ptr - crl->revoked.ptr);
    uint32_t *sorted = sort(crl->revoked.ptr, offsets, count);
    if (sorted != offsets)
        memcpy(offsets, sorted, count * sizeof *offsets);
    *out = esc_resize(offsets, count * sizeof *offsets);
    if (!*out)
        esc_release(offsets);
    return *out ? ESCERTKE_OK : ESCERTKE_ERR_NOMEM;
}

bool esc_crl_find(const escertke_crl *crl, const uint32_t *index, escertke_span serial, struct esc_crl_entry *out)
{
    size_t low = 0, high = crl->revoked_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const uint8_t *entry = crl->revoked.ptr + index[middle];
        int order = esc_number_compare(serial_of(entry), serial);
        if (order == 0) {
            struct der r = esc_der_init((escertke_span){ entry, crl->revoked.len - index[middle] });
            (void)esc_crl_entry_read(&r, out); /* has been read before; that it is here is what counts */
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
