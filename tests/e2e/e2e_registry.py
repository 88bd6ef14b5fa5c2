"""The registry is asked first: what is not there, or may not be pulled, takes nothing down."""

import os
import signal

from harness import EndToEnd, cluster, main, promise, wait_for

OLD, NEW = "acme/etl:1.0", "acme/etl:2.0"
QUIET = ("--interval", "1h")
# What the registry says no to, and in which words the program passes that on.
NO = {
    "missing": "has no tag",
    "denied": "access refused, or no such repository",
    "wrong-os": "was built for linux/arm64 only; the node type needs linux/amd64",
}


class Registry(EndToEnd):
    """What all of these tests look at."""

    def image(self, behaviour, url=NEW, **more):
        """How an image behaves from now on."""
        self.workspace.control("image", url=url, behaviour=behaviour, **more)

    def push(self, url=OLD):
        """The tag is moved; the digest of what it points to now."""
        return self.workspace.control("push", url=url)["digest"]

    def runs(self, name="etl"):
        """The image of the one that runs, else None."""
        found = [c for c in self.workspace.live(name) if c["state"] == "RUNNING"]
        return found[0]["cluster"]["docker_image"]["url"] if len(found) == 1 else None

    def item(self, name="etl"):
        """What the plan says of it."""
        return next(item for item in self.plan()["clusters"] if item["name"] == name)

    def begin(self, **rest):
        """A cluster that runs; what it is."""
        self.write("etl.yaml", cluster("etl", image=OLD, **rest))
        self.keeper("apply")
        self.workspace.forget_requests()
        return self.workspace.one("etl")

    @promise(6)
    def assert_untouched(self, before):
        """Nothing was written, and the same cluster runs as before."""
        self.assertEqual(self.workspace.writes(), 0, self.workspace.requests()["log"])
        self.assertEqual(self.workspace.named("etl"), [before])
        self.assertEqual(before["state"], "RUNNING")


class Blocked(Registry):
    """A definite no: the change waits, and the words say for what."""

    def check(self, words, **parts):
        """With what the manifest wants now, nothing is done; plan, apply and status say why."""
        before = self.begin()
        self.write("etl.yaml", cluster("etl", **parts))
        item = self.item()
        self.assertEqual((item["action"], item["hold"]), ("replace", "blocked"))
        self.assertIn(words, item["why"])
        plan = self.keeper("plan", "--detailed-exitcode", expect=2)
        self.assertRegex(plan.out, r"(?m)^  ! blocked +etl: to replace: .*")
        self.assertIn(words, plan.out)
        self.assertIn("1 blocked", plan.out)
        ended = self.keeper("apply", expect=1)
        self.assertIn("etl: blocked: ", ended.err)
        self.assertIn(words, ended.err)
        self.assert_untouched(before)

    def test_what_the_registry_says_no_to(self):
        for behaviour, words in NO.items():
            with self.subTest(behaviour):
                self.image(behaviour, f"acme/{behaviour}:2.0")
                self.check(words, image=f"acme/{behaviour}:2.0")
                self.write("etl.yaml", cluster("etl", image=OLD))
                self.assert_quiet()

    def test_nothing_is_made_for_an_image_that_is_not_there(self):
        self.image("missing")
        self.write("etl.yaml", cluster("etl", image=NEW))
        ended = self.keeper("apply", expect=1)
        self.assertIn(NO["missing"], ended.err)
        with promise(6):
            self.assertEqual(self.workspace.dump(), [])
            self.assertEqual(self.workspace.writes(), 0)
        self.image("ok")
        self.keeper("apply")
        self.assertEqual(self.runs(), NEW)
        self.assert_quiet()

    def test_a_terminated_cluster_is_not_edited_for_it_either(self):
        before = self.begin()
        self.workspace.act("terminate", name="etl")
        wait_for(lambda: self.workspace.named("etl")[0]["state"] == "TERMINATED")
        self.image("missing")
        self.write("etl.yaml", cluster("etl", image=NEW))
        self.workspace.forget_requests()
        self.keeper("apply", expect=1)
        with promise(6):
            self.assertEqual(self.workspace.writes(), 0)
            (now,) = self.workspace.named("etl")
            self.assertEqual(now["cluster"]["docker_image"], before["cluster"]["docker_image"])

    def test_every_strategy(self):
        self.image("missing")
        for strategy in ("recreate", "in-place", "blue-green"):
            with self.subTest(strategy):
                before = self.begin(keep={"strategy": strategy})
                self.write("etl.yaml", cluster("etl", image=NEW, keep={"strategy": strategy}))
                self.keeper("apply", expect=1)
                self.assert_untouched(before)

    def test_the_rest_of_the_fleet_goes_on(self):
        self.image("missing")
        before = self.begin()
        self.write("etl.yaml", cluster("etl", image=NEW))
        self.write("other.yaml", cluster("other"))
        ended = self.keeper("apply", expect=1)
        self.assertIn("1 of 2 clusters are as desired", ended.out)
        with promise(6):
            self.assertEqual(self.workspace.named("etl"), [before])
            self.assertEqual(self.runs("other"), OLD)


