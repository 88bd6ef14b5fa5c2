"""A new version that does not start: what ran before runs again, and stays until there is news."""

import json
import random
import signal

from harness import EndToEnd, cluster, main, promise, wait_for

OLD, NEW, NEXT = "acme/etl:1.0", "acme/etl:2.0", "acme/etl:3.0"
QUIET = ("--interval", "1h")
STRATEGIES = ("recreate", "in-place", "blue-green")
SEED = 20261125
LIBRARY = {"pypi": {"package": "simplejson==3.19.3"}}
PERMISSION = {"group_name": "data-engineers", "permission_level": "CAN_RESTART"}


class Rollback(EndToEnd):
    """A cluster that runs, and manifests that break it."""

    def image(self, behaviour, url=NEW):
        """How an image behaves from now on."""
        self.workspace.control("image", url=url, behaviour=behaviour)

    def want(self, image=OLD, name="etl", **parts):
        """The manifest."""
        self.write(f"{name}.yaml", cluster(name, image=image, **parts))

    def begin(self, name="etl", **parts):
        """A cluster that runs; what it is."""
        self.want(name=name, **parts)
        self.keeper("apply")
        self.workspace.forget_requests()
        return self.workspace.one(name)

    def by_id(self, cluster_id):
        """One of all, as it is now."""
        return next((c for c in self.workspace.dump() if c["cluster_id"] == cluster_id), None)

    @promise(6)
    def assert_back(self, before, words, name="etl"):
        """The cluster from before runs again as it was; the only one that lives."""
        now = self.workspace.one(name)
        self.assertEqual((now["cluster_id"], now["state"]), (before["cluster_id"], "RUNNING"))
        self.assertEqual(now["cluster"]["docker_image"], before["cluster"]["docker_image"])
        self.assertEqual(now["image_digest"], before["image_digest"])
        told = self.status(name)
        self.assertIn(words, told["rolled_back_because"])
        self.assertEqual((told["phase"], told["cluster_id"]), ("ready", before["cluster_id"]))
        self.assertEqual(told["next"], "waits for a change of its manifest")

    @promise(6)
    def assert_set_aside(self, words):
        """The same manifest is not tried again; plan, apply and status go on saying so."""
        self.workspace.forget_requests()
        ended = self.keeper("apply", expect=1)
        self.assertEqual(self.workspace.writes(), 0, self.workspace.requests()["log"])
        self.assertIn("etl: rolled-back: rolled back to acme/etl:1.0", ended.err)
        self.assertIn("until the manifest changes: ", ended.err)
        self.assertIn(words, ended.err)
        plan = self.keeper("plan", "--detailed-exitcode", expect=2)
        self.assertRegex(plan.out, r"(?m)^  ! rolled-back +etl: rolled back to acme/etl:1\.0")
        (item,) = self.plan()["clusters"]
        self.assertEqual(item["hold"], "rolled-back")
        self.assertIn(words, item["why"])
        self.assertIn(f"rolled back: {self.status('etl')['rolled_back_because']}",
                      self.keeper("status", "etl").out)


