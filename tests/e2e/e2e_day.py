"""A day's work: every kind of change that people make, and each workspace that it is made in."""

import json
import os

from harness import SPEC, EndToEnd, Workspace, cluster, main

LIBRARY = {"pypi": {"package": "simplejson==3.19.3"}}
PERMISSION = {"group_name": "data-engineers", "permission_level": "CAN_RESTART"}


class Day(EndToEnd):
    """From a new manifest to its end."""

    def apply(self, name, *args, **parts):
        """A manifest in its next version, converged; the cluster that lives."""
        self.write(f"{name}.yaml", cluster(name, **parts))
        self.keeper("apply", *args)
        return self.workspace.one(name)

    def test_create_and_be_quiet(self):
        made = self.apply("etl", libraries=[LIBRARY], permissions=[PERMISSION],
                          keep={"pinned": True})
        self.assertEqual(made["state"], "RUNNING")
        self.assertTrue(made["pinned"])
        self.assertEqual(made["libraries"], 1)
        self.assertEqual(made["cluster"]["docker_image"]["url"], "acme/etl:1.0")
        rights = self.workspace.api("GET", f"2.0/permissions/clusters/{made['cluster_id']}")
        self.assertIn("data-engineers", json.dumps(rights))
        self.assert_quiet()

    def test_tag_change_replaces_and_carries_over(self):
        first = self.apply("etl", libraries=[LIBRARY], permissions=[PERMISSION],
                           keep={"pinned": True})
        second = self.apply("etl", image="acme/etl:1.1", libraries=[LIBRARY],
                            permissions=[PERMISSION], keep={"pinned": True})
        self.assertNotEqual(first["cluster_id"], second["cluster_id"])
        self.assertEqual(second["cluster"]["docker_image"]["url"], "acme/etl:1.1")
        self.assertEqual(second["libraries"], 1)
        self.assertTrue(second["pinned"])
        rights = self.workspace.api("GET", f"2.0/permissions/clusters/{second['cluster_id']}")
        self.assertIn("data-engineers", json.dumps(rights))
        self.assertEqual(len(self.workspace.named("etl")), 1, "the old one is gone for good")
        self.assert_quiet()

    def test_in_place_keeps_the_id(self):
        first = self.apply("etl", keep={"strategy": "in-place"})
        second = self.apply("etl", image="acme/etl:1.1", keep={"strategy": "in-place"})
        self.assertEqual(first["cluster_id"], second["cluster_id"])
        self.assertEqual(second["cluster"]["docker_image"]["url"], "acme/etl:1.1")
        self.assertGreater(second["launches"], first["launches"])
        self.assert_quiet()

    def test_local_script_is_uploaded_and_its_content_tracked(self):
        scripts = {"init_scripts": [{"local": {"source": "setup.sh"}}]}
        self.write("setup.sh", "#!/bin/sh\nexit 0\n")
        first = self.apply("etl", spec=scripts)
        self.assertEqual(self.workspace.counts()["workspace-files/import-file/*"], 1)
        self.assert_quiet()
        self.write("setup.sh", "#!/bin/sh\necho more\nexit 0\n")
        self.assertEqual(self.actions(), {"etl": "replace"})
        self.keeper("apply")
        second = self.workspace.one("etl")
        self.assertNotEqual(first["cluster_id"], second["cluster_id"])
        self.assert_quiet()

    def test_workers_resize_without_restart(self):
        first = self.apply("etl")
        second = self.apply("etl", workers=3)
        self.assertEqual(first["cluster_id"], second["cluster_id"])
        self.assertEqual(first["launches"], second["launches"], "no restart")
        self.assertEqual(second["cluster"]["num_workers"], 3)
        counts = self.workspace.counts()
        self.assertEqual((counts.get("clusters/resize"), counts.get("clusters/edit")), (1, None))
        self.assert_quiet()

    def test_spark_conf_edits_and_restarts(self):
        first = self.apply("etl")
        second = self.apply("etl", spec={"spark_conf": {"spark.sql.shuffle.partitions": 64}})
        self.assertEqual(first["cluster_id"], second["cluster_id"])
        self.assertGreater(second["launches"], first["launches"])
        self.assertEqual(second["cluster"]["spark_conf"]["spark.sql.shuffle.partitions"], "64")
        self.assert_quiet()

    def test_a_key_that_is_no_longer_stated_goes_and_others_stay(self):
        self.apply("etl", spec={"spark_conf": {"mine": "1", "mine.too": "2"}})
        self.workspace.act("edit", name="etl", body={"spark_env_vars": {"THEIRS": "1"}})
        self.apply("etl", spec={"spark_conf": {"mine": "1"}})
        now = self.workspace.one("etl")["cluster"]
        self.assertEqual(now["spark_conf"], {"mine": "1"})
        self.assertEqual(now["spark_env_vars"]["THEIRS"], "1", "what is not ours is sent back")
        self.assert_quiet()

    def test_a_terminated_cluster_is_edited_in_place_and_not_woken(self):
        first = self.apply("etl")
        self.workspace.act("terminate", name="etl")
        self.workspace.control("advance", ms=600000)
        self.write("etl.yaml", cluster("etl", image="acme/etl:1.1"))
        self.assertIn("applies at its next start", self.keeper("plan").out)
        self.keeper("apply")
        (now,) = self.workspace.named("etl")
        self.assertEqual((now["cluster_id"], now["state"]), (first["cluster_id"], "TERMINATED"))
        self.assertEqual(now["cluster"]["docker_image"]["url"], "acme/etl:1.1")
        self.assertEqual(now["launches"], first["launches"])
        self.assert_quiet()

    def test_running_true_starts_it(self):
        self.apply("etl", keep={"running": True})
        self.workspace.act("terminate", name="etl")
        self.workspace.control("advance", ms=600000)
        self.assertEqual(self.actions(), {"etl": "start"})
        self.keeper("apply")
        self.assertEqual(self.workspace.one("etl")["state"], "RUNNING")
        self.assert_quiet()

    def test_suspended_is_left_alone(self):
        first = self.apply("etl")
        self.write("etl.yaml", cluster("etl", image="acme/etl:1.1", keep={"suspend": True}))
        self.workspace.forget_requests()
        self.keeper("apply", expect=None)
        self.assertEqual(self.workspace.writes(), 0)
        self.assertEqual(self.workspace.one("etl")["cluster_id"], first["cluster_id"])

    def test_defaults_change_a_fleet(self):
        self.write("defaults.yaml", "apiVersion: clusterkeeper/v1\nkind: Defaults\n"
                   f"spec: {json.dumps(SPEC)}\n")
        for name in ("a", "b"):
            self.write(f"{name}.yaml", "apiVersion: clusterkeeper/v1\nkind: Cluster\n"
                       f"metadata: {{name: {name}}}\nspec: {{num_workers: 1}}\n")
        self.keeper("apply")
        self.write("defaults.yaml", "apiVersion: clusterkeeper/v1\nkind: Defaults\n"
                   f"spec: {json.dumps({**SPEC, 'node_type_id': 'i3.2xlarge'})}\n")
        self.assertEqual(self.actions(), {"a": "edit", "b": "edit"})
        self.keeper("apply")
        self.assert_quiet()


