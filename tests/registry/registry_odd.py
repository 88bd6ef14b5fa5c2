"""The registry door over HTTP against the stub: each oddity; and a call for a login at ECR, whose
signature is made again here. Nothing leaves the loopback address."""

import hashlib
import hmac
import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from asking import ask, ask_one
from stub_registry import GOOD, INDEX, ODDITIES, TOKEN, StubRegistry

# oddity: verdict, words of its text, digest
OUTCOMES = {
    "plain": ("found", "exists, for linux/amd64, linux/arm64", INDEX.digest),
    "no-digest": ("found", "exists", INDEX.digest),
    "wrong-digest": ("found", "exists", INDEX.digest),
    "head-405": ("found", "exists", INDEX.digest),
    "token": ("found", "exists", INDEX.digest),
    "two-challenges": ("found", "exists", INDEX.digest),
    "denied": ("no access", "(it says: told by the stub)", "-"),
    "absent": ("absent", "the repository has no tag '1'", "-"),
    "no-repository": ("absent", "there is no repository odd/no-repository", "-"),
    "absent-is-401": ("no access", "or no such repository", "-"),
    "hostile-realm": ("unreachable", "10.0.0.1 is an address inside of a network", "-"),
    "throttled": ("throttled", "asked again in 2m", "-"),
    "used-up": ("throttled", "allows no more pulls at present", INDEX.digest),
    "page": ("unreachable", "is no container registry", "-"),
    "portal": ("unreachable", "something else than a manifest (an HTML page, 'Sign in'", "-"),
    "cut": ("unreachable", "cannot be looked at", INDEX.digest),
    "endless": ("unreachable", "is longer than 4194304 bytes", INDEX.digest),
    "hostile-redirect": ("unreachable", "169.254.169.254 is an address inside", "-"),
    "ring": ("unreachable", "redirects again and again", "-"),
    "gone-config": ("not runnable", "is broken", GOOD.manifest.digest),
    "down": ("unreachable", "answered with status 503", "-"),
}


class Oddities(unittest.TestCase):
    """Each in a process of its own: one that throttles would silence the others."""

    def setUp(self):
        self.stub = StubRegistry().start()
        self.addCleanup(self.stub.server_close)
        self.addCleanup(self.stub.shutdown)

    def image(self, name, tag="1"):
        """A reference to an oddity."""
        return f"{self.stub.address}/odd/{name}:{tag}"

    def test_each_has_its_outcome(self):
        """Every oddity of the stub, in words that say what it is."""
        self.assertEqual(set(OUTCOMES) | {"other-bytes"}, set(ODDITIES))
        for name, (verdict, words, digest) in OUTCOMES.items():
            with self.subTest(name):
                answer = ask_one(self.image(name))
                self.assertEqual((answer.verdict, answer.digest), (verdict, digest), str(answer))
                self.assertIn(words, answer.text)

    def test_bytes_that_are_not_those_of_the_digest(self):
        """A reference by digest is held to it."""
        answer = ask_one(f"{self.stub.address}/odd/other-bytes@{INDEX.digest}")
        self.assertEqual(answer.verdict, "unreachable")
        self.assertIn("is not what its digest says", answer.text)

    def test_one_question_for_many(self):
        """A hundred clusters of one image: one HEAD, one GET."""
        answers = ask(*[self.image("plain")] * 100)
        self.assertEqual({answer.verdict for answer in answers}, {"found"})
        requests = [noted["request"] for noted in self.stub.noted()]
        self.assertEqual(requests, ["HEAD /v2/odd/plain/manifests/1",
                                    "GET /v2/odd/plain/manifests/1"])

    def test_a_throttled_registry_is_left_alone(self):
        """Behind the first three that are under way together, nothing is sent."""
        answers = ask(*[self.image("throttled", tag) for tag in range(20)])
        self.assertEqual({answer.verdict for answer in answers}, {"throttled"})
        self.assertLessEqual(len(self.stub.noted()), 3)

    def test_the_token_goes_where_it_belongs(self):
        """The login to the token server, the token to the registry, and neither into a text."""
        answer = ask_one(self.image("token"), login=("alice", "s3cret"))
        sent = [(noted["request"].split("?")[0], noted["authorization"])
                for noted in self.stub.noted()]
        self.assertEqual(answer.verdict, "found", str(answer))
        self.assertEqual(sent, [
            ("HEAD /v2/odd/token/manifests/1", None),
            ("GET /token", "Basic YWxpY2U6czNjcmV0"),
            ("HEAD /v2/odd/token/manifests/1", f"Bearer {TOKEN}"),
            ("GET /v2/odd/token/manifests/1", f"Bearer {TOKEN}")])
        self.assertNotIn("s3cret", answer.text)


# ---- Amazon ECR ----


def signature_of(handler, body, secret):
    """The signature of a request by Signature Version 4, made from its description."""
    value = handler.headers["Authorization"]
    fields = dict(part.split("=", 1) for part in value.split(" ", 1)[1].split(", "))
    _, date, region, service, end = fields["Credential"].split("/")
    names = fields["SignedHeaders"].split(";")
    canonical = "\n".join([
        handler.command, handler.path, "",
        *[f"{name}:{handler.headers[name].strip()}" for name in names], "", ";".join(names),
        hashlib.sha256(body).hexdigest()])
    scope = f"{date}/{region}/{service}/{end}"
    text = "\n".join(["AWS4-HMAC-SHA256", handler.headers["X-Amz-Date"], scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, end):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    made = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return made, fields["Signature"], names


class Aws(BaseHTTPRequestHandler):
    """Takes a call, and refuses it, so that nobody goes on to the real ECR."""

    seen = []

    def do_POST(self):
        """Says whether the signature is right."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        made, sent, names = signature_of(self, body, "s3cret-key")
        self.seen.append((body, dict(self.headers), names))
        word = "right" if made == sent else "wrong"
        reply = json.dumps({"__type": "X", "message": f"the signature is {word}"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Quiet."""


class Ecr(unittest.TestCase):
    """The call that makes a login for ECR."""

    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1"

    def setUp(self):
        Aws.seen.clear()
        server = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.options = ("--aws-endpoint", f"http://127.0.0.1:{server.server_address[1]}/")

    def ask(self, secret, **more):
        """With credentials from the environment."""
        env = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": secret, **more}
        return ask_one(self.image, options=self.options, env=env)

    def test_the_signature_is_right(self):
        """With a session token, which is signed too."""
        answer = self.ask("s3cret-key", AWS_SESSION_TOKEN="session-token")
        self.assertEqual(answer.verdict, "unchecked")
        self.assertIn("the signature is right", answer.text)
        body, headers, names = Aws.seen[0]
        self.assertEqual(body, b"{}")
        self.assertEqual(headers["X-Amz-Target"],
                         "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken")
        for name in ("host", "x-amz-date", "x-amz-target", "x-amz-security-token", "content-type"):
            self.assertIn(name, names)

    def test_another_key_makes_another(self):
        """That the check above can fail."""
        self.assertIn("the signature is wrong", self.ask("another-key").text)

    def test_without_credentials(self):
        """Nothing is sent; the cluster has its own way."""
        answer = ask_one(self.image, options=self.options)
        self.assertEqual(answer.verdict, "unchecked")
        self.assertIn("no AWS credentials were found", answer.text)
        self.assertEqual(Aws.seen, [])


if __name__ == "__main__":
    unittest.main()
