#include "base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t len, struct buf *out)
{
    const uint8_t *bytes = data;
    for (size_t at = 0; at < len; at += 3) {
        size_t left = len - at;
        uint32_t group = (uint32_t)bytes[at] << 16;
        if (left > 1) group |= (uint32_t)bytes[at + 1] << 8;
        if (left > 2) group |= bytes[at + 2];
        char quad[] = "====";
        quad[0] = alphabet[group >> 18];
        quad[1] = alphabet[group >> 12 & 63];
        if (left > 1) quad[2] = alphabet[group >> 6 & 63];
        if (left > 2) quad[3] = alphabet[group & 63];
        buf_add(out, quad, 4);
    }
}

bool base64_decode(const char *text, size_t len, struct buf *out)
{
    size_t padding = 0;
    while (padding < 2 && padding < len && text[len - padding - 1] == '=') {
        padding++;
    }
    if (padding > 0 && len % 4 != 0) return false;
    len -= padding;
    if (len % 4 == 1) return false;
    uint32_t group = 0;
    unsigned bits = 0;
    for (size_t at = 0; at < len; at++) {
        const char *found = text[at] == '\0' ? NULL : strchr(alphabet, text[at]);
        if (found == NULL) return false;
        group = group << 6 | (uint32_t)(found - alphabet);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        buf_addc(out, (char)(group >> bits & 0xFF));
    }
    return true;
}