class Login(Registry):
    """Images that want a password."""

    PASSWORD = "sesame-of-the-registry"
    WRONG = "a-wrong-one-altogether"

    def setUp(self):
        super().setUp()
        self.image("private", password=self.PASSWORD)
        self.file = self.path("password")
        self.env["REGISTRY_USER"] = "robot"

    def want(self, password, **rest):
        """The private image, with this password."""
        with open(self.file, "w", encoding="ascii") as file:
            file.write(password)
        auth = {"username": {"fromEnv": "REGISTRY_USER"}, "password": {"fromFile": self.file}}
        image = {"docker_image": {"url": NEW, "basic_auth": auth}}
        self.write("etl.yaml", cluster("etl", spec=image, **rest))

    @promise(7)
    def assert_secret(self, *texts):
        """Neither password is in these, nor in any byte of the state."""
        data = "".join(texts).encode()
        self.assertIn(b"etl", data)
        for name in os.listdir(os.path.dirname(self.state)):
            with open(os.path.join(os.path.dirname(self.state), name), "rb") as file:
                data += file.read()
        for secret in (self.PASSWORD, self.WRONG):
            self.assertNotIn(secret.encode(), data)

    def test_each_way_to_log_in(self):
        for way in (1, 2, 3):
            with self.subTest(registry_auth=way):
                self.workspace.control("config", registry_auth=way)
                before = self.begin()
                self.want(self.WRONG)
                item = self.item()
                self.assertEqual(item["hold"], "blocked")
                self.assertIn("does not take the login of docker_image.basic_auth", item["why"])
                plan = self.keeper("plan", expect=0)
                ended = self.keeper("apply", "--log-level", "debug", expect=1)
                self.assert_untouched(before)
                self.assert_secret(plan.out, plan.err, ended.out, ended.err, str(item),
                                   self.keeper("status", "etl").out)
                self.want(self.PASSWORD)
                ended = self.keeper("apply", "--log-level", "debug")
                self.assertEqual(self.runs(), NEW)
                self.assert_secret(ended.out, ended.err, self.keeper("status", "etl").out)
                self.assert_quiet()

    def test_no_login_at_all(self):
        before = self.begin()
        self.write("etl.yaml", cluster("etl", image=NEW))
        self.assertIn("give a login in docker_image.basic_auth", self.item()["why"])
        self.keeper("apply", expect=1)
        self.assert_untouched(before)

    def test_a_service_goes_on_with_the_right_password(self):
        before = self.begin()
        self.want(self.WRONG)
        service = self.service(*QUIET)
        service.wait("event=held cluster=etl .*hold=blocked")
        self.assert_untouched(before)
        self.want(self.PASSWORD)
        service.send(signal.SIGHUP)
        service.wait("event=settled cluster=etl")
        self.assertEqual(self.runs(), NEW)
        self.assert_secret(service.stop().err)

    def test_a_secret_of_the_workspace_cannot_be_looked_at(self):
        self.begin()
        login = {"username": "robot", "password": "{{secrets/registry/password}}"}
        self.write("etl.yaml", cluster("etl", spec={"docker_image": {"url": NEW,
                                                                     "basic_auth": login}}))
        item = self.item()
        self.assertIsNone(item["hold"])
        self.assertIn("which only the workspace can read", item["caution"])
        self.keeper("apply")
        self.assertEqual(self.runs(), NEW)
        self.assert_quiet()


