"""From the text of a C file to its mutants: the same text with one small mistake in it.

The file is read as tokens, not parsed: enough for C that clang-format has been over. A mistake never
moves a line, so that two texts which mean the same compile to the same object.
"""

import re
from typing import NamedTuple

TOKEN = re.compile(r"""
    (?P<space>\s+|/\*.*?\*/)
  | (?P<directive>^\s*\#(?:[^\n\\]|\\.)*)
  | (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<char>'(?:[^'\\]|\\.)+')
  | (?P<number>(?:0[xX][0-9a-fA-F]+|\d+)(?P<suffix>[uUlL]*)\b)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign>->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\.\.\.|.)
""", re.VERBOSE | re.DOTALL | re.MULTILINE)

TURNED = {
    "==": ["!="], "!=": ["=="], "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="],
    ">=": [">", "<"], "&&": ["||"], "||": ["&&"], "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"],
    "%": ["*"], "<<": [">>"], ">>": ["<<"], "&": ["|"], "|": ["&"], "++": ["--"], "--": ["++"],
    "+=": ["-="], "-=": ["+="],
}
COMPARISONS = {"==", "!=", "<", "<=", ">", ">="}
ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "++", "--"}
UNARY_TOO = {"*", "&", "-", "+"}  # of two operands only behind a value
TYPES = {"const", "static", "struct", "enum", "union", "unsigned", "void", "bool", "char", "int",
         "double", "size_t", "AUTO", "AUTO_BUF", "AUTO_ARENA"}
EXITS = {"return", "break", "continue", "goto"}
HEADS = {"if", "for", "while", "switch"}
NO_SIMPLE_STATEMENT = TYPES | HEADS | {"{", "}", ";", "case", "default"}
UNTOUCHED = {"assert", "MARK"}  # guards of our own mistakes, and names that are nothing here
OPEN, CLOSE = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}
# What ends an operand, on either side. That of || may hold an &&.
BORDERS = {";", ",", "?", ":", "||", "return"} | (ASSIGNMENTS - {"++", "--"})


class Token(NamedTuple):
    """A word of the file."""
    kind: str
    text: str
    start: int
    end: int


class Mutant(NamedTuple):
    """One mistake: text[start:end] becomes `instead`."""
    start: int
    end: int
    instead: str


def tokens_of(text):
    """The tokens that mean something."""
    return [Token(found.lastgroup if found.lastgroup != "suffix" else "number", found.group(),
                  found.start(), found.end())
            for found in TOKEN.finditer(text)
            if not (found.group("space") or found.group("directive"))]


def siblings_of(texts):
    """For each enumerator of a set of words the one behind it, round in a circle."""
    siblings = {}
    for text in texts:
        tokens = [token.text for token in tokens_of(text)]
        for at, word in enumerate(tokens):
            if word != "enum" or "{" not in tokens[at + 1:at + 3]:
                continue
            begin = tokens.index("{", at)
            inside = tokens[begin + 1:tokens.index("}", begin)]
            if begin == at + 1 and "=" in inside:
                continue  # numbers that have names
            names = [name for before, name in zip([","] + inside, inside)
                     if before == "," and not re.search(r"_(COUNT|MAX)$", name)]
            if len(names) > 1:
                siblings.update(zip(names, names[1:] + names[:1]))
    return siblings


