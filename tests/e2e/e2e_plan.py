"""What is said without doing anything: validate, plan and status."""

import json
import os

from harness import SPEC, EndToEnd, cluster, main, promise, wait_for


class Validate(EndToEnd):
    """Offline: mistakes with their positions."""

    @promise(9)
    def test_mistakes_of_all_files_in_one_run(self):
        self.write("good.yaml", cluster("good"))
        self.write("etl/typo.yaml", "apiVersion: clusterkeeper/v1\nkind: Cluster\n"
                   "metadata: {name: typo}\nspec:\n  spark_version: 15.4.x-scala2.12\n"
                   "  node_type_id: i3.xlarge\n  num_wokers: 4\n"
                   "  docker_image: {url: acme/etl:1.0}\n")
        self.write("ml.yml", "apiVersion: clusterkeeper/v1\nkind: Cluster\n"
                   "metadata: {name: ml}\nspec:\n  num_workers: 1\n"
                   "  spark_version: 15.4.x-cpu-ml-scala2.12\n  node_type_id: i3.xlarge\n"
                   "  data_security_mode: SINGLE_USER\n  docker_image: {url: acme/etl:1.0}\n")
        self.write("broken.yaml", "apiVersion: clusterkeeper/v1\nkind: Cluster\n\tmetadata: {}\n")
        ended = self.keeper("validate", expect=1)
        for place in ("etl/typo.yaml:7:3", "ml.yml:6:18", "broken.yaml:3:1"):
            self.assertIn(place + ": error:", ended.err)
        self.assertIn("num_workers", ended.err)
        self.assertIn("\n  num_wokers: 4\n".strip(), ended.err, "the source line is shown")
        self.assertRegex(ended.err, r"\n\s*\|?\s*\^", "a caret")
        self.assertEqual(self.workspace.requests()["total"], 0)

    def test_json(self):
        self.write("typo.yaml", cluster("typo", spec={"num_wokers": 4}))
        answer = self.keeper("validate", "--output", "json", expect=1).json()
        self.assertEqual(answer["format_version"], 1)
        self.assertEqual(answer["errors"], len([f for f in answer["findings"]
                                                if f["severity"] == "error"]))
        self.assertTrue(any("num_wokers" in f["message"] and f["line"] == 4
                            for f in answer["findings"]), answer)

    def test_a_directory_that_is_not_there(self):
        os.rmdir(self.clusters)
        for command in ("validate", "plan", "apply"):
            ended = self.keeper(command, expect=1)
            self.assertIn(self.clusters, ended.err)

    @promise(9)
    def test_usage(self):
        self.assertIn("--detailed-exitcode", self.keeper("plan", "--help").out)
        ended = self.keeper("plan", "--detailed-exitcodes", expect=64)
        self.assertIn("did you mean --detailed-exitcode", ended.err)
        ended = self.keeper("plan", "--token", "x", expect=64)
        self.assertIn("DATABRICKS_TOKEN", ended.err)

    def test_a_workspace_without_address_or_token(self):
        for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
            ended = self.keeper("plan", expect=64, env={name: ""})
            self.assertIn(name, ended.err)

    def test_plain_http_only_to_loopback(self):
        self.write("etl.yaml", cluster("etl"))
        ended = self.keeper("plan", expect=None, env={"DATABRICKS_HOST": "http://192.0.2.1"})
        self.assertNotEqual(ended.code, 0)
        self.assertIn("https", ended.err)


class Plan(EndToEnd):
    """The dry run: exit codes, formats, and no effect."""

    def test_exit_codes(self):
        self.write("etl.yaml", cluster("etl"))
        self.assertIn("+ create etl", " ".join(self.keeper("plan").out.split()))
        self.keeper("plan", "--detailed-exitcode", expect=2)
        self.keeper("apply")
        self.keeper("plan", "--detailed-exitcode", expect=0)
        self.write("bad.yaml", "nonsense: true\n")
        self.keeper("plan", "--detailed-exitcode", expect=1)

    @promise(4)
    def test_nothing_is_written(self):
        self.write("etl.yaml", cluster("etl"))
        self.keeper("plan")
        self.keeper("plan", "--output", "json")
        self.assertEqual(self.workspace.writes(), 0)
        self.assertEqual(self.workspace.dump(), [])
        self.assertFalse(os.path.exists(self.state), "a plan makes no state file")

    def test_json(self):
        self.write("etl.yaml", cluster("etl"))
        self.keeper("apply")
        self.write("etl.yaml", cluster("etl", image="acme/etl:1.1"))
        plan = self.plan()
        self.assertEqual(plan["format_version"], 1)
        self.assertTrue(plan["summary"]["has_changes"])
        self.assertEqual(plan["summary"]["replace"], 1)
        (item,) = plan["clusters"]
        self.assertEqual((item["name"], item["action"], item["cost"]), ("etl", "replace", "new"))
        (difference,) = item["differences"]
        self.assertEqual(difference["path"], "docker_image.url")
        self.assertEqual((difference["before"], difference["after"]),
                         ("acme/etl:1.0", "acme/etl:1.1"))

    def test_colour(self):
        self.write("etl.yaml", cluster("etl"))
        self.assertNotIn("\033", self.keeper("plan").out)
        self.assertIn("\033", self.keeper("plan", "--color", "always").out)
        self.assertNotIn("\033", self.keeper("plan", env={"NO_COLOR": "1"}).out)

    def test_no_refresh_makes_no_call(self):
        self.write("etl.yaml", cluster("etl"))
        self.keeper("apply")
        self.write("etl.yaml", cluster("etl", workers=7))
        self.workspace.forget_requests()
        plan = self.keeper("plan", "--no-refresh", "--detailed-exitcode", expect=2)
        self.assertEqual(self.workspace.requests()["total"], 0)
        self.assertIn("resize", plan.out)
        self.assertIn("num_workers: 1 -> 7", plan.out)

    def test_many_clusters_in_as_few_calls_as_there_are_pages(self):
        self.workspace.control("jobs", count=500)
        for number in range(3):
            self.write(f"c{number}.yaml", cluster(f"c{number}"))
        self.keeper("apply")
        self.workspace.forget_requests()
        self.keeper("plan", "--detailed-exitcode")
        self.assertEqual(self.workspace.counts(), {"clusters/list": 1})


