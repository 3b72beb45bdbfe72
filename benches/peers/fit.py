#!/usr/bin/env python3
"""Fits a network without biases to a folder's inputs.npy (n, d) and labels.npy (n, m) with SciPy's L-BFGS.

Writes v.npy (width, d) and u.npy (m, width) there: the weights of least loss over the starts, which are those of lbfgs.py. One thread.
Ends with exit code 3 when NumPy or SciPy is not installed.
"""

import argparse
import os
import pathlib
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--width", type=int, required=True, help="hidden units")
    parser.add_argument("--seed", type=int, default=0, help="of the starts (default 0)")
    parser.add_argument("--restarts", type=int, default=1, help="starts at most (default 1)")
    parser.add_argument("--maxiter", type=int, default=20000, help="iterations per start (default 20000)")
    chosen = parser.parse_args()
    # The BLAS behind NumPy reads these once, when it is loaded.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[variable] = "1"
    try:
        import numpy as np
        import scipy
        import scipy.optimize
    except ImportError as error:
        print(f"{error}", file=sys.stderr)
        sys.exit(3)

    import common
    import lbfgs

    # lbfgs.py imports these itself only when it runs as a program.
    lbfgs.np, lbfgs.scipy, lbfgs.common = np, scipy, common
    x, a = (np.load(chosen.folder / name) for name in ("inputs.npy", "labels.npy"))
    _, network = lbfgs.fit(x, a, chosen.width, "none", chosen.seed, chosen.restarts, chosen.maxiter)
    np.save(chosen.folder / "v.npy", np.ascontiguousarray(network.v))
    np.save(chosen.folder / "u.npy", np.ascontiguousarray(network.u))


if __name__ == "__main__":
    main()
