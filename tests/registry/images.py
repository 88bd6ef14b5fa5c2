"""Small images, as the documents that a registry holds, and how they are put into a real one."""

import hashlib
import json
import urllib.request

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker.distribution.manifest."
TYPES = {
    "oci": {"manifest": OCI + "manifest.v1+json", "index": OCI + "index.v1+json",
            "config": OCI + "config.v1+json", "layer": OCI + "layer.v1.tar"},
    "docker": {"manifest": DOCKER + "v2+json", "index": DOCKER + "list.v2+json",
               "config": "application/vnd.docker.container.image.v1+json",
               "layer": "application/vnd.docker.image.rootfs.diff.tar"},
}
CHART_CONFIG = "application/vnd.cncf.helm.config.v1+json"


class Blob:
    """Bytes that are known by their digest."""

    def __init__(self, data, media_type):
        self.data, self.media_type = data, media_type
        self.digest = "sha256:" + hashlib.sha256(data).hexdigest()

    def descriptor(self, **more):
        """As a manifest names it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data), **more}


def document(value, media_type):
    """JSON as a blob."""
    return Blob(json.dumps(value).encode(), media_type)


class Image:
    """An image for one platform, with one layer."""

    def __init__(self, system="linux", architecture="amd64", family="oci", config_type=None):
        types = TYPES[family]
        self.platform = {"os": system, "architecture": architecture}
        self.config = document({**self.platform, "rootfs": {"type": "layers", "diff_ids": []}},
                               config_type or types["config"])
        self.layer = Blob(f"a layer for {system}/{architecture}".encode(), types["layer"])
        self.manifest = document(
            {"schemaVersion": 2, "mediaType": types["manifest"],
             "config": self.config.descriptor(), "layers": [self.layer.descriptor()]},
            types["manifest"])

    def descriptor(self):
        """As an index names it."""
        return self.manifest.descriptor(platform=self.platform)


def index_of(images, family="oci"):
    """An index of images, a blob."""
    media_type = TYPES[family]["index"]
    return document({"schemaVersion": 2, "mediaType": media_type,
                     "manifests": [image.descriptor() for image in images]}, media_type)


# ---- putting them into a registry ----


def send(method, url, data, media_type, headers):
    """One request; the answer's headers."""
    request = urllib.request.Request(url, data=data, method=method, headers=dict(headers))
    request.add_header("Content-Type", media_type)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers


def push_blob(base, repository, blob, headers=()):
    """In two steps, since the registry takes no single POST."""
    begun = send("POST", f"{base}/v2/{repository}/blobs/uploads/", b"",
                  "application/octet-stream", headers)
    send("PUT", f"{begun['Location']}&digest={blob.digest}", blob.data,
          "application/octet-stream", headers)


def push_manifest(base, repository, blob, tag, headers=()):
    """A manifest or an index, under a tag or its digest."""
    send("PUT", f"{base}/v2/{repository}/manifests/{tag}", blob.data, blob.media_type, headers)


def push(base, repository, tag, *images, family="oci", headers=()):
    """One image, or an index of several; the digest of what the tag points to."""
    for image in images:
        push_blob(base, repository, image.config, headers)
        push_blob(base, repository, image.layer, headers)
        push_manifest(base, repository, image.manifest, image.manifest.digest, headers)
    top = images[0].manifest if len(images) == 1 else index_of(images, family)
    push_manifest(base, repository, top, tag, headers)
    return top.digest