class Later(Registry):
    """What says no now may say yes later; a registry that does not answer says nothing."""

    @promise(6)
    def test_a_service_goes_on_by_itself(self):
        kinds = [*NO, "down"]
        for kind in kinds:
            self.write(f"{kind}.yaml", cluster(kind, image=OLD))
        self.keeper("apply")
        for kind in kinds:
            self.image(kind if kind in NO else "ok", f"acme/{kind}:2.0")
            self.write(f"{kind}.yaml", cluster(kind, image=f"acme/{kind}:2.0"))
        self.workspace.fault("status", "/v2/acme/down/*", status=503)
        self.workspace.forget_requests()
        service = self.service(*QUIET)
        for kind in kinds:
            hold = "blocked" if kind in NO else "backoff"
            service.wait(f"event=held cluster={kind} .*hold={hold}")
        self.assertEqual(self.workspace.writes(), 0)
        self.assertEqual([self.runs(kind) for kind in kinds], [OLD] * len(kinds))
        for kind in NO:
            self.image("ok", f"acme/{kind}:2.0")
        self.workspace.heal()
        for kind in kinds:  # it looks again within two minutes
            service.wait(f"event=settled cluster={kind}", deadline_s=180)
            self.assertEqual(self.runs(kind), f"acme/{kind}:2.0")
        service.stop()
        self.assert_quiet()

    def test_a_service_looks_at_once_when_it_is_told_to(self):
        self.image("missing")
        self.write("etl.yaml", cluster("etl", image=NEW))
        service = self.service(*QUIET)
        service.wait("event=held cluster=etl .*hold=blocked")
        for number in (signal.SIGHUP, signal.SIGUSR1):
            self.workspace.forget_requests()
            service.send(number)
            wait_for(lambda: self.workspace.counts().get("registry/manifest"), deadline_s=20)
        self.image("ok")
        service.send(signal.SIGHUP)
        service.wait("event=settled cluster=etl", deadline_s=20)
        self.assertEqual(self.runs(), NEW)

    def test_a_service_goes_on_at_once_with_another_manifest(self):
        self.image("missing")
        self.begin()
        self.write("etl.yaml", cluster("etl", image=NEW))
        service = self.service(*QUIET)
        service.wait("event=held cluster=etl .*hold=blocked")
        self.write("etl.yaml", cluster("etl", image="acme/etl:3.0"))
        service.wait("event=settled cluster=etl")
        self.assertEqual(self.runs(), "acme/etl:3.0")

    def test_a_throttling_registry_is_left_alone_and_asked_again(self):
        before = self.begin()
        self.write("etl.yaml", cluster("etl", image=NEW))
        self.workspace.fault("status", "/v2/*", status=429, retry_after=2, times=1)
        item = self.item()
        self.assertEqual((item["action"], item["hold"]), ("replace", "backoff"))
        self.assertIn("asked too often", item["why"])
        self.assert_untouched(before)
        self.workspace.heal()
        self.workspace.fault("status", "/v2/*", status=429, retry_after=2, times=1)
        ended = self.keeper("apply")
        self.assertRegex(ended.err, "etl: backoff: .*asked too often.*; again at ")
        self.assertEqual(self.runs(), NEW)
        self.assert_quiet()

    def test_an_apply_does_not_wait_for_ever(self):
        before = self.begin()
        self.write("etl.yaml", cluster("etl", image=NEW))
        for kind in ("status", "reset", "garbage"):
            with self.subTest(kind):
                self.workspace.heal()
                self.workspace.fault(kind, "/v2/*", **({"status": 503} if kind == "status" else {}))
                ended = self.keeper("apply", expect=1, env={"CLUSTERKEEPER_TIMEOUT": "3s"})
                self.assertIn("cannot be looked at", ended.err)
                self.assert_untouched(before)

    def test_one_question_for_many_clusters(self):
        for number in range(20):
            self.write(f"c{number}.yaml", cluster(f"c{number}"))
        self.keeper("apply")
        for number in range(20):
            self.write(f"c{number}.yaml", cluster(f"c{number}", image=NEW))
        for command in ("plan", "apply"):
            self.workspace.forget_requests()
            self.keeper(command)
            with promise(10):
                asked = self.workspace.counts()["registry/manifest"]
                self.assertIn(asked, range(1, 4), self.workspace.counts())
        self.assertEqual([self.runs(f"c{number}") for number in range(20)], [NEW] * 20)
        self.workspace.forget_requests()
        self.keeper("apply")
        self.assertNotIn("registry/manifest", self.workspace.counts(), "nothing is to be asked")


class Kept(Registry):
    """keep.preflight: warn and off."""

    def test_warn_says_so_and_goes_on(self):
        self.begin(keep={"preflight": "warn"})
        self.image("missing")
        self.write("etl.yaml", cluster("etl", image=NEW,
                                       keep={"preflight": "warn", "rollback": False}))
        item = self.item()
        self.assertEqual((item["action"], item["hold"]), ("replace", None))
        self.assertIn(NO["missing"], item["caution"])
        self.assertRegex(self.keeper("plan").out, f"note: .*{NO['missing']}")
        ended = self.keeper("apply", expect=1)
        self.assertIn("CONTAINER_LAUNCH_FAILURE", ended.err)

    def test_warn_does_not_wait_for_a_registry_that_is_down(self):
        self.begin(keep={"preflight": "warn"})
        self.workspace.fault("status", "/v2/*", status=503)
        self.write("etl.yaml", cluster("etl", image=NEW, keep={"preflight": "warn"}))
        self.assertIn("cannot be looked at", self.item()["caution"])
        self.keeper("apply")
        self.assertEqual(self.runs(), NEW)

    def test_off_asks_nobody(self):
        self.begin(keep={"preflight": "off"})
        self.image("missing")
        keep = {"preflight": "off", "rollback": False}
        self.write("etl.yaml", cluster("etl", image=NEW, keep=keep))
        self.assertIsNone(self.item()["caution"])
        self.keeper("apply", expect=1)
        self.assertNotIn("registry/manifest", self.workspace.counts())
        self.assertIn("CONTAINER_LAUNCH_FAILURE", self.status("etl")["error"])


