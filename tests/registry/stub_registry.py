"""A registry that behaves oddly on purpose, each repository in a way of its own.

What the real registry cannot be made to do is asked for by the name of an image, such as
127.0.0.1:PORT/odd/no-digest:1. `--list` tells the names. Every request is kept, and is served as
JSON at /requests, so that a test can see what was asked, and with which Authorization.
"""

import argparse
import json
import os
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from images import Image, index_of

GOOD = Image()
ARM = Image(architecture="arm64")
INDEX = index_of([GOOD, ARM])
BLOBS = {blob.digest: blob for blob in (GOOD.config, GOOD.manifest, ARM.config, ARM.manifest,
                                        INDEX)}
TOKEN = "stub-token"


def error(code, message="told by the stub"):
    """A body as the specification wants it."""
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


class Odd:
    """One request under /v2/odd/NAME/, and the ways to answer it."""

    def __init__(self, handler, path):
        self.handler, self.path = handler, path
        self.is_head = handler.command == "HEAD"
        self.authorization = handler.headers.get("Authorization")
        self.base = handler.server.base

    def answer(self, status, body=b"", kind="application/json", **headers):
        """An answer; underscores of header names stand for dashes."""
        self.handler.answer(status, body, kind, headers)

    def blob(self, blob, with_digest=True):
        """A document, as a good registry serves it."""
        headers = {"Docker-Content-Digest": blob.digest} if with_digest else {}
        self.handler.answer(200, blob.data, blob.media_type, headers)

    def good(self):
        """What a registry without oddities answers."""
        kind, _, name = self.path.partition("/")
        if kind == "blobs" or name.startswith("sha256:"):
            if name in BLOBS:
                self.blob(BLOBS[name])
            else:
                self.answer(404, error("BLOB_UNKNOWN" if kind == "blobs" else "MANIFEST_UNKNOWN"))
        else:
            self.blob(INDEX)

    def challenge(self, value):
        """401, with this challenge."""
        self.answer(401, error("UNAUTHORIZED"), WWW_Authenticate=value)


# ---- oddities: a function each, whose first line is its help ----


def plain(odd):
    """none: an index for amd64 and arm64"""
    odd.good()


def no_digest(odd):
    """no Docker-Content-Digest anywhere"""
    odd.blob(INDEX, with_digest=False)


def wrong_digest(odd):
    """a Docker-Content-Digest that is not of the body"""
    odd.answer(200, INDEX.data, INDEX.media_type, Docker_Content_Digest=GOOD.manifest.digest)


def other_bytes(odd):
    """by digest: other bytes than the digest says"""
    odd.answer(200, GOOD.manifest.data, GOOD.manifest.media_type)


def head_405(odd):
    """HEAD is not supported"""
    if odd.is_head:
        odd.answer(405)
    else:
        odd.good()


def denied(odd):
    """403 DENIED"""
    odd.answer(403, error("DENIED"))


def absent(odd):
    """404 MANIFEST_UNKNOWN"""
    odd.answer(404, error("MANIFEST_UNKNOWN"))


def no_repository(odd):
    """404 NAME_UNKNOWN"""
    odd.answer(404, error("NAME_UNKNOWN"))


def absent_is_401(odd):
    """as Docker Hub: 401 with a good token, for what is not there"""
    odd.challenge(f'Bearer realm="{odd.base}/token",service="stub",error="insufficient_scope"')


def token(odd):
    """wants a token"""
    if odd.authorization == f"Bearer {TOKEN}":
        odd.good()
    else:
        odd.challenge(f'Bearer realm="{odd.base}/token",service="stub"')


def two_challenges(odd):
    """Negotiate, Basic and Bearer in one header"""
    if odd.authorization == f"Bearer {TOKEN}":
        odd.good()
    else:
        odd.challenge('Negotiate, Basic realm="a, b", '
                      f'Bearer realm="{odd.base}/token",service="stub"')


def hostile_realm(odd):
    """a realm inside of somebody's network"""
    odd.challenge('Bearer realm="https://10.0.0.1/token",service="stub"')


def throttled(odd):
    """429 with Retry-After: 120"""
    odd.answer(429, b"Too Many Requests", "text/plain", Retry_After="120")


