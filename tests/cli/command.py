"""The program, run in a directory of its own and in an environment that holds nothing else."""

import os
import re
import subprocess

KEEPER = os.path.abspath(os.environ.get("CLUSTERKEEPER", "clusterkeeper"))
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
COMMANDS = ("plan", "apply", "run", "status", "validate")
DEADLINE_S = 60


class Ended:
    """A process that ended: its exit code and what it said."""

    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr


def run(arguments, directory, environment=None, out=subprocess.PIPE):
    """Runs the program. Nothing of it may want a terminal, a home or the network."""
    return Ended(subprocess.run(
        [KEEPER, *arguments], cwd=directory, env={"LC_ALL": "C", **(environment or {})},
        stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, encoding="utf-8",
        errors="replace", timeout=DEADLINE_S, check=False))


def write(directory, name, text):
    """A file, with the directories that it needs."""
    path = os.path.join(directory, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(*parts):
    """A file of the project."""
    with open(os.path.join(TOP, *parts), encoding="utf-8") as file:
        return file.read()


def options_of(help_text):
    """The options that a --help tells of, and the environment variables."""
    return (set(re.findall(r"^  --([a-z-]+)", help_text, re.MULTILINE)),
            set(re.findall(r"\(environment: ([A-Z_]+)\)", help_text)))
