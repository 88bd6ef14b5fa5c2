"""The registry door against Debian's docker-registry on the loopback address: open, with passwords,
with tokens, with storage elsewhere, and behind TLS of a private authority.

Skipped, with the reason, where the package docker-registry is not installed.
"""

import base64
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import images
from asking import ask, ask_one
from images import CHART_CONFIG, Image

SKIPPED = 77
DEADLINE_S = 60
ALICE = ("alice", "s3cret")
BASIC = "Basic " + base64.b64encode(":".join(ALICE).encode()).decode()


class Registry:
    """docker-registry on a free port, with `config` over the smallest that works."""

    def __init__(self, directory, name, **config):
        self.folder = os.path.join(directory, name)
        os.makedirs(self.folder, exist_ok=True)
        whole = {"version": "0.1", "log": {"level": "info"},
                 "storage": {"inmemory": {}, "delete": {"enabled": True}},
                 "http": {"addr": "127.0.0.1:0", "secret": "test"}}
        whole.update(config)
        whole["http"] = {"addr": "127.0.0.1:0", "secret": "test", **config.get("http", {})}
        path = os.path.join(self.folder, "config.yml")
        with open(path, "w", encoding="ascii") as file:
            json.dump(whole, file)  # YAML, too
        self.access = open(os.path.join(self.folder, "access.log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(["docker-registry", "serve", path], stdout=self.access,
                                        stderr=subprocess.PIPE, text=True)
        self.address = self._listening()
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        scheme = "https" if "tls" in whole["http"] else "http"
        self.base = f"{scheme}://{self.address}"

    def _listening(self):
        """Its address, from its log; reading waits until it is there."""
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            found = re.search(r'listening on (127\.0\.0\.1:\d+)', line)
            if found:
                return found.group(1)
        raise AssertionError("docker-registry did not start:\n" + "".join(lines))

    def close(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait(DEADLINE_S)
        self.process.stderr.close()
        self.access.close()

    def requests(self):
        """What it was asked by us, from its access log."""
        self.access.seek(0)
        lines = [line for line in self.access if "clusterkeeper-test" in line]
        return [re.search(r'"(\w+ \S+) HTTP', line).group(1) for line in lines]


class Case(unittest.TestCase):
    """Registries and servers that end with the test."""

    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)

    def registry(self, name="open", **config):
        """A registry of its own."""
        registry = Registry(self.directory, name, **config)
        self.addCleanup(registry.close)
        return registry

    def serve(self, handler):
        """A server beside the registry; its address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"127.0.0.1:{server.server_address[1]}"

    def users(self):
        """That only alice may log in; a part of a registry's configuration."""
        path = os.path.join(self.directory, "htpasswd")
        subprocess.run(["htpasswd", "-Bbc", "-C", "5", path, *ALICE], check=True,
                       capture_output=True)
        return {"htpasswd": {"realm": "test", "path": path}}

    def expect(self, answer, verdict, words="", digest=None):
        """An answer as it should be."""
        self.assertEqual(answer.verdict, verdict, str(answer))
        self.assertIn(words, answer.text)
        if digest is not None:
            self.assertEqual(answer.digest, digest)


class Open(Case):
    """Without any login."""

    def setUp(self):
        super().setUp()
        self.open = self.registry()
        self.amd64, self.arm64 = Image(), Image(architecture="arm64")

    def push(self, tag, *pushed, family="oci"):
        """Into team/app; the digest."""
        return images.push(self.open.base, "team/app", tag, *pushed, family=family)

    def image(self, tag):
        """A reference into team/app."""
        return f"{self.open.address}/team/app:{tag}"

    def test_every_type_of_document(self):
        """OCI and Docker, one image and an index: each with the digest that was pushed."""
        pushed = {
            "oci": self.push("oci", self.amd64),
            "docker": self.push("docker", Image(family="docker")),
            "index": self.push("index", self.amd64, self.arm64),
            "list": self.push("list", Image(family="docker"),
                              Image(architecture="arm64", family="docker"), family="docker"),
        }
        for tag, digest in pushed.items():
            with self.subTest(tag):
                self.expect(ask_one(self.image(tag)), "found", "linux/amd64", digest)
                by_digest = f"{self.open.address}/team/app@{digest}"
                self.expect(ask_one(by_digest), "found", "linux/amd64", digest)

    def test_the_cpu(self):
        """What was built for another CPU is told from what is not there."""
        self.push("amd64", self.amd64)
        self.push("arm64", self.arm64)
        self.push("both", self.amd64, self.arm64)
        self.push("windows", Image(system="windows"))
        self.expect(ask_one(self.image("amd64"), options=("--arm64",)), "other platform",
                    "was built for linux/amd64 only; the node type needs linux/arm64")
        self.expect(ask_one(self.image("arm64")), "other platform", "linux/arm64 only")
        self.expect(ask_one(self.image("windows")), "other platform", "windows/amd64 only")
        self.expect(ask_one(self.image("both"), options=("--arm64",)), "found")

    def test_what_is_not_there(self):
        """Tag, repository, digest, configuration; and what is no image."""
        self.push("chart", Image(config_type=CHART_CONFIG))
        self.push("broken", self.amd64)
        self.expect(ask_one(self.image("nosuch")), "absent", "has no tag 'nosuch'", "-")
        self.expect(ask_one(f"{self.open.address}/team/nope:1"), "absent", "team/nope", "-")
        self.expect(ask_one(f"{self.open.address}/team/app@sha256:{'0' * 64}"), "absent",
                    "has no manifest", "-")
        self.expect(ask_one(self.image("chart")), "not runnable", "no image that can be run")
        images.send("DELETE", f"{self.open.base}/v2/team/app/blobs/{self.amd64.config.digest}",
                     b"", "text/plain", ())
        self.expect(ask_one(self.image("broken")), "not runnable", "push it again")

    def test_a_moved_tag(self):
        """The digest is that of now."""
        first = self.push("moving", self.amd64)
        self.expect(ask_one(self.image("moving")), "found", digest=first)
        second = self.push("moving", self.amd64, self.arm64)
        self.assertNotEqual(first, second)
        self.expect(ask_one(self.image("moving")), "found", digest=second)

    def test_few_requests(self):
        """A hundred clusters of one image are one HEAD and one GET."""
        self.push("index", self.amd64, self.arm64)
        for answer in ask(*[self.image("index")] * 100):
            self.expect(answer, "found")
        self.assertEqual(self.open.requests(), ["HEAD /v2/team/app/manifests/index",
                                                "GET /v2/team/app/manifests/index"])

    def test_nobody_there(self):
        """A port where nobody listens, once the registry is gone."""
        gone = self.registry("gone")
        gone.process.terminate()
        gone.process.wait(DEADLINE_S)
        self.expect(ask_one(f"{gone.address}/a:1"), "unreachable", gone.address)


class Passwords(Case):
    """With htpasswd: Basic."""

    def setUp(self):
        super().setUp()
        self.closed = self.registry(auth=self.users())
        self.digest = images.push(self.closed.base, "priv/app", "1", Image(),
                                  headers=[("Authorization", BASIC)])
        self.image = f"{self.closed.address}/priv/app:1"

    def docker_config(self, value):
        """The environment that points to it."""
        with open(os.path.join(self.directory, "config.json"), "w", encoding="ascii") as file:
            json.dump(value, file)
        return {"DOCKER_CONFIG": self.directory}

    def test_each_login(self):
        """None, a wrong one, the right one, from the manifest."""
        self.expect(ask_one(self.image), "no access", "give a login in docker_image.basic_auth")
        for login in (("alice", "wrong-s3cret"), ("nobody", "s3cret")):
            answer = ask_one(self.image, login=login)
            self.expect(answer, "login refused", "docker_image.basic_auth")
            self.assertNotIn(login[1], answer.text)
        self.expect(ask_one(self.image, login=ALICE), "found", digest=self.digest)
        absent = f"{self.closed.address}/priv/app:nosuch"
        self.expect(ask_one(absent, login=ALICE), "absent", "has no tag 'nosuch'")

    def test_the_login_of_docker(self):
        """From config.json, as `docker login` writes it."""
        auth = base64.b64encode(":".join(ALICE).encode()).decode()
        env = self.docker_config({"auths": {self.closed.address: {"auth": auth}}})
        self.expect(ask_one(self.image, env=env), "found", "Docker's own configuration")

    def test_a_credential_helper(self):
        """A program beside Docker, which is told the server on its standard input."""
        helper = os.path.join(self.directory, "docker-credential-test")
        with open(helper, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n[ \"$1\" = get ] || exit 9\nread -r server\n"
                       f"[ \"$server\" = {self.closed.address} ] || "
                       "{ echo credentials not found in native keychain; exit 1; }\n"
                       "echo '{\"Username\":\"alice\",\"Secret\":\"s3cret\"}'\n")
        os.chmod(helper, 0o755)
        env = self.docker_config({"credsStore": "test"})
        env["PATH"] = self.directory + os.pathsep + os.environ["PATH"]
        self.expect(ask_one(self.image, env=env), "found", digest=self.digest)
        env["PATH"] = os.environ["PATH"]
        self.expect(ask_one(self.image, env=env), "unreachable", "is it on PATH?")


class Tokens(Case):
    """With a token server, which is ours; the registry takes any Authorization."""

    def setUp(self):
        super().setUp()
        self.asked = []
        self.address = self.serve(self._handler())
        realm = {"realm": f"http://{self.address}/token", "service": "stub"}
        self.closed = self.registry(auth={"silly": realm})
        self.digest = images.push(self.closed.base, "priv/app", "1", Image(),
                                  headers=[("Authorization", "Bearer anything")])

    def _handler(self):
        asked = self.asked

        class TokenServer(BaseHTTPRequestHandler):
            """Gives a token to alice and to nobody, not to others."""

            def do_GET(self):
                """One question for a token."""
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                authorization = self.headers.get("Authorization")
                asked.append((query, authorization))
                is_good = authorization in (None, BASIC)
                body = b'{"token":"t1","expires_in":300}' if is_good else b"{}"
                self.send_response(200 if is_good else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format, *args):  # pylint: disable=redefined-builtin
                """Quiet."""

        return TokenServer

    def test_the_way_of_a_token(self):
        """401, token, and again; the scope is that of the repository."""
        image = f"{self.closed.address}/priv/app:1"
        self.expect(ask_one(image), "found", digest=self.digest)
        self.expect(ask_one(image, login=ALICE), "found", digest=self.digest)
        scope = {"service": ["stub"], "scope": ["repository:priv/app:pull"]}
        self.assertEqual(self.asked, [(scope, None), (scope, BASIC)])
        self.expect(ask_one(image, login=("alice", "wrong")), "login refused")

    def test_one_token_for_a_repository(self):
        """Ten tags of one repository need one."""
        answers = ask(*[f"{self.closed.address}/priv/app:{tag}" for tag in range(1, 11)])
        self.assertEqual([answer.verdict for answer in answers], ["found"] + ["absent"] * 9)
        self.assertEqual(len(self.asked), 1)


class Storage(Case):
    """Blobs in storage elsewhere, to which the registry redirects."""

    def test_the_login_is_not_taken_along(self):
        """Storage gets the question and no Authorization."""
        seen = []
        data = os.path.join(self.directory, "data")

        class Files(SimpleHTTPRequestHandler):
            """Serves the registry's own files, as object storage would."""

            def do_GET(self):
                """One blob."""
                seen.append((self.path, self.headers.get("Authorization")))
                super().do_GET()

            def log_message(self, format, *args):  # pylint: disable=redefined-builtin
                """Quiet."""

        base = f"http://{self.serve(functools.partial(Files, directory=data))}/"
        registry = self.registry(
            auth=self.users(),
            storage={"filesystem": {"rootdirectory": data}},
            middleware={"storage": [{"name": "redirect", "options": {"baseurl": base}}]})
        digest = images.push(registry.base, "team/app", "1", Image(),
                             headers=[("Authorization", BASIC)])
        answer = ask_one(f"{registry.address}/team/app:1", login=ALICE)
        self.expect(answer, "found", "linux/amd64", digest)
        self.assertEqual(len(seen), 1)
        self.assertTrue(seen[0][0].endswith("/data"), seen)
        self.assertIsNone(seen[0][1])


@unittest.skipIf(shutil.which("openssl") is None, "openssl is not installed")
class PrivateAuthority(Case):
    """TLS with a certificate that nobody knows but whoever has its file."""

    def test_the_authority_has_to_be_named(self):
        """Verified with --ca; refused without, and never spoken to in plain text instead."""
        key, certificate = (os.path.join(self.directory, name) for name in ("key", "cert.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        registry = self.registry(http={"tls": {"certificate": certificate, "key": key}})
        image = f"{registry.address}/team/app:1"
        self.expect(ask_one(image, options=("--ca", certificate)), "absent", "has no tag '1'")
        self.expect(ask_one(image), "unreachable", "certificate")
        self.assertEqual([request.split()[0] for request in registry.requests()], ["HEAD", "GET"])


def main():
    """Runs, or says why not."""
    for program, package in (("docker-registry", "docker-registry"),
                             ("htpasswd", "apache2-utils")):
        if shutil.which(program) is None:
            print(f"skipped: {program} is not installed (package {package})")
            return SKIPPED
    return 0 if unittest.main(exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
