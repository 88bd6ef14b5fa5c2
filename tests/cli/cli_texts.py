"""What is written about the program is true: --help, the manual page and README.md agree."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from command import COMMANDS, KEEPER, TOP, options_of, read, run, write

PAGE = os.path.join("controller", "clusterkeeper.1")


class Texts(unittest.TestCase):
    """A directory for each test, and what all --help texts tell together."""

    def setUp(self):
        self.maxDiff = None
        place = tempfile.TemporaryDirectory(prefix="cli-")
        self.addCleanup(place.cleanup)
        self.directory = place.name
        self.options, self.variables = set(), set()
        for command in COMMANDS:
            ended = run([command, "--help"], self.directory)
            self.assertEqual((ended.code, ended.err), (0, ""))
            options, variables = options_of(ended.out)
            self.assertIn("help", options)
            self.options |= options
            self.variables |= variables

    def validate(self, text, extra=()):
        """The manifest is good. `extra`: files beside it."""
        place = tempfile.mkdtemp(dir=self.directory)
        write(place, "manifest.yaml", text)
        for name in extra:
            write(place, name, "#!/bin/sh\n")
        ended = run(["validate", place], self.directory)
        self.assertEqual((ended.code, ended.err), (0, ""), text)
        self.assertIn("1 manifest in 1 file: good.", ended.out)


class ManualPage(Texts):
    """controller/clusterkeeper.1"""

    def setUp(self):
        super().setUp()
        self.page = read(PAGE)

    def section(self, name):
        """The lines of one section."""
        found = re.search(rf"^\.Sh {name}$(.*?)(?=^\.Sh |\Z)", self.page,
                          re.MULTILINE | re.DOTALL)
        self.assertIsNotNone(found, name)
        return found.group(1)

    def test_every_option_and_no_other(self):
        items = re.findall(r"^\.It (Fl .*)$", self.section("OPTIONS"), re.MULTILINE)
        told = [name for item in items for name in re.findall(r"Fl -([a-z-]+)", item)]
        self.assertEqual(sorted(told), sorted(self.options))

    def test_every_variable_and_no_other(self):
        told = set(re.findall(r"\b((?:CLUSTERKEEPER|DATABRICKS)_[A-Z_]+)\b", self.page))
        self.assertEqual(told, self.variables | {"DATABRICKS_TOKEN"})

    def test_every_command(self):
        told = set(re.findall(r"^\.It Cm ([a-z]+)$", self.section("DESCRIPTION"), re.MULTILINE))
        self.assertEqual(told, set(COMMANDS))
        synopsis = set(re.findall(r"^\.Cm ([a-z]+)", self.section("SYNOPSIS"), re.MULTILINE))
        self.assertEqual(synopsis, set(COMMANDS))

    def test_its_manifest_is_good(self):
        found = re.search(r"^(apiVersion: .*?)^\.Ed$", self.page, re.MULTILINE | re.DOTALL)
        self.validate(found.group(1))

    @unittest.skipIf(shutil.which("mandoc") is None, "mandoc is not installed")
    def test_mandoc_has_nothing_to_say(self):
        lint = subprocess.run(["mandoc", "-Tlint", "-W", "error", PAGE], cwd=TOP, check=False,
                              capture_output=True, text=True)
        self.assertEqual((lint.returncode, lint.stdout + lint.stderr), (0, ""))


class Readme(Texts):
    """README.md"""

    def setUp(self):
        super().setUp()
        self.readme = read("README.md")

    def test_its_manifests_are_good(self):
        here = re.findall(r"^(apiVersion: .*?)^EOF$", self.readme, re.MULTILINE | re.DOTALL)
        blocks = re.findall(r"^```yaml\n(.*?)^```$", self.readme, re.MULTILINE | re.DOTALL)
        self.assertGreaterEqual(len(here), 1)
        self.assertGreaterEqual(len(blocks), 1)
        for text in here + blocks:
            self.validate(text, re.findall(r"local: \{source: ([^}]*)\}", text))

    def test_its_commands_exist(self):
        lines = re.findall(r"(?:^|[=/ ])clusterkeeper ([a-z]+) ", self.readme, re.MULTILINE)
        table = re.findall(r"^\| `([a-z]+)[ `]", self.readme, re.MULTILINE)
        self.assertTrue(set(COMMANDS) <= set(lines), lines)
        self.assertTrue(set(COMMANDS) <= set(table), table)

    def test_its_options_exist(self):
        told = {name for code in re.findall(r"`([^`\n]+)`", self.readme)
                for name in re.findall(r"(?<![\w-])--([a-z-]+)", code)}
        self.assertIn("owner", told)
        self.assertEqual(told - self.options - {"version"}, set())

    def test_its_files_exist(self):
        known = re.findall(r"`((?:specs|state|reconciler|controller|tests)/[^`\s]*)`", self.readme)
        self.assertGreaterEqual(len(known), 5)
        for path in known:
            self.assertTrue(os.path.exists(os.path.join(TOP, path)), path)


class Examples(Texts):
    """specs/examples/"""

    def test_they_are_good(self):
        ended = run(["validate", os.path.join(TOP, "specs", "examples")], self.directory)
        self.assertEqual((ended.code, ended.err), (0, ""))


class StandardOutput(Texts):
    """An answer that could not be written is not one."""

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_a_full_disk(self):
        manifests = os.path.join(TOP, "specs", "examples")
        for arguments in (["--help"], ["--version"], ["plan", "--help"], ["validate", manifests],
                          ["validate", "--output", "json", manifests]):
            with open("/dev/full", "w", encoding="ascii") as full:
                ended = run(arguments, self.directory, out=full)
            self.assertEqual(ended.code, 1, arguments)
            self.assertIn("could not be written", ended.err)

    def test_json_of_validate(self):
        ended = run(["validate", "--output=json", os.path.join(TOP, "specs", "examples")],
                    self.directory)
        self.assertEqual((ended.code, ended.err), (0, ""))
        self.assertIn('"errors": 0', ended.out)


if __name__ == "__main__":
    assert os.path.exists(KEEPER), KEEPER
    unittest.main()
