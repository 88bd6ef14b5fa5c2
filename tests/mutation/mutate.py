"""Makes one small mistake at a time in reconciler/, and tells which of them no test notices.

Exit status: 0 when enough are caught, 1 when not, 2 when it cannot be measured. README.md tells more.
"""

import argparse
import glob
import os
import queue
import random
import re
import signal
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from typing import NamedTuple

import accepted
from coverage import Coverage
from mutants import Mutant, Source, siblings_of
from worker import Worker
from workshop import INSTRUMENTED, PLAIN, SANITIZED, Trouble, Workshop, copy_project

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
WORKERS_MAX = 2
COVERAGE_PAYS = 200  # so many mutants, and to know which tests run them is worth a build
WORDS = ("caught", "survived", "refused", "equal", "listed")


class Trial(NamedTuple):
    """A mutant of a file of the project, and how people are told of it."""
    file: str
    source: Source
    mutant: Mutant
    line: int
    above: str
    before: str
    after: str

    @property
    def change(self):
        """Without the place, which moves."""
        return f"{self.before} -> {self.after}"

    def __str__(self):
        return f"{self.file}:{self.line}: {self.change}"


def read(path):
    """A file of the project."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def trials_of(project):
    """All mutants of the reconciler."""
    headers = [path for folder in ("specs", "specs/base", "reconciler")
               for path in sorted(glob.glob(os.path.join(project, folder, "*.h")))]
    shared = [read(path) for path in headers]
    trials = []
    for path in sorted(glob.glob(os.path.join(project, "reconciler", "*.c"))):
        text = read(path)
        source = Source(text, siblings_of([*shared, text]))
        file = os.path.relpath(path, project)
        trials += [Trial(file, source, mutant, *source.describe(mutant))
                   for mutant in source.mutants()]
    return trials


class Campaign:
    """The trials, dealt out to workers, and what came of them."""

    def __init__(self, project, listed, options):
        self.project = project
        self.listed = listed
        self.options = options
        self.todo = queue.SimpleQueue()
        self.total = 0
        self.lock = threading.Lock()
        self.results = []
        self.coverage = Coverage({})
        self.trouble = None

    def run(self, trials, directory):
        """Until all are tried, or one worker cannot go on."""
        kinds = [PLAIN, SANITIZED] if self.options.sanitize else [PLAIN]
        shops = [Workshop(self.project, directory, self.options.tests, kind) for kind in kinds]
        if len(trials) > COVERAGE_PAYS:
            self.coverage = Workshop(self.project, directory, self.options.tests,
                                     INSTRUMENTED).coverage()
        for trial in trials:
            if trial.file in shops[0].objects:
                self.todo.put(trial)
        self.total = self.todo.qsize()
        for file in sorted({trial.file for trial in trials} - shops[0].objects.keys()):
            print(f"left out, since it is not built: {file}")
        crews = [[Worker(shop, os.path.join(directory, f"{shop.kind.name}-{number}"))
                  for shop in shops] for number in range(self.options.jobs)]
        threads = [threading.Thread(target=self._work, args=(crew,), daemon=True)
                   for crew in crews]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.trouble is not None:
            raise self.trouble

    def _work(self, workers):
        try:
            while self.trouble is None:
                self._note(*self._try(workers, self.todo.get_nowait()))
        except queue.Empty:
            pass
        except Exception as trouble:  # whatever it is, there is no result
            self.trouble = trouble

    def _try(self, workers, trial):
        text = trial.source.apply(trial.mutant)
        lines = trial.source.lines(trial.mutant)

        def may_notice(test):
            return self.coverage.may_notice(test, trial.file, lines)

        for worker in workers:
            verdict = worker.try_mutant(trial.file, text, may_notice)
            if verdict.word != "survived":
                return trial, verdict.word, verdict.by
        if workers[0].same_object(trial.file, text, trial.source.text):
            return trial, "equal", ""
        return trial, "listed" if accepted.holds(self.listed, trial) else "survived", ""

    def _note(self, trial, word, by):
        with self.lock:
            self.results.append((trial, word, by))
            if self.options.verbose:
                print(f"{len(self.results)}/{self.total} {word} {by} {trial}", file=sys.stderr,
                      flush=True)


def share(counts):
    """Of those that a test can notice, how many in a hundred are noticed."""
    noticeable = counts["caught"] + counts["survived"]
    return 100.0 * counts["caught"] / noticeable if noticeable else 100.0


def report(results, coverage):
    """A line for each file, and one for all; all counts together."""
    by_file = defaultdict(Counter)
    for trial, word, _ in results:
        by_file[trial.file][word] += 1
    total = sum(by_file.values(), Counter())
    print(f"{'file':28}{'mutants':>8}" + "".join(f"{word:>9}" for word in WORDS) +
          f"{'% caught':>10}{'% lines':>9}")
    for file, counts in [*sorted(by_file.items()), ("all", total)]:
        ran = coverage.percent(os.path.basename(file) if file != "all" else None)
        print(f"{file:28}{sum(counts.values()):>8}" +
              "".join(f"{counts[word]:>9}" for word in WORDS) +
              f"{share(counts):>10.1f}" + ("        -" if ran is None else f"{ran:>9.1f}"))
    return total


def survivors_of(results):
    """In the order of the files."""
    return sorted((trial for trial, word, _ in results if word == "survived"),
                  key=lambda trial: (trial.file, trial.line, trial.mutant))


def options_of(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="FILE", action="append",
                        help="mutants of this file of reconciler/ alone; may be repeated")
    parser.add_argument("--line", metavar="N", type=int, action="append",
                        help="mutants of this line alone; may be repeated")
    parser.add_argument("--sample", metavar="N", type=int, help="so many of them, drawn by chance")
    parser.add_argument("--seed", type=int, default=1, help="of --sample (1)")
    parser.add_argument("--tests", metavar="REGEX", default=".",
                        help="tests of the reconciler whose name fits, as ctest -R (all)")
    parser.add_argument("--jobs", type=int, default=1, choices=range(1, WORKERS_MAX + 1))
    parser.add_argument("--least", metavar="PERCENT", type=float, default=95.0,
                        help="caught, of those that are not equivalent; fewer is exit status 1 (95)")
    parser.add_argument("--sanitize", action="store_true",
                        help="try survivors with the sanitizers, as the tests are run")
    parser.add_argument("--survivors", metavar="FILE", help="write them there too")
    parser.add_argument("--again", metavar="FILE", help="only those that --survivors wrote there")
    parser.add_argument("--list", action="store_true", help="tell the mutants, and try none")
    parser.add_argument("--verbose", action="store_true", help="tell of each when it was tried")
    return parser.parse_args(arguments)


def choose(trials, options):
    """Those that the command line asks for."""
    if options.only:
        trials = [trial for trial in trials if os.path.basename(trial.file) in options.only]
    if options.again:
        wanted = {re.sub(r":\d+:", ":", line, count=1) for line in read(options.again).splitlines()}
        trials = [trial for trial in trials if f"{trial.file}: {trial.change}" in wanted]
    if options.line:
        trials = [trial for trial in trials if trial.line in options.line]
    if options.sample and options.sample < len(trials):
        trials = random.Random(options.seed).sample(trials, options.sample)
    if not trials:
        raise Trouble("there is nothing to try")
    return trials


def tell(campaign, options):
    """The result for people; all counts together."""
    counts = report(campaign.results, campaign.coverage)
    for name, lines in campaign.coverage.missed().items():
        print(f"not run by any test: {name}:", *lines)
    survivors = [str(trial) for trial in survivors_of(campaign.results)]
    print(*survivors, sep="\n")
    if options.survivors:
        with open(options.survivors, "w", encoding="utf-8") as file:
            file.writelines(f"{survivor}\n" for survivor in survivors)
    return counts


def main(arguments):
    """Lists or tries; the exit status."""
    options = options_of(arguments)
    with tempfile.TemporaryDirectory(prefix="clusterkeeper-mutation-") as directory:
        project = os.path.join(directory, "project")
        copy_project(PROJECT, project)  # it may be worked on meanwhile
        every = trials_of(project)
        trials = choose(every, options)
        if options.list:
            print(*trials, sep="\n")
            return 0
        listed = accepted.read(os.path.join(HERE, "equivalent.txt"))
        accepted.check(listed, every)
        campaign = Campaign(project, listed, options)
        campaign.run(trials, directory)
        counts = tell(campaign, options)
    accepted.check_uncaught(listed, campaign.results)
    if counts["caught"] + counts["survived"] == 0:
        raise Trouble("no mutant that a test could notice was tried")
    return 0 if share(counts) >= options.least else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # and the copy is removed
    try:
        sys.exit(main(sys.argv[1:]))
    except (Trouble, accepted.Mistake) as trouble:
        print(f"mutate.py: {trouble}", file=sys.stderr)
        sys.exit(2)
