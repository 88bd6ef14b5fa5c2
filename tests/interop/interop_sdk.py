"""The official SDK drives the simulated workspace: what it calls is served, what it reads is understood."""

import base64

from databricks.sdk.errors import OperationFailed
from databricks.sdk.service import iam
from databricks.sdk.service.workspace import ImportFormat

from sdk import NODE, RUNTIME, UNDOCUMENTED, SdkTest, compute, main

STATE = compute.State
PYPI = compute.Library(pypi=compute.PythonPyPiLibrary(package="simplejson==3.19.3"))
MAVEN = compute.Library(maven=compute.MavenLibrary(coordinates="org.postgresql:postgresql:42.7.3"))


class Life(SdkTest):
    """The calls that change a cluster, each with the waiter that the SDK gives for it."""

    def state_of(self, cluster_id):
        """As get has it."""
        return self.client.clusters.get(cluster_id).state

    def types(self, cluster_id):
        """Its events, oldest first."""
        order = compute.GetEventsOrder.ASC
        return [event.type.value for event in self.client.clusters.events(cluster_id, order=order)]

    def test_create_and_wait(self):
        begun = self.begin()
        self.assertEqual(self.state_of(begun.cluster_id), STATE.PENDING)
        seen = []
        made = begun.result(callback=lambda cluster: seen.append(cluster.state))
        self.assertEqual(made.state, STATE.RUNNING)
        self.assertEqual(set(seen), {STATE.PENDING})
        self.assertEqual(made.cluster_id, begun.response.cluster_id)
        self.assertRegex(made.cluster_id, r"^[0-9]{4}-[0-9]{6}-[0-9a-z]{8}$")
        self.assertEqual(made.cluster_source, compute.ClusterSource.API)
        self.assertEqual(len(made.executors), 1)
        self.assertIsNotNone(made.driver)
        self.assertEqual(self.types(made.cluster_id), ["CREATING", "RUNNING", "DRIVER_HEALTHY"])

    def test_a_launch_that_fails_is_a_failure_of_the_wait(self):
        self.workspace.control("image", url="acme/etl:none", behaviour="missing")
        begun = self.begin(docker_image=compute.DockerImage(url="acme/etl:none"))
        with self.assertRaisesRegex(OperationFailed, "TERMINATED"):
            begun.result()
        failed = self.client.clusters.get(begun.cluster_id)
        self.assertEqual(failed.termination_reason.code,
                         compute.TerminationReasonCode.CONTAINER_LAUNCH_FAILURE)
        self.assertEqual(failed.termination_reason.type,
                         compute.TerminationReasonType.CLIENT_ERROR)

    def test_edit_of_a_running_one_restarts_it(self):
        made = self.running(spark_conf={"a": "b"}, custom_tags={"team": "data"})
        editing = self.client.clusters.edit(made.cluster_id, RUNTIME, node_type_id=NODE,
                                            num_workers=1, spark_conf={"a": "c"})
        self.assertEqual(self.state_of(made.cluster_id), STATE.RESTARTING)
        edited = editing.result()
        self.assertEqual(edited.spec.spark_conf, {"a": "c"})
        self.assertFalse(edited.custom_tags)  # what an edit leaves out is reset
        self.assertFalse(edited.cluster_name)

    def test_edit_of_a_terminated_one_wakes_nothing(self):
        made = self.running()
        self.client.clusters.delete(made.cluster_id).result()
        self.client.clusters.edit(made.cluster_id, RUNTIME, node_type_id=NODE, num_workers=3)
        edited = self.client.clusters.get(made.cluster_id)
        self.assertEqual((edited.state, edited.num_workers), (STATE.TERMINATED, 3))

    def test_update_by_mask(self):
        made = self.running(spark_conf={"a": "b"}, custom_tags={"team": "data"})
        tags = compute.UpdateClusterResource(custom_tags={"team": "ml"})
        updated = self.client.clusters.update(made.cluster_id, "custom_tags",
                                              cluster=tags).result()
        self.assertEqual(updated.spec.custom_tags, {"team": "ml"})
        self.assertEqual(updated.spec.spark_conf, {"a": "b"})

    def test_resize_to_a_number_and_to_a_range(self):
        made = self.running()
        resizing = self.client.clusters.resize(made.cluster_id, num_workers=4)
        self.assertEqual(self.state_of(made.cluster_id), STATE.RESIZING)
        self.assertEqual(resizing.result().num_workers, 4)
        size = compute.AutoScale(min_workers=2, max_workers=6)
        resized = self.client.clusters.resize(made.cluster_id, autoscale=size).result()
        self.assertEqual((resized.autoscale, resized.num_workers), (size, None))
        self.assertEqual(resized.last_restarted_time, made.last_restarted_time)

    def test_restart_terminate_start(self):
        made = self.running()
        restarted = self.client.clusters.restart(made.cluster_id).result()
        self.assertGreater(restarted.last_restarted_time, made.last_restarted_time)
        ended = self.client.clusters.delete(made.cluster_id).result()
        self.assertEqual(ended.termination_reason.code, compute.TerminationReasonCode.USER_REQUEST)
        self.assertEqual(ended.termination_reason.type, compute.TerminationReasonType.SUCCESS)
        started = self.client.clusters.start(made.cluster_id).result()
        self.assertEqual(started.cluster_id, made.cluster_id)
        self.assertIsNone(started.termination_reason)

    def test_ensure_running_from_every_state(self):
        made = self.running()
        for prepare in (self.client.clusters.delete, self.client.clusters.restart, None):
            if prepare is not None:
                prepare(made.cluster_id)
            self.client.clusters.ensure_cluster_is_running(made.cluster_id)
            self.assertEqual(self.state_of(made.cluster_id), STATE.RUNNING)

    def test_pin_is_seen_by_its_filter_alone(self):
        pinned, other = self.running("pinned"), self.running("other")
        only_pinned = compute.ListClustersFilterBy(is_pinned=True)

        def listed():
            return [one.cluster_id for one in self.client.clusters.list(filter_by=only_pinned,
                                                                        page_size=100)]
        self.client.clusters.pin(pinned.cluster_id)
        self.assertEqual(listed(), [pinned.cluster_id])
        self.client.clusters.unpin(pinned.cluster_id)
        self.assertEqual(listed(), [])
        self.assertNotIn("PINNED", self.types(other.cluster_id))
        self.assertEqual([one for one in self.types(pinned.cluster_id) if "PINNED" in one],
                         ["PINNED", "UNPINNED"])

    def test_permanent_delete(self):
        made = self.running()
        self.client.clusters.permanent_delete(made.cluster_id)
        self.assertEqual(self.state_of(made.cluster_id), STATE.TERMINATING)
        self.workspace.control("advance", ms=60000)
        self.assertEqual(list(self.client.clusters.list()), [])

    def test_change_owner(self):
        made = self.running()
        self.client.clusters.delete(made.cluster_id).result()
        self.client.clusters.change_owner(made.cluster_id, "other@example.com")
        self.assertEqual(self.client.clusters.get(made.cluster_id).creator_user_name,
                         "other@example.com")


