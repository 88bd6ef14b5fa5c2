"""The state file in trouble: a clear error and nothing lost; and what happens when it is gone."""

import os
import resource
import shutil
import sqlite3
import subprocess
import unittest

from harness import EndToEnd, cluster, main, promise, wait_for

NOBODY = 65534


class Trouble(EndToEnd):
    """Each command says what is wrong with the file; nothing is called, nothing is written."""

    def begin(self):
        """A cluster that runs, and its state."""
        self.write("etl.yaml", cluster("etl"))
        self.keeper("apply")

    def refused(self, *words, commands=("apply", "status", "plan"), **options):
        """The commands fail, and say what it is and where."""
        self.workspace.forget_requests()
        for command in commands:
            ended = self.keeper(command, expect=1, **options)
            for word in (*words, self.state):
                self.assertIn(word, ended.err, str(ended))
        self.assertEqual(self.workspace.writes(), 0)

    def test_newer_version(self):
        self.begin()
        connection = sqlite3.connect(self.state)
        connection.execute("PRAGMA user_version = 999")
        connection.commit()
        connection.close()
        self.refused("newer")

    def test_not_a_database(self):
        os.makedirs(os.path.dirname(self.state))
        with open(self.state, "w", encoding="ascii") as file:
            file.write("this is no database, but somebody's letter\n" * 100)
        self.write("etl.yaml", cluster("etl"))
        self.refused("not")
        with open(self.state, encoding="ascii") as file:
            self.assertIn("somebody's letter", file.read(), "left as it is")

    def test_another_programs_database(self):
        os.makedirs(os.path.dirname(self.state))
        connection = sqlite3.connect(self.state)
        connection.execute("CREATE TABLE letters (text)")
        connection.commit()
        connection.close()
        self.write("etl.yaml", cluster("etl"))
        self.refused("not")

    def test_corrupt(self):
        self.begin()
        for name in os.listdir(os.path.dirname(self.state)):
            if name.endswith(("-wal", "-shm")):
                os.unlink(os.path.join(os.path.dirname(self.state), name))
        size = os.path.getsize(self.state)
        with open(self.state, "r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (size - 4096))
        self.refused(commands=("apply", "status"))
        self.assertTrue(self.workspace.one("etl"))

    def test_of_another_workspace(self):
        self.begin()
        ended = self.keeper("status", expect=None,
                            env={"DATABRICKS_HOST": "https://example.cloud.databricks.com"})
        self.assertNotEqual(ended.code, 0)
        self.assertIn("example.cloud.databricks.com", ended.err)

    def test_a_directory_in_its_place(self):
        os.makedirs(self.state)
        self.write("etl.yaml", cluster("etl"))
        self.refused(commands=("apply",))

    def test_modes(self):
        self.begin()
        place = os.path.dirname(self.state)
        self.assertEqual(os.stat(place).st_mode & 0o777, 0o700)
        for name in os.listdir(place):
            self.assertEqual(os.stat(os.path.join(place, name)).st_mode & 0o777, 0o600, name)


class Full(EndToEnd):
    """No room: nothing that is not written down is done."""

    @promise(8)
    def test_file_size_limit(self):
        """RLIMIT_FSIZE, as a quota: the create is not sent, since its intent cannot be kept."""
        self.write("etl.yaml", cluster("etl"))
        limit = 16 * 1024
        args = [os.environ["CLUSTERKEEPER"], "apply", self.clusters, "--timeout", "3s"]
        done = subprocess.run(
            args, env=self.env, capture_output=True, check=False, timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        text = done.stderr.decode()
        self.assertEqual(done.returncode, 1, text)
        self.assertIn(self.state, text)
        self.assertEqual(self.workspace.writes(), 0)

    def test_a_disk_that_fills_up_and_is_freed(self):
        place = self.path("small")
        os.mkdir(place)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place],
                                 capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("mounting a tmpfs is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=False)
        self.env["CLUSTERKEEPER_STATE"] = self.state = os.path.join(place, "state.db")
        self.write("etl.yaml", cluster("etl"))
        service = self.service("--interval", "1s")
        service.wait("event=settled cluster=etl")
        ballast = os.path.join(place, "ballast")
        with open(ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                pass
        self.workspace.forget_requests()
        for number in range(30):  # more than fits into the pages that SQLite has already
            self.write(f"c{number}.yaml", cluster(f"c{number}"))
        service.now()
        service.wait("event=trouble .*(full|space)")
        made = self.workspace.counts().get("clusters/create", 0)
        os.unlink(ballast)
        for number in range(30):
            service.wait(f"event=settled cluster=c{number} ", 120)
        self.assertLess(made, 30, "the disk was not full")
        for number in range(30):
            self.assertEqual(len(self.workspace.named(f"c{number}")), 1)
        service.stop()
        self.assert_quiet()


class ReadOnly(EndToEnd):
    """A directory that takes no files: the program runs as somebody else."""

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"),
                         "needs root and setpriv to become another user")
    def test_as_nobody(self):
        self.write("etl.yaml", cluster("etl"))
        place = os.path.dirname(self.state)
        os.mkdir(place, 0o755)
        for path in (self.directory, self.clusters):
            os.chmod(path, 0o755)
        program = self.path("clusterkeeper")
        shutil.copy(os.environ["CLUSTERKEEPER"], program)
        words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", program]
        done = subprocess.run([*words, "apply", self.clusters], env=self.env, check=False,
                              capture_output=True, timeout=60)
        text = done.stderr.decode()
        self.assertEqual(done.returncode, 1, text)
        self.assertIn(place, text)
        self.assertEqual(self.workspace.writes(), 0)
        done = subprocess.run([*words, "plan", self.clusters], env=self.env, check=False,
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertIn(b"create etl", done.stdout)


class Lost(EndToEnd):
    """The state file is gone: the tags hold enough to make it again."""

    def lose(self):
        """Nothing is left of it."""
        shutil.rmtree(os.path.dirname(self.state))

    @promise(1)
    def test_made_again_from_the_tags(self):
        for name in ("a", "b"):
            self.write(f"{name}.yaml", cluster(name, spec={"spark_conf": {"x": "1"}}))
        self.keeper("apply")
        before = {c["cluster_id"]: c for c in self.workspace.dump()}
        self.lose()
        plan = self.keeper("plan", "--output", "json").json()
        self.assertTrue(all(item["cost"] == "none" for item in plan["clusters"]), plan)
        self.workspace.forget_requests()
        self.keeper("apply")
        self.assertEqual(self.workspace.writes(), 0)
        self.assertEqual({c["cluster_id"]: c for c in self.workspace.dump()}, before)
        self.assertEqual({c["cluster_id"] for c in self.status().values()}, set(before))
        self.assert_quiet()

    def test_a_change_that_was_made_meanwhile(self):
        self.write("a.yaml", cluster("a"))
        self.keeper("apply")
        self.lose()
        self.write("a.yaml", cluster("a", image="acme/etl:1.1"))
        self.assertEqual(self.actions(), {"a": "replace"})
        self.keeper("apply")
        self.assertEqual(len(self.workspace.named("a")), 1)
        self.assertEqual(self.workspace.one("a")["cluster"]["docker_image"]["url"],
                         "acme/etl:1.1")
        self.assert_quiet()

    def test_secrets_of_another_key_restart_nothing(self):
        auth = {"url": "acme/secret:1.0",
                "basic_auth": {"username": {"fromEnv": "WHO"}, "password": {"fromEnv": "WHAT"}}}
        self.env.update(WHO="robot", WHAT="open sesame")
        self.write("a.yaml", cluster("a", spec={"docker_image": auth}))
        self.keeper("apply")
        self.lose()
        self.workspace.forget_requests()
        self.keeper("apply")
        self.assertEqual(self.workspace.writes(), 0, self.workspace.requests()["log"])
        self.assert_quiet()

    @promise(2)
    def test_unclaimed_clusters_are_left_alone(self):
        for name in ("a", "b"):
            self.write(f"{name}.yaml", cluster(name))
        self.keeper("apply")
        self.lose()
        self.remove("b.yaml")
        self.workspace.forget_requests()
        ended = self.keeper("apply", expect=None)
        self.assertEqual(self.workspace.writes(), 0)
        self.assertIn("--prune-unclaimed", ended.err)
        self.keeper("apply", "--prune-unclaimed")
        self.assertEqual(self.workspace.live("b"), [])
        self.assertTrue(self.workspace.one("a"))

    def test_lost_under_a_running_service(self):
        """The file is deleted under the service: what it does stays right, or it says so."""
        self.write("a.yaml", cluster("a"))
        service = self.service("--interval", "1s")
        service.wait("event=settled cluster=a")
        self.lose()
        self.write("a.yaml", cluster("a", workers=2))
        wait_for(lambda: self.workspace.one("a")["cluster"]["num_workers"] == 2)
        service.stop()
        self.keeper("apply")
        self.assertEqual(len(self.workspace.named("a")), 1)
        self.assert_quiet()


if __name__ == "__main__":
    main()
