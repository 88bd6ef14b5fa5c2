"""Prints the coverage of each folder, and fails where one is below its floor."""

import argparse
import json
import os
import sys

# The folders of the product, and the share of their lines that the tests must reach.
FLOORS = {
    "specs": 95,
    "specs/base": 95,
    "state": 95,
    "reconciler": 95,
    "controller": 90,
}


class Count:
    """Lines and branches, and how many of them were executed."""

    def __init__(self):
        self.lines = self.lines_hit = self.branches = self.branches_hit = 0

    def add(self, entry):
        """One file of gcovr's summary."""
        self.lines += entry["line_total"]
        self.lines_hit += entry["line_covered"]
        self.branches += entry["branch_total"]
        self.branches_hit += entry["branch_covered"]


def folder_of(path):
    """The deepest folder of FLOORS that the file is in; None: in none."""
    found = [folder for folder in FLOORS if path.startswith(folder + os.sep)]
    return max(found, key=len, default=None)


def count_folders(entries):
    """{folder: Count}, each file in one folder."""
    counts = {folder: Count() for folder in FLOORS}
    for entry in entries:
        folder = folder_of(entry["filename"])
        if folder is not None:
            counts[folder].add(entry)
    return counts


def percent(part, whole):
    """Rounded down, so that 94.99 does not pass for 95."""
    return 0 if whole == 0 else part * 1000 // whole / 10


def main():
    """Reads the summary; the exit status says whether every floor holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("summary", help="what gcovr --json-summary has written")
    args = parser.parse_args()
    with open(args.summary, encoding="utf-8") as file:
        counts = count_folders(json.load(file)["files"])
    low = []
    print(f"{'folder':<12} {'lines':>13} {'':>6}  {'branches':>13}")
    for folder, count in counts.items():
        lines = percent(count.lines_hit, count.lines)
        branches = percent(count.branches_hit, count.branches)
        print(f"{folder:<12} {count.lines_hit:>6}/{count.lines:<6} {lines:>5}%  "
              f"{count.branches_hit:>6}/{count.branches:<6} {branches:>5}%")
        if lines < FLOORS[folder]:
            low.append(f"{folder}/: {lines} % of the lines, and {FLOORS[folder]} % are wanted")
    for line in low:
        print(line)
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
