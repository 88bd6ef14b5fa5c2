"""Who tries mutants, one after the other, in a directory of his own beside the workshop."""

import os
from collections import Counter
from typing import NamedTuple

TEST_DEADLINE_S = 3  # and ten times what it takes with nothing wrong
START_S = 0.02       # what any test costs


class Verdict(NamedTuple):
    """What became of a mutant."""
    word: str  # "caught", "survived", or "refused" by the compiler
    by: str = ""


class Worker:
    """Of one thread."""

    def __init__(self, workshop, directory):
        self.workshop = workshop
        self.directory = directory
        self.catches = {}  # by file: how many each test has caught
        os.makedirs(directory)

    def try_mutant(self, file, text, may_notice):
        """Whether a test fails when `file` reads `text`, of those whose name `may_notice` takes."""
        made = os.path.join(self.directory, "mutant.o")
        if not self.workshop.compile(file, self._write(file, text), made):
            return Verdict("refused")
        self.workshop.link_library(self.directory, {file: made})
        catches = self.catches.setdefault(file, Counter())
        for test in self._in_order(catches, may_notice):
            deadline_s = TEST_DEADLINE_S + 10 * self.workshop.costs[test.name]
            if not self.workshop.passes(test, self.directory, deadline_s):
                catches[test.name] += 1
                return Verdict("caught", test.name)
        return Verdict("survived")

    def same_object(self, file, text, original):
        """An optimizing compiler makes the same of both: there is no difference to find."""
        before = self._optimized(file, original)
        return before is not None and before == self._optimized(file, text)

    def _in_order(self, catches, may_notice):
        """First the test that has caught most for what it costs."""
        tests = [test for test in self.workshop.tests if may_notice(test.name)]
        return sorted(tests, reverse=True, key=lambda test: (
            (catches[test.name] + 1) / (self.workshop.costs[test.name] + START_S)))

    def _optimized(self, file, text):
        """The object, without a word about lines."""
        out = os.path.join(self.directory, "optimized.o")
        if not self.workshop.compile(file, self._write(file, text), out, "-O2", "-g0"):
            return None
        with open(out, "rb") as made:
            return made.read()

    def _write(self, file, text):
        path = os.path.join(self.directory, os.path.basename(file))
        with open(path, "w", encoding="utf-8") as source:
            source.write(text)
        return path
