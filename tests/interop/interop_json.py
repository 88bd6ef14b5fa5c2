"""jq reads what the program writes as JSON: the document that Python reads, by the names that are promised."""

import json
import re
import signal
import sys

from programs import E2E, call, main, read

sys.path.insert(0, E2E)

from harness import EndToEnd, cluster  # pylint: disable=wrong-import-position

ODD = 'a "quoted" \\ back\tslash, ünïcödé \U0001f40d and \u2028'
# As YAML: it knows no surrogates, and takes a bare U+2028 for the end of a line.
ODD_AS_YAML = json.dumps(ODD, ensure_ascii=False).replace("\u2028", "\\u2028")


def no_twins(pairs):
    """An object whose members have different names; RFC 8259 leaves open what twins mean."""
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise AssertionError(f"a name twice in one object: {names}")
    return dict(pairs)


def promised(text):
    """The names that the page on the plan gives in the first column of its tables."""
    return set(re.findall(r"`([a-z_]+)`", " ".join(re.findall(r"^\| ([^|]*)\|", text, re.MULTILINE))))


def members(value):
    """Every member's name, other than of a cluster's own definition and values."""
    if isinstance(value, list):
        return set().union(*map(members, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    inner = [members(part) for name, part in value.items() if name not in ("spec", "before", "after")]
    return set(value).union(*inner)


class Json(EndToEnd):
    """Each command that knows --output json, and the log."""

    def jq(self, program, text, *options):
        """What jq makes of a text; it must be content with it."""
        told = call("jq", *options, program, text=text)
        self.assertEqual(told.code, 0, told.text)
        return told.out

    def assert_same(self, text):
        """jq and Python read the same document, and no object of it has twins."""
        document = json.loads(text, object_pairs_hook=no_twins)
        self.assertEqual(json.loads(self.jq(".", text)), document)
        return document

    def write_odd(self, name):
        """A manifest whose Spark configuration holds an odd text."""
        text = cluster(name, spec={"spark_conf": {"odd": "ODD"}})
        self.write(f"{name}.yaml", text.replace('"ODD"', ODD_AS_YAML))

    def fleet(self):
        """A plan with many kinds of actions."""
        for name in ("same", "resized", "edited", "replaced", "gone"):
            self.write(f"{name}.yaml", cluster(name))
        self.keeper("apply")
        self.write_odd("new")
        self.write_odd("edited")
        self.write("resized.yaml", cluster("resized", workers=3))
        self.write("replaced.yaml", cluster("replaced", image="acme/etl:1.1"))
        self.remove("gone.yaml")
        return self.keeper("plan", "--output", "json").out

    def test_a_plan(self):
        text = self.fleet()
        plan = self.assert_same(text)
        self.assertEqual(self.jq(".clusters[] | \"\\(.name) \\(.action)\"", text, "-r").split("\n"),
                         ["edited edit", "gone prune", "new create", "replaced replace",
                          "resized resize", ""])
        self.assertEqual(self.jq(".summary | [.create, .unchanged, .has_changes]", text, "-c"),
                         "[1,1,true]\n")
        odd = ".clusters[] | select(.name == \"new\") | .spec.spark_conf.odd"
        self.assertEqual(self.jq(odd, text, "-j"), ODD)
        self.assertEqual(json.loads(self.jq(odd, text)), ODD)
        self.assertEqual(members(plan) - promised(read("reconciler/plan-format.md")), set())

    def test_members_are_sorted(self):
        """A promise of the plan's format; jq -S sorts them all."""
        text = self.fleet()
        self.assertEqual(self.jq(".", text, "--sort-keys"), self.jq(".", text))

    def test_the_example_of_the_format(self):
        page = read("reconciler/plan-format.md")
        example = self.assert_same(re.search(r"^```json\n(.*?)^```", page, re.M | re.S).group(1))
        self.assertEqual(members(example) - promised(page), set())

    def test_the_other_commands(self):
        self.fleet()
        self.assert_same(self.keeper("validate", "--output", "json").out)
        status = self.keeper("status", "--output", "json").out
        self.assert_same(status)
        self.assertEqual(self.jq("[.clusters[] | select(.name == \"same\")] | length", status), "1\n")
        self.write("bad.yaml", cluster("bad") + f"unknown: {ODD_AS_YAML}\n")
        ended = self.keeper("validate", "--output", "json", expect=1)
        self.assert_same(ended.out)

    def test_the_log(self):
        self.write("etl.yaml", cluster("etl"))
        service = self.service("--log-format", "json")
        service.wait('"settled"')
        service.stop(signal.SIGTERM)
        lines = service.log().splitlines()
        self.assertGreaterEqual(len(lines), 3)
        for line in lines:
            self.assertIsInstance(self.assert_same(line), dict)
        created = self.jq("select(.cluster == \"etl\") | .event", service.log(), "-r").split()
        self.assertIn("settled", created)

    def test_bad_samples(self):
        for text in ('{"a":1,"a":2}', '{"a":1,}', '{"a":"\t"}', '{"a":9007199254740993}'):
            with self.subTest(text), self.assertRaises((AssertionError, ValueError)):
                self.assert_same(text)
        self.assertNotEqual(self.jq(".", '{"b":1,"a":2}', "-S"), self.jq(".", '{"b":1,"a":2}'))


if __name__ == "__main__":
    main("jq", "jq")
