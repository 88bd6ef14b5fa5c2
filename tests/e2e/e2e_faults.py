"""What the network and the platform do to a call: each ends right, and says what happened."""

import socket
import threading

from harness import DEADLINE_S, GIVES_UP, EndToEnd, cluster, main, promise


class Repeated(EndToEnd):
    """Faults that pass: the call is repeated, and nobody has to know."""

    def test_passing_faults(self):
        rules = [
            ("status", "clusters/list", {"status": 429, "retry_after": 1}),
            ("status", "clusters/create", {"status": 429, "retry_after": 1}),
            ("status", "clusters/create", {"status": 503}),
            ("status", "clusters/list", {"status": 500}),
            ("status", "clusters/get", {"status": 502}),
            ("html", "clusters/list", {"status": 502}),
            ("html", "clusters/create", {"status": 503}),
            ("empty", "clusters/get", {"status": 504}),
            ("reset", "clusters/list", {}),
            ("reset", "clusters/get", {}),
            ("lost", "clusters/list", {}),
            ("cut", "clusters/list", {}),
            ("cut", "clusters/get", {}),
            ("garbage", "clusters/list", {}),
            ("garbage", "clusters/get", {}),
            ("delay", "clusters/create", {"delay_ms": 300}),
            ("status", "preview/scim/v2/Me", {"status": 500}),
        ]
        for number, (kind, path, rule) in enumerate(rules):
            with self.subTest(kind=kind, path=path, **rule):
                name = f"c{number}"
                self.write(f"{name}.yaml", cluster(name))
                self.workspace.fault(kind, path, times=1, **rule)
                self.keeper("apply")
                self.assertEqual(self.workspace.struck(), [1], "the fault was never met")
                self.assertEqual(len(self.workspace.named(name)), 1)
                self.assertEqual(self.workspace.one(name)["state"], "RUNNING")
                self.workspace.heal()
        self.assert_quiet()

    def test_a_rate_limit_of_the_workspace(self):
        self.workspace.fault("rate", burst=3, per_min=60)  # of virtual time: soon full again
        for number in range(8):
            self.write(f"c{number}.yaml", cluster(f"c{number}"))
        self.keeper("apply")
        for number in range(8):
            self.assertEqual(len(self.workspace.named(f"c{number}")), 1)

    def test_a_fleet_in_bad_weather(self):
        for kind in ("lost", "reset", "cut", "garbage"):
            self.workspace.fault(kind, permille=60)
        self.workspace.fault("status", status=503, permille=60)
        for number in range(12):
            self.write(f"c{number}.yaml", cluster(f"c{number}"))
        self.keeper("apply", expect=None)
        self.workspace.heal()
        self.keeper("apply")
        for number in range(12):
            self.assertEqual(self.workspace.one(f"c{number}")["state"], "RUNNING")
        self.assert_quiet()


class UnknownOutcome(EndToEnd):
    """The answer to a create is lost: one cluster at the end, whatever the workspace has done."""

    @promise(1)
    def check(self, kind, acted, **rule):
        """An apply during which the answer to the create of etl gets lost."""
        self.write("etl.yaml", cluster("etl"))
        self.workspace.fault(kind, "clusters/create", times=1, **rule)
        self.keeper("apply")
        self.assertEqual(self.workspace.struck(), [1])
        self.assertEqual(len(self.workspace.named("etl")), 1, "never a second one")
        self.assertEqual(self.workspace.one("etl")["state"], "RUNNING")
        self.assertEqual(self.workspace.counts()["clusters/create"], 1 if acted else 2)
        self.workspace.heal()
        self.assert_quiet()

    def test_lost_answer(self):
        self.check("lost", True)

    def test_cut_answer(self):
        self.check("cut", True)

    def test_garbage(self):
        self.check("garbage", True)

    def test_server_error_that_acted(self):
        self.check("status", True, status=500, acts=True)

    def test_gateway_page_that_acted(self):
        self.check("html", True, status=502, acts=True)

    def test_server_error_that_did_not_act(self):
        self.check("status", False, status=500)

    def test_reset_before_anything_was_done(self):
        self.check("reset", False)

    def test_a_listing_that_lags(self):
        """The new cluster is not listed before a while: no second one is made meanwhile."""
        self.workspace.control("config", list_lag_ms=1000 * 2000, get_lag_ms=1000 * 2000)
        self.write("etl.yaml", cluster("etl"))
        self.workspace.fault("lost", "clusters/create", times=1)
        self.keeper("apply", env={"CLUSTERKEEPER_CREATE_GRACE": "5s"})
        self.assertEqual(len(self.workspace.named("etl")), 1)

    def test_lost_answers_of_other_steps(self):
        self.write("etl.yaml", cluster("etl"))
        self.keeper("apply")
        steps = [
            ("clusters/edit", {"spec": {"spark_conf": {"a": "b"}}}),
            ("clusters/resize", {"spec": {"spark_conf": {"a": "b"}}, "workers": 4}),
            ("clusters/delete", {"image": "acme/etl:1.1"}),
            ("clusters/permanent-delete", {"image": "acme/etl:1.2"}),
        ]
        for path, parts in steps:
            with self.subTest(path=path):
                self.write("etl.yaml", cluster("etl", **parts))
                self.workspace.fault("lost", path, times=1)
                self.keeper("apply")
                self.assertEqual(self.workspace.struck(), [1])
                self.workspace.heal()
                self.assertEqual(len(self.workspace.named("etl")), 1)
                self.assert_quiet()


