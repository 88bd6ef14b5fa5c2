"""Runs a test with the packages of requirements.txt, in a virtual environment below the build directory.

The environment is made by the first test that wants it and used by the others. Where it cannot be made
(no network, no venv module), the test is skipped: the reason is printed, and the exit status is 77.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

SKIPPED = 77
REQUIREMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "requirements.txt")
INSTALL_S = 300


class Unavailable(Exception):
    """The environment cannot be had; the text says why."""


def digest_of(path):
    """Of a file's content."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def run(words, what):
    """Runs a command to its end; what it said last is the reason when it fails."""
    try:
        done = subprocess.run(words, check=False, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=INSTALL_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{what}: {error}") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines() or ["no reason was given"]
        raise Unavailable(f"{what}: {said[-1]}")


def make(directory, mark, digest):
    """The environment anew. The mark comes last: without it the environment is not a whole one."""
    shutil.rmtree(directory, ignore_errors=True)
    run([sys.executable, "-m", "venv", directory], "no virtual environment (python3-venv)")
    run([os.path.join(directory, "bin", "python"), "-m", "pip", "install", "--quiet",
         "--disable-pip-version-check", "--no-input", "--retries", "1", "--timeout", "20",
         "--requirement", REQUIREMENTS], "pip could not install requirements.txt")
    with open(mark, "w", encoding="ascii") as file:
        file.write(digest)


def environment(directory):
    """The Python of the environment, which is made when it is missing or out of date."""
    os.makedirs(os.path.dirname(directory), exist_ok=True)
    mark = os.path.join(directory, "installed")
    digest = digest_of(REQUIREMENTS)
    with open(directory + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with open(mark, encoding="ascii") as file:
                is_there = file.read() == digest
        except FileNotFoundError:
            is_there = False
        if not is_there:
            make(directory, mark, digest)
    return os.path.join(directory, "bin", "python")


def main():
    """with_packages.py --venv DIR TEST [ARGUMENT]..."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", required=True, metavar="DIR", type=os.path.abspath,
                        help="the environment; made when it is missing")
    parser.add_argument("test", help="a Python file")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="given to it")
    options = parser.parse_args()
    try:
        python = environment(options.venv)
    except (Unavailable, OSError) as error:
        print(f"SKIPPED {os.path.basename(options.test)}: {error}")
        return SKIPPED
    os.execv(python, [python, "-B", options.test, *options.arguments])


if __name__ == "__main__":
    sys.exit(main())
