"""Clusters that clusterkeeper made are read through the official SDK, and the other way round.

What a manifest asks for is written twice (manifests.py): as YAML, and as objects of the SDK's types. The
two meet in the workspace: a field that is spelled, nested or typed otherwise than the SDK has it makes
a difference.
"""

import dataclasses
import textwrap

from databricks.sdk.service.compute import ClusterSpec, DataSecurityMode, State

from manifests import AWS, AZURE, GCP, NOT_TRIED, POOL
from sdk import NODE, RUNTIME, UNDOCUMENTED, SdkTest, compute, main

OURS = "clusterkeeper-"


class Applied(SdkTest):
    """The program applies, the SDK reads; or the SDK changes, and the program notices."""

    speed = 2000

    def setUp(self):
        super().setUp()
        self.workspace.control("config", credentials=2)  # in clear: what was sent is seen
        self.env |= {"REGISTRY_USER": "robot", "REGISTRY_PASSWORD": "p\"ss\\wörd",
                     "ANALYTICS_KEY": "k3y"}

    def manifest(self, spec, rest=""):
        """etl.yaml."""
        head = "apiVersion: clusterkeeper/v1\nkind: Cluster\nmetadata: {name: etl}\nspec:\n"
        self.write("etl.yaml", head + textwrap.indent(textwrap.dedent(spec).strip("\n"), "  ") +
                   "\n" + textwrap.dedent(rest))

    def made(self):
        """The one cluster, as the SDK gets it."""
        listed = [one for one in self.client.clusters.list()
                  if one.state not in (State.TERMINATED, State.TERMINATING)]
        self.assertEqual(len(listed), 1)
        return self.client.clusters.get(listed[0].cluster_id)

    def assert_is_spec(self, cluster, wanted):
        """What was submitted is that, our own tags aside."""
        submitted = cluster.spec.as_dict()
        tags = submitted.get("custom_tags", {})
        ours = {key for key in tags if key.startswith(OURS)}
        self.assertEqual(len(ours), 4, tags)
        submitted["custom_tags"] = {key: tags[key] for key in tags if key not in ours}
        self.assertEqual(submitted, {"custom_tags": {}, **wanted.as_dict()})

    def assert_in_effect(self, cluster, wanted):
        """What is in effect is that, and what the workspace adds."""
        in_effect = cluster.as_dict()
        for key, value in wanted.as_dict().items():
            if key == "apply_policy_default_values":  # shown in `spec` alone
                continue
            if isinstance(value, dict):
                value = {**in_effect[key], **value}
            self.assertEqual(in_effect[key], value, key)


