#!/usr/bin/env python3
"""The fit of a whole network to noisy labels by SciPy's L-BFGS, beside the benchmark `refinement` of `noise`.

Both minimise the sum of squared residuals over all weights in float64 on the same samples. The peer has the analytic gradient, with
products through the BLAS of NumPy. The start is that of the benchmark: every row of V and every column of U of the true network,
off by a tenth of its norm. The table gives the seconds of the optimiser alone until its loss is within each share of the
least loss reached, which --loss replaces by that of another program: with p weights, m n labels and the noise at
its optimum, a share of p / (m n) is a distance of one standard error (root mean square over the weights).

With --restarts the starts are random instead, and the least loss of all counts.

Build the program first: cargo build --release --package orthant-cli
The benchmark: cargo bench --package orthant-benches --bench noise
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Excess of the loss over the least one, in units of p / (m n): squared distances in standard errors.
EXCESSES = (1.0, 1e-2, 1e-4)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--m", type=int, default=20, help="outputs (default 20)")
    parser.add_argument("--k", type=int, default=20, help="hidden units (default 20)")
    parser.add_argument("--d", type=int, default=50, help="inputs (default 50)")
    parser.add_argument("--n", type=int, default=20000, help="samples (default 20000)")
    parser.add_argument("--noise", type=float, default=0.1, help="noise as a fraction of the labels' deviation (default 0.1)")
    parser.add_argument("--seed", type=int, default=1, help="seed (default 1)")
    parser.add_argument("--threads", type=int, default=2, help="threads of the peer's products (default 2)")
    parser.add_argument("--restarts", type=int, default=0, help="random starts in the place of the near one (default 0)")
    parser.add_argument("--maxiter", type=int, default=2000, help="iterations per start (default 2000)")
    parser.add_argument("--maxcor", type=int, default=20, help="corrections that L-BFGS keeps (default 20)")
    parser.add_argument("--cpu", action="store_true", help="count processor seconds, for a machine that others use")
    parser.add_argument("--loss", type=float, help="the sum of squared residuals to compare with (default the peer's own)")
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    parser.add_argument("--orthant", type=pathlib.Path, default=pathlib.Path(target) / "release" / "orthant")
    return parser.parse_args()


def off_by_a_tenth(rows):
    """Each row plus a fixed pattern of a tenth of its norm; the benchmark computes the same numbers."""
    index = np.arange(1.0, rows.size + 1.0).reshape(rows.shape)
    pattern = np.cos(index * index)
    return rows + 0.1 * pattern * (np.linalg.norm(rows, axis=1) / np.linalg.norm(pattern, axis=1))[:, None]


def minimise(x, a, first, maxiter, maxcor, cpu):
    """Seconds and losses of the iterations of L-BFGS, from weights (V, U)."""
    k, d = first[0].shape
    m = first[1].shape[0]

    def loss(w):
        v, u = w[: k * d].reshape(k, d), w[k * d :].reshape(m, k)
        hidden = x @ v.T
        active = hidden > 0.0
        np.maximum(hidden, 0.0, out=hidden)
        residual = hidden @ u.T
        residual -= a
        value = np.vdot(residual, residual)
        back = residual @ u
        back *= active
        return value, 2.0 * np.concatenate([(back.T @ x).ravel(), (residual.T @ hidden).ravel()])

    history = []
    begun = time.process_time() if cpu else time.perf_counter()

    def record(intermediate_result):
        history.append(((time.process_time() if cpu else time.perf_counter()) - begun, float(intermediate_result.fun)))

    options = {"maxiter": maxiter, "maxfun": 4 * maxiter, "maxcor": maxcor, "ftol": 1e-15, "gtol": 1e-12}
    weights = np.concatenate([part.ravel() for part in first])
    ended = scipy.optimize.minimize(loss, weights, jac=True, method="L-BFGS-B", callback=record, options=options)
    return history, ended.nfev


def main(chosen):
    if not chosen.orthant.exists():
        sys.exit(f"error: no program at {chosen.orthant}: cargo build --release --package orthant-cli")
    recipe = {"--m": chosen.m, "--k": chosen.k, "--d": chosen.d, "--n": chosen.n, "--seed": chosen.seed,
              "--noise": chosen.noise}
    with tempfile.TemporaryDirectory() as folder:
        x, a, true = common.generate(str(chosen.orthant), recipe, folder)
    print(f"m {chosen.m}, k {chosen.k}, d {chosen.d}, n {chosen.n}, noise {chosen.noise:g}; threads {chosen.threads}, "
          f"NumPy {np.__version__}, SciPy {scipy.__version__}")
    starts = [(off_by_a_tenth(true.v), off_by_a_tenth(true.u.T).T)]
    if chosen.restarts:
        rng = np.random.default_rng(chosen.seed)
        # The initialisation of He et al. 2015: activations keep their scale.
        starts = [(rng.normal(size=true.v.shape) * np.sqrt(2.0 / chosen.d), rng.normal(size=true.u.shape) * np.sqrt(1.0 / chosen.k))
                  for _ in range(chosen.restarts)]
    runs = [minimise(x, a, start, chosen.maxiter, chosen.maxcor, chosen.cpu) for start in starts]
    for number, (history, calls) in enumerate(runs):
        seconds, last = history[-1]
        print(f"start {number}: loss {last:.10e} after {len(history)} iterations, {calls} evaluations, {seconds:.3f} s "
              f"({1e3 * seconds / calls:.2f} ms for each)")
    least = min(history[-1][1] for history, _ in runs)
    reference = least if chosen.loss is None else chosen.loss
    weights = chosen.k * (chosen.d - 1) + chosen.m * chosen.k
    share = weights / (chosen.m * chosen.n - weights)
    for excess in EXCESSES:
        bound = reference * (1.0 + excess * share)
        spent = 0.0
        for history, _ in runs:
            first = next((i for i, (_, value) in enumerate(history) if value <= bound), None)
            if first is not None:
                print(f"within {excess:g} p/(mn) of {reference:.10e}: {spent + history[first][0]:.3f} s, "
                      f"{first + 1} iterations of the last start")
                break
            spent += history[-1][0]
        else:
            print(f"within {excess:g} p/(mn) of {reference:.10e}: not reached in {spent:.3f} s")


if __name__ == "__main__":
    OPTIONS = arguments()
    # The BLAS behind NumPy reads these once, when it is loaded.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[variable] = str(OPTIONS.threads)
    try:
        import numpy as np
        import scipy
        import scipy.optimize

        import common
    except ImportError as error:
        print(f"skipped: {error}; this comparison needs numpy and scipy (pip install numpy scipy)")
        sys.exit(0)
    main(OPTIONS)