class Tags(Registry):
    """keep.follow_tag and keep.pin_digest."""

    def test_a_moved_tag_is_nothing_unless_it_is_followed(self):
        before = self.begin()
        self.push()
        self.assert_quiet()
        self.assert_untouched(before)

    def test_a_moved_tag_is_followed(self):
        before = self.begin(keep={"follow_tag": True})
        self.assert_quiet()
        moved = self.push()
        item = self.item()
        self.assertEqual(item["action"], "replace")
        (difference,) = item["differences"]
        self.assertEqual((difference["path"], difference["cause"]), ("docker_image.url", "image"))
        self.assertEqual(difference["before"], f"{OLD} ({before['image_digest']})")
        self.assertEqual(difference["after"], f"{OLD} ({moved})")
        self.keeper("apply")
        now = self.workspace.one("etl")
        self.assertEqual(now["image_digest"], moved)
        self.assertNotEqual(now["cluster_id"], before["cluster_id"])
        self.assertEqual(self.status("etl")["image_digest"], moved)
        self.assert_quiet()

    def test_a_start_by_somebody_takes_what_the_tag_points_to(self):
        """It was stopped when the tag moved: no need to replace what has the new image already."""
        before = self.begin(keep={"follow_tag": True})
        self.workspace.act("terminate", name="etl")
        wait_for(lambda: self.workspace.named("etl")[0]["state"] == "TERMINATED")
        moved = self.push()
        self.assert_quiet()
        self.workspace.act("start", name="etl")
        wait_for(lambda: self.runs())
        self.assertEqual(self.workspace.one("etl")["image_digest"], moved)
        self.keeper("apply")
        self.assertEqual(self.workspace.one("etl")["cluster_id"], before["cluster_id"])
        self.assert_quiet()

    def test_a_service_follows_at_its_interval(self):
        self.begin(keep={"follow_tag": True})
        service = self.service("--interval", "1s")
        wait_for(lambda: self.workspace.counts().get("registry/manifest", 0) >= 1)
        moved = self.push()
        wait_for(lambda: [c for c in self.workspace.live("etl") if c.get("image_digest") == moved])
        service.wait("event=settled cluster=etl")
        service.stop()
        self.assert_quiet()

    def test_a_registry_that_is_down_moves_no_tag(self):
        before = self.begin(keep={"follow_tag": True})
        self.push()
        self.workspace.fault("status", "/v2/*", status=503)
        self.keeper("apply", expect=None, env={"CLUSTERKEEPER_TIMEOUT": "3s"})
        self.assert_untouched(before)

    @promise(6)
    def test_a_moved_tag_that_breaks_goes_back_by_digest(self):
        before = self.begin(keep={"follow_tag": True})
        self.push()
        self.image("broken", OLD)
        ended = self.keeper("apply", expect=1)
        self.assertIn("etl: rolled-back: ", ended.err)
        now = self.workspace.one("etl")
        self.assertEqual((now["state"], now["image_digest"]), ("RUNNING", before["image_digest"]))
        self.workspace.forget_requests()
        self.keeper("apply", expect=1)
        self.assertEqual(self.workspace.writes(), 0, "not repeated for the same bytes")
        mended = self.push()
        self.image("ok", OLD)
        self.keeper("apply")
        self.assertEqual(self.workspace.one("etl")["image_digest"], mended)
        self.assert_quiet()

    def test_a_pinned_digest_is_asked_for(self):
        before = self.begin(keep={"pin_digest": True})
        pinned = f"{OLD}@{before['image_digest']}"
        self.assertEqual(self.runs(), pinned)
        self.assert_quiet()
        moved = self.push()
        self.assertEqual(self.actions(), {"etl": "replace"})
        self.keeper("apply")
        self.assertEqual(self.runs(), f"{OLD}@{moved}")
        self.assert_quiet()

    def test_a_pinned_digest_stays_while_the_registry_is_down(self):
        before = self.begin(keep={"pin_digest": True})
        self.push()
        self.workspace.fault("status", "/v2/*", status=503)
        self.keeper("apply", expect=None, env={"CLUSTERKEEPER_TIMEOUT": "3s"})
        self.assert_untouched(before)


if __name__ == "__main__":
    main()