class Fleet(EndToEnd):
    """Many clusters on their way at once."""

    def test_a_listing_serves_many_that_are_waited_for(self):
        names = [f"c{number:02}" for number in range(40)]
        self.workspace.control("config", pending_ms=4000 * self.speed)
        for name in names:
            self.write(f"{name}.yaml", cluster(name))
        self.keeper("apply", env={"CLUSTERKEEPER_RATE": "30"})
        self.assertEqual([self.workspace.one(name)["state"] for name in names], ["RUNNING"] * 40)
        self.assertGreater(self.workspace.counts()["clusters/list"], 4, "looked at together")
        self.assert_quiet()

    def test_a_listing_that_fails_meanwhile(self):
        names = [f"c{number:02}" for number in range(30)]
        self.workspace.control("config", pending_ms=3000 * self.speed)
        self.workspace.fault("status", "clusters/list", status=500, skip=2, times=7)
        for name in names:
            self.write(f"{name}.yaml", cluster(name))
        self.keeper("apply")
        self.assertGreater(self.workspace.struck()[0], 0, "a listing has failed")
        self.workspace.heal()
        self.assert_quiet()


class Switches(EndToEnd):
    """What the API's documentation leaves open: it is right, and quiet, under each answer."""

    switches = [
        {"credentials": 1}, {"credentials": 2}, {"idempotency": 1}, {"idempotency": 2},
        {"tag_edit_restarts": 0}, {"unknown_refused": 1}, {"delete_unknown_ok": 1},
        {"restart_ended_ok": 1}, {"start_live_ok": 1}, {"resize_refreshes": 0},
        {"edit_clears_reason": 1}, {"dcs_at_launch": 1}, {"ebs_checked": 0}, {"admin": 0},
        {"list_lag_ms": 600000}, {"get_lag_ms": 600000}, {"jitter_pct": 50},
    ]

    def live_through(self, name):
        """Create, resize, edit, replace; terminated and edited; gone."""
        for parts in ({}, {"workers": 2}, {"spec": {"spark_conf": {"a": "b"}}},
                      {"image": "acme/etl:1.1", "spec": {"spark_conf": {"a": "b"}}}):
            self.write(f"{name}.yaml", cluster(name, **parts))
            self.keeper("apply")
            self.assertEqual(self.workspace.one(name)["state"], "RUNNING")
            self.assert_quiet()
        self.workspace.act("terminate", cluster_id=self.workspace.one(name)["cluster_id"])
        self.workspace.control("advance", ms=600000)
        self.write(f"{name}.yaml", cluster(name, workers=5))
        self.keeper("apply")
        self.assertEqual(self.workspace.live(name), [])
        self.assert_quiet()
        self.remove(f"{name}.yaml")
        self.keeper("apply")
        self.assert_quiet()

    def test_each(self):
        self.write("other.yaml", cluster("other"))
        usual = self.workspace.config()
        for number, switch in enumerate(self.switches):
            with self.subTest(**switch):
                self.workspace.control("config", **switch)
                self.live_through(f"c{number}")
            self.workspace.control("config", **usual)
            for file in os.listdir(self.clusters):
                if file != "other.yaml":
                    self.remove(file)


class Clouds(EndToEnd):
    """What the backend adds on read differs by cloud: a plan stays empty."""

    def test_quiet_on_each(self):
        nodes = {"aws": "i3.xlarge", "azure": "Standard_DS3_v2", "gcp": "n2-highmem-4"}
        for cloud, node in nodes.items():
            with self.subTest(cloud=cloud):
                place = self.path(cloud)
                os.mkdir(place)
                workspace = Workspace(place, options=("--cloud", cloud))
                try:
                    self.write("etl.yaml", cluster("etl", spec={"node_type_id": node}))
                    env = {"DATABRICKS_HOST": workspace.host,
                           "CLUSTERKEEPER_STATE": os.path.join(place, "state.db")}
                    self.keeper("apply", env=env)
                    self.keeper("plan", "--detailed-exitcode", env=env)
                finally:
                    self.assertEqual(workspace.close(), 0)


if __name__ == "__main__":
    main()
