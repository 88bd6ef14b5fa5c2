"""A private copy of the project, built once, with the reconciler as a shared library.

A mutant then costs one object and one link, however many test programs there are.
"""

import json
import os
import resource
import shlex
import shutil
import subprocess
import time
from typing import NamedTuple

from coverage import Coverage, lines_run

MEMORY_MAX = 2 << 30
BUILD_DEADLINE_S = 900
NOT_COPIED = (".git", "build", "build-*", "__pycache__")
LIBRARY = "libreconciler"
# Where the tests are that need no more than the reconciler and what it stands on.
FOLDERS = ("tests/unit/reconciler", "tests/golden")
# A mistake that every compiler refuses is none that tests have to find.
REFUSED = ("-Werror=return-type -Werror=int-conversion -Werror=implicit-function-declaration "
           "-Werror=incompatible-pointer-types")


class Kind(NamedTuple):
    """A way to build the project."""
    name: str
    flags: str
    sanitize: bool


PLAIN = Kind("plain", "-O0", False)
SANITIZED = Kind("sanitized", "", True)
INSTRUMENTED = Kind("instrumented", "-O0 --coverage", False)


class Trouble(Exception):
    """It cannot be measured: no fault of the tests."""


class Test(NamedTuple):
    """One entry of ctest."""
    name: str
    command: tuple


def copy_project(project, to):
    """Without what was built in it."""
    shutil.copytree(project, to, ignore=shutil.ignore_patterns(*NOT_COPIED))


def bound_memory():
    """In the process that is to be a test."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def forbid_core():
    """As bound_memory; AddressSanitizer maps terabytes, and has a limit of its own."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command, **more):
    """A command, with nothing to read and nothing to say; whether it ended well."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False, **more).returncode == 0


class Workshop:
    """The project built in one way. Not changed any more once it is made: workers share it."""

    def __init__(self, project, directory, tests, kind=PLAIN):
        self.kind = kind
        self.project = project
        self.build = os.path.join(directory, kind.name)
        self.environment = {**os.environ, "LC_ALL": "C"}
        if kind.sanitize:
            self.environment["ASAN_OPTIONS"] = f"hard_rss_limit_mb={MEMORY_MAX >> 20}"
        self._configure()
        self._need(["ninja", "-j2", "-C", self.build, "reconciler"])
        self.objects, self.compilers = self._read_commands()
        self.link_library(self.build, {})
        if self._listed(tests):
            self._need(["ninja", "-j2", "-C", self.build, *(f"{one}/all" for one in FOLDERS)])
        self.tests = self._find_tests(tests)
        for program in {test.command[0] for test in self.tests}:
            self._link_shared(program)
        self.costs = {test.name: self._time(test) for test in self.tests}

    def compile(self, file, source, out, *more):
        """Whether `source` compiles in the place of `file`."""
        words = [source if word == os.path.join(self.project, file) else word
                 for word in self.compilers[file]]
        return run([*words, *more, "-o", out], cwd=self.build, env=self.environment)

    def link_library(self, directory, instead):
        """The shared library in `directory`, with other objects for some files."""
        objects = [instead.get(file, path) for file, path in self.objects.items()]
        compiler = next(iter(self.compilers.values()))[0]
        flags = ["-fsanitize=address,undefined"] if self.kind.sanitize else []
        flags += ["--coverage"] if self.kind == INSTRUMENTED else []
        self._need([compiler, "-shared", *flags, "-o", os.path.join(directory, f"{LIBRARY}.so"),
                    *objects])

    def passes(self, test, directory, deadline_s):
        """Whether the test ends well, and in time, with the library of `directory`."""
        limits = forbid_core if self.kind.sanitize else bound_memory
        try:
            return run(test.command, env={**self.environment, "LD_LIBRARY_PATH": directory},
                       timeout=deadline_s, preexec_fn=limits)
        except subprocess.TimeoutExpired:
            return False

    def coverage(self):
        """Of an instrumented build: what each test runs."""
        lines_run(self.build)  # what ran so far is nobody's
        by_test = {}
        for test in self.tests:
            self._time(test)
            by_test[test.name] = lines_run(self.build)
        return Coverage(by_test)

    # ---- building ----

    def _configure(self):
        self._need(["cmake", "-S", self.project, "-B", self.build, "-G", "Ninja",
                    "-DCMAKE_BUILD_TYPE=None", f"-DCMAKE_C_FLAGS={self.kind.flags} {REFUSED}",
                    f"-DCLUSTERKEEPER_SANITIZE={'ON' if self.kind.sanitize else 'OFF'}",
                    "-DCLUSTERKEEPER_WERROR=OFF"])

    def _read_commands(self):
        """For each file of the reconciler its object, and how it is made (without a cache)."""
        with open(os.path.join(self.build, "compile_commands.json"), encoding="utf-8") as listing:
            entries = json.load(listing)
        objects, compilers = {}, {}
        for entry in entries:
            words = shlex.split(entry["command"])
            out = words.index("-o")
            if f"{os.sep}reconciler.dir{os.sep}" in words[out + 1]:
                file = os.path.relpath(entry["file"], self.project)
                begin = 1 if os.path.basename(words[0]) == "ccache" else 0
                objects[file] = os.path.join(self.build, words[out + 1])
                compilers[file] = words[begin:out] + words[out + 2:]
        return objects, compilers

    def _listed(self, wanted):
        """The entries of ctest whose name fits, and whose program is in one of the folders."""
        listing = json.loads(self._need(["ctest", "--test-dir", self.build, "-R", wanted,
                                         "--show-only=json-v1"]))
        places = {os.path.join(self.build, folder) for folder in FOLDERS}
        return [test for test in listing["tests"]
                if any(known["name"] == "WORKING_DIRECTORY" and known["value"] in places
                       for known in test["properties"])]

    def _find_tests(self, wanted):
        """ctest tells the command of a program once it is built."""
        return [Test(test["name"], tuple(test["command"])) for test in self._listed(wanted)]

    def _link_shared(self, program):
        """Once more, against the shared library."""
        target = os.path.relpath(program, self.build)
        commands = self._need(["ninja", "-C", self.build, "-t", "commands", target])
        words = [word for word in shlex.split(commands.splitlines()[-1])
                 if word not in (":", "&&")]
        self._need([word.replace(f"{LIBRARY}.a", f"{LIBRARY}.so") for word in words])

    def _time(self, test):
        begin = time.monotonic()
        if not self.passes(test, self.build, BUILD_DEADLINE_S):
            raise Trouble(f"{test.name} fails with nothing wrong")
        return time.monotonic() - begin

    def _need(self, command):
        ended = subprocess.run(command, env=self.environment, cwd=self._place(), check=False,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
                               errors="replace", timeout=BUILD_DEADLINE_S)
        if ended.returncode != 0:
            raise Trouble(f"{shlex.join(command)}:\n{ended.stdout[-4000:]}")
        return ended.stdout

    def _place(self):
        os.makedirs(self.build, exist_ok=True)
        return self.build
