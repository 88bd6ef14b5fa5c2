"""yamllint reads every manifest that the project shows to people, as another YAML parser would."""

import os
import re

from programs import HERE, Samples, call, files, main, read

# Broken on purpose: what the program says about it is the test.
BROKEN = {"tests/unit/specs/mistakes.yaml"}

GOOD = "apiVersion: clusterkeeper/v1\nkind: Cluster\nmetadata: {name: a}\n"


def lint(*words, text=None):
    """yamllint, with warnings that count."""
    return call("yamllint", "--strict", "--format", "parsable",
                "--config-file", os.path.join(HERE, ".yamllint"), *words, text=text)


def shown(path):
    """The YAML that a text shows: fenced blocks, here documents, literal displays of a manual page."""
    text = read(path)
    found = re.findall(r"^```ya?ml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    found += re.findall(r"^(apiVersion: .*?)^(?:EOF|\.Ed)$", text, re.MULTILINE | re.DOTALL)
    return found


class Yaml(Samples):
    """Manifests in files, and in texts."""

    def test_files(self):
        manifests = [path for path in files(".yaml", "specs/examples", "tests")
                     if path not in BROKEN]
        self.assertGreaterEqual(len(manifests), 20)
        self.assert_silent(lint(*manifests))

    def test_texts(self):
        counted = 0
        for path in files(".md", "README.md", ".") + files(".1", "controller"):
            for number, text in enumerate(shown(path)):
                with self.subTest(path, block=number):
                    counted += 1
                    self.assert_silent(lint("-", text=text))
        self.assertGreaterEqual(counted, 3)

    def test_the_broken_ones_are(self):
        for path in sorted(BROKEN):
            with self.subTest(path):
                self.assertNotEqual(lint(path).code, 0)

    def test_bad_samples(self):
        self.assert_silent(lint("-", text=GOOD))
        for text, word in ((GOOD + "kind: Cluster\n", "key-duplicates"),
                           (GOOD + "spec:\n\tnum_workers: 1\n", "syntax error"),
                           (GOOD + "keep: {suspend: yes}\n", "truthy"),
                           (GOOD + "spec:\n   a: 1\n", "indentation"),
                           (GOOD.rstrip("\n"), "new-line-at-end-of-file")):
            with self.subTest(word):
                told = lint("-", text=text)
                self.assert_found(told, word)
                self.assertNotEqual(told.code, 0)


if __name__ == "__main__":
    main("yamllint", "yamllint")