class OnAws(Applied):
    """AWS."""

    def test_every_field(self):
        self.manifest(AWS[0])
        self.keeper("apply")
        self.assert_is_spec(self.made(), AWS[1])
        self.assert_in_effect(self.made(), AWS[1])
        raw = self.workspace.api("GET", f"2.1/clusters/get?cluster_id={self.made().cluster_id}")
        self.assert_typed(raw, compute.ClusterDetails, beyond=UNDOCUMENTED)
        self.assert_quiet()

    def test_what_an_edit_leaves(self):
        """An edit replaces the whole definition: what the manifest did not change is still there."""
        self.manifest(AWS[0])
        self.keeper("apply")
        self.manifest(AWS[0].replace("autotermination_minutes: 90", "autotermination_minutes: 30"))
        self.keeper("apply")
        self.assert_is_spec(self.made(), dataclasses.replace(AWS[1], autotermination_minutes=30))

    def test_a_pool_and_a_policy(self):
        self.workspace.control("policy", policy_id="ABC123DEF456", path="autotermination_minutes",
                               value=45)
        self.manifest(POOL[0])
        self.keeper("apply")
        # Of two names for one access mode the older one is submitted, as the workspace answers.
        wanted = dataclasses.replace(POOL[1], data_security_mode=DataSecurityMode.SINGLE_USER)
        self.assert_is_spec(self.made(), wanted)
        self.assert_in_effect(self.made(), wanted)
        self.assertEqual(self.made().autotermination_minutes, 45)
        self.assert_quiet()

    def test_every_field_is_tried(self):
        """A field that the SDK learns has to be tried, or to be named as one that is not."""
        tried = {key for _, spec in (AWS, AZURE, GCP, POOL) for key in spec.as_dict()}
        known = set(ClusterSpec.__dataclass_fields__)
        self.assertEqual(known - tried, NOT_TRIED)

    def test_what_goes_with_it(self):
        self.write("init/setup.sh", "#!/bin/sh\nexit 0\n")
        self.manifest(f"""
            spark_version: {RUNTIME}
            node_type_id: {NODE}
            num_workers: 1
            data_security_mode: SINGLE_USER
            docker_image: {{url: acme/etl:1.0}}
            init_scripts: [local: {{source: init/setup.sh}}]
            """, """
            libraries:
            - pypi: {package: simplejson==3.19.3, repo: https://pypi.example.com/simple}
            - maven: {coordinates: "org.a:b:1", exclusions: ["c:d"]}
            - whl: /Volumes/main/etl/a.whl
            permissions:
            - {group_name: analysts, permission_level: CAN_RESTART}
            - {service_principal_name: 8a3f2f0e-0000-4000-8000-000000000001,
               permission_level: CAN_MANAGE}
            keep: {pinned: true}
            """)
        self.keeper("apply")
        made = self.made()
        script = made.spec.init_scripts[0].workspace.destination
        with self.client.workspace.download(script.removeprefix("/Workspace")) as file:
            self.assertEqual(file.read(), b"#!/bin/sh\nexit 0\n")
        libraries = [one.library for one in self.client.libraries.cluster_status(made.cluster_id)]
        self.assertCountEqual(libraries, [
            compute.Library(pypi=compute.PythonPyPiLibrary(
                "simplejson==3.19.3", repo="https://pypi.example.com/simple")),
            compute.Library(maven=compute.MavenLibrary("org.a:b:1", exclusions=["c:d"])),
            compute.Library(whl="/Volumes/main/etl/a.whl")])
        level = compute.ClusterPermissionLevel
        rights = self.client.clusters.get_permissions(made.cluster_id).access_control_list
        own = {one.group_name or one.service_principal_name or one.user_name:
               one.all_permissions[0].permission_level
               for one in rights if not one.all_permissions[0].inherited}
        self.assertEqual(own.pop(self.client.current_user.me().user_name), level.CAN_MANAGE)
        self.assertEqual(own, {"analysts": level.CAN_RESTART,
                               "8a3f2f0e-0000-4000-8000-000000000001": level.CAN_MANAGE})
        pinned = compute.ListClustersFilterBy(is_pinned=True)
        self.assertEqual([one.cluster_id for one in self.client.clusters.list(filter_by=pinned)],
                         [made.cluster_id])

    def test_what_somebody_does_with_the_sdk(self):
        """A hand's changes are drift, named by their paths, and are put right."""
        self.manifest(AWS[0])
        self.keeper("apply")
        hand = self.made().spec
        hand.autotermination_minutes = 10
        hand.spark_conf |= {"spark.speculation": "false", "spark.by.hand": "kept"}
        self.client.clusters.edit(self.made().cluster_id, **vars(hand)).result()
        differences = {one["path"]: one["cause"]
                       for one in self.plan()["clusters"][0]["differences"]}
        self.assertEqual(differences, {"autotermination_minutes": "drift",
                                       "spark_conf[spark.speculation]": "drift"})
        self.keeper("apply")
        conf = {**AWS[1].spark_conf, "spark.by.hand": "kept"}
        self.assert_is_spec(self.made(), dataclasses.replace(AWS[1], spark_conf=conf))
        self.client.clusters.resize(self.made().cluster_id, num_workers=9).result()
        self.assertEqual(self.actions(), {"etl": "resize"})
        self.keeper("apply")
        self.assertEqual(self.made().autoscale, AWS[1].autoscale)
        self.client.clusters.permanent_delete(self.made().cluster_id)
        self.keeper("apply")
        self.assert_is_spec(self.made(), AWS[1])

    def test_a_cluster_of_the_sdk_is_adopted(self):
        cluster_id = self.client.clusters.create(**vars(AWS[1])).result().cluster_id
        self.manifest(AWS[0], f"keep: {{adopt: {cluster_id}}}\n")
        plan = self.plan()["clusters"]
        self.assertEqual([(one["action"], one["differences"]) for one in plan], [("adopt", [])])
        self.keeper("apply")
        self.assertEqual(self.made().cluster_id, cluster_id)
        self.assert_quiet()


class OnAzure(Applied):
    """Azure."""

    sim_options = ("--cloud", "azure")

    def test_every_field(self):
        self.manifest(AZURE[0])
        self.keeper("apply")
        self.assert_is_spec(self.made(), AZURE[1])
        self.assert_in_effect(self.made(), AZURE[1])
        self.assert_quiet()


class OnGcp(Applied):
    """Google Cloud."""

    sim_options = ("--cloud", "gcp")

    def test_every_field(self):
        self.manifest(GCP[0])
        self.keeper("apply")
        self.assert_is_spec(self.made(), GCP[1])
        self.assert_in_effect(self.made(), GCP[1])
        self.assert_quiet()


if __name__ == "__main__":
    main()
