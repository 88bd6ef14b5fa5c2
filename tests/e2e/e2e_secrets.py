"""No secret leaves: not in the state, not in any output, not in the list of processes."""

import os
import secrets
import signal
import socket
import threading

from harness import EndToEnd, cluster, main, promise, wait_for

IMAGE = "acme/secret:1.0"


class Wire:
    """Stands between the program and the workspace, and keeps what the program sends."""

    def __init__(self, port):
        self.port = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.sent = bytearray()
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        """No new connections."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self):
        """Connects whoever comes."""
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.port))
            for source, drain, kept in ((near, far, self.sent), (far, near, None)):
                threading.Thread(target=pump, args=(source, drain, kept), daemon=True).start()


def pump(source, drain, kept):
    """One direction of a connection."""
    try:
        while data := source.recv(65536):
            if kept is not None:
                kept.extend(data)
            drain.sendall(data)
        drain.shutdown(socket.SHUT_WR)
    except OSError:
        drain.close()


class Secrets(EndToEnd):
    """Fresh ones for each test; searched for everywhere."""

    sim_options = ("--token",)

    def setUp(self):
        self.secrets = {name: secrets.token_hex(16) for name in
                        ("token", "user", "password", "variable")}
        self.sim_options = ("--token", self.secrets["token"])
        super().setUp()
        self.wire = Wire(self.workspace.port)
        self.addCleanup(self.wire.close)
        self.seen = {}
        with open(self.path("password"), "w", encoding="ascii") as file:
            file.write(self.secrets["password"] + "\n")
        self.env.update(DATABRICKS_HOST=self.wire.host, DATABRICKS_TOKEN=self.secrets["token"],
                        REGISTRY_USER=self.secrets["user"], CONF=self.secrets["variable"])
        self.auth = {"username": {"fromEnv": "REGISTRY_USER"},
                     "password": {"fromFile": self.path("password")}}

    def manifest(self, name="etl", **parts):
        """A cluster with secrets of both kinds."""
        docker = {"url": parts.pop("image", IMAGE), "basic_auth": self.auth}
        spec = {"docker_image": docker, **parts.pop("spec", {})}
        self.write(f"{name}.yaml", cluster(name, spec=spec, **parts))

    @promise(7)
    def search(self, where, data):
        """None of the secrets is in there."""
        for name, secret in self.secrets.items():
            for form in (secret.encode(), secret[4:20].encode()):
                self.assertNotIn(form, data, f"the {name} is in {where}")

    def search_state(self):
        """Every byte of the state's directory."""
        place = os.path.dirname(self.state)
        files = os.listdir(place)
        self.assertTrue(files)
        for file in files:
            with open(os.path.join(place, file), "rb") as opened:
                self.search(f"the state's {file}", opened.read())

    def run_and_search(self, command, *args, expect=0, env=None):
        """A command, whose output tells no secret."""
        ended = self.keeper(command, *args, expect=expect, env=env)
        self.search(f"the output of {command}", (ended.out + ended.err).encode())
        if os.path.exists(self.state):
            self.search_state()
        return ended

    def test_where_they_go_and_where_not(self):
        self.manifest()
        self.run_and_search("validate")
        self.run_and_search("plan")
        self.run_and_search("plan", "--output", "json")
        self.run_and_search("apply", "--log-level", "debug")
        for name in ("token", "user", "password"):
            self.assertIn(self.secrets[name].encode(), self.wire.sent, f"the {name} was sent")
        self.run_and_search("status", "etl")
        self.run_and_search("status", "--output", "json")
        for one in self.workspace.dump():
            self.search("a tag", str(one["cluster"].get("custom_tags")).encode())
        self.assert_quiet()

    def test_a_changed_secret_is_a_change_without_being_shown(self):
        self.manifest()
        self.run_and_search("apply")
        old = self.secrets["password"]
        self.secrets["old password"] = old
        self.secrets["password"] = secrets.token_hex(16)
        with open(self.path("password"), "w", encoding="ascii") as file:
            file.write(self.secrets["password"])
        plan = self.run_and_search("plan")
        self.assertIn("basic_auth", plan.out)
        plan = self.run_and_search("plan", "--output", "json")
        self.assertEqual(plan.json()["summary"]["edit"], 1)
        self.run_and_search("apply")
        self.assertIn(self.secrets["password"].encode(), self.wire.sent)
        self.assert_quiet()

    def test_a_workspace_that_shows_them(self):
        """Answers with the credentials in clear are no way into the state either."""
        self.workspace.control("config", credentials=2)
        self.manifest()
        self.run_and_search("apply")
        self.run_and_search("plan", "--output", "json")
        self.manifest(spec={"spark_conf": {"a": "b"}})
        self.run_and_search("plan", "--output", "json")
        self.run_and_search("apply")
        self.assert_quiet()

    def test_failures(self):
        faults = [
            ("status", {"status": 400, "message": f"bad password {self.secrets['password']}"}),
            ("status", {"status": 403, "message": f"token {self.secrets['token']} is no good"}),
            ("status", {"status": 503, "message": f"busy with {self.secrets['password']}"}),
            ("html", {"status": 502}), ("garbage", {}),
        ]
        for number, (kind, rule) in enumerate(faults):
            with self.subTest(kind=kind, **rule):
                name = f"c{number}"
                self.manifest(name)
                self.workspace.fault(kind, "clusters/create", times=1, **rule)
                self.run_and_search("apply", "--log-level", "debug", expect=None)
                self.assertEqual(self.workspace.struck(), [1], "the fault was never met")
                self.run_and_search("status", name, expect=None)
                self.remove(f"{name}.yaml")
                self.workspace.heal()

    def test_failing_launch(self):
        self.workspace.control("image", url=IMAGE, behaviour="private", password="another")
        self.manifest(keep={"preflight": "off"})
        self.run_and_search("apply", expect=1)
        self.run_and_search("status", "etl")

    def test_a_registry_that_refuses(self):
        self.workspace.control("image", url=IMAGE, behaviour="private", password="another")
        self.manifest()
        for message in ("password", "user"):
            body = {"status": 403, "message": f"bad {self.secrets[message]}"}
            self.workspace.fault("status", "registry/manifest", times=1, **body)
            self.run_and_search("apply", "--log-level", "debug", expect=None,
                                env={"CLUSTERKEEPER_TIMEOUT": "5s"})
            self.assertEqual(self.workspace.struck(), [1], "the fault was never met")
            self.workspace.heal()
            self.run_and_search("apply", "--log-level", "debug", expect=1)
        self.run_and_search("plan", "--output", "json")

    def test_a_secret_that_is_not_there(self):
        self.manifest()
        os.unlink(self.path("password"))
        ended = self.run_and_search("apply", expect=1)
        self.assertIn(self.path("password"), ended.err)
        self.assertEqual(self.workspace.writes(), 0)

    def test_service(self):
        self.manifest()
        service = self.service("--log-level", "debug", "--log-format", "json")
        service.wait('"event":"settled","cluster":"etl"')
        pid = service.process.pid
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            self.search("the list of processes", file.read())
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            limit = next(line for line in file if line.startswith("Max core file size"))
        with promise(7):
            self.assertEqual(limit.split()[4:6], ["0", "0"], "core dumps")
        self.search_state()
        service.send(signal.SIGHUP)
        wait_for(lambda: self.workspace.counts()["clusters/list"] >= 2)
        service.stop()
        self.search("the log", service.log().encode())
        self.search_state()


if __name__ == "__main__":
    main()
