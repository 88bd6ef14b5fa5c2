#!/usr/bin/env python3
"""Breaks each promise on purpose, with a change of one line, and sees the right test name it.

breaks.txt lists the changes. Each is made in a copy of the tree, what it touches is built again, and
its tests are run: every one of them has to fail, and to say which promise is broken.
"""

import argparse
import collections
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TABLE = os.path.join(HERE, "breaks.txt")
KEYS = ("promise", "broken", "file", "before", "after")
RUN_S_MAX = 300
TAIL_LINES = 30
# What has to be built for a test, by how its name begins; else a target of its own name.
TARGETS = (
    ("e2e_", ("clusterkeeper", "workspace-sim", "killer")),
    ("cli_", ("clusterkeeper",)),
    ("golden_", ("golden",)),
    ("sim_", ("sim",)),
    ("lint_", ()),
)

Break = collections.namedtuple("Break", "key promise broken file before after tests")
Verdict = collections.namedtuple("Verdict", "broken test seconds complaint")


class Mistake(Exception):
    """The table, the tree or the build is not as it has to be."""


# ---- the table ----


def read_promises(root):
    """The promises by number: tests/promises/promises.def."""
    with open(os.path.join(root, "tests", "promises", "promises.def"), encoding="ascii") as file:
        rows = re.findall(r'^PROMISE\(\w+, (\d+), "([^"]+)"\)$', file.read(), re.MULTILINE)
    return {int(number): words for number, words in rows}


def read_record(path, lines):
    """One block of "key: value" lines, as a map of lists."""
    found = collections.defaultdict(list)
    for number, line in lines:
        key, colon, value = line.partition(":")
        if not colon or key not in (*KEYS, "test") or not value.strip():
            raise Mistake(f"{path}:{number}: want one of {', '.join(KEYS)} or test, a colon "
                          f"and a value, got '{line}'")
        found[key].append(value.strip())
    for key in KEYS:
        if len(found[key]) != 1:
            raise Mistake(f"{path}:{lines[0][0]}: want one line '{key}:', got {len(found[key])}")
    if not found["test"]:
        raise Mistake(f"{path}:{lines[0][0]}: no test is named that catches it")
    return found


def read_breaks(path):
    """The table: blocks of lines, with an empty line between them; '#' begins a remark."""
    with open(path, encoding="utf-8") as file:
        numbered = [(number, line.rstrip("\n")) for number, line in enumerate(file, 1)]
    blocks, block = [], []
    for number, line in (*numbered, (0, "")):
        if line.strip() and not line.startswith("#"):
            block.append((number, line))
        elif block and not line.strip():
            blocks.append(block)
            block = []
    breaks, counts = [], collections.Counter()
    for block in blocks:
        found = read_record(path, block)
        if not found["promise"][0].isdecimal():
            raise Mistake(f"{path}:{block[0][0]}: '{found['promise'][0]}' is no number")
        promise = int(found["promise"][0])
        counts[promise] += 1
        breaks.append(Break(f"{promise}.{counts[promise]}", promise,
                            *(found[key][0] for key in KEYS[1:]),
                            tuple(tuple(test.split()) for test in found["test"])))
    return breaks


# ---- does it still apply ----


def changed(text, change):
    """The text with the line changed; its indentation stays."""
    lines = text.split("\n")
    at = [i for i, line in enumerate(lines) if line.strip() == change.before]
    if len(at) != 1:
        raise Mistake(f"{change.key}: {change.file} has this line {len(at)} times, not once: "
                      f"{change.before}")
    if change.after == change.before:
        raise Mistake(f"{change.key}: nothing is changed: {change.before}")
    indent = lines[at[0]][:len(lines[at[0]]) - len(lines[at[0]].lstrip())]
    lines[at[0]] = indent + change.after
    return "\n".join(lines)


def read_file(root, path):
    """A file of the tree."""
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def check_test(root, change, words):
    """A test that is chosen by its name within its file is there."""
    test, *narrowed = words
    if not test.startswith("e2e_"):
        return
    text = read_file(root, f"tests/e2e/{test}.py")
    for word in narrowed:
        suite, _, case = word.partition(".")
        if f"class {suite}(" not in text or (case and f"def {case}(" not in text):
            raise Mistake(f"{change.key}: tests/e2e/{test}.py has no {word}")


