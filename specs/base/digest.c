#include "digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

_Static_assert(DIGEST_BYTES == SHA256_DIGEST_LENGTH, "SHA-256");

/* OpenSSL fails here only when it is not usable at all; nothing useful can be done then. */
static void insist(int ok)
{
    if (ok != 1) abort();
}

struct digest digest_of(const void *data, size_t len)
{
    struct digest digest;
    (void)SHA256(data, len, digest.bytes);
    return digest;
}

struct digest digest_keyed(const uint8_t key[DIGEST_KEY_BYTES], const void *data, size_t len)
{
    struct digest digest;
    unsigned got = 0;
    unsigned char *out = HMAC(EVP_sha256(), key, DIGEST_KEY_BYTES, data, len, digest.bytes, &got);
    insist(out != NULL && got == DIGEST_BYTES);
    return digest;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

bool digest_is_zero(const struct digest *digest)
{
    static const struct digest zero;
    return digest_equal(digest, &zero);
}

void digest_hex(const struct digest *digest, char ret_hex[DIGEST_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        ret_hex[2 * i] = digits[digest->bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    ret_hex[DIGEST_HEX_SIZE - 1] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

bool digest_from_hex(const char *hex, struct digest *ret_digest)
{
    struct digest digest;
    if (strlen(hex) != DIGEST_HEX_SIZE - 1) return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        int high = hex_value(hex[2 * i]);
        int low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        digest.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret_digest = digest;
    return true;
}

struct hasher {
    EVP_MD_CTX *ctx;
    bool is_begun;
};

struct hasher *hasher_create(void)
{
    struct hasher *hasher = xcalloc(1, sizeof(*hasher));
    hasher->ctx = EVP_MD_CTX_new();
    insist(hasher->ctx != NULL);
    return hasher;
}

void hasher_destroy(struct hasher *hasher)
{
    if (hasher == NULL) return;
    EVP_MD_CTX_free(hasher->ctx);
    xfree(hasher);
}

/* With the first byte, not in advance: most hashers are used once, and beginning is not cheap. */
static void begin(struct hasher *hasher)
{
    if (hasher->is_begun) return;
    insist(EVP_DigestInit_ex(hasher->ctx, EVP_sha256(), NULL));
    hasher->is_begun = true;
}

void hasher_add(struct hasher *hasher, const void *data, size_t len)
{
    begin(hasher);
    insist(EVP_DigestUpdate(hasher->ctx, data, len));
}

struct digest hasher_take(struct hasher *hasher)
{
    struct digest digest;
    begin(hasher);
    insist(EVP_DigestFinal_ex(hasher->ctx, digest.bytes, NULL));
    hasher->is_begun = false;
    return digest;
}
