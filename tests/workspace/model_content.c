/*
 * The bytes of an image, as a registry holds them (container-registry.md 4-6, 14): layer,
 * configuration, manifest; and for every second repository an index with a provenance beside the
 * manifest, as builders push it, so that a client meets both shapes.
 *
 * Made anew whenever they are asked for, from the name, the number of the push and the CPU alone:
 * what was pushed once has its digest for ever, in every model.
 */
#include "inside.h"

#include "digest.h"

#include <stdio.h>

#define INDEX    "application/vnd.oci.image.index.v1+json"
#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define CONFIG   "application/vnd.oci.image.config.v1+json"
#define LAYER    "application/vnd.oci.image.layer.v1.tar"
#define IN_TOTO  "application/vnd.in-toto+json"

enum { DOCUMENT_BYTES_MAX = 16384, EMPTY_TAR_BYTES = 1024 };

static void name_digest(const char *data, size_t len, char ret_digest[MODEL_DIGEST_SIZE])
{
    char hex[DIGEST_HEX_SIZE];
    struct digest digest = digest_of(data, len);
    digest_hex(&digest, hex);
    (void)snprintf(ret_digest, MODEL_DIGEST_SIZE, "sha256:%s", hex);
}

/* Takes what `data` holds; the document's place stays as long as the content. */
static const struct ws_document *add(struct ws_content *content, struct arena *arena,
                                     const char *media_type, struct buf *data)
{
    emit_end(data);
    struct ws_document *document = &content->documents[content->len++];
    document->media_type = media_type;
    document->len = data->len;
    document->is_blob = strcmp(media_type, INDEX) != 0 && strcmp(media_type, MANIFEST) != 0;
    char *bytes = arena_alloc(arena, data->len + 1);
    memcpy(bytes, data->data, data->len);
    document->data = bytes;
    name_digest(bytes, data->len, document->digest);
    buf_clear(data);
    return document;
}

/* Opens a descriptor; the caller adds what else it says and closes it. */
static void open_descriptor(struct buf *out, const char *key, const struct ws_document *document)
{
    emit_key(out, key);
    emit_open(out, '{');
    emit_text(out, "mediaType", document->media_type);
    emit_text(out, "digest", document->digest);
    emit_int(out, "size", (int64_t)document->len);
}

static void emit_platform(struct buf *out, const char *os, const char *architecture)
{
    emit_key(out, "platform");
    emit_open(out, '{');
    emit_text(out, "architecture", architecture);
    emit_text(out, "os", os);
    emit_close(out, '}');
}

/* A configuration for `layer`; `image` NULL: that of a provenance. */
static void emit_config(struct buf *out, const struct ws_document *layer,
                        const struct ws_image *image, const struct ws_version *version)
{
    emit_open(out, '{');
    emit_text(out, "architecture", image == NULL ? "unknown" : ws_version_cpu(version));
    emit_text(out, "os", image == NULL ? "unknown" : "linux");
    emit_key(out, "config");
    emit_open(out, '{');
    if (image != NULL) {
        emit_json(out, "Env", "[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin\"]");
        emit_key(out, "Labels");
        emit_open(out, '{');
        emit_text(out, "org.opencontainers.image.title", image->repository);
        emit_text(out, "org.opencontainers.image.version", image->tag);
        emit_key(out, "org.opencontainers.image.revision");
        buf_addf(out, "\"%u\",", version->number);
        emit_close(out, '}');
    }
    emit_close(out, '}');
    emit_key(out, "rootfs");
    emit_open(out, '{');
    emit_text(out, "type", "layers");
    emit_key(out, "diff_ids");
    emit_open(out, '[');
    emit_text(out, NULL, layer->digest);
    emit_close(out, ']');
    emit_close(out, '}');
    emit_close(out, '}');
}

static void emit_manifest(struct buf *out, const struct ws_document *config,
                          const struct ws_document *layer)
{
    emit_open(out, '{');
    emit_int(out, "schemaVersion", 2);
    emit_text(out, "mediaType", MANIFEST);
    open_descriptor(out, "config", config);
    emit_close(out, '}');
    emit_key(out, "layers");
    emit_open(out, '[');
    open_descriptor(out, NULL, layer);
    emit_close(out, '}');
    emit_close(out, ']');
    emit_close(out, '}');
}

static const struct ws_document *add_provenance(struct ws_content *content, struct arena *arena,
                                                struct buf *out, const struct ws_document *manifest)
{
    emit_open(out, '{');
    emit_text(out, "_type", "https://in-toto.io/Statement/v0.1");
    emit_text(out, "predicateType", "https://slsa.dev/provenance/v0.2");
    emit_key(out, "subject");
    emit_open(out, '[');
    emit_open(out, '{');
    emit_key(out, "digest");
    emit_open(out, '{');
    emit_text(out, "sha256", manifest->digest + strlen("sha256:"));
    emit_close(out, '}');
    emit_close(out, '}');
    emit_close(out, ']');
    emit_close(out, '}');
    const struct ws_document *statement = add(content, arena, IN_TOTO, out);
    emit_config(out, statement, NULL, NULL);
    const struct ws_document *config = add(content, arena, CONFIG, out);
    emit_manifest(out, config, statement);
    return add(content, arena, MANIFEST, out);
}

static void emit_index(struct buf *out, const struct ws_document *manifest, const char *cpu,
                       const struct ws_document *provenance)
{
    emit_open(out, '{');
    emit_int(out, "schemaVersion", 2);
    emit_text(out, "mediaType", INDEX);
    emit_key(out, "manifests");
    emit_open(out, '[');
    open_descriptor(out, NULL, manifest);
    emit_platform(out, "linux", cpu);
    emit_close(out, '}');
    open_descriptor(out, NULL, provenance);
    emit_key(out, "annotations");
    emit_open(out, '{');
    emit_text(out, "vnd.docker.reference.digest", manifest->digest);
    emit_text(out, "vnd.docker.reference.type", "attestation-manifest");
    emit_close(out, '}');
    emit_platform(out, "unknown", "unknown");
    emit_close(out, '}');
    emit_close(out, ']');
    emit_close(out, '}');
}

const char *ws_version_cpu(const struct ws_version *version)
{
    return version->is_arm ? "arm64" : "amd64";
}

void ws_content_make(struct arena *arena, const struct ws_image *image,
                     const struct ws_version *version, struct ws_content *ret_content)
{
    static const char empty_tar[EMPTY_TAR_BYTES];
    AUTO_BUF struct buf out = BUF_INIT(DOCUMENT_BYTES_MAX);
    *ret_content = (struct ws_content){ .len = 0 };
    buf_add(&out, empty_tar, sizeof(empty_tar));
    const struct ws_document *layer = add(ret_content, arena, LAYER, &out);
    emit_config(&out, layer, image, version);
    const struct ws_document *config = add(ret_content, arena, CONFIG, &out);
    emit_manifest(&out, config, layer);
    const struct ws_document *manifest = add(ret_content, arena, MANIFEST, &out);
    if (strlen(image->repository) % 2 != 0) return;
    const struct ws_document *provenance = add_provenance(ret_content, arena, &out, manifest);
    emit_index(&out, manifest, ws_version_cpu(version), provenance);
    (void)add(ret_content, arena, INDEX, &out);
}

void ws_content_digest(const struct ws_image *image, const struct ws_version *version,
                       char ret_digest[MODEL_DIGEST_SIZE])
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct ws_content content;
    ws_content_make(&arena, image, version, &content);
    memcpy(ret_digest, content.documents[content.len - 1].digest, MODEL_DIGEST_SIZE);
}
