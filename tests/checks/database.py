"""Copies a compilation database with one entry for each file, and prints the files.

What the simulation builds a second time would otherwise be checked a second time.
"""

import argparse
import json
import os

FOLDERS = ("specs", "state", "reconciler", "controller", "tests")


def first_entries(entries, top):
    """The first entry of each file below the project's folders: {path from the top: entry}."""
    found = {}
    for entry in entries:
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), top)
        if path.split(os.sep)[0] in FOLDERS:
            found.setdefault(path, entry)
    return found


def main():
    """Reads FROM/compile_commands.json and writes TO/compile_commands.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", metavar="FROM", help="a build directory")
    parser.add_argument("target", metavar="TO", help="a directory, made if there is none")
    args = parser.parse_args()
    with open(os.path.join(args.source, "compile_commands.json"), encoding="utf-8") as file:
        found = first_entries(json.load(file), os.getcwd())
    if not found:
        parser.error(f"no file of {', '.join(FOLDERS)} in {args.source}")
    os.makedirs(args.target, exist_ok=True)
    with open(os.path.join(args.target, "compile_commands.json"), "w", encoding="utf-8") as file:
        json.dump(list(found.values()), file, indent=1)
    print("\n".join(sorted(found)))


if __name__ == "__main__":
    main()
