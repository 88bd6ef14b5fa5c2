"""`clusterkeeper run`: what it notices, how it ends, and that it sleeps when nothing is to be done."""

import os
import signal

from harness import EndToEnd, cluster, main, promise, wait_for

QUIET = ("--interval", "1h")  # nothing but what is tested wakes it


def cpu_ticks(pid):
    """Processor time that a process has used, in ticks."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


class Watching(EndToEnd):
    """Whatever way a change of the directory comes, it is acted upon."""

    def running(self, *args):
        """A service that has converged on one cluster."""
        self.write("etl.yaml", cluster("etl"))
        service = self.service(*(args or QUIET))
        service.wait("event=settled cluster=etl")
        service.now()
        return service

    def workers(self, name="etl"):
        """As the workspace has it."""
        live = self.workspace.live(name)
        return live[0]["cluster"]["num_workers"] if live else None

    def test_rename_into_place(self):
        self.running()
        self.write("etl.yaml", cluster("etl", workers=2))
        wait_for(lambda: self.workers() == 2)

    def test_written_in_place(self):
        self.running()
        with open(os.path.join(self.clusters, "etl.yaml"), "w", encoding="utf-8") as file:
            file.write(cluster("etl", workers=2))
        wait_for(lambda: self.workers() == 2)

    def test_new_and_removed_sub_directories(self):
        self.running()
        self.write("team/a/deep.yaml", cluster("deep"))
        wait_for(lambda: self.workers("deep") == 1)
        self.write("team/a/deep.yaml", cluster("deep", workers=2))
        wait_for(lambda: self.workers("deep") == 2)
        os.rename(os.path.join(self.clusters, "team"), self.path("away"))
        wait_for(lambda: not self.workspace.live("deep"))
        self.assertTrue(self.workspace.one("etl"))

    def test_a_root_that_is_a_symlink_is_switched_to_another_tree(self):
        trees = [self.path("one"), self.path("two")]
        for workers, tree in enumerate(trees, 1):
            os.mkdir(tree)
            with open(os.path.join(tree, "etl.yaml"), "w", encoding="utf-8") as file:
                file.write(cluster("etl", workers=workers))
        os.rmdir(self.clusters)
        os.symlink("one", self.clusters)
        service = self.service(*QUIET)
        service.wait("event=settled cluster=etl")
        os.symlink("two", self.clusters + ".new")
        os.rename(self.clusters + ".new", self.clusters)
        wait_for(lambda: self.workers() == 2)

    def test_editors_temporary_files_are_no_manifests(self):
        service = self.running()
        for name in (".etl.yaml.swp", "etl.yaml~", "4913", "#etl.yaml#"):
            self.write(name, cluster("etl"))
        self.write("other.yaml", cluster("other"))
        service.wait("event=settled cluster=other")
        self.assertIsNone(service.seen("manifest_error"))

    def test_a_mistake_is_logged_once_and_its_cluster_stays(self):
        service = self.running("--interval", "1s")
        self.write("etl.yaml", cluster("etl", spec={"num_wokers": 1}))
        service.wait("event=manifest_error .*etl.yaml.*num_wokers")
        self.workspace.forget_requests()
        wait_for(lambda: self.workspace.counts().get("clusters/list", 0) >= 2)
        self.assertEqual(service.log().count("manifest_error"), 1)
        self.assertTrue(self.workspace.one("etl"))
        self.write("etl.yaml", cluster("etl", workers=3))
        wait_for(lambda: self.workers() == 3)

    def test_what_is_waited_for_is_logged_once(self):
        self.workspace.control("image", url="acme/etl:slow", behaviour="slow")
        self.workspace.control("config", slow_image_ms=100 * 24 * 3600 * 1000)
        self.write("etl.yaml", cluster("etl", image="acme/etl:slow"))
        service = self.service(*QUIET)
        service.wait("event=held cluster=etl")
        self.workspace.forget_requests()
        wait_for(lambda: self.workspace.counts().get("clusters/get", 0) >= 10, "ten more looks")
        with promise(10):
            self.assertEqual(service.log().count("event=held cluster=etl"), 1, service.log())

    def test_hand_edits_are_found_at_the_interval(self):
        self.running("--interval", "1s")
        self.workspace.act("edit", name="etl", body={"node_type_id": "i3.2xlarge"})
        self.workspace.control("advance", ms=600000)
        wait_for(lambda: [c for c in self.workspace.live("etl")
                          if c["cluster"]["node_type_id"] == "i3.xlarge"])

    def test_signals_that_ask_for_a_look(self):
        service = self.running()
        for number in (signal.SIGHUP, signal.SIGUSR1):
            self.workspace.forget_requests()
            service.send(number)
            wait_for(lambda: self.workspace.counts().get("clusters/list") == 1)

    def test_sighup_reads_secrets_again(self):
        image = "acme/etl:1.0"  # of a registry that can be asked
        secret = self.path("password")
        auth = {"url": image, "basic_auth": {"username": {"fromEnv": "REGISTRY_USER"},
                                             "password": {"fromFile": secret}}}
        self.env["REGISTRY_USER"] = "robot"
        with open(secret, "w", encoding="utf-8") as file:
            file.write("first")
        self.write("etl.yaml", cluster("etl", spec={"docker_image": auth}))
        service = self.service(*QUIET)
        service.wait("event=settled cluster=etl")
        self.workspace.forget_requests()
        with open(secret, "w", encoding="utf-8") as file:
            file.write("second")
        service.send(signal.SIGHUP)
        wait_for(lambda: self.workspace.counts().get("clusters/edit") == 1)

    def test_a_newer_manifest_overtakes_a_launching_one(self):
        self.workspace.control("image", url="acme/etl:slow", behaviour="slow")
        self.workspace.control("config", slow_image_ms=100 * 24 * 3600 * 1000)
        self.write("etl.yaml", cluster("etl", image="acme/etl:slow"))
        service = self.service(*QUIET)
        service.wait("event=held cluster=etl")
        self.write("etl.yaml", cluster("etl", image="acme/etl:1.1"))
        service.wait("event=settled cluster=etl")
        self.assertEqual(self.workspace.one("etl")["cluster"]["docker_image"]["url"],
                         "acme/etl:1.1")
        service.stop()
        self.assert_quiet()


class Ending(EndToEnd):
    """SIGTERM and SIGINT, at any time."""

    def test_signals_end_it_well(self):
        self.write("etl.yaml", cluster("etl"))
        for number in (signal.SIGTERM, signal.SIGINT):
            service = self.service(*QUIET)
            service.wait("event=settled cluster=etl|event=scanned|settled", 5) \
                if number == signal.SIGTERM else wait_for(
                    lambda: self.workspace.counts().get("clusters/list", 0) >= 1)
            self.workspace.forget_requests()
            ended = service.stop(number)
            self.assertEqual(ended.code, 0, str(ended))
            self.assertIn("event=stopped", ended.err)

    def test_while_a_create_is_in_flight(self):
        """The answer comes 30 s later: the service does not wait for it, nothing is lost."""
        self.write("etl.yaml", cluster("etl"))
        self.workspace.fault("delay", "clusters/create", times=1, delay_ms=30000)
        service = self.service(*QUIET)
        service.wait("event=step_begun cluster=etl step=create")
        wait_for(lambda: self.workspace.struck() == [1])
        ended = service.stop(deadline_s=20)
        self.assertEqual(ended.code, 0, str(ended))
        self.workspace.heal()
        service = self.service(*QUIET)
        service.wait("event=settled cluster=etl")
        service.stop()
        self.assertEqual(len(self.workspace.named("etl")), 1)
        self.assertEqual(self.workspace.counts()["clusters/create"], 1)
        self.assert_quiet()

    def test_calls_in_flight_are_answered_first(self):
        self.write("etl.yaml", cluster("etl"))
        self.workspace.fault("delay", "clusters/create", times=1, delay_ms=700)
        service = self.service(*QUIET)
        wait_for(lambda: self.workspace.struck() == [1])
        self.assertEqual(service.stop().code, 0)
        self.assertEqual(self.status("etl")["cluster_id"],
                         self.workspace.one("etl")["cluster_id"])

    @promise(8)
    def test_killed_while_a_create_is_in_flight(self):
        self.write("etl.yaml", cluster("etl"))
        self.workspace.fault("delay", "clusters/create", times=1, delay_ms=30000)
        service = self.service(*QUIET)
        wait_for(lambda: self.workspace.struck() == [1])
        service.stop(signal.SIGKILL)
        self.workspace.heal()
        self.keeper("apply")
        self.assertEqual(len(self.workspace.named("etl")), 1)
        self.assert_quiet()

    def test_during_a_workspace_that_does_not_answer(self):
        self.workspace.fault("delay", delay_ms=60000)
        self.write("etl.yaml", cluster("etl"))
        service = self.service(*QUIET)
        wait_for(lambda: self.workspace.struck() != [0])
        self.assertEqual(service.stop(deadline_s=20).code, 0)


class Together(EndToEnd):
    """Others that want the same state file."""

    @promise(1)
    def test_one_writer_and_many_readers(self):
        self.write("etl.yaml", cluster("etl"))
        service = self.service(*QUIET)
        service.wait("event=settled cluster=etl")
        self.workspace.forget_requests()
        ended = self.keeper("apply", expect=1)
        self.assertIn(str(service.process.pid), ended.err, "who holds it")
        self.assertIn("run", ended.err)
        second = self.service(*QUIET, log="second.log")
        wait_for(lambda: second.process.poll() is not None, "the end of the second")
        self.assertEqual(second.process.returncode, 1)
        self.assertIn(str(service.process.pid), second.log())
        self.assertEqual(self.workspace.writes(), 0)
        self.assertEqual(self.status("etl")["phase"], "ready")
        self.assertIn("No changes", self.keeper("plan").out)
        self.assertEqual(service.stop().code, 0)
        self.keeper("apply")

    def test_after_a_kill_the_lock_is_free(self):
        self.write("etl.yaml", cluster("etl"))
        service = self.service(*QUIET)
        service.wait("event=settled cluster=etl")
        service.stop(signal.SIGKILL)
        self.keeper("apply")


class Idle(EndToEnd):
    """It sleeps."""

    def test_no_calls_but_the_listing_and_next_to_no_processor_time(self):
        for number in range(20):
            self.write(f"c{number}.yaml", cluster(f"c{number}"))
        service = self.service("--interval", "1s")
        for number in range(20):
            service.wait(f"event=settled cluster=c{number} ")
        self.workspace.forget_requests()
        before = cpu_ticks(service.process.pid)
        wait_for(lambda: self.workspace.counts().get("clusters/list", 0) >= 4)
        used = cpu_ticks(service.process.pid) - before
        self.assertEqual(list(self.workspace.counts()), ["clusters/list"])
        ticks = os.sysconf("SC_CLK_TCK")
        self.assertLess(used, ticks, "with sanitizers and 4 listings: less than a second of 4")

    def test_a_tag_that_is_followed_does_not_keep_it_awake(self):
        self.write("etl.yaml", cluster("etl", keep={"follow_tag": True}))
        service = self.service("--interval", "1s")
        service.wait("event=settled cluster=etl")
        self.workspace.forget_requests()
        before = cpu_ticks(service.process.pid)
        wait_for(lambda: self.workspace.counts().get("clusters/list", 0) >= 4)
        used = cpu_ticks(service.process.pid) - before
        self.assertLess(used, os.sysconf("SC_CLK_TCK") / 2, "half a second of four")

    def test_a_long_wait_makes_no_turns(self):
        self.write("etl.yaml", cluster("etl"))
        service = self.service(*QUIET)
        service.wait("event=settled cluster=etl")
        pid = service.process.pid

        def switches():
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                return next(line for line in file if line.startswith("voluntary"))
        wait_for(lambda: unchanged(switches, 1.0), "a whole second of sleep", 20)


def unchanged(look, seconds):
    """`look` gives the same for so long."""
    first = look()
    try:
        wait_for(lambda: look() != first, deadline_s=seconds)
    except AssertionError:
        return True
    return False


if __name__ == "__main__":
    main()
