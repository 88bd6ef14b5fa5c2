"""The judge is judged: tables that are bad, and output that only looks like a promise's name."""

import os
import tempfile
import unittest

import promises

GOOD = """# a remark
promise: 3
broken: it is
file: code.c
before: return true;
after: return false;
test: test_one
test: e2e_two Class.test_three
"""
CODE = "int f(void)\n{\n    if (x) {\n        return true;\n    }\n    return 1;\n    return 1;\n}\n"
TABLE_OF_PROMISES = 'PROMISE(A, 3, "three")\n'
SCENARIO = "class Class(EndToEnd):\n    def test_three(self):\n        pass\n"


class Tables(unittest.TestCase):
    """What is read, and what is refused."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        for path, text in (("code.c", CODE), ("tests/promises/promises.def", TABLE_OF_PROMISES),
                           ("tests/e2e/e2e_two.py", SCENARIO)):
            self.write(path, text)

    def write(self, path, text):
        """A file of the tree."""
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        return full

    def check(self, table):
        """The table, held against the tree."""
        breaks = promises.read_breaks(self.write("breaks.txt", table))
        promises.check(self.root, breaks)
        return breaks

    def refused(self, table, words):
        """The table is refused, in these words."""
        with self.assertRaisesRegex(promises.Mistake, words):
            self.check(table)

    def test_a_good_table(self):
        (one,) = self.check(GOOD)
        self.assertEqual((one.key, one.promise), ("3.1", 3))
        self.assertEqual(one.tests, (("test_one",), ("e2e_two", "Class.test_three")))
        self.assertEqual(promises.changed(CODE, one),
                         CODE.replace("        return true;", "        return false;"))

    def test_a_line_that_is_not_there(self):
        self.refused(GOOD.replace("return true", "return maybe"), "3.1: code.c has this line 0")

    def test_a_line_that_is_there_twice(self):
        self.refused(GOOD.replace("return true", "return 1"), "code.c has this line 2 times")

    def test_nothing_is_changed(self):
        self.refused(GOOD.replace("return false", "return true"), "nothing is changed")

    def test_a_file_that_is_gone(self):
        self.refused(GOOD.replace("code.c", "gone.c"), "gone.c")

    def test_a_test_that_is_gone(self):
        self.refused(GOOD.replace("test_three", "test_four"), "e2e_two.py has no Class.test_four")

    def test_a_promise_that_is_not_given(self):
        self.refused(GOOD.replace("promise: 3", "promise: 4"), "there is no promise 4")

    def test_a_promise_that_is_never_broken(self):
        self.write("tests/promises/promises.def", TABLE_OF_PROMISES + 'PROMISE(B, 4, "four")\n')
        self.refused(GOOD, r"promise 4 \(four\) is never broken")

    def test_lines_that_are_no_table(self):
        self.refused(GOOD.replace("after: return false;\n", ""), "one line 'after:', got 0")
        self.refused(GOOD.replace("after:", "afterwards:"), ":6: want one of promise, broken")
        self.refused(GOOD.replace("promise: 3", "promise: three"), ":2: 'three' is no number")
        self.refused(GOOD[:GOOD.index("test:")], "no test is named")


class Judgement(unittest.TestCase):
    """When a break counts as caught."""

    def judge(self, status, said):
        """The complaint about a test that ended so."""
        change = promises.Break("3.1", 3, "it is", "code.c", "a", "b", (("test_one",),))
        return promises.judge(change, ("test_one",), (status, said, 0.0)).complaint

    def test_caught_and_named(self):
        for said in ("seed 7 failed: promise 3 (unreadable is not deleted): c1 is pruned",
                     "AssertionError: promise 3 (unreadable is not deleted): 1 != 0",
                     "[  FAILED  ] promise_3_the_root_is_gone"):
            self.assertIsNone(self.judge(1, said))

    def test_not_caught(self):
        self.assertEqual(self.judge(0, "[  FAILED  ] promise_3_the_root"), "NOT CAUGHT")

    def test_too_slow(self):
        self.assertEqual(self.judge(None, "promise 3 (unreadable"), "took too long")

    def test_not_named(self):
        for said in ("", "[       OK ] promise_3_the_root_is_gone", "promise 30 (another)",
                     "[ RUN      ] promise_3_the_root_is_gone\n[  FAILED  ] test_other",
                     "[  FAILED  ] promise_30_another", "AddressSanitizer: heap-use-after-free"):
            self.assertRegex(self.judge(1, said), "PROMISE NOT NAMED")


if __name__ == "__main__":
    unittest.main()
