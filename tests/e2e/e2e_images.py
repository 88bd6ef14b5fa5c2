"""Launches that fail: shown in plain words, not repeated in vain, and mended by a change.

The launch itself is what is meant here: nobody asks the registry before, nothing goes back after.
e2e_registry.py and e2e_rollback.py are about those.
"""

from harness import EndToEnd, main, promise
from harness import cluster as any_cluster

LAUNCHED = {"preflight": "off", "rollback": False}
FAST = {"CLUSTERKEEPER_TIMEOUT": "4s"}


def cluster(name, **parts):
    """The text of a manifest whose image is launched as it is."""
    return any_cluster(name, keep=LAUNCHED, **parts)


class Failing(EndToEnd):
    """A launch fails for the image or a script: final for this manifest."""

    def fails(self, *words):
        """An apply that ends with these words; the words of the status too."""
        ended = self.keeper("apply", expect=1)
        for word in words:
            self.assertIn(word, ended.err)
            self.assertIn(word, self.status("etl")["error"])
        return ended

    @promise(6)
    def check(self, words, **mend):
        """Fails; is not repeated; is mended by another manifest."""
        self.fails(*words)
        launched = sum(c["launches"] for c in self.workspace.named("etl"))
        self.assertEqual(launched, 1)
        self.workspace.forget_requests()
        self.fails(*words)
        self.assertEqual(self.workspace.writes(), 0, "not repeated for the same manifest")
        plan = self.keeper("plan", "--detailed-exitcode", expect=None)
        self.assertIn(words[0], plan.out)
        self.assertEqual(self.status("etl")["next"], "waits for a change of its manifest")
        self.write("etl.yaml", cluster("etl", **mend))
        self.keeper("apply")
        self.assertEqual(self.workspace.one("etl")["state"], "RUNNING")
        self.assertIsNone(self.status("etl")["error"])
        self.assert_quiet()

    def test_images(self):
        codes = {
            "missing": "CONTAINER_LAUNCH_FAILURE",
            "denied": "CONTAINER_LAUNCH_FAILURE",
            "wrong-os": "",
            "too-large": "",
            "broken": "",
        }
        for behaviour, code in codes.items():
            with self.subTest(image=behaviour):
                self.workspace.control("image", url=f"acme/{behaviour}:1.0", behaviour=behaviour)
                self.write(f"{behaviour}.yaml",
                           cluster(behaviour, image=f"acme/{behaviour}:1.0"))
                ended = self.keeper("apply", expect=1)
                (failed,) = self.workspace.named(behaviour)
                self.assertEqual((failed["state"], failed["launches"]), ("TERMINATED", 1))
                reason = failed["cluster"]["termination_reason"]
                self.assertIn(code, reason["code"])
                self.assertIn(reason["code"], ended.err)
                self.assertIn(reason["type"], ended.err)
                for value in reason.get("parameters", {}).values():
                    self.assertIn(value.split("\n")[0][:40], ended.err)
                self.write(f"{behaviour}.yaml", cluster(behaviour, image="acme/good:1.0"))
                self.keeper("apply")
                self.assert_quiet()

    def test_missing_image_is_mended_by_another_tag(self):
        self.workspace.control("image", url="acme/etl:9.9", behaviour="missing")
        self.write("etl.yaml", cluster("etl", image="acme/etl:9.9"))
        self.check(["CONTAINER_LAUNCH_FAILURE"], image="acme/etl:1.0")

    def test_exact_codes(self):
        self.workspace.control("config", image_codes_exact=1)
        self.workspace.control("image", url="acme/etl:9.9", behaviour="missing")
        self.write("etl.yaml", cluster("etl", image="acme/etl:9.9"))
        self.check(["DOCKER_IMAGE_PULL_FAILURE"], image="acme/etl:1.0")

    @promise(6)
    def test_failing_script_is_mended_by_its_content(self):
        scripts = {"init_scripts": [{"local": {"source": "setup.sh"}}]}
        self.write("setup.sh", "#!/bin/sh\nexit 1\n")
        self.write("etl.yaml", cluster("etl", spec=scripts))
        self.fails("INIT_SCRIPT_FAILURE")
        self.workspace.forget_requests()
        self.fails("INIT_SCRIPT_FAILURE")
        self.assertEqual(self.workspace.writes(), 0)
        self.write("setup.sh", "#!/bin/sh\nexit 0\n")
        self.keeper("apply")
        self.assert_quiet()

    def test_private_image(self):
        image = "acme/private:1.0"
        self.workspace.control("image", url=image, behaviour="private", password="sesame")
        auth = {"url": image, "basic_auth": {"username": {"fromEnv": "REGISTRY_USER"},
                                             "password": {"fromEnv": "REGISTRY_PASSWORD"}}}
        self.env.update(REGISTRY_USER="robot", REGISTRY_PASSWORD="wrong")
        self.write("etl.yaml", cluster("etl", spec={"docker_image": auth}))
        self.fails("CONTAINER_LAUNCH_FAILURE")
        self.env["REGISTRY_PASSWORD"] = "sesame"
        self.keeper("apply")
        self.assertEqual(self.workspace.one("etl")["state"], "RUNNING")
        self.assert_quiet()

    @promise(6)
    def test_a_tag_that_breaks_a_running_cluster_and_back(self):
        self.write("etl.yaml", cluster("etl"))
        self.keeper("apply")
        self.workspace.control("image", url="acme/etl:2.0", behaviour="missing")
        self.write("etl.yaml", cluster("etl", image="acme/etl:2.0"))
        self.fails("CONTAINER_LAUNCH_FAILURE")
        self.write("etl.yaml", cluster("etl"))
        self.keeper("apply")
        self.assertEqual(self.workspace.one("etl")["cluster"]["docker_image"]["url"],
                         "acme/etl:1.0")
        self.assertEqual(len(self.workspace.named("etl")), 1, "nothing is left of the others")
        self.assert_quiet()

    @promise(6)
    def test_launch_timeout(self):
        self.workspace.control("config", pending_ms=24 * 3600 * 1000)
        self.write("etl.yaml", cluster("etl"))
        ended = self.keeper("apply", expect=1,
                            env={**FAST, "CLUSTERKEEPER_LAUNCH_TIMEOUT": "1s"})
        self.assertIn("did not run within 1s", ended.err)
        self.assertGreaterEqual(self.workspace.counts()["clusters/delete"], 1, "it was stopped")
        self.assertEqual(len(self.workspace.named("etl")), 1)


class Capacity(EndToEnd):
    """A launch fails for want of machines: tried again by itself."""

    @promise(6)
    def test_stockout_is_retried(self):
        self.workspace.control("stockout", launches=1)
        self.write("etl.yaml", cluster("etl"))
        ended = self.keeper("apply", env={"CLUSTERKEEPER_TIMEOUT": "60s"})
        self.assertRegex(ended.err, "etl: backoff: .*; again at ")
        self.assertEqual(self.workspace.one("etl")["state"], "RUNNING")
        self.assertEqual(self.workspace.one("etl")["launches"], 2)
        self.assert_quiet()

    @promise(6)
    def test_the_rest_of_the_fleet_goes_on(self):
        self.workspace.control("image", url="acme/etl:9.9", behaviour="missing")
        self.write("bad.yaml", cluster("bad", image="acme/etl:9.9"))
        for number in range(4):
            self.write(f"c{number}.yaml", cluster(f"c{number}"))
        ended = self.keeper("apply", expect=1)
        self.assertIn("4 of 5 clusters are as desired", ended.out)
        for number in range(4):
            self.assertEqual(self.workspace.one(f"c{number}")["state"], "RUNNING")


if __name__ == "__main__":
    main()