class PlanIsTheRun(EndToEnd):
    """What plan announces is what the service does, and nothing else."""

    def adopt(self, name):
        """Somebody's cluster, and a manifest that takes it over as it is."""
        spec = {**SPEC, "num_workers": 1, "cluster_name": name,
                "docker_image": {"url": "acme/etl:1.0"}}
        adopted = self.workspace.act("create", body=spec)
        self.workspace.control("advance", ms=600000)
        self.write(f"{name}.yaml", cluster(name, keep={"adopt": adopted}))
        return adopted

    @promise(4)
    def test_first_actions(self):
        for name in ("replace", "edit", "resize", "prune", "same"):
            self.write(f"{name}.yaml", cluster(name))
        self.write("start.yaml", cluster("start", keep={"running": True}))
        self.write("edit-less.yaml", cluster("edit-less", spec={"spark_conf": {"a": "b"}}))
        self.adopt("prune-adopted")
        self.keeper("apply")
        self.workspace.act("terminate", name="start")
        self.workspace.act("copy", name="same")
        self.workspace.control("advance", ms=600000)
        self.write("create.yaml", cluster("create"))
        adopted = self.adopt("adopt")
        self.write("replace.yaml", cluster("replace", image="acme/etl:1.1"))
        self.write("edit.yaml", cluster("edit", spec={"spark_conf": {"a": "b"}}))
        self.write("edit-less.yaml", cluster("edit-less"))  # what was stated is so no longer
        self.write("resize.yaml", cluster("resize", workers=2))
        self.remove("prune.yaml")
        self.remove("prune-adopted.yaml")  # known by its record alone: it bears no tags of ours
        planned = self.actions()
        expected = {name: name.split("-")[0] for name in planned if name != "same"}
        self.assertEqual(planned, {**expected, "same": "dedupe"})
        self.assertEqual(len(planned), 10)
        service = self.service("--interval", "1h", "--log-format", "json")
        wait_for(lambda: not self.actions(), "an empty plan")
        service.stop()
        done = {}
        for line in map(json.loads, service.log().splitlines()):
            if line["event"] == "step_begun" and line["action"] != "settle":
                done.setdefault(line["cluster"], line["action"])
        self.assertEqual(self.status("adopt")["cluster_id"], adopted)
        del planned["adopt"]  # which takes no step
        self.assertEqual(done, planned)

    @promise(4)
    def test_settings_hold_for_both(self):
        """What a decision depends on is set for the plan as it is for the run."""
        self.write("etl.yaml", cluster("etl"))
        self.keeper("apply")
        self.workspace.act("delete", name="etl")  # for good, a moment after it was made
        self.workspace.control("advance", ms=600000)  # until it has stopped, and is gone
        for grace, action in (("1ms", "create"), ("1h", None)):
            plan = self.keeper("plan", "--output", "json",
                               env={"CLUSTERKEEPER_CREATE_GRACE": grace}).json()
            done = [item["action"] for item in plan["clusters"] if item["hold"] is None]
            self.assertEqual(done, [action] if action else [], grace)


class Status(EndToEnd):
    """What is recorded."""

    def test_text_and_json(self):
        ended = self.keeper("status", expect=1)
        self.assertIn(self.state, ended.err)
        self.write("etl.yaml", cluster("etl"))
        self.keeper("apply")
        made = self.workspace.one("etl")["cluster_id"]
        text = self.keeper("status").out
        for word in ("etl", "ready", made, "acme/etl:1.0"):
            self.assertIn(word, text)
        one = self.status("etl")
        self.assertEqual((one["phase"], one["cluster_id"], one["image"], one["error"]),
                         ("ready", made, "acme/etl:1.0", None))
        history = self.keeper("status", "etl").out
        self.assertIn("create", history)
        self.assertIn("launched", history)
        ended = self.keeper("status", "nobody", expect=1)
        self.assertIn("nobody", ended.err)

    def test_default_place(self):
        self.write("etl.yaml", cluster("etl"))
        place = self.path("systemd")
        self.keeper("apply", env={"CLUSTERKEEPER_STATE": "", "STATE_DIRECTORY": place})
        self.assertTrue([f for f in os.listdir(place) if f.endswith(".db")])
        for file in os.listdir(place):
            self.assertEqual(os.stat(os.path.join(place, file)).st_mode & 0o77, 0, file)


if __name__ == "__main__":
    main()
