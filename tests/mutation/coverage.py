"""Which lines of the reconciler each test runs: a mistake elsewhere is none that it could notice."""

import glob
import json
import os
import subprocess


def lines_run(build):
    """Since the last call, in an instrumented build: {file: {line: whether it ran}}."""
    notes = sorted(glob.glob(os.path.join(build, "CMakeFiles/reconciler.dir/**/*.gcda"),
                             recursive=True))
    lines = {}
    if notes:
        told = subprocess.run(["gcov", "--json-format", "--stdout", *notes], cwd=build,
                              stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
        for report in told.splitlines():
            for file in json.loads(report)["files"]:
                ran = lines.setdefault(os.path.basename(file["file"]), {})
                for line in file["lines"]:
                    number = line["line_number"]
                    ran[number] = ran.get(number, False) or line["count"] > 0
    for note in notes:
        os.remove(note)
    return lines


class Coverage:
    """What all tests run, file by file; files are known by their last name."""

    def __init__(self, by_test):
        self.by_test = by_test
        self.code, self.ran = {}, {}
        for files in by_test.values():
            for name, lines in files.items():
                if name.endswith(".c"):
                    self.code.setdefault(name, set()).update(lines)
                    self.ran.setdefault(name, set()).update(n for n, once in lines.items() if once)

    def may_notice(self, test, file, lines):
        """The test runs one of these lines, or they are no code that is run (a table)."""
        name = os.path.basename(file)
        if not self.code.get(name, set()).intersection(lines):
            return True
        ran = self.by_test[test].get(name, {})
        return any(ran.get(number, False) for number in lines)

    def percent(self, name=None):
        """Of the lines that are code, those that some test runs; None when it was not measured."""
        names = [name] if name else list(self.code)
        code = sum(len(self.code.get(one, ())) for one in names)
        return 100.0 * sum(len(self.ran.get(one, ())) for one in names) / code if code else None

    def missed(self):
        """The lines that no test runs, by file."""
        return {name: sorted(code - self.ran[name]) for name, code in sorted(self.code.items())
                if code - self.ran[name]}
