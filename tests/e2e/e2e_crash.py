"""SIGKILL at every boundary of the journal: before and after each sync to disk (killer.c).

Whatever the instant, the next apply comes to the same end: one live cluster for one manifest, none
forgotten, all as desired, nothing left to do.
"""

import json
import os
import signal
import sqlite3
import subprocess

from harness import KEEPER, EndToEnd, Ended, check_sane, cluster, main, promise

LIBRARY = {"pypi": {"package": "simplejson==3.19.3"}}
PERMISSION = {"group_name": "data-engineers", "permission_level": "CAN_RESTART"}
SYNCS_MAX = 400


def sanitizer_library():
    """The run time that has to be loaded before anything else; "" in a build without it."""
    done = subprocess.run(["ldd", KEEPER], capture_output=True, check=False)
    for line in done.stdout.decode().splitlines():
        if "libasan" in line:
            return line.split("=>")[1].split()[0]
    return ""


class Killed(EndToEnd):
    """A scenario, run once for each instant."""

    speed = 20000
    ends_with = 0  # an apply that is not killed

    def setUp(self):
        super().setUp()
        self.preload = " ".join(filter(None, [sanitizer_library(), os.environ["KILLER"]]))

    def clear(self):
        """Nothing is there: no cluster, no manifest, no state."""
        for name in ("new", "old", "gone"):
            for found in self.workspace.named(name):
                if found["pinned"]:
                    self.workspace.act("unpin", cluster_id=found["cluster_id"])
                self.workspace.act("delete", cluster_id=found["cluster_id"])
        for file in os.listdir(self.clusters):
            self.remove(file)
        for file in os.listdir(os.path.dirname(self.state)) if os.path.exists(self.state) else []:
            os.unlink(os.path.join(os.path.dirname(self.state), file))

    def apply_killed(self, at, when):
        """An apply that is killed at its sync number `at`; how it ended."""
        env = {**self.env, "LD_PRELOAD": self.preload, "KILL_AT": str(at), "KILL_WHEN": when}
        args = ["apply", self.clusters]
        done = subprocess.run([KEEPER, *args], env=env, capture_output=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=60)
        ended = Ended(args, done.returncode, done.stdout.decode(), done.stderr.decode())
        return ended if done.returncode == -signal.SIGKILL else check_sane(ended)

    def check_journal(self):
        """Every call that was intended has its end, also those that a kill has cut off."""
        connection = sqlite3.connect(self.state)
        self.addCleanup(connection.close)
        left = connection.execute("SELECT name, step FROM intent")
        self.assertEqual(left.fetchall(), [])

    def kill_everywhere(self, when):
        """Until an apply is not killed any more, since it makes fewer syncs."""
        for at in range(1, SYNCS_MAX):
            with self.subTest(at=at, when=when):
                self.clear()
                self.begin()
                self.change()
                self.workspace.forget_requests()
                ended = self.apply_killed(at, when)
                with promise(8):
                    self.check()
                    self.check_journal()
                if ended.code == self.ends_with:
                    self.assertGreater(at, 5, "the killer was not at work")
                    return
                self.assertEqual(ended.code, -signal.SIGKILL, str(ended))
        self.fail("it syncs without end")


class Changing(Killed):
    """A create with all that is carried over, a replacement and a removal, all at once."""

    def begin(self):
        """Where every run starts: a cluster to replace, and one whose manifest will go."""
        self.write("old.yaml", cluster("old"))
        self.write("gone.yaml", cluster("gone", keep={"prune": "delete"}))
        self.keeper("apply")

    def change(self):
        """What the apply that is killed has to do."""
        self.write("new.yaml", cluster("new", libraries=[LIBRARY], permissions=[PERMISSION],
                                       keep={"pinned": True}))
        self.write("old.yaml", cluster("old", image="acme/etl:1.1"))
        self.remove("gone.yaml")

    def check(self):
        """The end that every run has to come to."""
        rerun = self.keeper("apply")
        for name in ("new", "old"):
            self.assertEqual(len(self.workspace.named(name)), 1, f"{name}\n{rerun}")
            self.assertEqual(self.workspace.one(name)["state"], "RUNNING")
        self.assertEqual(self.workspace.named("gone"), [], str(rerun))
        new = self.workspace.one("new")
        self.assertEqual((new["libraries"], new["pinned"]), (1, True))
        rights = self.workspace.api("GET", f"2.0/permissions/clusters/{new['cluster_id']}")
        self.assertIn("data-engineers", json.dumps(rights))
        self.assertEqual(self.workspace.one("old")["cluster"]["docker_image"]["url"],
                         "acme/etl:1.1")
        self.assertEqual(sorted(self.status()), ["new", "old"])
        plan = self.keeper("plan", "--detailed-exitcode", expect=None)
        self.assertEqual(plan.code, 0, f"{rerun}\n{plan}")
        for name in ("new", "old"):
            history = self.keeper("status", name).out
            made = history.count(" launched ") + history.count("found after a lost answer")
            self.assertGreaterEqual(made, 1 if name == "new" else 2, history)
            self.assertLessEqual(history.count("Z  create "), 3, history)
        self.assertLessEqual(self.workspace.counts()["clusters/create"], 2, "no create twice")

    def test_before_each_sync(self):
        self.kill_everywhere("before")

    def test_after_each_sync(self):
        self.kill_everywhere("after")


