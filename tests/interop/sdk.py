"""The official SDK on a simulated workspace, with the workspace's clock for its own.

The SDK waits by sleeping: between two looks at a cluster, and before it repeats a call. Here its sleep
moves the workspace's clock, which stands still otherwise. So nothing waits in real time, nothing is
drawn by the machine's speed, and how long it slept can be asserted.
"""

import os
import sys
from unittest import mock

from databricks.sdk import WorkspaceClient
from databricks.sdk.clock import Clock
from databricks.sdk.core import Config
from databricks.sdk.service import compute

from programs import E2E

sys.path.insert(0, E2E)

from harness import TOKEN, EndToEnd, main  # pylint: disable=wrong-import-position

__all__ = ["NODE", "RUNTIME", "UNDOCUMENTED", "SdkTest", "compute", "main"]

RUNTIME = "15.4.x-scala2.12"
NODE = "i3.xlarge"

# What real answers hold beyond the SDK's types (databricks-api.md 2.6).
UNDOCUMENTED = {"effective_spark_version", "disk_spec", "instance_source", "driver_instance_source",
                "init_scripts_safe_mode", "last_activity_time", "pinned_by_user_name"}


class WorkspaceClock(Clock):
    """Virtual time: what sleeps moves it."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.slept = []

    def time(self):
        return self.workspace.control("advance", ms=0)["now_ms"] / 1000

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.workspace.control("advance", ms=int(seconds * 1000))


def untyped(raw, typed, path=""):
    """The paths of an answer that a typed object has lost or changed: fields and words unknown to the SDK."""
    if isinstance(raw, dict) and isinstance(typed, dict):
        return [lost for key, value in raw.items()
                for lost in untyped(value, typed.get(key), f"{path}.{key}" if path else key)]
    if isinstance(raw, list) and isinstance(typed, list) and len(raw) == len(typed):
        return [lost for one, other in zip(raw, typed) for lost in untyped(one, other, path + "[]")]
    is_empty = raw in ({}, []) and typed in (None, {}, [])
    return [] if is_empty or raw == typed else [path]


class SdkTest(EndToEnd):
    """A workspace whose clock stands, and a client of it."""

    speed = 0

    def setUp(self):
        super().setUp()
        self.clock = WorkspaceClock(self.workspace)
        # No setting of the user's own, and no profile, must reach the client.
        strangers = {key: value for key, value in os.environ.items()
                     if not key.startswith(("DATABRICKS_", "ARM_", "GOOGLE_"))}
        self.patch(mock.patch.dict(os.environ, {**strangers, "HOME": self.directory}, clear=True))
        self.patch(mock.patch.object(compute, "time", self.clock))
        self.client = self.sign_in()

    def patch(self, patcher):
        """Until the end of the test."""
        patcher.start()
        self.addCleanup(patcher.stop)

    def sign_in(self, token=TOKEN, **settings):
        """A client of the SDK."""
        return WorkspaceClient(config=Config(host=self.workspace.host, token=token,
                                             auth_type="pat", clock=self.clock, **settings))

    def begin(self, name="etl", **spec):
        """A create call; the SDK's waiter for RUNNING."""
        size = {} if "autoscale" in spec else {"num_workers": 1}
        return self.client.clusters.create(
            **{"spark_version": RUNTIME, "node_type_id": NODE, "cluster_name": name, **size, **spec})

    def running(self, name="etl", **spec):
        """A cluster that runs."""
        return self.begin(name, **spec).result()

    def assert_typed(self, raw, kind, beyond=()):
        """The SDK's type holds the whole of an answer, apart from the fields `beyond` its definition."""
        self.assertEqual(set(untyped(raw, kind.from_dict(raw).as_dict())) - set(beyond), set())
