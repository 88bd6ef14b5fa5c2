#!/usr/bin/env python3
"""Keeps a few inputs of many: those that together reach most of what all of them reach.

libFuzzer measures, by a merge, which features of the target each input reaches. From the smallest
inputs on, that one is taken which adds most, until nothing is added or there are enough.

Inputs in the corpus whose names do not begin with "grown-" were put there by a person, for a
reason: they stay, and what they reach counts as reached.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fuzzer", type=pathlib.Path, help="the target, built on libFuzzer")
    parser.add_argument("corpus", type=pathlib.Path, help="directory of what is kept")
    parser.add_argument("grown", type=pathlib.Path, help="directory of what was found")
    parser.add_argument("--count", type=int, default=40, help="inputs to keep at most")
    parser.add_argument("--max-len", type=int, default=4096, help="bytes of an input at most")
    return parser.parse_args()


def read_control(text):
    """The features that each input reaches, by its path: libFuzzer's control file of a merge."""
    lines = text.splitlines()
    count = int(lines[0])
    paths = lines[2 : 2 + count]
    features = {}
    for line in lines[2 + count :]:
        word, number, *rest = line.split()
        if word == "FT":
            features[pathlib.Path(paths[int(number)])] = frozenset(rest)
    return features


def measure(fuzzer, directories, max_len):
    with tempfile.TemporaryDirectory() as scratch:
        control = pathlib.Path(scratch, "control")
        merged = pathlib.Path(scratch, "merged")
        merged.mkdir()
        command = [fuzzer, "-set_cover_merge=1", f"-merge_control_file={control}", f"-max_len={max_len}",
                   merged, *directories]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{fuzzer}: the merge failed:\n{done.stderr[-2000:]}")
        return read_control(control.read_text())


def choose(features, is_fixed, count):
    """Greedily: what stays anyway, then at each turn the input that adds most."""
    chosen = [path for path in features if is_fixed(path)]
    reached = set().union(*(features[path] for path in chosen))
    left = {path: found for path, found in features.items() if not is_fixed(path)}
    while left and len(chosen) < count:
        best = max(left, key=lambda path: (len(left[path] - reached), -path.stat().st_size))
        if not left[best] - reached:
            break
        reached |= left.pop(best)
        chosen.append(best)
    return chosen, len(reached)


def keep(corpus, chosen, is_fixed):
    """The others go; the new ones are numbered in the order in which they were chosen."""
    with tempfile.TemporaryDirectory() as scratch:
        new = [path for path in chosen if not is_fixed(path)]
        for number, path in enumerate(new, start=1):
            shutil.copyfile(path, pathlib.Path(scratch, f"grown-{number:02}"))
        for old in corpus.glob("grown-*"):
            old.unlink()
        for path in pathlib.Path(scratch).iterdir():
            shutil.copyfile(path, corpus / path.name)


def main():
    arguments = parse_arguments()
    corpus = arguments.corpus

    def is_fixed(path):
        return path.parent == corpus and not path.name.startswith("grown-")

    directories = [path for path in (corpus, arguments.grown) if path.is_dir()]
    features = measure(arguments.fuzzer, directories, arguments.max_len)
    everything = set().union(*features.values())
    chosen, reached = choose(features, is_fixed, arguments.count)
    keep(corpus, chosen, is_fixed)
    print(f"{corpus}: {len(chosen)} of {len(features)} inputs reach "
          f"{reached} of {len(everything)} features")


if __name__ == "__main__":
    main()
