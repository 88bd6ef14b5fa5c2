"""Manifests that go, and clusters of others: what is removed, and what is never touched."""

import os

from harness import SPEC, EndToEnd, cluster, main, promise, wait_for


class Gone(EndToEnd):
    """A manifest goes, or seems to."""

    def begin(self, *names, **parts):
        """Clusters that run, a manifest for each."""
        for name in names:
            self.write(f"{name}.yaml", cluster(name, **parts))
        self.keeper("apply")

    def test_prune_terminates(self):
        self.begin("etl", "other")
        self.remove("etl.yaml")
        self.assertEqual(self.actions(), {"etl": "prune"})
        self.keeper("apply")
        wait_for(lambda: [c["state"] for c in self.workspace.named("etl")] == ["TERMINATED"])
        self.assertTrue(self.workspace.one("other"))
        self.assertEqual(sorted(self.status()), ["other"])
        self.assert_quiet()

    def test_prune_deletes_a_pinned_one_too(self):
        self.begin("other")
        self.begin("etl", keep={"prune": "delete", "pinned": True})
        self.remove("etl.yaml")
        self.keeper("apply")
        self.assertEqual(self.workspace.named("etl"), [])
        self.assert_quiet()

    def test_orphan_stays(self):
        self.begin("other")
        self.begin("etl", keep={"prune": "orphan"})
        before = self.workspace.one("etl")
        self.remove("etl.yaml")
        self.workspace.forget_requests()
        self.keeper("apply")
        self.assertEqual(self.workspace.writes(), 0)
        self.assertEqual(self.workspace.one("etl"), before)
        self.assert_quiet()

    def test_a_manifest_that_comes_back_finds_its_orphan(self):
        self.begin("other")
        self.begin("etl", keep={"prune": "orphan"})
        before = self.workspace.one("etl")
        self.remove("etl.yaml")
        self.keeper("apply")
        self.begin("etl", keep={"prune": "orphan"})
        self.assertEqual(self.workspace.one("etl")["cluster_id"], before["cluster_id"])
        self.assert_quiet()

    @promise(3)
    def test_unreadable_is_not_deleted(self):
        self.begin("etl", "other")
        self.write("etl.yaml", "kind: Cluster\n  oops: [\n")
        self.workspace.forget_requests()
        ended = self.keeper("apply", expect=1)
        self.assertIn("etl.yaml", ended.err)
        self.assertEqual(self.workspace.writes(), 0)
        self.assertTrue(self.workspace.one("etl"))

    @promise(3)
    def test_the_others_go_on_while_one_is_unreadable(self):
        self.begin("etl", "other")
        self.write("etl.yaml", "kind: Cluster\n  oops: [\n")
        self.write("other.yaml", cluster("other", workers=5))
        self.keeper("apply", expect=1)
        self.assertEqual(self.workspace.one("other")["cluster"]["num_workers"], 5)
        self.assertTrue(self.workspace.one("etl"))

    @promise(3)
    def test_an_empty_directory_prunes_nothing_unless_told(self):
        self.begin("etl")
        self.remove("etl.yaml")
        self.workspace.forget_requests()
        ended = self.keeper("apply", expect=None)
        self.assertEqual(self.workspace.writes(), 0)
        self.assertTrue(self.workspace.one("etl"))
        self.assertIn("nothing is removed", ended.err)
        self.keeper("apply", "--allow-empty")
        self.assertEqual(self.workspace.live("etl"), [])

    @promise(3)
    def test_a_directory_that_is_gone_prunes_nothing(self):
        self.begin("etl")
        os.rename(self.clusters, self.clusters + ".away")
        self.keeper("apply", expect=1)
        self.assertTrue(self.workspace.one("etl"))