class Lists(SdkTest):
    """Answers of more than one page, and their filters."""

    def list(self, **filters):
        """Names, in the order of the list."""
        wanted = compute.ListClustersFilterBy(**filters) if filters else None
        return [one.cluster_name for one in self.client.clusters.list(filter_by=wanted)]

    def test_more_clusters_than_a_page(self):
        names = [f"etl-{number:03}" for number in range(123)]
        for name in names:
            self.begin(name)
        for size in (None, 1, 50, 100):
            with self.subTest(page_size=size):
                self.workspace.forget_requests()
                listed = [one.cluster_name
                          for one in self.client.clusters.list(page_size=size)]
                self.assertEqual(listed, names)
                pages = -(-len(names) // (size or 20))
                self.assertEqual(self.workspace.counts()["clusters/list"], pages)

    def test_filters_and_order(self):
        self.workspace.control("jobs", count=5)
        ended = self.running("a")
        self.running("b")
        self.client.clusters.delete(ended.cluster_id).result()
        api = [compute.ClusterSource.API, compute.ClusterSource.UI]
        self.assertEqual(self.list(cluster_sources=api), ["b", "a"])
        self.assertEqual(len(self.list(cluster_sources=[compute.ClusterSource.JOB])), 5)
        self.assertEqual(len(self.list()), 7)
        self.assertEqual(self.list(cluster_sources=api, cluster_states=[STATE.RUNNING]), ["b"])
        by_name = compute.ListClustersSortBy(field=compute.ListClustersSortByField.CLUSTER_NAME,
                                             direction=compute.ListClustersSortByDirection.DESC)
        of_api = compute.ListClustersFilterBy(cluster_sources=api)
        listed = self.client.clusters.list(filter_by=of_api, sort_by=by_name)
        self.assertEqual([one.cluster_name for one in listed], ["b", "a"])

    def test_events_page_by_page(self):
        made = self.running()
        for _ in range(4):
            self.client.clusters.restart(made.cluster_id).result()
        whole = list(self.client.clusters.events(made.cluster_id, page_size=500))
        self.assertGreater(len(whole), 10)
        self.assertEqual([one.timestamp for one in whole],
                         sorted((one.timestamp for one in whole), reverse=True))
        self.assertEqual(list(self.client.clusters.events(made.cluster_id, page_size=3)), whole)
        self.assertEqual(list(self.client.clusters.events(made.cluster_id, limit=4)), whole)
        restarts = self.client.clusters.events(made.cluster_id,
                                               event_types=[compute.EventType.RESTARTING])
        self.assertEqual(len(list(restarts)), 4)
        late = self.client.clusters.events(made.cluster_id, start_time=whole[0].timestamp)
        self.assertEqual({one.timestamp for one in late}, {whole[0].timestamp})


class Around(SdkTest):
    """Libraries, permissions, and what the workspace has to offer."""

    def statuses(self, cluster_id):
        """Each library and how far it is."""
        return [(one.library, one.status.value)
                for one in self.client.libraries.cluster_status(cluster_id)]

    def test_libraries(self):
        made = self.running()
        self.assertEqual(self.statuses(made.cluster_id), [])
        self.client.libraries.install(made.cluster_id, [PYPI, MAVEN])
        self.assertEqual(self.statuses(made.cluster_id),
                         [(PYPI, "INSTALLING"), (MAVEN, "INSTALLING")])
        self.workspace.control("advance", ms=60000)
        self.assertEqual(self.statuses(made.cluster_id),
                         [(PYPI, "INSTALLED"), (MAVEN, "INSTALLED")])
        self.client.libraries.uninstall(made.cluster_id, [PYPI])
        self.assertEqual(self.statuses(made.cluster_id)[0], (PYPI, "UNINSTALL_ON_RESTART"))
        self.client.clusters.restart(made.cluster_id).result()
        self.assertEqual([library for library, _ in self.statuses(made.cluster_id)], [MAVEN])
        self.assertEqual([one.cluster_id for one in self.client.libraries.all_cluster_statuses()],
                         [made.cluster_id])

    def test_permissions(self):
        made = self.running()
        level = compute.ClusterPermissionLevel
        asked = compute.ClusterAccessControlRequest(group_name="analysts",
                                                    permission_level=level.CAN_RESTART)

        def own(answer):
            return {one.group_name or one.user_name or one.service_principal_name:
                    one.all_permissions[0].permission_level
                    for one in answer.access_control_list if not one.all_permissions[0].inherited}
        answer = self.client.clusters.set_permissions(made.cluster_id,
                                                      access_control_list=[asked])
        self.assertEqual(own(answer), {"analysts": level.CAN_RESTART})
        added = compute.ClusterAccessControlRequest(user_name="a@example.com",
                                                    permission_level=level.CAN_MANAGE)
        self.client.clusters.update_permissions(made.cluster_id, access_control_list=[added])
        answer = self.client.clusters.get_permissions(made.cluster_id)
        self.assertEqual(own(answer),
                         {"analysts": level.CAN_RESTART, "a@example.com": level.CAN_MANAGE})
        self.assertIn("admins", [one.group_name for one in answer.access_control_list
                                 if one.all_permissions[0].inherited])
        levels = self.client.clusters.get_permission_levels(made.cluster_id).permission_levels
        self.assertEqual({one.permission_level for one in levels}, set(level))

    def test_what_there_is(self):
        clusters = self.client.clusters
        self.assertEqual(clusters.select_spark_version(long_term_support=True, latest=True,
                                                       spark_version="3.5.0"), RUNTIME)
        self.assertEqual(clusters.select_node_type(local_disk=True, min_cores=4,
                                                   min_memory_gb=30), NODE)
        self.assertIn("us-east-1c", clusters.list_zones().zones)

    def test_who_is_calling(self):
        self.assertTrue(self.client.config.is_aws)
        self.assertEqual(self.client.config.workspace_id, "6051921418418893")
        me = self.client.current_user.me()
        self.assertTrue(me.active)
        self.assertEqual(self.running().creator_user_name, me.user_name)
        self.assertEqual(str(self.client.get_workspace_id()), "6051921418418893")

    def test_switches_of_the_workspace(self):
        self.assertEqual(self.client.workspace_conf.get_status("enableDcs"), {"enableDcs": "true"})
        self.client.workspace_conf.set_status({"enableDcs": "false"})
        self.assertEqual(self.client.workspace_conf.get_status("enableDcs"),
                         {"enableDcs": "false"})

    def test_files_of_the_workspace(self):
        self.client.workspace.mkdirs("/Shared/init")
        text = b"#!/bin/sh\nexit 0\n"
        self.client.workspace.import_("/Shared/init/agent.sh", format=ImportFormat.AUTO,
                                      content=base64.b64encode(text).decode(), overwrite=True)
        with self.client.workspace.download("/Shared/init/agent.sh") as file:
            self.assertEqual(file.read(), text)
        self.assertEqual([one.path for one in self.client.workspace.list("/Shared/init")],
                         ["/Shared/init/agent.sh"])
        self.client.workspace.delete("/Shared/init", recursive=True)
        self.assertEqual(list(self.client.workspace.list("/Shared")), [])


class Types(SdkTest):
    """Every field and every word of an answer is one that the SDK's types know."""

    def setUp(self):
        super().setUp()
        self.workspace.control("image", url="acme/etl:none", behaviour="missing")
        scripts = [compute.InitScriptInfo(workspace=compute.WorkspaceStorageInfo("/Shared/a.sh"))]
        self.made = self.running("good", init_scripts=scripts,
                                 docker_image=compute.DockerImage(url="acme/etl:1.0"))
        self.failed = self.begin("failed", docker_image=compute.DockerImage(url="acme/etl:none"))
        self.workspace.control("advance", ms=3600000)
        self.client.clusters.resize(self.made.cluster_id, num_workers=2).result()
        self.client.clusters.edit(self.made.cluster_id, RUNTIME, node_type_id=NODE,
                                  num_workers=1).result()
        self.client.clusters.pin(self.made.cluster_id)
        self.client.libraries.install(self.made.cluster_id, [PYPI])

    def test_clusters(self):
        for cluster in (self.made, self.failed):
            raw = self.workspace.api("GET", f"2.1/clusters/get?cluster_id={cluster.cluster_id}")
            self.assert_typed(raw, compute.ClusterDetails, beyond=UNDOCUMENTED)
        listed = self.workspace.api("GET", "2.1/clusters/list")
        self.assert_typed(listed, compute.ListClustersResponse,
                          beyond={f"clusters[].{name}" for name in UNDOCUMENTED})
        self.assertNotIn("spec", listed["clusters"][0])

    def test_events(self):
        for cluster in (self.made, self.failed):
            raw = self.workspace.api("POST", "2.1/clusters/events",
                                     {"cluster_id": cluster.cluster_id, "page_size": 5})
            self.assert_typed(raw, compute.GetEventsResponse)

    def test_what_surrounds_them(self):
        where = f"clusters/{self.made.cluster_id}"
        for path, kind in (
                (f"2.0/libraries/cluster-status?cluster_id={self.made.cluster_id}",
                 compute.ClusterLibraryStatuses),
                ("2.0/libraries/all-cluster-statuses", compute.ListAllClusterLibraryStatusesResponse),
                (f"2.0/permissions/{where}", compute.ClusterPermissions),
                (f"2.0/permissions/{where}/permissionLevels",
                 compute.GetClusterPermissionLevelsResponse),
                ("2.1/clusters/spark-versions", compute.GetSparkVersionsResponse),
                ("2.1/clusters/list-node-types", compute.ListNodeTypesResponse),
                ("2.1/clusters/list-zones", compute.ListAvailableZonesResponse),
                ("2.0/preview/scim/v2/Me", iam.User)):
            with self.subTest(path):
                self.assert_typed(self.workspace.api("GET", path), kind)

    def test_the_check_itself(self):
        raw = {"cluster_id": "1", "state": "SLEEPING", "num_workers": 1, "invented": True}
        with self.assertRaises(AssertionError) as raised:
            self.assert_typed(raw, compute.ClusterDetails)
        for word in ("'invented'", "'state'"):
            self.assertIn(word, str(raised.exception))
        self.assertNotIn("cluster_id", str(raised.exception))


if __name__ == "__main__":
    main()
