#!/usr/bin/env python3
"""The moment methods side by side with scikit-learn's FastICA and tensorly's symmetric power iteration.

Both peers see the same files as `orthant recover`, and the width. FastICA gets the labels of a network
with orthonormal rows of V, whose activations are independent; its sources are matched to the true
activations. Its contrast is the fourth power: the default, log cosh, ended in mixtures (an angle of 0.8)
in one of three runs at k = 6, n = 20000. tensorly gets the third-order tensor of the labels'
second-order score moments, whitened to have orthonormal components (it has no whitening of its own), and
its components are mapped back to
rows of V. Neither ends in exact weights: the error given for them is that of the worst direction, 1 - |cosine|
turned into an angle, and the verdict is their own, if they have one. Seconds of orthant include reading
and writing of the files.

Build the program first: cargo build --release --package orthant-cli
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, default=10, help="units, inputs and outputs (default 10)")
    parser.add_argument("--n", type=int, default=50000, help="samples (default 50000)")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="seeds (default 0)")
    parser.add_argument("--threads", type=int, default=2, help="threads of either program (default 2)")
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    parser.add_argument("--orthant", type=pathlib.Path, default=pathlib.Path(target) / "release" / "orthant")
    return parser.parse_args()


def worst_angle(found, true):
    """Largest angle, in radians, of matched rows up to sign."""
    unit = lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosine = np.abs(unit(found) @ unit(true).T).clip(0.0, 1.0)
    rows, cols = scipy.optimize.linear_sum_assignment(-cosine)
    return float(np.arccos(cosine[rows, cols]).max())


def fast_ica(x, a, true, seed):
    """Seconds, worst angle between centred sources and centred activations, and whether it says that it converged."""
    k = true.v.shape[0]
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sources = sklearn.decomposition.FastICA(
            n_components=k, whiten="unit-variance", fun="cube", random_state=seed, max_iter=1000
        ).fit_transform(a)
    seconds = time.perf_counter() - start
    activations = np.maximum(x @ true.v.T, 0.0)
    verdict = "no convergence" if caught else "converged"
    return seconds, worst_angle(sources.T, (activations - activations.mean(axis=0)).T), verdict


def symmetric_power(x, a, true, seed):
    """Seconds, worst angle between rows of V, and no verdict: the iteration has none."""
    n, d = x.shape
    k = true.v.shape[0]
    start = time.perf_counter()
    mean, scale = x.mean(axis=0), np.linalg.cholesky(np.linalg.inv(np.cov(x.T)))
    z = (x - mean) @ scale
    centred = a - a.mean(axis=0)
    first = centred.T @ z / n
    left, values, right = np.linalg.svd(first, full_matrices=False)
    left, right = left[:, :k], right[:k]
    residual = (centred - z @ first.T) @ left
    y = z @ right.T
    slices = np.einsum("na,ni,nj->aij", residual, y, y, optimize=True) / n
    slices -= residual.mean(axis=0)[:, None, None] * np.eye(k)
    # A combination whose coefficients come out positive whitens the components; the one nearest to the identity.
    weights = np.linalg.lstsq(slices.reshape(k, k * k).T, np.eye(k).ravel(), rcond=None)[0]
    size, basis = np.linalg.eigh(np.tensordot(weights, slices, axes=1))
    whiten = basis / np.sqrt(np.abs(size))
    # The order-one moment turns the label mode into a third copy of the components.
    mode = np.linalg.inv(left.T @ first @ right.T @ whiten)
    tensor = np.einsum("ca,aij,ip,jq->cpq", mode, slices, whiten, whiten, optimize=True)
    tensor = sum(np.transpose(tensor, order) for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1))) / 3
    np.random.seed(seed)
    found = []
    for _ in range(k):
        _, component, tensor = tensorly.decomposition.symmetric_power_iteration(tensor, n_repeat=10, n_iteration=30)
        found.append(component)
    rows = np.array(found) @ np.linalg.inv(whiten) @ right @ scale.T
    return time.perf_counter() - start, worst_angle(rows, true.v), "-"


def main(chosen):
    if not chosen.orthant.exists():
        sys.exit(f"error: no program at {chosen.orthant}: cargo build --release --package orthant-cli")
    program = str(chosen.orthant)
    print(f"k = d = m = {chosen.k}, n = {chosen.n}, threads {chosen.threads}, NumPy {np.__version__}, "
          f"scikit-learn {sklearn.__version__}, tensorly {tensorly.__version__}")
    print(f"{'instance':>14} {'seed':>4} {'method':>22} {'seconds':>8} {'error':>8}  verdict")
    for seed in chosen.seed:
        for instance, ours, name, peer in (
            ("orthonormal V", ["ica"], "scikit-learn FastICA", fast_ica),
            ("Gaussian V", ["tensor", "power"], "tensorly power", symmetric_power),
            ("Gaussian V", [], "scikit-learn FastICA", fast_ica),
        ):
            size = {"--m": chosen.k, "--k": chosen.k, "--d": chosen.k, "--n": chosen.n, "--seed": seed}
            if instance == "orthonormal V":
                size["--kappa-v"] = 1
            with tempfile.TemporaryDirectory() as folder:
                x, a, true = common.generate(program, size, folder)
                for method in ours:
                    options = ["--method", method, "--threads", str(chosen.threads)]
                    row(instance, seed, f"orthant {method}", common.recover(program, folder, true, options))
                row(instance, seed, name, peer(x, a, true, seed))


def row(instance, seed, method, measured):
    seconds, error, verdict = measured
    print(f"{instance:>14} {seed:>4} {method:>22} {seconds:>8.2f} {error:>8.1e}  {verdict}", flush=True)


if __name__ == "__main__":
    OPTIONS = arguments()
    # The BLAS behind NumPy reads these once, when it is loaded.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[variable] = str(OPTIONS.threads)
    try:
        import numpy as np
        import scipy.optimize
        import sklearn.decomposition
        import tensorly
        import tensorly.decomposition

        import common
    except ImportError as error:
        print(f"skipped: {error}; this comparison needs numpy, scipy, scikit-learn and tensorly")
        sys.exit(0)
    main(OPTIONS)