class Final(EndToEnd):
    """Faults that stay: an error that says what happened and what to do, and a status."""

    def refused(self, *words, env=None, command="apply"):
        """The command fails with these words."""
        ended = self.keeper(command, expect=1,
                            env={"CLUSTERKEEPER_TIMEOUT": GIVES_UP, **(env or {})})
        for word in words:
            self.assertIn(word, ended.err)
        return ended

    def setUp(self):
        super().setUp()
        self.write("etl.yaml", cluster("etl"))

    def test_wrong_token(self):
        for command in ("plan", "apply"):
            ended = self.refused("Invalid access token", "check the token", command=command,
                                 env={"DATABRICKS_TOKEN": "dapi-wrong-one"})
            self.assertNotIn("dapi-wrong-one", ended.err)

    def test_forbidden(self):
        self.workspace.fault("status", "clusters/list", status=403)
        self.refused("403", "PERMISSION_DENIED", "does not have permission")

    def test_forbidden_create(self):
        self.workspace.fault("status", "clusters/create", status=403)
        ended = self.refused("403", "PERMISSION_DENIED")
        self.assertIn("etl", ended.err)
        self.assertIn("PERMISSION_DENIED", self.status("etl")["error"])

    def test_a_rejected_spec_is_told_in_the_words_of_the_api_and_not_repeated(self):
        self.workspace.fault("status", "clusters/create", status=400,
                             code="INVALID_PARAMETER_VALUE", message="Node type is not welcome")
        self.refused("INVALID_PARAMETER_VALUE", "Node type is not welcome")
        self.assertEqual(self.workspace.counts()["clusters/create"], 1)
        self.workspace.heal()
        self.workspace.forget_requests()
        self.refused("Node type is not welcome")
        self.assertEqual(self.workspace.writes(), 0, "not again for the same manifest")
        self.write("etl.yaml", cluster("etl", workers=2))
        self.keeper("apply")
        self.assert_quiet()

    def test_quota_is_not_a_rate_limit(self):
        self.workspace.fault("status", "clusters/create", status=400, code="QUOTA_EXCEEDED",
                             message="The quota of clusters is reached: 100 of 100")
        ended = self.refused("QUOTA_EXCEEDED", "100 of 100")
        self.assertNotIn("Too many requests", ended.err)

    def test_a_page_of_a_proxy(self):
        self.workspace.fault("html", "clusters/list", status=200)
        self.refused("HTML", command="plan")

    def test_garbage(self):
        self.workspace.fault("garbage", "clusters/list")
        self.refused("clusters/list", "JSON", command="plan")

    def test_nobody_is_there(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        host = f"http://127.0.0.1:{port}"
        self.refused("127.0.0.1", "connect", command="plan", env={"DATABRICKS_HOST": host})

    def test_shapes_that_are_not_the_apis(self):
        bodies = [b"[]", b"null", b'{"clusters":{}}', b'{"clusters":[1]}', b'{"clusters":[{}]}',
                  b'{"clusters":[{"cluster_id":7}]}', b"\xff\xfe", b"[" * 100000, b""]
        for body in bodies:
            with self.subTest(body=body[:40]), Impostor(body) as impostor:
                ended = self.keeper("plan", expect=None, env={"DATABRICKS_HOST": impostor.host})
                self.assertEqual(ended.code, 1, str(ended))
                self.assertIn("clusters", ended.err)


class Impostor:
    """Something that is not a workspace: the same body for every call."""

    def __init__(self, body, promised=None, repeat=False):
        self.body, self.promised, self.repeat = body, promised, repeat
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.open = []
        self.asked = threading.Event()
        self.host = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for connection in self.open:
            connection.close()

    def serve(self):
        """Answers until the listener is closed."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        """One connection."""
        length = len(self.body) if self.promised is None else self.promised
        head = ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                f"Content-Length: {length}\r\n\r\n").encode()
        try:
            while connection.recv(65536):
                self.asked.set()
                connection.sendall(head + self.body)
                while self.repeat:
                    connection.sendall(self.body)
        except OSError:
            pass


class Slow(EndToEnd):
    """Answers that never end."""

    @promise(10)
    def test_an_answer_without_end_is_capped(self):
        self.write("etl.yaml", cluster("etl"))
        with Impostor(b'{"x":"' + b"y" * 65536, promised=10**12, repeat=True) as impostor:
            ended = self.keeper("plan", expect=1, env={"DATABRICKS_HOST": impostor.host})
            self.assertRegex(ended.err, "longer than [0-9]+ bytes")

    def test_a_stalled_answer_does_not_hold_the_service(self):
        """Half an answer, then silence: SIGTERM still ends the service at once."""
        self.write("etl.yaml", cluster("etl"))
        with Impostor(b'{"clusters":[', promised=1000) as impostor:
            service = self.service(env={"DATABRICKS_HOST": impostor.host})
            self.assertTrue(impostor.asked.wait(DEADLINE_S))
            ended = service.stop(deadline_s=20)
            self.assertEqual(ended.code, 0, str(ended))


if __name__ == "__main__":
    main()
