"""Runs registry_ask, and reads what it prints."""

import os
import subprocess
import tempfile

ASK = os.environ.get("REGISTRY_ASK", "registry_ask")
DEADLINE_S = 120
SANITIZER_EXIT = 99
SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion")


class Answer:
    """What was heard of one image."""

    def __init__(self, line):
        self.verdict, self.digest, self.text = line.split("\t", 2)

    def __str__(self):
        return f"{self.verdict} {self.digest}: {self.text}"


def ask(*images, login=None, options=(), env=None):
    """The answers, in the order of the images. The world is empty but for `env`."""
    with tempfile.TemporaryDirectory() as home:
        world = {"PATH": os.environ["PATH"], "HOME": home, "AWS_EC2_METADATA_DISABLED": "true",
                 "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:detect_leaks=1",
                 "UBSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:halt_on_error=1", **(env or {})}
        if login is not None:
            world["REGISTRY_ASK_USERNAME"], world["REGISTRY_ASK_PASSWORD"] = login
        ended = subprocess.run([ASK, *options, *images], env=world, capture_output=True, text=True,
                               timeout=DEADLINE_S, check=False)
    found = [word for word in SANITIZER_WORDS if word in ended.stderr]
    if found or ended.returncode not in (0, 1):
        raise AssertionError(f"registry_ask is broken (exit {ended.returncode}):\n{ended.stderr}")
    answers = [Answer(line) for line in ended.stdout.splitlines()]
    if len(answers) != len(images):
        raise AssertionError(f"{len(images)} images, but {len(answers)} answers:\n{ended.stdout}")
    return answers


def ask_one(image, **more):
    """The answer for one image."""
    return ask(image, **more)[0]
