#!/usr/bin/env python3
"""Principal component pursuit side by side with the Python package pyrpca on matrices of one recipe.

Both minimise |L|_* + lambda |S|_1 subject to L + S = A by the inexact augmented Lagrangian method, with the same lambda, growth of the
penalty and tolerance |A - L - S| <= 1e-7 |A|. pyrpca computes a full SVD in every iteration through the LAPACK of SciPy. Seconds of
orthant are those of the function, as printed by the benchmark `principal_component_pursuit` (criterion's median over the same
size), seconds of pyrpca the least of --repeats runs. Errors are |L - true L| / |true L|.

Run the benchmark here, or pass --skip-orthant to time pyrpca alone.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=500, help="rows and columns (default 500)")
    parser.add_argument("--rank", type=int, default=25, help="rank of L (default 25)")
    parser.add_argument("--errors", type=float, default=0.05, help="part of wrong entries (default 0.05)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3, help="runs of the peer (default 3)")
    parser.add_argument("--threads", type=int, default=2, help="threads of the peer; orthant uses one (default 2)")
    parser.add_argument("--skip-orthant", action="store_true", help="do not run the benchmark of orthant")
    return parser.parse_args()


def instance(chosen):
    """L of Gaussian factors, S with normal values ten times the size of the entries of L."""
    rng = np.random.default_rng(chosen.seed)
    n, r = chosen.size, chosen.rank
    low_rank = rng.normal(size=(n, r)) @ rng.normal(size=(r, n))
    sparse = np.zeros(n * n)
    hit = rng.choice(n * n, size=int(chosen.errors * n * n), replace=False)
    sparse[hit] = 10.0 * np.sqrt(r) * rng.normal(size=hit.size)
    return low_rank, sparse.reshape(n, n)


def peer(chosen):
    """Least seconds and the relative error of L."""
    low_rank, sparse = instance(chosen)
    weight = 1.0 / np.sqrt(chosen.size)
    seconds = []
    for _ in range(chosen.repeats):
        start = time.perf_counter()
        found, _ = pyrpca.rpca_pcp_ialm(low_rank + sparse, weight, tol=1e-7, rho=1.5, verbose=False)
        seconds.append(time.perf_counter() - start)
    return min(seconds), np.linalg.norm(found - low_rank) / np.linalg.norm(low_rank)


def ours(chosen):
    """Median seconds of the benchmark, or None without it."""
    name = f"principal_component_pursuit/m={chosen.size},n={chosen.size},rank={chosen.rank},errors={chosen.errors}"
    command = ["cargo", "bench", "--package", "orthant-benches", "--bench", "noise", "--", name]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "criterion"
    for path in target.glob("**/new/benchmark.json"):
        if json.loads(path.read_text())["full_id"] == name:
            return json.loads((path.parent / "estimates.json").read_text())["median"]["point_estimate"] * 1e-9
    return None


def main(chosen):
    mine = None if chosen.skip_orthant else ours(chosen)
    seconds, error = peer(chosen)
    print(f"{chosen.size} x {chosen.size}, rank {chosen.rank}, {100 * chosen.errors:g} % wrong; peer on {chosen.threads} threads")
    print(f"pyrpca  {seconds:8.3f} s, error {error:.1e}")
    if mine is not None:
        print(f"orthant {mine:8.3f} s on one thread, {seconds / mine:.1f} times faster (its error is asserted in the benchmark)")


if __name__ == "__main__":
    OPTIONS = arguments()
    # The BLAS behind NumPy reads these once, when it is loaded.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[variable] = str(OPTIONS.threads)
    try:
        import numpy as np
        import pyrpca
    except ImportError as error:
        print(f"skipped: {error}; this comparison needs numpy and pyrpca (pip install numpy pyrpca)")
        sys.exit(0)
    main(OPTIONS)