def check(root, breaks):
    """Every line and test of the table is there, and every promise is broken at least once."""
    mistakes = []
    promises = read_promises(root)
    for change in breaks:
        try:
            if change.promise not in promises:
                raise Mistake(f"{change.key}: there is no promise {change.promise}")
            changed(read_file(root, change.file), change)
            for words in change.tests:
                check_test(root, change, words)
        except (Mistake, OSError) as error:
            mistakes.append(str(error))
    broken = {change.promise for change in breaks}
    mistakes += [f"promise {number} ({words}) is never broken"
                 for number, words in promises.items() if number not in broken]
    if mistakes:
        raise Mistake("\n".join(mistakes))


# ---- the workshop: a copy of the tree, built ----


def run(words, cwd, env=None, limit_s=None):
    """Runs a command to its end, or to that of its time: (status, what it said, seconds)."""
    began = time.monotonic()
    process = subprocess.Popen(words, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True)
    try:
        said, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        said += b"\n(took too long)\n"
        process.returncode = None
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return process.returncode, said.decode("utf-8", "replace"), time.monotonic() - began


def tail(said):
    """The end of what was said."""
    return "\n".join(said.splitlines()[-TAIL_LINES:])


class Workshop:
    """A copy of the tree that can be spoilt, and its build directory."""

    def __init__(self, directory, jobs):
        self.tree = os.path.join(directory, "tree")
        self.build_dir = os.path.join(directory, "build")
        self.jobs = jobs
        # Where a test of cmocka fails it leaves the function with what it holds: that is no finding.
        self.env = {**os.environ, "CCACHE_BASEDIR": directory, "CCACHE_NOHASHDIR": "1",
                    "ASAN_OPTIONS": "detect_leaks=0"}
        self.tests = {}

    def must(self, *words):
        """A command that has to work."""
        status, said, _ = run(words, self.tree, self.env)
        if status != 0:
            raise Mistake(f"{' '.join(words)}: ended with {status}\n{tail(said)}")
        return said

    def copy(self):
        """The files that Git knows, and new ones that it does not ignore, as they are now."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
            check=True, stdout=subprocess.PIPE).stdout.decode()
        for name in sorted(set(filter(None, listed.split("\0")))):
            source, target = os.path.join(ROOT, name), os.path.join(self.tree, name)
            if os.path.isfile(source):  # else it was deleted and is not yet committed
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(source, target)

    def configure(self):
        """The preset of the tests; a spoilt line may well be a warning."""
        launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        self.must("cmake", "--preset", "dev", "-B", self.build_dir,
                  "-DCLUSTERKEEPER_WERROR=OFF", *launcher)

    def build(self, tests):
        """What these tests need."""
        targets = set()
        for test in tests:
            known = [names for prefix, names in TARGETS if test.startswith(prefix)]
            targets.update(known[0] if known else (test,))
        if targets:
            self.must("cmake", "--build", self.build_dir, "-j", str(self.jobs), "--target",
                      *sorted(targets))

    def learn_tests(self):
        """What ctest would run, and how. Asked once the programs are there."""
        said = self.must("ctest", "--test-dir", self.build_dir, "--show-only=json-v1")
        for test in json.loads(said[said.index("{"):])["tests"]:
            properties = {row["name"]: row["value"] for row in test.get("properties", [])}
            self.tests[test["name"]] = (test.get("command"), properties)

    def run_test(self, words):
        """The command of the test, with words of ours behind it: as `run`."""
        name, *more = words
        command, properties = self.tests.get(name, (None, {}))
        if command is None:
            raise Mistake(f"ctest has no test {name}")
        pairs = (pair.split("=", 1) for pair in properties.get("ENVIRONMENT", []))
        limit_s = min(RUN_S_MAX, float(properties.get("TIMEOUT", RUN_S_MAX)))
        cwd = properties.get("WORKING_DIRECTORY", self.build_dir)
        return run([*command, *more], cwd, {**self.env, **dict(pairs)}, limit_s)

    @contextlib.contextmanager
    def spoilt(self, change):
        """The change is made in here, and undone after."""
        path = os.path.join(self.tree, change.file)
        before = read_file(self.tree, change.file)
        with open(path, "w", encoding="utf-8") as file:
            file.write(changed(before, change))
        try:
            yield
        finally:
            with open(path, "w", encoding="utf-8") as file:
                file.write(before)


# ---- judging ----


def names_promise(said, number):
    """
    Whether a failure is said to be this promise's: "promise 3 (...)", which is only written by what
    fails, or a test function promise_3_... that cmocka calls FAILED.
    """
    return re.search(rf"\bpromise {number} \(|FAILED.*\bpromise_{number}_", said) is not None


def judge(change, words, outcome):
    """What is wrong with how the test took the change; None: it was caught and named."""
    status, said, seconds = outcome
    complaint = None
    if status is None:
        complaint = "took too long"
    elif status == 0:
        complaint = "NOT CAUGHT"
    elif not names_promise(said, change.promise):
        complaint = f"PROMISE NOT NAMED\n{tail(said)}"
    return Verdict(change, " ".join(words), seconds, complaint)


def try_break(workshop, change):
    """Spoils, builds and runs."""
    with workshop.spoilt(change):
        try:
            workshop.build(words[0] for words in change.tests)
        except Mistake as error:
            return [Verdict(change, "the build", 0, f"DOES NOT BUILD\n{error}")]
        return [judge(change, words, workshop.run_test(words)) for words in change.tests]


def check_sound(workshop, breaks):
    """A test that fails anyway catches nothing: each has to pass in the tree as it is."""
    for words in sorted({words for change in breaks for words in change.tests}):
        status, said, _ = workshop.run_test(words)
        if status != 0:
            raise Mistake(f"{' '.join(words)} fails before anything is broken\n{tail(said)}")


def print_table(verdicts, promises):
    """The verdicts, as Markdown: a row for each break."""
    print("\n| promise | broken by | in | caught by, in seconds |\n| --- | --- | --- | --- |")
    for change, own in itertools.groupby(verdicts, lambda verdict: verdict.broken):
        cells = []
        for verdict in own:
            mark = "" if verdict.complaint is None else verdict.complaint.splitlines()[0] + ": "
            cells.append(f"{mark}`{verdict.test}` {verdict.seconds:.1f}")
        print(f"| {change.key} {promises[change.promise]} | {change.broken} | `{change.file}` "
              f"| {'; '.join(cells)} |")


def break_all(breaks, jobs, keeps):
    """The whole: exit status 1 when something was not caught, or not named."""
    promises = read_promises(ROOT)
    directory = tempfile.mkdtemp(prefix="clusterkeeper-promises-")
    verdicts = []
    try:
        workshop = Workshop(directory, jobs)
        workshop.copy()
        check(workshop.tree, read_breaks(TABLE))
        print(f"building in {directory}", flush=True)
        workshop.configure()
        workshop.build(words[0] for change in breaks for words in change.tests)
        workshop.learn_tests()
        print("the tests, with nothing broken", flush=True)
        check_sound(workshop, breaks)
        for change in breaks:
            print(f"{change.key} {change.file}: {change.broken}", flush=True)
            for verdict in try_break(workshop, change):
                print(f"    {verdict.test}: {verdict.complaint or 'caught and named'} "
                      f"({verdict.seconds:.1f} s)", flush=True)
                verdicts.append(verdict)
    finally:
        if not keeps:
            shutil.rmtree(directory, ignore_errors=True)
    print_table(verdicts, promises)
    bad = sum(verdict.complaint is not None for verdict in verdicts)
    print(f"\n{len(verdicts)} times a promise was broken, {bad} times not caught or not named")
    return 1 if bad else 0


# ---- the command line ----


def chosen(breaks, only):
    """Those of a promise ("3"), or one of them ("3.2")."""
    if not only:
        return breaks
    found = [change for change in breaks if only in (str(change.promise), change.key)]
    if not found:
        raise Mistake(f"--only {only}: the table has no such promise or break")
    return found


def parse(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="show the table and do nothing")
    what.add_argument("--check", action="store_true",
                      help="only see that every line of the table still applies")
    parser.add_argument("--only", metavar="N", help="a promise (3), or one break of it (3.2)")
    parser.add_argument("--table", default=TABLE, help="another table (for --check and --list)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="of the build")
    parser.add_argument("--keep", action="store_true", help="leave the copy of the tree there")
    return parser.parse_args(arguments)


def show(breaks):
    """The table, for people."""
    for change in breaks:
        print(f"{change.key} {change.broken}\n    {change.file}\n    - {change.before}\n"
              f"    + {change.after}")
        for words in change.tests:
            print(f"    {' '.join(words)}")


def main(arguments):
    """Exit status: 0 all is well; 1 something is not; 2 there is a mistake in the table or tree."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # after tidying up, as for an interrupt
    try:
        breaks = chosen(read_breaks(options.table), options.only)
        if options.list:
            show(breaks)
        elif options.check:
            check(ROOT, read_breaks(options.table))
            print(f"{len(breaks)} breaks apply")
        else:
            return break_all(breaks, options.jobs, options.keep)
    except (Mistake, OSError, subprocess.CalledProcessError) as error:
        print(f"promises: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
