"""Options, threads and output of the comparisons.

Nothing here loads NumPy: the BLAS behind it reads the number of threads once, when it is loaded.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


# What every comparison needs: the name to import and the name to install.
NUMERIC = {"numpy": "numpy", "scipy": "scipy"}


def numbers(count):
    """A size on the command line: so many whole numbers with commas between them."""

    def parse(text):
        values = tuple(int(word) for word in text.split(","))
        if len(values) != count or min(values) < 1:
            raise ValueError
        return values

    parse.__name__ = f"{count} positive numbers with commas"
    return parse


def parser(doc, names, sizes):
    """The options that every comparison has; `names` are those of the numbers in a size."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = " ".join(",".join(str(number) for number in size) for size in sizes)
    made.add_argument("--size", type=numbers(names.count(",") + 1), nargs="+", default=sizes, metavar=names.upper(),
                      help=f"one table each (default {default})")
    made.add_argument("--seed", type=int, nargs="+", default=list(range(5)), help="seeds (default 0 to 4)")
    made.add_argument("--json", action="store_true", help="print one line of JSON for each row of `cargo xtask bench --peers`")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    made.add_argument("--programs", type=pathlib.Path, default=target / "release",
                      help="directory of the programs orthant and kernel (default target/release)")
    return made


def one_thread():
    """One thread on either side: seconds of the processor are then those of the clock, and hold on a machine that others use."""
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
                     "RAYON_NUM_THREADS"):
        os.environ[variable] = "1"


def program(options, name):
    """The path of one of our programs."""
    path = options.programs / name
    if not path.exists():
        sys.exit(f"error: no program at {path}: cargo build --release --package orthant-cli --package orthant-benches")
    return str(path)


def installed(options, problem, peer, packages):
    """Whether all packages, by the names to import, are there; says that the peer is skipped when not."""
    missing = [package for name, package in packages.items() if importlib.util.find_spec(name) is None]
    if not missing:
        return True
    if options.json:
        print(json.dumps({"problem": problem, "peer": peer, "needs": " ".join(missing)}), flush=True)
    else:
        names = " ".join(missing)
        print(f"{problem}: {peer} skipped: needs {names} (pip install {names})")
    return False


class Comparison:
    """Runs of both sides on the same instances. A run succeeds when what is measured is at most `limit`."""

    def __init__(self, options, problem, size, measure, limit, ours, peer):
        self.options, self.problem, self.size = options, problem, size
        self.measure, self.limit = measure, limit
        self.sides = {"ours": (ours, []), "peer": (peer, [])}
        if not options.json:
            print(f"{problem}, {size}; success: {measure} at most {limit:g}")
            print(f"{'seed':>6} | {ours:>32} s {'measure':>10} | {peer:>32} s {'measure':>10}")

    def add(self, seed, ours, peer):
        """Adds one seed: for each side its seconds of the processor and what was measured."""
        ours, peer = (tuple(map(float, side)) for side in (ours, peer))
        self.sides["ours"][1].append(ours)
        self.sides["peer"][1].append(peer)
        if not self.options.json:
            print(f"{seed:>6} | {ours[0]:>34.3f} {ours[1]:>10.1e} | {peer[0]:>34.3f} {peer[1]:>10.1e}", flush=True)

    def close(self):
        """Prints the medians and the successes."""
        row = {"problem": self.problem, "size": self.size, "criterion": f"{self.measure} <= {self.limit:g}"}
        for side, (name, runs) in self.sides.items():
            row[side] = {
                "name": name,
                "seconds": statistics.median(seconds for seconds, _ in runs),
                "succeeded": sum(measured <= self.limit for _, measured in runs),
                "runs": len(runs),
            }
        if self.options.json:
            print(json.dumps(row), flush=True)
            return
        ours, peer = row["ours"], row["peer"]
        print(f"median | {ours['seconds']:>34.3f} {ours['succeeded']:>7}/{ours['runs']:<2} | "
              f"{peer['seconds']:>34.3f} {peer['succeeded']:>7}/{peer['runs']:<2}\n")
