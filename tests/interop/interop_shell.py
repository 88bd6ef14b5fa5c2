"""shellcheck reads every shell script of the project, and those that its manifests show."""

from programs import Samples, call, files, main, read

# Meant: patterns of `case` in variables (SC2254), `A && B || true` (SC2015), and programs for awk and sh
# in single quotes, with dollars of their own (SC2016).
MEANT = "SC2254,SC2015,SC2016"
# A script that another one sources sets variables that it does not use itself.
OF_OTHERS = "SC2034"
# `set -- $all`, a list of words: script, codes.
KNOWN = {"tests/checks.sh": "SC2086", "tests/fuzz/run.sh": "SC2086"}


def check(path, *words):
    """shellcheck, following what the script sources."""
    exempt = ",".join([MEANT, *([KNOWN[path]] if path in KNOWN else [])])
    return call("shellcheck", "--external-sources", "--source-path=SCRIPTDIR", "--source-path=.",
                "--format=gcc", f"--exclude={exempt}", *words, path)


class Shell(Samples):
    """Scripts."""

    def test_scripts(self):
        counted = 0
        for path in files(".sh", "."):
            is_sourced = not read(path).startswith("#!")
            words = ("--shell=sh", f"--exclude={OF_OTHERS},{MEANT}") if is_sourced else ()
            with self.subTest(path):
                counted += 1
                self.assert_silent(check(path, *words))
        self.assertGreaterEqual(counted, 10)

    def test_bad_samples(self):
        for text, word in (("rm -r $1/x\n", "SC2086"), ("[ $# == 1 ] && exit\n", "SC3014"),
                           ("cd /x\nrm y\n", "SC2164"), ("a=1\n", "SC2034"),
                           (". ./none.sh\n", "SC1091"), ("if true\n", "SC1")):
            with self.subTest(word):
                told = check(self.sample("bad.sh", "#!/bin/sh\n" + text))
                self.assert_found(told, word)
                self.assertNotEqual(told.code, 0)


if __name__ == "__main__":
    main("shellcheck", "shellcheck")
