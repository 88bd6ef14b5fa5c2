"""Each transcript is what the program says today. --update writes them anew."""

import difflib
import os
import re
import shlex
import sys
import tempfile
import unittest

from command import HERE, run, write

TRANSCRIPTS = os.path.join(HERE, "transcripts")

GOOD = """\
apiVersion: clusterkeeper/v1
kind: Cluster
metadata: {name: etl}
spec:
  spark_version: 15.4.x-scala2.12
  node_type_id: i3.xlarge
  num_workers: 2
  data_security_mode: SINGLE_USER
  docker_image: {url: acme/etl:1.4.2}
"""
MISTAKEN = GOOD.replace("num_workers", "num_wokers").replace("SINGLE_USER", "SINGLE")


def answer(line, directory):
    """The line, and what the program answers to it."""
    words = shlex.split(line[2:])
    environment = {}
    while "=" in words[0]:
        name, _, text = words.pop(0).partition("=")
        environment[name] = text
    assert words[0] == "clusterkeeper", line
    ended = run(words[1:], directory, environment)
    said = "".join(f"! {text}\n" for text in ended.err.splitlines())
    return f"{line}\n{ended.out}{said}[{ended.code}]\n"


def replay(text, directory):
    """The transcript as it would be now."""
    parts = re.findall(r"^(?:\$ .*|#.*|)$", text, re.MULTILINE)
    made = [answer(part, directory) + "\n" if part.startswith("$") else part + "\n"
            for part in parts if part]
    return "".join(made)[:-1]


class Transcripts(unittest.TestCase):
    """A file is a test."""

    def setUp(self):
        self.maxDiff = None
        place = tempfile.TemporaryDirectory(prefix="cli-")
        self.addCleanup(place.cleanup)
        self.directory = place.name
        write(self.directory, "clusters/etl.yaml", GOOD)
        write(self.directory, "mistaken/etl.yaml", MISTAKEN)
        os.mkdir(os.path.join(self.directory, "empty"))

    def check(self, name):
        """Compares one transcript, or writes it."""
        path = os.path.join(TRANSCRIPTS, name)
        with open(path, encoding="utf-8") as file:
            kept = file.read()
        self.assertIn("\n$ clusterkeeper", "\n" + kept, "a transcript without a command")
        made = replay(kept, self.directory)
        self.assertNotIn(self.directory, made, "a path of this run")
        if "--update" in sys.argv:
            with open(path, "w", encoding="utf-8") as file:
                file.write(made)
        elif made != kept:
            lines = difflib.unified_diff(kept.splitlines(), made.splitlines(), name, "now", "", "",
                                         lineterm="")
            self.fail("\n" + "\n".join(lines))


def add_tests():
    """A method for each file, so that each has a name of its own."""
    for name in sorted(os.listdir(TRANSCRIPTS)):
        def test(self, name=name):
            self.check(name)
        setattr(Transcripts, "test_" + name.removesuffix(".txt").replace("-", "_"), test)


add_tests()

if __name__ == "__main__":
    unittest.main(argv=[word for word in sys.argv if word != "--update"])