class Source:
    """A C file, and where its mistakes can be made."""

    def __init__(self, text, siblings=None):
        self.text = text
        self.tokens = tokens_of(text)
        self.siblings = siblings if siblings is not None else siblings_of([text])
        self.partner = self._partners()
        self.bodies = self._bodies()
        self.untouched = self._untouched()

    def mutants(self):
        """All of them, in the order of the file; none twice."""
        found = set()
        for at in range(len(self.tokens)):
            if at not in self.untouched:
                found.update(self._signs(at))
                found.update(self._constants(at))
        for begin, end, is_bool in self.bodies:
            for at in range(begin + 1, end):
                if at not in self.untouched:
                    found.update(self._conditions(at, is_bool))
                    found.update(self._statements(at))
        return sorted(found)

    def apply(self, mutant):
        """The text with the mistake in it, each line where it was."""
        lines = self.text.count("\n", mutant.start, mutant.end) - mutant.instead.count("\n")
        return self.text[:mutant.start] + mutant.instead + "\n" * lines + self.text[mutant.end:]

    def lines(self, mutant):
        """The numbers of the lines that it touches."""
        first = self.text.count("\n", 0, mutant.start) + 1
        return range(first, first + self.text.count("\n", mutant.start, mutant.end) + 1)

    def describe(self, mutant):
        """Line number, the line above, and the lines that are touched, before and after."""
        begin = self.text.rfind("\n", 0, mutant.start) + 1
        end = self.text.find("\n", mutant.end)
        before = self.text[begin:end]
        after = self.text[begin:mutant.start] + mutant.instead + self.text[mutant.end:end]
        above = self.text[:begin].rstrip().rpartition("\n")[2]
        return (self.lines(mutant)[0], above.strip(), " ".join(before.split()),
                " ".join(after.split()))

    # ---- the shape of the file ----

    def _word(self, at):
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""

    def _partners(self):
        partner, stack = {}, []
        for at, token in enumerate(self.tokens):
            if token.text in OPEN:
                stack.append(at)
            elif token.text in CLOSE:
                partner[at] = stack.pop()
                partner[partner[at]] = at
        return partner

    def _bodies(self):
        """Of each function: its braces, and whether it returns a bool."""
        bodies, at, begin = [], 0, 0
        while at < len(self.tokens):
            word = self._word(at)
            if word == "{" and self._word(at - 1) == ")":
                head = [self._word(i) for i in range(begin, self.partner[at - 1])]
                bodies.append((at, self.partner[at], "bool" in head and "*" not in head))
            if word in OPEN:
                at = self.partner[at]
            if self._word(at) in ("}", ";"):
                begin = at + 1
            at += 1
        return bodies

    def _untouched(self):
        """Asserts, marks, `{ 0 }`, and numbers that say how long an array is."""
        kept = set()
        for at, token in enumerate(self.tokens):
            if token.text in UNTOUCHED and self._word(at + 1) == "(":
                kept.update(range(at, self.partner[at + 1] + 2))
            if token.text == "{" and self._word(at + 2) == "}":
                kept.add(at + 1)
            if token.text == "[" and self._is_declared(at):
                kept.update(range(at, self.partner[at]))
            if token.text == "[" and self._word(self.partner[at] + 1) == "=":
                kept.add(at + 1)  # [CLUSTER_RUNNING] = ...
            if token.text == "case":
                kept.add(at + 1)
        return kept

    def _is_declared(self, at):
        """The bracket belongs to a declaration, behind its name."""
        while self._word(at - 1) == "]":
            at = self.partner[at - 1]
        kind, before = self._word(at - 2), self._word(at - 3)
        return (kind in TYPES or kind.endswith("_t") or before in ("struct", "enum") or
                (kind == "*" and before in TYPES | {"*"}))

    # ---- mistakes ----

    def _replace(self, at, instead, end=None):
        last = self.tokens[at if end is None else end]
        return Mutant(self.tokens[at].start, last.end, instead)

    def _is_binary(self, at):
        before = self.tokens[at - 1]
        return before.text in (")", "]") or (
            before.kind in ("word", "number", "char") and before.text not in TYPES | EXITS)

    def _is_pointer(self, at):
        """A star or dash that belongs to a type: `const char *name`."""
        return self._word(at) == "*" and (self._word(at - 2) in TYPES | {"(", ","} or
                                          self._word(at - 1) in TYPES or
                                          self._word(at + 1) in ("*", ")", "const"))

    def _signs(self, at):
        """A comparison, a connective, an operation turned."""
        token = self.tokens[at]
        if token.kind != "sign" or token.text not in TURNED or not self._in_body(at):
            return
        if token.text in ("++", "--") and self._word(at + 1) == ")":
            return  # a loop that never ends: caught, but at length
        if token.text in UNARY_TOO and (not self._is_binary(at) or self._is_pointer(at)):
            return
        for instead in TURNED[token.text]:
            yield self._replace(at, instead)

    def _constants(self, at):
        """A number moved, a bool flipped, an enumerator that becomes its sibling."""
        token = self.tokens[at]
        if token.text in ("true", "false"):
            yield self._replace(at, "false" if token.text == "true" else "true")
        elif token.kind == "number":
            digits = token.text.rstrip("uUlL")
            number = int(digits, 0 if digits.startswith(("0x", "0X")) else 10)
            for moved in (number + 1, number - 1):
                if moved >= 0:
                    yield self._replace(at, f"{moved}{token.text[len(digits):]}")
        elif token.kind == "char" and {self._word(at - 1), self._word(at + 1)} & COMPARISONS:
            yield self._replace(at, f"({token.text} + 1)")
        elif token.text in self.siblings and self._word(at + 1) != "=":
            declared = self._word(at - 1) in ("{", ",") and not self._in_body(at)
            if not declared or self._in_table(at):
                yield self._replace(at, self.siblings[token.text])

    def _in_body(self, at):
        return any(begin < at < end for begin, end, _ in self.bodies)

    def _in_table(self, at):
        """Within the braces behind an `=`."""
        return any(self._word(i - 1) == "=" and i < at < self.partner[i]
                   for i in self.partner if self._word(i) == "{")

    def _conditions(self, at, is_bool):
        """An operand dropped, a condition negated."""
        word = self._word(at)
        if word in ("&&", "||"):
            neutral = "true" if word == "&&" else "false"
            begin = self._operand(at, -1, word)
            if self._word(begin - 1) != word:  # else it was the right one of the last connective
                yield self._replace(begin, neutral, at - 1)
            yield self._replace(at + 1, neutral, self._operand(at, 1, word))
        elif word == "!":
            yield self._replace(at, "")
        elif word in ("if", "while") and self._word(at + 1) == "(":
            yield from self._negate(at + 2, self.partner[at + 1] - 1)
        elif word == "?":
            yield from self._negate(self._operand(at, -1, "||"), at - 1)
        elif word == "return" and is_bool:
            yield from self._negate(at + 1, self._end_of(at) - 1)
        elif word == "=" and "bool" in (self._word(at - 2), self._word(at - 3)):
            yield from self._negate(at + 1, self._end_of(at) - 1)

    def _operand(self, at, way, connective):
        """The last token of the operand on one side of the connective at `at`."""
        borders = BORDERS | ({"&&"} if connective == "&&" else set())
        while True:
            after = self._word(at + way)
            if after in (OPEN if way < 0 else CLOSE) or after in borders:
                return at
            at += way
            if after in (CLOSE if way < 0 else OPEN):
                at = self.partner[at]

    def _negate(self, begin, end):
        """Of a condition that is one piece; where it is not, its parts are turned and dropped."""
        at = begin
        while at <= end:
            if self._word(at) in COMPARISONS | {"&&", "||", "!", "?", "true", "false", "="}:
                return
            at = self.partner[at] + 1 if self._word(at) in OPEN else at + 1
        if begin <= end:
            first, last = self.tokens[begin], self.tokens[end]
            yield Mutant(first.start, last.end, f"!({self.text[first.start:last.end]})")

    def _statements(self, at):
        """A call, an assignment or an early exit removed."""
        end = self._end_of(at) if self._begins_statement(at) else None
        if end is None or self._word(at) in NO_SIMPLE_STATEMENT:
            return
        if self._word(at) == "return" and any(end + 1 == body for _, body, _ in self.bodies):
            return  # what is left has no value
        words = [self._word(i) for i in range(at, end)]
        is_declaration = words[0].endswith("_t") and self.tokens[at + 1].kind == "word"
        is_call = words[-1] == ")"
        if not is_declaration and (words[0] in EXITS or is_call or ASSIGNMENTS & set(words)):
            yield self._replace(at, ";", end)

    def _begins_statement(self, at):
        before = self._word(at - 1)
        is_label = before == ":" and "case" in (self._word(at - 3), self._word(at - 4))
        is_label = is_label or (before == ":" and self._word(at - 2) == "default")
        is_behind = before in (";", "{", "}", "else") or is_label or self._is_head_end(at - 1)
        return is_behind and self._is_in_block(at)

    def _is_in_block(self, at):
        """The innermost bracket around it is the brace of a function, an if or a loop."""
        around = max((i for i in self.partner if i < at < self.partner[i]), default=None)
        return around is not None and self._word(around) == "{" and (
            any(around == begin for begin, _, _ in self.bodies) or
            self._word(around - 1) == "else" or self._is_head_end(around - 1))

    def _is_head_end(self, at):
        """The parenthesis that closes an if, a loop or a switch."""
        return self._word(at) == ")" and self._word(self.partner[at] - 1) in HEADS

    def _end_of(self, at):
        """The semicolon that ends the statement; None when a brace comes first."""
        while at < len(self.tokens):
            word = self._word(at)
            if word == ";":
                return at
            if word == "}":
                return None
            if word in OPEN:
                at = self.partner[at]
            at += 1
        return None