class Beginning(Killed):
    """The state file is made; a script is uploaded; the first cluster is created."""

    def begin(self):
        """From nothing at all."""
        self.write("setup.sh", "#!/bin/sh\nexit 0\n")

    def change(self):
        """A cluster with a local script."""
        self.write("new.yaml", cluster("new", keep={"running": True}, spec={
            "init_scripts": [{"local": {"source": "setup.sh"}}]}))

    def check(self):
        """It is there, once."""
        rerun = self.keeper("apply")
        self.assertEqual(len(self.workspace.named("new")), 1, str(rerun))
        self.assertEqual(self.workspace.one("new")["state"], "RUNNING")
        self.assertEqual(self.workspace.counts()["clusters/create"], 1)
        self.assertEqual(self.keeper("plan", "--detailed-exitcode").code, 0)

    def test_before_each_sync(self):
        self.kill_everywhere("before")

    def test_after_each_sync(self):
        self.kill_everywhere("after")


class Editing(Killed):
    """Edits in place and a resize."""

    def begin(self):
        """Two clusters that run."""
        for name in ("new", "old"):
            self.write(f"{name}.yaml", cluster(name, keep={"strategy": "in-place"}))
        self.keeper("apply")

    def change(self):
        """Another image for the one, another size for the other."""
        self.write("new.yaml", cluster("new", image="acme/etl:1.1",
                                       keep={"strategy": "in-place"}))
        self.write("old.yaml", cluster("old", workers=3, keep={"strategy": "in-place"}))

    def check(self):
        """As wanted; edited and restarted once."""
        rerun = self.keeper("apply")
        new, old = self.workspace.one("new"), self.workspace.one("old")
        self.assertEqual(new["cluster"]["docker_image"]["url"], "acme/etl:1.1")
        self.assertEqual(old["cluster"]["num_workers"], 3)
        self.assertEqual((new["launches"], old["launches"]), (2, 1), str(rerun))
        self.assertEqual(self.keeper("plan", "--detailed-exitcode").code, 0)
        self.assertNotIn("clusters/create", self.workspace.counts())

    def test_before_each_sync(self):
        self.kill_everywhere("before")

    def test_after_each_sync(self):
        self.kill_everywhere("after")


class Scripting(Killed):
    """A changed script is uploaded, its cluster replaced; another one is stopped for good."""

    @staticmethod
    def destination(found):
        """Where the init script of a cluster is."""
        return found["cluster"]["init_scripts"][0]["workspace"]["destination"]

    def begin(self):
        """A cluster with a local script, and one whose manifest will go."""
        self.write("setup.sh", "#!/bin/sh\nexit 0\n")
        self.write("new.yaml", cluster("new", keep={"running": True}, spec={
            "init_scripts": [{"local": {"source": "setup.sh"}}]}))
        self.write("gone.yaml", cluster("gone", keep={"prune": "terminate"}))
        self.keeper("apply")
        self.first = self.destination(self.workspace.one("new"))

    def change(self):
        """The script's content, and no manifest."""
        self.write("setup.sh", "#!/bin/sh\necho more\nexit 0\n")
        self.remove("gone.yaml")

    def check(self):
        """One cluster with the new script; the other does not cost any more, and is still there."""
        rerun = self.keeper("apply")
        self.assertEqual(len(self.workspace.named("new")), 1, str(rerun))
        new = self.workspace.one("new")
        self.assertEqual(new["state"], "RUNNING")
        self.assertNotEqual(self.destination(new), self.first)
        self.assertEqual(self.workspace.live("gone"), [], str(rerun))
        self.assertEqual(len(self.workspace.named("gone")), 1, str(rerun))
        counts = self.workspace.counts()
        self.assertEqual(counts["clusters/create"], 1, "no create twice")
        self.assertTrue([call for call in counts if "import-file" in call], counts)
        self.assertEqual(self.keeper("plan", "--detailed-exitcode").code, 0)

    def test_before_each_sync(self):
        self.kill_everywhere("before")

    def test_after_each_sync(self):
        self.kill_everywhere("after")


class Returning(Killed):
    """A new version that does not start, and the way back to what ran before."""

    ends_with = 1
    strategy = "recreate"

    def want(self, image):
        """The manifest."""
        self.write("old.yaml", cluster("old", image=image, keep={"strategy": self.strategy}))

    def begin(self):
        """One that runs."""
        self.workspace.control("image", url="acme/etl:2.0", behaviour="broken")
        self.want("acme/etl:1.0")
        self.keeper("apply")
        self.before = self.workspace.one("old")

    def change(self):
        """The image does not start."""
        self.want("acme/etl:2.0")

    def check(self):
        """What ran before runs again, alone; the other was tried once."""
        rerun = self.keeper("apply", expect=1)
        self.assertIn("old: rolled-back: ", rerun.err)
        now = self.workspace.one("old")
        self.assertEqual((now["cluster_id"], now["state"]),
                         (self.before["cluster_id"], "RUNNING"))
        self.assertEqual(now["cluster"]["docker_image"], self.before["cluster"]["docker_image"])
        self.assertLessEqual(len(self.workspace.named("old")), 2, "tried once")
        if self.strategy == "blue-green":
            self.assertEqual(now["launches"], 1, "it was never stopped")

    def test_before_each_sync(self):
        self.kill_everywhere("before")


class ReturningInPlace(Returning):
    """Likewise, with the one cluster that there is."""

    strategy = "in-place"


class ReturningBlueGreen(Returning):
    """Likewise, while the old one serves."""

    strategy = "blue-green"


del Killed  # it is no test itself


if __name__ == "__main__":
    main()
