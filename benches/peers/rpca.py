#!/usr/bin/env python3
"""Principal component pursuit side by side with the Python package pyrpca on the same matrices.

Both minimise |L|_* + lambda |S|_1 subject to L + S = A by the inexact augmented Lagrangian method, with the same lambda, growth of the
penalty and tolerance |A - L - S| <= 1e-7 |A|. pyrpca computes a full SVD in every iteration through the LAPACK of SciPy. Seconds are
those of the processor, with one thread on either side: for orthant of a process that reads A, calls the function and writes L, for
pyrpca of its function alone. The error of L is |L - true L| / |true L|; with a twentieth of the entries wrong, both come as near
to the true L as the tolerance of the residual lets them.

Build the program first: cargo build --release --package orthant-benches
"""

import tempfile
import time

import options as shared

# Part of wrong entries.
WRONG = 0.05

# Error of L up to which an answer counts; the residual is within 1e-7.
RECOVERED = 1e-6

PROBLEM = "principal component pursuit"


def arguments():
    return shared.parser(__doc__, "m,n,rank", [(200, 200, 10), (500, 500, 25), (100, 2000, 5)]).parse_args()


def instance(m, n, rank, seed):
    """L of Gaussian factors, S with normal values ten times the size of the entries of L."""
    rng = np.random.default_rng(seed)
    low_rank = rng.normal(size=(m, rank)) @ rng.normal(size=(rank, n))
    sparse = np.zeros(m * n)
    hit = rng.choice(m * n, size=int(WRONG * m * n), replace=False)
    sparse[hit] = 10.0 * np.sqrt(rank) * rng.normal(size=hit.size)
    return low_rank, sparse.reshape(m, n)


def ours(options, a):
    """Seconds and L."""
    with tempfile.TemporaryDirectory() as folder:
        common.write_columns(folder, "a", a)
        seconds = common.kernel(options, ["pursuit", folder, *a.shape])
        return seconds, common.read_columns(folder, "l", a.shape)


def peer(a):
    """Seconds and L."""
    start = time.process_time()
    found, _ = pyrpca.rpca_pcp_ialm(a, 1.0 / np.sqrt(max(a.shape)), tol=1e-7, rho=1.5, verbose=False)
    return time.process_time() - start, found


def main(options):
    name = f"pyrpca {importlib.metadata.version('pyrpca')}"
    for m, n, rank in options.size:
        table = shared.Comparison(options, PROBLEM, f"m={m},n={n},rank={rank},wrong={WRONG}", "error of L", RECOVERED,
                                  "orthant principal_component_pursuit", name)
        for seed in options.seed:
            low_rank, sparse = instance(m, n, rank, seed)
            error = lambda found: float(np.linalg.norm(found - low_rank) / np.linalg.norm(low_rank))
            (first, first_found), (second, second_found) = ours(options, low_rank + sparse), peer(low_rank + sparse)
            table.add(seed, (first, error(first_found)), (second, error(second_found)))
        table.close()


if __name__ == "__main__":
    OPTIONS = arguments()
    shared.one_thread()
    if shared.installed(OPTIONS, PROBLEM, "pyrpca", shared.NUMERIC | {"pyrpca": "pyrpca"}):
        import importlib.metadata

        import numpy as np
        import pyrpca

        import common

        main(OPTIONS)
