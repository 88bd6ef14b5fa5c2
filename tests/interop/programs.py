"""Other people's programs, called on the files of this project."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
HERE = os.path.join(TOP, "tests", "interop")
E2E = os.path.join(TOP, "tests", "e2e")
SKIPPED = 77
DEADLINE_S = 120


class Told:
    """How a program ended, and all that it said."""

    def __init__(self, words, done):
        self.code, self.out = done.returncode, done.stdout
        self.said = done.stdout + done.stderr
        self.text = f"$ {' '.join(words)}\n{self.said}(exit {self.code})"


def call(*words, text=None, env=None):
    """Runs a program at the top of the project; `text` is what it reads."""
    done = subprocess.run(words, cwd=TOP, env={**os.environ, **(env or {})}, check=False,
                          input=text, capture_output=True, text=True, timeout=DEADLINE_S)
    return Told(words, done)


def read(path):
    """A file below the top of the project."""
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def files(ending, *folders):
    """Below these folders, build directories aside; relative to the top, in order."""
    found = []
    for folder in folders:
        for place, names, leaves in os.walk(os.path.join(TOP, folder)):
            names[:] = [name for name in names if not name.startswith(("build", ".git"))]
            found += [os.path.relpath(os.path.join(place, leaf), TOP)
                      for leaf in leaves if leaf.endswith(ending)]
    return sorted(found)


class Samples(unittest.TestCase):
    """Checks of texts, each tried on a bad one."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="clusterkeeper-interop-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def sample(self, name, text):
        """A file of this test; its path."""
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def assert_silent(self, told):
        """Nothing was found, and nothing was said."""
        self.assertEqual((told.code, told.said), (0, ""), told.text)

    def assert_found(self, told, word):
        """The bad sample was found out, for what is bad about it."""
        self.assertIn(word, told.said, told.text)


def main(program, package):
    """Runs the tests of the file that calls it; skipped where the program is not installed."""
    if shutil.which(program) is None:
        print(f"SKIPPED {os.path.basename(sys.argv[0])}: {program} is not installed "
              f"(Debian's package {package})")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
