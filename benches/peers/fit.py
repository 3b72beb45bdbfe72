#!/usr/bin/env python3
"""Fits a network without biases to a folder's inputs.npy (n, d) and labels.npy (n, m) with SciPy's L-BFGS.

Writes v.npy (width, d) and u.npy (m, width) there: the weights of least loss over the starts, which are those of lbfgs.py. One thread.
Ends with exit code 3 when NumPy or SciPy is not installed.
"""

import argparse
import math
import pathlib
import sys

import lbfgs
import options


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--width", type=int, required=True, help="hidden units")
    parser.add_argument("--seed", type=int, default=0, help="of the starts (default 0)")
    parser.add_argument("--starts", type=int, default=1, help="starts at most (default 1)")
    chosen = parser.parse_args()
    options.one_thread()
    try:
        import numpy as np
        import scipy
        import scipy.optimize
    except ImportError as error:
        print(f"{error}", file=sys.stderr)
        sys.exit(3)

    import common

    # lbfgs.py imports these itself only when it runs as a program.
    lbfgs.np, lbfgs.scipy, lbfgs.common = np, scipy, common
    x, a = (np.load(chosen.folder / name) for name in ("inputs.npy", "labels.npy"))
    # The number of starts ends it and not the clock, so that the answer does not depend on the machine's load.
    _, network = lbfgs.fit(x, a, chosen.width, chosen.seed, math.inf, chosen.starts)
    np.save(chosen.folder / "v.npy", np.ascontiguousarray(network.v))
    np.save(chosen.folder / "u.npy", np.ascontiguousarray(network.u))


if __name__ == "__main__":
    main()