class OnlyItsOwn(EndToEnd):
    """Others' clusters, and others' hands."""

    @promise(2)
    def test_foreign_clusters_are_untouched(self):
        spec = {**SPEC, "num_workers": 1, "cluster_name": "theirs"}
        self.workspace.act("create", body=spec)
        self.workspace.act("create", body={**spec, "cluster_name": "etl"})
        self.workspace.act("job")
        other = {"custom_tags": {"clusterkeeper-owner": "somebody-else",
                                 "clusterkeeper-name": "etl"}}
        self.workspace.act("create", body={**spec, **other})
        self.workspace.control("advance", ms=3600000)
        before = {c["cluster_id"]: c for c in self.workspace.dump()}
        self.assertEqual(len(before), 4)
        self.write("etl.yaml", cluster("etl"))
        self.write("more.yaml", cluster("more"))
        self.keeper("apply")
        self.write("etl.yaml", cluster("etl", image="acme/etl:1.1"))
        self.keeper("apply")
        self.remove("more.yaml")
        self.keeper("apply")
        after = {c["cluster_id"]: c for c in self.workspace.dump()}
        self.assertEqual({key: after[key] for key in before}, before)

    @promise(2)
    def test_two_owners_with_the_same_names(self):
        self.write("etl.yaml", cluster("etl"))
        self.keeper("apply")
        self.keeper("apply", "--owner", "second", "--state", self.path("second.db"))
        live = self.workspace.live("etl")
        self.assertEqual({c["cluster"]["custom_tags"]["clusterkeeper-owner"] for c in live},
                         {"clusterkeeper", "second"})
        self.write("etl.yaml", cluster("etl", workers=2))
        self.keeper("apply", "--owner", "second", "--state", self.path("second.db"))
        sizes = {c["cluster"]["custom_tags"]["clusterkeeper-owner"]: c["cluster"]["num_workers"]
                 for c in self.workspace.live("etl")}
        self.assertEqual(sizes, {"clusterkeeper": 1, "second": 2})

    def test_drift_is_corrected(self):
        self.write("etl.yaml", cluster("etl"))
        self.keeper("apply")
        self.workspace.act("edit", name="etl", body={"node_type_id": "i3.2xlarge"})
        self.workspace.control("advance", ms=600000)
        plan = self.keeper("plan", "--detailed-exitcode", expect=2)
        self.assertIn("drift", plan.out)
        self.keeper("apply")
        self.assertEqual(self.workspace.one("etl")["cluster"]["node_type_id"], "i3.xlarge")
        self.assert_quiet()

    def test_drift_is_reported(self):
        self.write("etl.yaml", cluster("etl", keep={"drift": "report"}))
        self.keeper("apply")
        self.workspace.act("edit", name="etl", body={"node_type_id": "i3.2xlarge"})
        self.workspace.control("advance", ms=600000)
        self.workspace.forget_requests()
        plan = self.keeper("plan")
        self.assertIn("drift", plan.out)
        self.keeper("apply", expect=None)
        self.assertEqual(self.workspace.writes(), 0)
        self.assertEqual(self.workspace.one("etl")["cluster"]["node_type_id"], "i3.2xlarge")

    @promise(1)
    def test_a_copy_in_the_ui_is_removed(self):
        self.write("etl.yaml", cluster("etl"))
        self.keeper("apply")
        first = self.workspace.one("etl")["cluster_id"]
        self.workspace.act("copy", name="etl")
        self.workspace.control("advance", ms=600000)
        self.assertEqual(len(self.workspace.live("etl")), 2)
        self.keeper("apply")
        self.assertEqual(self.workspace.one("etl")["cluster_id"], first, "the recorded one stays")
        self.assert_quiet()

    def test_removed_by_somebody_is_made_again(self):
        self.write("etl.yaml", cluster("etl"))
        self.keeper("apply")
        first = self.workspace.one("etl")["cluster_id"]
        self.workspace.act("delete", cluster_id=first)
        self.keeper("apply")
        self.assertNotEqual(self.workspace.one("etl")["cluster_id"], first)
        self.assert_quiet()

    @promise(2)
    def test_adopt_by_id(self):
        spec = {**SPEC, "num_workers": 1, "cluster_name": "etl",
                "docker_image": {"url": "acme/etl:1.0"}}
        adopted = self.workspace.act("create", body=spec)
        self.workspace.control("advance", ms=600000)
        self.write("etl.yaml", cluster("etl", keep={"adopt": adopted}))
        self.assertEqual(self.actions(), {"etl": "adopt"})
        self.workspace.forget_requests()
        self.keeper("apply")
        self.assertEqual(self.workspace.writes(), 0, "writing a tag would restart it")
        self.assertEqual(self.status("etl")["cluster_id"], adopted)
        self.assert_quiet()
        self.write("etl.yaml", cluster("etl", spec={"spark_conf": {"a": "b"}},
                                       keep={"adopt": adopted}))
        self.keeper("apply")
        self.assertEqual(self.workspace.one("etl")["cluster_id"], adopted)
        self.assert_quiet()

    @promise(2)
    def test_adopt_of_what_cannot_be_kept(self):
        self.write("etl.yaml", cluster("etl", keep={"adopt": "1125-000000-nowhere1"}))
        ended = self.keeper("apply", expect=1)
        self.assertIn("1125-000000-nowhere1 does not exist", ended.err)
        self.assertEqual(self.workspace.writes(), 0)

    def test_adopt_of_what_others_keep(self):
        tags = {"clusterkeeper-owner": "somebody-else", "clusterkeeper-name": "etl"}
        theirs = self.workspace.act("create", body={**SPEC, "num_workers": 1,
                                                    "custom_tags": tags})
        jobs = self.workspace.act("job")
        for adopted, words in ((theirs, "kept by owner 'somebody-else'"), (jobs, "comes from JOB")):
            with self.subTest(words), promise(2):
                self.write("etl.yaml", cluster("etl", keep={"adopt": adopted}))
                ended = self.keeper("apply", expect=None)
                self.assertEqual(self.workspace.writes(), 0)
                self.assertIn(words, ended.err)
                self.assertEqual(ended.code, 1, str(ended))


if __name__ == "__main__":
    main()
