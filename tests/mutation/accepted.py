"""equivalent.txt: mutants that nobody can tell from the original, each with the reason.

An entry is the file, the line above (where the line alone is found more than once), the line as it is,
the line as it becomes (one or more), and why; a blank line ends it:

    reconciler/backoff.c
      limit_ms = base_ms;
    - if (limit_ms > max_ms) limit_ms = max_ms;
    + if (limit_ms >= max_ms) limit_ms = max_ms;
    Equal values are assigned to each other.
"""

from typing import NamedTuple


class Mistake(Exception):
    """The list does not fit the source, or is wrong."""


class Entry(NamedTuple):
    """What is accepted. `above` None: whatever stands there."""
    file: str
    above: str
    before: str
    after: str

    def __str__(self):
        return f"equivalent.txt: {self.file}: {self.before} -> {self.after}"


def read(path):
    """The entries. A line with `#` first is a comment."""
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file if not line.startswith("#")]
    entries = []
    for block in "\n".join(lines).split("\n\n"):
        parts = [line for line in block.split("\n") if line]
        if parts:
            entries += entries_of(parts)
    return entries


def entries_of(parts):
    """Those of one block."""
    above, before, after = ([line[2:] for line in parts[1:] if line.startswith(mark)]
                            for mark in ("  ", "- ", "+ "))
    has_reason = len(parts) > 1 + len(above) + len(before) + len(after)
    if len(above) > 1 or len(before) != 1 or not after or not has_reason:
        raise Mistake("equivalent.txt: an entry needs a file, one '-', a '+' and a reason:\n" +
                      "\n".join(parts))
    return [Entry(parts[0], above[0] if above else None, before[0], line) for line in after]


def fits(entry, trial):
    """It is this mutant that the entry is about."""
    return (entry.above in (None, trial.above) and
            (entry.file, entry.before, entry.after) == (trial.file, trial.before, trial.after))


def holds(entries, trial):
    """The list accepts this mutant."""
    return any(fits(entry, trial) for entry in entries)


def check(entries, trials):
    """Each entry is about a mutant that there is."""
    for entry in entries:
        if not any(fits(entry, trial) for trial in trials):
            raise Mistake(f"{entry}\nis no mutant of the source as it is now")


def check_uncaught(entries, results):
    """A mutant that a test catches can be told apart."""
    for trial, word, by in results:
        for entry in entries:
            if word == "caught" and fits(entry, trial):
                raise Mistake(f"{entry}\nis caught by {by}: it is not equivalent")
