"""What the official SDK takes the errors of the simulated workspace for, and what it repeats.

The classes are the SDK's own: it maps code, status, path and message to them, so that an error which
differs in any of these from the real one lands in another class here.
"""

from databricks.sdk import errors

from sdk import NODE, RUNTIME, SdkTest, compute, main

NOWHERE = "0101-010101-nowhere0"


class Refusals(SdkTest):
    """Errors of the caller."""

    def assert_refused(self, kind, text, call, *args, **kwargs):
        """It raises that class itself, not one above or below it, with that text."""
        with self.assertRaises(errors.DatabricksError) as raised:
            call(*args, **kwargs)
        self.assertIs(type(raised.exception), kind, raised.exception)
        self.assertRegex(str(raised.exception), text)
        return raised.exception

    def test_get_of_an_unknown_one_does_not_exist(self):
        """400 INVALID_PARAMETER_VALUE, which an override of the SDK turns into this class."""
        error = self.assert_refused(errors.ResourceDoesNotExist,
                                    f"^Cluster {NOWHERE} does not exist$",
                                    self.client.clusters.get, NOWHERE)
        self.assertEqual(error.error_code, "INVALID_PARAMETER_VALUE")
        self.assertEqual(error.get_error_details().error_info.reason,
                         "CM_API_ERROR_SOURCE_CALLER_ERROR")

    def test_other_calls_on_an_unknown_one(self):
        """The override is for get alone: elsewhere it is an invalid value."""
        clusters, libraries = self.client.clusters, self.client.libraries
        library = compute.Library(jar="/Volumes/a/b/c/d.jar")
        for call, args in (
                (clusters.start, []), (clusters.restart, []), (clusters.delete, []),
                (clusters.permanent_delete, []), (clusters.pin, []), (clusters.unpin, []),
                (clusters.resize, []), (clusters.edit, [RUNTIME]),
                (clusters.get_permissions, []), (libraries.install, [[library]]),
                (libraries.uninstall, [[library]]),
                (lambda one: list(libraries.cluster_status(one)), []),
                (lambda one: list(clusters.events(one)), [])):
            with self.subTest(call=getattr(call, "__name__", call)):
                self.assert_refused(errors.InvalidParameterValue,
                                    f"Cluster {NOWHERE} does not exist", call, NOWHERE, *args)

    def test_one_that_is_removed_by_retention(self):
        made = self.running()
        self.client.clusters.delete(made.cluster_id).result()
        self.workspace.control("advance", ms=31 * 24 * 3600 * 1000)
        self.assert_refused(errors.InvalidState, "terminated or unpinned more than 30 days ago",
                            self.client.clusters.get, made.cluster_id)
        self.assertEqual(list(self.client.clusters.list()), [])

    def test_calls_in_the_wrong_state(self):
        clusters = self.client.clusters
        pending = self.begin().cluster_id
        size = {"node_type_id": NODE, "num_workers": 2}
        for call, args, kwargs in (
                (clusters.start, [], {}), (clusters.restart, [], {}),
                (clusters.edit, [RUNTIME], size), (clusters.resize, [], {"num_workers": 2})):
            with self.subTest(call=call.__name__):
                self.assert_refused(errors.InvalidState, "in unexpected state Pending",
                                    call, pending, *args, **kwargs)
        running = self.running("other").cluster_id
        self.assert_refused(errors.InvalidState, "in unexpected state Running",
                            clusters.start, running)
        clusters.delete(running).result()
        self.assert_refused(errors.InvalidState, "in unexpected state Terminated",
                            clusters.resize, running, num_workers=2)
        clusters.delete(running)  # of a terminated one: no effect, no error

    def test_a_pinned_one_is_not_removed(self):
        """Terraform looks for these words."""
        made = self.running()
        self.client.clusters.pin(made.cluster_id)
        with self.assertRaisesRegex(errors.BadRequest, "unpin the cluster first"):
            self.client.clusters.permanent_delete(made.cluster_id)

    def test_specs_that_are_refused(self):
        """databricks-api.md 2.1: sentences that were seen."""
        both = {"num_workers": 1, "autoscale": compute.AutoScale(min_workers=1, max_workers=2)}
        for text, spec in (
                ("^Exactly 1 of virtual_cluster_size, num_workers or autoscale must be", both),
                ("NumWorkers could be 0 only for SingleNode clusters", {"num_workers": 0}),
                ("Missing required field 'node_type_id'", {"node_type_id": None}),
                ("1.0.x", {"spark_version": "1.0.x"})):
            with self.subTest(text):
                self.assert_refused(errors.InvalidParameterValue, text, self.begin, **spec)
        self.assertEqual(list(self.client.clusters.list()), [])

    def test_a_cluster_of_a_job_is_not_edited(self):
        self.workspace.control("jobs", count=1)
        job = next(iter(self.client.clusters.list()))
        self.assert_refused(errors.InvalidParameterValue, "created by JobLauncher",
                            self.client.clusters.edit, job.cluster_id, RUNTIME,
                            node_type_id=NODE, num_workers=1)

    def test_credentials(self):
        self.assert_refused(errors.PermissionDenied, "Invalid access token",
                            self.sign_in("dapi-other").clusters.get, NOWHERE)

    def test_pinning_is_for_administrators(self):
        made = self.running()
        self.workspace.control("config", admin=0)
        self.assert_refused(errors.PermissionDenied, "administrator",
                            self.client.clusters.pin, made.cluster_id)

    def test_a_call_that_is_not_there(self):
        self.assert_refused(errors.NotFound, "No API found", self.client.api_client.do,
                            "GET", "/api/2.1/clusters/nothing")

    def test_files_of_the_workspace(self):
        self.assert_refused(errors.ResourceDoesNotExist, "doesn't exist",
                            self.client.workspace.get_status, "/Shared/none")


