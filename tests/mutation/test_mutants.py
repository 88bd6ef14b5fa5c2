"""What is made wrong in a file, and what is let be; and that a list which does not fit is refused."""

import os
import tempfile
import unittest
from collections import namedtuple

import accepted
from mutants import Source

TABLE = "static const bool known[] = { [ONE] = true };\n"
Made = namedtuple("Made", "file before after above", defaults=[""])


def changes(body, head="static int f(int a, int b)", before=""):
    """What becomes of the lines of a function."""
    source = Source(f"{before}{head}\n{{\n{body}\n}}\n")
    return {source.describe(mutant)[3] for mutant in source.mutants()}


class Mutants(unittest.TestCase):
    """A table of lines, each with all that becomes of it."""

    def expect(self, line, *becomes, **more):
        """All mutants of a line, and no other."""
        self.assertEqual(changes(line, **more), set(becomes))

    def test_comparison(self):
        self.expect("return a == b;", "return a != b;")
        self.expect("return a < b;", "return a <= b;", "return a >= b;")

    def test_connective(self):
        self.expect("return a && (b || c);", "return a || (b || c);", "return true && (b || c);",
                    "return a && true;", "return a && (b && c);", "return a && (false || c);",
                    "return a && (b || false);")

    def test_operand_goes_to_its_border(self):
        self.expect("g(a, b == c && d);", ";", "g(a, b != c && d);", "g(a, b == c || d);",
                    "g(a, true && d);", "g(a, b == c && true);")
        self.expect("x = a || b[1 + c] == d;", ";", "x = a && b[1 + c] == d;",
                    "x = false || b[1 + c] == d;", "x = a || false;", "x = a || b[1 - c] == d;",
                    "x = a || b[2 + c] == d;", "x = a || b[0 + c] == d;",
                    "x = a || b[1 + c] != d;")

    def test_condition(self):
        self.expect("if (g(a)) return b;\nreturn a;", "if (!(g(a))) return b;", "if (g(a)) ;")
        self.expect("if (!g(a)) return b;\nreturn a;", "if (g(a)) return b;", "if (!g(a)) ;")
        self.expect("return g(a) ? b : c;", "return !(g(a)) ? b : c;")
        self.expect("return g(a);", "return !(g(a));", head="static bool f(int a)")
        self.expect("bool x = g(a);", "bool x = !(g(a));")

    def test_constant(self):
        self.expect("return 3;", "return 4;", "return 2;")
        self.expect("return 0u;", "return 1u;")
        self.expect("return a < 'x';", "return a < ('x' + 1);", "return a <= 'x';",
                    "return a >= 'x';")
        self.expect("return true;", "return false;")

    def test_enumerator(self):
        words = "enum word { ONE, TWO, THREE, WORD_COUNT };\n"
        self.expect("return ONE;", "return TWO;", before=words)
        self.expect("return THREE;", "return ONE;", before=words)
        self.expect("return WORD_COUNT;", before=words)
        self.expect("return SIZE;", "enum { SIZE = 2 };", "enum { SIZE = 4 };",
                    before="enum { SIZE = 3 };\n")
        self.expect("return a;", "static const bool known[] = { [ONE] = false };",
                    before=words + TABLE)

    def test_statement(self):
        self.expect("g(a);", ";")
        self.expect("*a = b;", ";")
        self.expect("for (;;) {\nif (a) continue;\n}", "if (!(a)) continue;", "if (a) ;")
        self.expect("switch (a) {\ncase ONE:\ng(b);\nbreak;\n}", ";")
        self.expect("if (a) {\ng(b);\n}", "if (!(a)) {", ";")

    def test_operation(self):
        self.expect("return a - b;", "return a + b;")
        self.expect("return (a << 2) & b;", "return (a >> 2) & b;", "return (a << 3) & b;",
                    "return (a << 1) & b;", "return (a << 2) | b;")
        self.expect("return *a + -b;", "return *a - -b;")

    def test_left_alone(self):
        for line in ("assert(a < 3);", "MARK(a_word);", "struct pos pos = { 0 };",
                     "const char *const *x = y;", "int x[7];", "/* a == b */", 'return "a == b";',
                     "#define X 3", "static const int x[][2] = { { a, b } };"):
            self.expect(line)

    def test_lines_stay(self):
        source = Source("static int f(int a)\n{\n    g(a,\n      a);\n    return a;\n}\n")
        self.assertEqual({source.apply(mutant).count("\n") for mutant in source.mutants()}, {6})
        self.assertEqual([list(source.lines(mutant)) for mutant in source.mutants()], [[3, 4]])


class Accepted(unittest.TestCase):
    """The list of equivalent mutants."""

    def entries(self, text):
        """As read from a file."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "list")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return accepted.read(path)

    def test_one_line_becomes_two(self):
        entries = self.entries("# why\n\nx.c\n- a\n+ b\n+ c\nNobody can tell.\n")
        self.assertTrue(accepted.holds(entries, Made("x.c", "a", "b")))
        self.assertTrue(accepted.holds(entries, Made("x.c", "a", "c")))
        self.assertFalse(accepted.holds(entries, Made("y.c", "a", "c")))
        self.assertFalse(accepted.holds(entries, Made("x.c", "a", "d")))

    def test_line_above(self):
        entries = self.entries("x.c\n  z\n- a\n+ b\nNobody can tell.\n")
        self.assertTrue(accepted.holds(entries, Made("x.c", "a", "b", "z")))
        self.assertFalse(accepted.holds(entries, Made("x.c", "a", "b", "y")))

    def test_no_reason(self):
        with self.assertRaises(accepted.Mistake):
            self.entries("x.c\n- a\n+ b\n")

    def test_stale(self):
        entries = self.entries("x.c\n- a\n+ b\nNobody can tell.\n")
        accepted.check(entries, [Made("x.c", "a", "b")])
        with self.assertRaises(accepted.Mistake):
            accepted.check(entries, [Made("x.c", "a2", "b")])

    def test_caught_all_the_same(self):
        entries = self.entries("x.c\n- a\n+ b\nNobody can tell.\n")
        accepted.check_uncaught(entries, [(Made("x.c", "a", "b"), "listed", "")])
        with self.assertRaises(accepted.Mistake):
            accepted.check_uncaught(entries, [(Made("x.c", "a", "b"), "caught", "test_x")])


if __name__ == "__main__":
    unittest.main()