class Back(Rollback):
    """Each strategy, each way to fail for good."""

    def check(self, before, words):
        """An apply that goes back, says so, and leaves the failed one for its events."""
        known = [c["cluster_id"] for c in self.workspace.dump()]
        ended = self.keeper("apply", expect=1)
        self.assertIn("etl: rolled-back: ", ended.err)
        self.assertIn(words, ended.err)
        self.assert_back(before, words)
        failed = [c for c in self.workspace.named("etl") if c["cluster_id"] not in known]
        for one in failed:
            self.assertEqual(one["state"], "TERMINATED")
        self.assert_set_aside(words)
        return len(failed)

    def test_each_strategy(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                self.image("broken")
                keep = {"strategy": strategy}
                before = self.begin(keep=keep)
                self.want(NEW, keep=keep)
                failed = self.check(before, self.failing_code(NEW))
                with promise(6):
                    self.assertEqual(failed, 0 if strategy == "in-place" else 1)
                self.want(keep=keep)
                self.keeper("apply")
                self.assertIsNone(self.status("etl")["rolled_back_because"])
                self.assert_quiet()

    def failing_code(self, url):
        """The code with which a launch of this image ends: asked of a cluster of somebody else."""
        body = {"cluster_name": "probe", "spark_version": "15.4.x-scala2.12", "num_workers": 1,
                "node_type_id": "i3.xlarge", "data_security_mode": "SINGLE_USER",
                "docker_image": {"url": url}}
        made = self.workspace.api("POST", "2.1/clusters/create", body)["cluster_id"]
        reason = wait_for(lambda: self.by_id(made)["cluster"].get("termination_reason"))
        self.workspace.act("delete", cluster_id=made)
        return reason["code"]

    def test_too_large_image(self):
        self.image("too-large")
        before = self.begin()
        self.want(NEW)
        self.check(before, self.failing_code(NEW))

    def test_failing_script(self):
        before = self.begin()
        self.write("setup.sh", "#!/bin/sh\nexit 1\n")
        self.want(spec={"init_scripts": [{"local": {"source": "setup.sh"}}]})
        self.check(before, "INIT_SCRIPT_FAILURE")
        self.write("setup.sh", "#!/bin/sh\nexit 0\n")
        self.keeper("apply")
        self.assert_quiet()

    @promise(6)
    def test_blue_green_never_stops_the_one_that_serves(self):
        keep = {"strategy": "blue-green"}
        before = self.begin(keep=keep)
        self.image("broken")
        self.want(NEW, keep=keep)
        service = self.service(*QUIET)
        seen = []

        def went_back():
            seen.append(self.by_id(before["cluster_id"])["state"])
            return service.seen("event=held cluster=etl .*hold=rolled-back")
        wait_for(went_back)
        self.assertEqual(set(seen), {"RUNNING"})
        now = self.by_id(before["cluster_id"])
        self.assertEqual((now["state"], now["launches"]), ("RUNNING", before["launches"]))
        self.assertEqual(self.workspace.counts().get("clusters/start", 0), 0)
        service.stop()
        self.want(NEXT, keep=keep)
        self.keeper("apply")
        self.assertEqual(self.workspace.one("etl")["cluster"]["docker_image"]["url"], NEXT)
        self.assert_quiet()

    def test_in_place_it_is_the_same_cluster(self):
        keep = {"strategy": "in-place"}
        before = self.begin(keep=keep)
        self.image("broken")
        self.want(NEW, keep=keep)
        self.keeper("apply", expect=1)
        with promise(6):
            self.assertEqual([c["cluster_id"] for c in self.workspace.named("etl")],
                             [before["cluster_id"]])
            self.assertEqual(self.workspace.counts().get("clusters/create", 0), 0)
            self.assertEqual(self.workspace.counts()["clusters/edit"], 2, "there and back")

    def test_not_for_one_that_never_ran(self):
        self.image("broken")
        self.want(NEW)
        ended = self.keeper("apply", expect=1)
        self.assertIn("etl: failed: ", ended.err)
        self.assertEqual(self.workspace.live("etl"), [])
        self.assertIsNone(self.status("etl")["rolled_back_because"])

    @promise(6)
    def test_not_where_it_is_not_wanted(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                keep = {"strategy": strategy, "rollback": False}
                self.image("broken")
                before = self.begin(keep=keep)
                self.want(NEW, keep=keep)
                ended = self.keeper("apply", expect=1)
                self.assertIn("etl: failed: ", ended.err)
                self.assertIsNone(self.status("etl")["rolled_back_because"])
                old = self.by_id(before["cluster_id"])
                if strategy == "blue-green":
                    self.assertEqual((old["state"], old["launches"]), ("RUNNING", 1))
                else:
                    self.assertEqual(self.workspace.live("etl"), [])
                self.workspace.forget_requests()
                self.keeper("apply", expect=1)
                self.assertEqual(self.workspace.writes(), 0)
                self.want(NEXT, keep=keep)
                self.keeper("apply")
                self.assertEqual(self.workspace.one("etl")["state"], "RUNNING")
                self.assert_quiet()

    def test_want_of_machines_is_no_reason(self):
        """Tried again, not gone back from."""
        self.begin()
        self.workspace.control("stockout", launches=1)
        self.want(NEW)
        ended = self.keeper("apply", env={"CLUSTERKEEPER_TIMEOUT": "60s"})
        self.assertNotIn("rolled-back", ended.err)
        self.assertEqual(self.workspace.one("etl")["cluster"]["docker_image"]["url"], NEW)
        self.assert_quiet()


class Kept(Rollback):
    """What ran before is kept as it was, and not as its manifest is now."""

    def rolled_back(self, strategy, **parts):
        """A cluster that went back, alone in its fleet; what it was before."""
        keep = {"strategy": strategy, **parts.pop("keep", {})}
        before = self.begin(keep=keep, **parts)
        self.image("broken")
        self.want(NEW, keep=keep, **parts)
        self.keeper("apply", expect=1)
        return before

    def test_what_belongs_to_it_stays(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                before = self.rolled_back(strategy, keep={"pinned": True}, libraries=[LIBRARY],
                                          permissions=[PERMISSION])
                self.assert_back(before, "")
                now = self.workspace.one("etl")
                self.assertEqual((now["libraries"], now["pinned"]), (1, True))
                rights = self.workspace.api("GET",
                                            f"2.0/permissions/clusters/{now['cluster_id']}")
                self.assertIn("data-engineers", json.dumps(rights))

    def test_it_is_started_and_corrected(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                before = self.rolled_back(strategy, keep={"running": True})
                ours = before["cluster_id"]
                self.workspace.act("terminate", cluster_id=ours)
                wait_for(lambda ours=ours: self.by_id(ours)["state"] == "TERMINATED")
                self.keeper("apply", expect=1)
                self.assert_back(before, "")
                self.workspace.act("edit", cluster_id=ours, body={"node_type_id": "i3.2xlarge"})
                wait_for(lambda ours=ours: self.by_id(ours)["state"] == "RUNNING")
                self.keeper("apply", expect=1)
                self.assert_back(before, "")
                self.assertEqual(self.by_id(ours)["cluster"]["node_type_id"], "i3.xlarge")

    def test_somebody_deletes_it_meanwhile(self):
        """There is nothing to go back to any more but what is recorded of it."""
        before = self.begin()
        self.image("broken")
        self.want(NEW)
        service = self.service(*QUIET)
        service.wait("event=step_done cluster=etl step=create")
        self.workspace.act("delete", cluster_id=before["cluster_id"])
        service.wait("event=held cluster=etl .*hold=rolled-back")
        service.stop()
        with promise(6):
            now = self.workspace.one("etl")
            self.assertEqual((now["state"], now["cluster"]["docker_image"]["url"]),
                             ("RUNNING", OLD))
        self.assert_set_aside("")

    def test_a_whole_fleet(self):
        def apply(image, code):
            for number in range(12):
                self.want(image, f"c{number}", keep={"strategy": STRATEGIES[number % 3]})
            self.keeper("apply", expect=code)
            return {c["cluster_id"]: c["state"] for c in self.workspace.dump() if c["live"]}
        self.image("broken")
        before = apply(OLD, 0)
        with promise(6):
            self.assertEqual(apply(NEW, 1), before)

    def test_a_password_that_is_gone_is_told(self):
        """In place the old login would be needed, of which only the hash is known."""
        self.env.update(REGISTRY_USER="robot", REGISTRY_PASSWORD="the-first")
        auth = {"username": {"fromEnv": "REGISTRY_USER"},
                "password": {"fromEnv": "REGISTRY_PASSWORD"}}
        keep = {"strategy": "in-place"}
        self.begin(keep=keep, spec={"docker_image": {"url": OLD, "basic_auth": auth}})
        self.image("broken")
        self.env["REGISTRY_PASSWORD"] = "the-second"
        self.want(keep=keep, spec={"docker_image": {"url": NEW, "basic_auth": auth}})
        ended = self.keeper("apply", expect=1)
        with promise(7):
            self.assertNotIn("the-first", ended.out + ended.err)
            self.assertNotIn("the-second", ended.out + ended.err)
        self.assertIn("only the hash is known", ended.err)
        self.assertIn("Spark failed while it started", ended.err, "why it was to go back")


class News(Rollback):
    """After a rollback."""

    def rolled_back(self, **parts):
        """A cluster that went back; what it was before."""
        before = self.begin(**parts)
        self.image("broken")
        self.want(NEW, **parts)
        self.keeper("apply", expect=1)
        self.assert_back(before, "")
        return before

    def test_another_manifest_is_tried(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                keep = {"strategy": strategy}
                self.rolled_back(keep=keep)
                self.want(NEXT, keep=keep)
                self.keeper("apply")
                with promise(6):
                    now = self.workspace.one("etl")
                    self.assertEqual(now["cluster"]["docker_image"]["url"], NEXT)
                    self.assertIsNone(self.status("etl")["rolled_back_because"])
                self.assert_quiet()

    def test_another_one_that_breaks_goes_back_again(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                keep = {"strategy": strategy}
                before = self.rolled_back(keep=keep)
                self.image("too-large", NEXT)
                self.want(NEXT, keep=keep)
                self.keeper("apply", expect=1)
                with promise(6):
                    now = self.workspace.one("etl")
                    self.assertEqual((now["state"], now["cluster"]["docker_image"]["url"]),
                                     ("RUNNING", OLD))
                    self.assertEqual(now["cluster_id"], before["cluster_id"])
                self.assert_set_aside("")

    def test_the_manifest_goes_back_too(self):
        before = self.rolled_back()
        self.want()
        self.workspace.forget_requests()
        self.keeper("apply")
        self.assertEqual(self.workspace.one("etl")["cluster_id"], before["cluster_id"])
        self.assertIsNone(self.status("etl")["rolled_back_because"])
        self.assert_quiet()

    def test_the_tag_is_mended(self):
        """The same manifest, but other bytes: that is news as well."""
        self.rolled_back()
        self.image("ok")
        self.workspace.control("push", url=NEW)
        self.keeper("apply")
        with promise(6):
            self.assertEqual(self.workspace.one("etl")["cluster"]["docker_image"]["url"], NEW)
        self.assert_quiet()

    def test_a_manifest_that_goes_prunes_what_ran(self):
        self.rolled_back()
        self.remove("etl.yaml")
        self.write("other.yaml", cluster("other"))
        self.keeper("apply")
        with promise(1):
            self.assertEqual(self.workspace.live("etl"), [])
        self.assert_quiet()

    def test_a_failure_on_the_way_back_is_told(self):
        """What ran before does not start any more."""
        self.begin()
        self.image("broken")
        self.image("broken", OLD)
        self.want(NEW)
        ended = self.keeper("apply", expect=1)
        self.assertIn("etl: failed: ", ended.err)
        told = self.status("etl")
        self.assertIsNotNone(told["rolled_back_because"])
        self.assertIsNotNone(told["error"])
        self.workspace.forget_requests()
        self.keeper("apply", expect=1)
        with promise(6):
            self.assertEqual(self.workspace.writes(), 0, "not repeated in vain")
        self.image("ok", NEXT)
        self.want(NEXT)
        self.keeper("apply")
        self.assertEqual(self.workspace.one("etl")["cluster"]["docker_image"]["url"], NEXT)
        self.assert_quiet()

    def test_the_way_back_waits_for_machines(self):
        before = self.begin()
        self.image("broken")
        self.want(NEW)
        self.workspace.fault("status", "clusters/start", status=503)
        service = self.service(*QUIET)
        wait_for(lambda: self.workspace.struck() != [0], "the start of what ran before")
        self.workspace.control("stockout", launches=1)
        self.workspace.heal()
        service.wait("event=held cluster=etl .*hold=rolled-back", deadline_s=120)
        self.assert_back(before, "")
        self.assertEqual(self.workspace.one("etl")["launches"], 3, "one of them found no machines")
        service.stop()
        self.assert_set_aside("")


class Killed(Rollback):
    """SIGKILL on the way there and back: the next one comes to the same end."""

    cut = 0  # how many were killed before their end

    def test_at_a_random_call(self):
        chance = random.Random(SEED)
        for number in range(9):
            strategy = STRATEGIES[number % len(STRATEGIES)]
            calls = chance.randrange(1, 16)
            with self.subTest(number=number, strategy=strategy, calls=calls, seed=SEED):
                self.kill_after(f"etl{number}", strategy, calls)
        self.assertGreater(self.cut, 4, "few were killed before their end")

    def test_as_soon_as_it_turns_back(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                self.kill_at(f"back-{strategy}", strategy,
                             lambda service: service.seen("launch-failed: rolling back"))
        self.assertGreater(self.cut, 0, "none was killed before its end")

    def kill_after(self, name, strategy, calls):
        """Killed once the workspace has had so many calls of it."""
        self.kill_at(name, strategy,
                     lambda _: sum(self.workspace.counts().values()) >= calls)

    def kill_at(self, name, strategy, is_time):
        """Killed at an instant, or when all is done; then an apply to the end."""
        keep = {"strategy": strategy}
        before = self.begin(name, keep=keep)
        self.image("broken")
        self.want(NEW, name, keep=keep)
        service = self.service(*QUIET, log=f"{name}.log")
        done = f"event=held cluster={name} .*hold=rolled-back"
        wait_for(lambda: is_time(service) or service.seen(done))
        service.stop(signal.SIGKILL)
        self.cut += service.seen(done) is None
        self.keeper("apply", expect=1)
        with promise(8):
            self.assert_back(before, "", name)
            self.assertLessEqual(len(self.workspace.named(name)), 2, "it was tried once")
        self.remove(f"{name}.yaml")
        self.write("other.yaml", cluster("other"))
        self.keeper("apply")


if __name__ == "__main__":
    main()