class Repeats(SdkTest):
    """Limits, outages and lost connections: when the SDK calls again, and after how long."""

    def assert_waited(self, seconds):
        """The SDK slept so long each time, plus its jitter of less than a second."""
        self.assertEqual(len(self.clock.slept), len(seconds))
        for slept, wanted in zip(self.clock.slept, seconds):
            self.assertGreaterEqual(slept, wanted)
            self.assertLess(slept, wanted + 1)

    def one_cluster(self):
        """Those in the workspace are one."""
        self.workspace.heal()
        self.assertEqual(len(list(self.client.clusters.list())), 1)

    def test_waits_as_long_as_it_is_told(self):
        for status in (429, 503):
            with self.subTest(status=status):
                self.clock.slept.clear()
                self.workspace.fault("status", "clusters/get", status=status, retry_after=7,
                                     times=2)
                made = self.begin(f"etl-{status}")
                self.client.clusters.get(made.cluster_id)
                self.assert_waited([7, 7])

    def test_a_second_when_it_is_not_told(self):
        self.workspace.fault("status", "clusters/create", status=429, times=3)
        self.begin()
        self.assert_waited([1, 1, 1])
        self.one_cluster()

    def test_what_it_gives_up_with(self):
        hasty = self.sign_in(retry_timeout_seconds=60)
        for rule, kind in (
                ({"status": 429}, errors.ResourceExhausted),  # per user
                ({"status": 429, "code": "REQUEST_LIMIT_EXCEEDED"}, errors.RequestLimitExceeded),
                ({"status": 503}, errors.TemporarilyUnavailable)):
            with self.subTest(**rule):
                self.workspace.heal()
                self.workspace.fault("status", "clusters/list", retry_after=20, **rule)
                with self.assertRaises(TimeoutError) as raised:
                    list(hasty.clusters.list())
                cause = raised.exception.__cause__
                self.assertIs(type(cause), kind, cause)
                self.assertEqual(cause.retry_after_secs, 20)

    def test_nodes_launched_too_quickly(self):
        """The workspace's own limit, not a fault: the SDK waits, and goes on once there is room."""
        self.workspace.control("config", nodes_burst=4, nodes_per_min=60)
        self.workspace.control("advance", ms=60000)
        self.begin("first")  # two nodes of the four
        self.begin("second")
        self.assertEqual(self.clock.slept, [])
        self.begin("third")
        self.assertGreaterEqual(len(self.clock.slept), 1)
        self.assertEqual(len(list(self.client.clusters.list())), 3)
        self.workspace.control("config", nodes_per_min=0)
        with self.assertRaises(TimeoutError) as raised:
            self.begin("fourth", num_workers=8)
        self.assertIs(type(raised.exception.__cause__), errors.RequestLimitExceeded)
        self.assertEqual(len(list(self.client.clusters.list())), 3)

    def test_errors_of_the_workspace_are_not_repeated(self):
        for fault, status, kind in (("status", 500, errors.InternalError),
                                    ("html", 502, errors.DatabricksError),
                                    ("empty", 504, errors.DeadlineExceeded)):
            with self.subTest(fault=fault, status=status):
                self.workspace.heal()
                self.workspace.fault(fault, "clusters/list", status=status)
                with self.assertRaises(errors.DatabricksError) as raised:
                    list(self.client.clusters.list())
                self.assertIs(type(raised.exception), kind)
                self.assertEqual(self.clock.slept, [])

    def test_a_reset_connection_is_repeated(self):
        self.workspace.fault("reset", "clusters/get", times=1)
        made = self.begin()
        self.assertEqual(self.client.clusters.get(made.cluster_id).cluster_name, "etl")
        self.assertEqual(len(self.clock.slept), 1)

    def test_a_lost_answer_makes_two_clusters(self):
        """What clusterkeeper must not do, and why its creates are looked for before they are repeated."""
        self.workspace.fault("lost", "clusters/create", times=1)
        self.begin()
        self.workspace.heal()
        self.assertEqual([one.cluster_name for one in self.client.clusters.list()],
                         ["etl", "etl"])


if __name__ == "__main__":
    main()
