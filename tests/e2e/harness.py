"""What the end-to-end tests stand on: the simulated workspace, the program, and waiting for events.

Every test has a workspace, a directory of manifests and a state file of its own. The program is the
sanitizers' build where there is one: a finding of theirs fails the test that met it.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

KEEPER = os.environ.get("CLUSTERKEEPER", "clusterkeeper")
SIM = os.environ.get("WORKSPACE_SIM", "workspace-sim")
TOKEN = "dapi-end-to-end"
DEADLINE_S = 60
# When a command that cannot succeed gives up; longer where the program runs slowly, as in valgrind.
GIVES_UP = os.environ.get("CLUSTERKEEPER_E2E_GIVES_UP", "3s")

SANITIZER_EXIT = 99
SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion")
SANITIZER_ENV = {
    "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:abort_on_error=0:detect_leaks=1",
    "UBSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:halt_on_error=1:print_stacktrace=1",
}


# ---- the promises ----


def read_promises():
    """The promises by number, from the one table of them."""
    table = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "promises",
                         "promises.def")
    with open(table, encoding="ascii") as file:
        rows = re.findall(r'^PROMISE\(\w+, (\d+), "([^"]+)"\)$', file.read(), re.MULTILINE)
    return {int(number): words for number, words in rows}


PROMISES = read_promises()


class Finding(AssertionError):
    """A sanitizer, an assertion or a signal: the program is broken, whatever was tested."""


@contextlib.contextmanager
def promise(number):
    """What is asserted in here holds this promise: a failure begins with its name."""
    try:
        yield
    except Finding:
        raise
    except AssertionError as error:
        raise AssertionError(f"promise {number} ({PROMISES[number]}): {error}") from error


# ---- waiting ----


def wait_for(predicate, what="the event", deadline_s=DEADLINE_S):
    """The first true value of `predicate`; a failure when none came in time."""
    end = time.monotonic() + deadline_s
    pause = threading.Event()
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come about within {deadline_s} s")
        pause.wait(0.02)


# ---- the workspace ----


class Workspace:
    """workspace-sim, and its control path."""

    def __init__(self, directory, speed=2000, options=()):
        self.port_file = os.path.join(directory, "port")
        self.log = open(os.path.join(directory, "sim.log"), "wb")
        self.process = subprocess.Popen(
            [SIM, "--port", "0", "--speed", str(speed), "--token", TOKEN,
             "--port-file", self.port_file, *options],
            stdout=self.log, stderr=self.log, env={**os.environ, **SANITIZER_ENV})
        wait_for(lambda: os.path.exists(self.port_file), "the start of workspace-sim")
        with open(self.port_file, encoding="ascii") as file:
            self.port = int(file.read())
        self.host = f"http://127.0.0.1:{self.port}"

    def close(self):
        """Ends it; its exit status, which tells of findings."""
        self.process.terminate()
        try:
            status = self.process.wait(DEADLINE_S)
        finally:
            self.process.kill()
            self.log.close()
        return status

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.host + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {TOKEN}")
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            raise AssertionError(f"{method} {path}: {error.code} {text}") from error

    def control(self, what, **body):
        """POST /control/`what`."""
        return self._call("POST", f"/control/{what}", body)

    def api(self, method, path, body=None):
        """The API itself, as somebody else would call it."""
        return self._call(method, "/api/" + path, body)

    def config(self):
        """Delays and switches, as they are."""
        return self._call("GET", "/control/config")

    def fault(self, kind, path=None, **rule):
        """A fault rule; see tests/workspace/README.md."""
        if path is not None:
            rule["path"] = path
        return self.control("fault", kind=kind, **rule)

    def struck(self):
        """How often each rule struck."""
        return [fault["struck"] for fault in self._call("GET", "/control/faults")["faults"]]

    def heal(self):
        """No more faults."""
        self._call("DELETE", "/control/faults")

    def act(self, action, name=None, cluster_id=None, body=None):
        """Somebody else does something; the cluster's ID."""
        rule = {"action": action, "name": name, "cluster_id": cluster_id, "body": body}
        known = {key: value for key, value in rule.items() if value is not None}
        return self.control("actor", **known)["cluster_id"]

    def dump(self):
        """Every cluster, as /control/clusters has it."""
        return self._call("GET", "/control/clusters")["clusters"]

    def named(self, name):
        """The clusters that bear this name of ours in their tags."""
        return [c for c in self.dump()
                if c["cluster"].get("custom_tags", {}).get("clusterkeeper-name") == name]

    def live(self, name):
        """Those of them that cost money."""
        return [c for c in self.named(name) if c["live"]]

    def one(self, name):
        """The one that lives."""
        found = self.live(name)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} live clusters of {name}: {found}")
        return found[0]

    def requests(self):
        """What was called since `forget_requests`."""
        return self._call("GET", "/control/requests")

    def counts(self):
        """How often each call was made."""
        return self.requests()["counts"]

    def writes(self):
        """How many calls wanted to change something."""
        return self.requests()["writes"]

    def forget_requests(self):
        """Counts from here."""
        self._call("DELETE", "/control/requests")