def used_up(odd):
    """ratelimit-remaining: 0 for an hour"""
    odd.answer(200, INDEX.data, INDEX.media_type, Docker_Content_Digest=INDEX.digest,
               RateLimit_Remaining="0;w=3600")


def page(odd):
    """404 with a page, as a web server"""
    odd.answer(404, b"<html><title>404 Not Found</title></html>", "text/html")


def portal(odd):
    """200 with a page, as a captive portal"""
    odd.answer(200, b"<html><title>Sign in</title></html>", "text/html")


def cut(odd):
    """a body that is shorter than it was said to be"""
    if odd.is_head:
        odd.good()
    else:
        odd.handler.answer(200, INDEX.data[:20], INDEX.media_type, {}, len(INDEX.data))


def endless(odd):
    """a body without an end"""
    if odd.is_head:
        odd.good()
    else:
        odd.handler.answer_without_end()


def hostile_redirect(odd):
    """a redirect to the metadata of the cloud"""
    odd.answer(307, Location="https://169.254.169.254/latest/meta-data/")


def ring(odd):
    """a redirect to itself"""
    odd.answer(307, Location=odd.handler.path)


def gone_config(odd):
    """a manifest whose configuration is not there"""
    if odd.path.startswith("blobs/"):
        odd.answer(404, error("BLOB_UNKNOWN"))
    else:
        odd.blob(GOOD.manifest)


def down(odd):
    """503, always"""
    odd.answer(503)


ODDITIES = {function.__name__.replace("_", "-"): function for function in (
    plain, no_digest, wrong_digest, other_bytes, head_405, denied, absent, no_repository,
    absent_is_401, token, two_challenges, hostile_realm, throttled, used_up, page, portal, cut,
    endless, hostile_redirect, ring, gone_config, down)}


# ---- the server ----


class Handler(BaseHTTPRequestHandler):
    """Sends a request to its oddity."""

    protocol_version = "HTTP/1.1"

    def answer(self, status, body, kind, headers, length=None):
        """Headers and, but for HEAD, the body."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if length is not None:
            self.close_connection = True

    def answer_without_end(self):
        """Until the other side has had enough."""
        self.send_response(200)
        self.send_header("Content-Type", INDEX.media_type)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b" " * 65536)
        except OSError:
            pass

    def _serve(self):
        url = urllib.parse.urlsplit(self.path)
        parts = url.path.split("/", 4)
        self.server.note(self.command, self.path, self.headers.get("Authorization"))
        if url.path == "/requests":
            self.answer(200, json.dumps(self.server.noted()).encode(), "application/json", {})
        elif url.path == "/token":
            body = json.dumps({"token": TOKEN, "expires_in": 300}).encode()
            self.answer(200, body, "application/json", {})
        elif parts[1:3] == ["v2", "odd"] and len(parts) == 5 and parts[3] in ODDITIES:
            ODDITIES[parts[3]](Odd(self, parts[4]))
        else:
            self.answer(404, b"404 page not found\n", "text/plain", {})

    do_GET = do_HEAD = _serve

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Quiet: what was asked is at /requests."""


class StubRegistry(ThreadingHTTPServer):
    """On a free port of the loopback address, in a thread of its own once `start` was called."""

    daemon_threads = True

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.base = f"http://{self.address}"
        self._noted, self._lock = [], threading.Lock()

    def start(self):
        """Serves until `shutdown`."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def note(self, method, path, authorization):
        """Keeps a request."""
        with self._lock:
            self._noted.append({"request": f"{method} {path}", "authorization": authorization})

    def noted(self):
        """All requests so far."""
        with self._lock:
            return list(self._noted)


def main():
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--port-file", help="where the port is written to")
    parser.add_argument("--list", action="store_true", help="names the oddities")
    options = parser.parse_args()
    if options.list:
        for name, function in ODDITIES.items():
            print(f"odd/{name:18} {function.__doc__}")
        return 0
    server = StubRegistry(options.port)
    port = server.server_address[1]
    if options.port_file:
        with open(options.port_file + ".new", "w", encoding="ascii") as file:
            file.write(str(port))
        os.rename(options.port_file + ".new", options.port_file)
    print(f"listening on {server.address}", flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