# ---- the program ----


class Ended:
    """How a run of the program ended."""

    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    def __str__(self):
        words = " ".join(self.args)
        return f"$ clusterkeeper {words}\n{self.out}{self.err}(exit {self.code})"

    def json(self):
        """Standard output, which must be JSON."""
        return json.loads(self.out)


def check_sane(ended):
    """No sanitizer and no assertion has found anything, and no signal has ended it."""
    found = [word for word in SANITIZER_WORDS if word in ended.err]
    if found or ended.code < 0 or ended.code == SANITIZER_EXIT:
        raise Finding(f"the program is broken: {found}\n{ended}")
    return ended


class Service:
    """`clusterkeeper run`, in the background; its log is read as it comes."""

    def __init__(self, args, env, log_path):
        self.args, self.log_path = args, log_path
        self.mark = 0
        with open(log_path, "ab") as log:
            self.mark = log.tell()
            self.process = subprocess.Popen([KEEPER, *args], env=env, stderr=log,
                                            stdout=subprocess.DEVNULL)

    def log(self):
        """Everything that this service has logged."""
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def now(self):
        """Looks only at what is logged from here on."""
        self.mark = os.path.getsize(self.log_path)

    def seen(self, pattern):
        """The first line since `now` that matches; None when there is none."""
        with open(self.log_path, "rb") as file:
            file.seek(self.mark)
            lines = file.read().decode("utf-8", "replace").splitlines()
        return next((line for line in lines if re.search(pattern, line)), None)

    def wait(self, pattern, deadline_s=DEADLINE_S):
        """Waits for a line of the log."""
        def look():
            line = self.seen(pattern)
            if line is None and self.process.poll() is not None:
                raise AssertionError(f"the service ended:\n{self.log()}")
            return line
        try:
            return wait_for(look, f"a line like {pattern!r}", deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def send(self, number):
        """Sends a signal."""
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, deadline_s=DEADLINE_S):
        """Ends it by a signal, and says how it ended."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(deadline_s)
        finally:
            self.process.kill()
            self.process.wait()
        ended = Ended(self.args, code, "", self.log())
        return ended if code == -signal.SIGKILL else check_sane(ended)


# ---- the manifests ----

SPEC = {
    "spark_version": "15.4.x-scala2.12",
    "node_type_id": "i3.xlarge",
    "data_security_mode": "SINGLE_USER",
}


def cluster(name, image="acme/etl:1.0", workers=1, spec=None, **rest):
    """The text of a manifest. JSON is YAML, so that parts are written as they are."""
    body = {**SPEC, "num_workers": workers, "docker_image": {"url": image}, **(spec or {})}
    lines = ["apiVersion: clusterkeeper/v1", "kind: Cluster",
             f"metadata: {{name: {name}}}", f"spec: {json.dumps(body)}"]
    lines += [f"{key}: {json.dumps(value)}" for key, value in rest.items()]
    return "\n".join(lines) + "\n"


# ---- the test ----


class EndToEnd(unittest.TestCase):
    """A workspace, a directory and a state file; `keeper` runs the program on them."""

    speed = 2000
    sim_options = ()
    maxDiff = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="clusterkeeper-e2e-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.clusters = self.path("clusters")
        self.state = self.path("state", "state.db")
        os.mkdir(self.clusters)
        self.workspace = Workspace(self.directory, self.speed, self.sim_options)
        self.addCleanup(self.close_workspace)
        self.env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": self.directory,
            "TZ": "UTC",
            "DATABRICKS_HOST": self.workspace.host,
            "DATABRICKS_TOKEN": TOKEN,
            "CLUSTERKEEPER_DOCKER_HUB": self.workspace.host,  # it serves the images, too
            "CLUSTERKEEPER_STATE": self.state,
            "CLUSTERKEEPER_POLL": "50ms",
            "CLUSTERKEEPER_CREATE_GRACE": "300ms",
            "CLUSTERKEEPER_RATE": "1000",
            "CLUSTERKEEPER_TIMEOUT": "30s",
            **SANITIZER_ENV,
        }
        self.services = []
        self.addCleanup(self.stop_services)

    def close_workspace(self):
        """The simulated workspace, too, must have ended well."""
        status = self.workspace.close()
        with open(self.path("sim.log"), encoding="utf-8", errors="replace") as file:
            self.assertEqual(status, 0, file.read())

    def stop_services(self):
        """What a failed test has left running."""
        for service in self.services:
            if service.process.poll() is None:
                service.stop()

    def path(self, *parts):
        """A path below the directory of this test."""
        return os.path.join(self.directory, *parts)

    def write(self, name, text):
        """A file below the manifests' directory, renamed into place as editors do."""
        path = os.path.join(self.clusters, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new~", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new~", path)
        return path

    def remove(self, name):
        """A manifest goes."""
        os.unlink(os.path.join(self.clusters, name))

    def keeper(self, command, *args, expect=0, env=None, deadline_s=DEADLINE_S * 2):
        """Runs a command on the manifests (status: on the state) to its end."""
        needs_directory = command in ("validate", "plan", "apply")
        words = [command, *([self.clusters] if needs_directory else []), *args]
        done = subprocess.run([KEEPER, *words], env={**self.env, **(env or {})}, check=False,
                              capture_output=True, timeout=deadline_s,
                              stdin=subprocess.DEVNULL)
        ended = check_sane(Ended(words, done.returncode, done.stdout.decode("utf-8", "replace"),
                                 done.stderr.decode("utf-8", "replace")))
        if expect is not None:
            self.assertEqual(ended.code, expect, str(ended))
        return ended

    def service(self, *args, env=None, log="run.log"):
        """Starts `clusterkeeper run`."""
        words = ["run", self.clusters, *args]
        service = Service(words, {**self.env, **(env or {})}, self.path(log))
        self.services.append(service)
        return service

    def plan(self, *args, expect=None):
        """The plan as JSON."""
        return self.keeper("plan", "--output", "json", *args, expect=expect).json()

    def actions(self, *args):
        """What the plan would do to each cluster: {name: action}."""
        return {item["name"]: item["action"] for item in self.plan(*args)["clusters"]}

    def assert_quiet(self):
        """Everything is as desired: an empty plan, and an apply that calls nothing that writes."""
        ended = self.keeper("plan", "--detailed-exitcode", expect=None)
        with promise(5):
            self.assertEqual(ended.code, 0, str(ended))
            self.assertIn("No changes", ended.out)
        self.workspace.forget_requests()
        self.keeper("apply")
        with promise(5):
            self.assertEqual(self.workspace.writes(), 0, self.workspace.requests()["log"])

    def status(self, name=None):
        """What is recorded: {name: cluster}, or of one."""
        found = self.keeper("status", "--output", "json").json()["clusters"]
        by_name = {one["name"]: one for one in found}
        return by_name if name is None else by_name[name]


def main():
    """Runs the tests of the file that calls it."""
    unittest.main(verbosity=2)
