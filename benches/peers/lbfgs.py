#!/usr/bin/env python3
"""`orthant recover` side by side with SciPy's L-BFGS on the same files.

The peer is given what orthant has to find: the width, and which biases there are. It minimises the
mean squared error over all weights in float64 with the analytic gradient; the products go through
the BLAS of NumPy. A start ends at rounding, or when a thousand iterations lower the loss by less than
one per cent: it then sits in a local minimum, and further starts follow up to --restarts.

Seconds of orthant are those of the whole process, reading and writing files included; seconds of the
peer are those of the optimiser alone, summed over its starts. The error is the largest over units of
the larger relative error of (v, b) and of u, after the order and the scale of the units are removed. A ">"
before the ratio says that the peer did not get within 1e-6, so that its time bought no answer.

Build the program first: cargo build --release --package orthant-cli
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Iterations over which the loss has to fall by one per cent.
PATIENCE = 1000

# Unit error up to which an answer counts as one.
RECOVERED = 1e-6


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--m", type=int, default=100, help="outputs (default 100)")
    parser.add_argument("--k", type=int, default=100, help="hidden units (default 100)")
    parser.add_argument("--d", type=int, default=100, help="inputs (default 100)")
    parser.add_argument("--n", type=int, help="samples (default 16 d)")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="seeds, one row each (default 0)")
    parser.add_argument("--bias", choices=["none", "hidden", "output", "both"], default="none")
    parser.add_argument("--threads", type=int, default=2, help="threads of either program (default 2)")
    parser.add_argument("--restarts", type=int, default=1, help="starts of the peer at most (default 1)")
    parser.add_argument("--maxiter", type=int, default=20000, help="iterations of the peer per start (default 20000)")
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    parser.add_argument("--orthant", type=pathlib.Path, default=pathlib.Path(target) / "release" / "orthant")
    chosen = parser.parse_args()
    if chosen.n is None:
        chosen.n = 16 * chosen.d
    return chosen


def fit(x, a, k, bias, seed, restarts, maxiter):
    """Seconds and the network of least loss over the starts; a start that reaches rounding is the last."""
    n, d = x.shape
    m = a.shape[1]
    sizes = [k * d, k if bias in ("hidden", "both") else 0, m * k, m if bias in ("output", "both") else 0]
    ends = np.cumsum(sizes)

    def unpack(w):
        v, b, u, c = np.split(w, ends[:-1])
        return v.reshape(k, d), b, u.reshape(m, k), c

    def loss(w):
        v, b, u, c = unpack(w)
        hidden = x @ v.T
        if b.size:
            hidden += b
        active = hidden > 0.0
        np.maximum(hidden, 0.0, out=hidden)
        residual = hidden @ u.T
        if c.size:
            residual += c
        residual -= a
        value = 0.5 * np.vdot(residual, residual) / residual.size
        residual /= residual.size
        back = residual @ u
        back *= active
        gradient = [
            (back.T @ x).ravel(),
            back.sum(axis=0)[: b.size],
            (residual.T @ hidden).ravel(),
            residual.sum(axis=0)[: c.size],
        ]
        return value, np.concatenate(gradient)

    options = {"maxiter": maxiter, "maxfun": 4 * maxiter, "maxcor": 20, "ftol": 1e-30, "gtol": 1e-16}
    rounding = 0.5 * np.mean(a * a) * (64 * np.finfo(float).eps) ** 2
    best, start = None, time.perf_counter()
    for restart in range(restarts):
        losses = []

        def stop_when_stuck(intermediate_result):
            losses.append(intermediate_result.fun)
            if len(losses) > PATIENCE and losses[-1] > 0.99 * losses[-1 - PATIENCE]:
                raise StopIteration

        rng = np.random.default_rng([seed, restart])
        # The initialisation of He et al. 2015: activations keep their scale.
        first = [
            rng.normal(size=k * d) * np.sqrt(2.0 / d),
            np.zeros(sizes[1]),
            rng.normal(size=m * k) * np.sqrt(1.0 / k),
            np.zeros(sizes[3]),
        ]
        result = scipy.optimize.minimize(
            loss, np.concatenate(first), jac=True, method="L-BFGS-B", callback=stop_when_stuck, options=options
        )
        if best is None or result.fun < best.fun:
            best = result
        if best.fun <= rounding:
            break
    seconds = time.perf_counter() - start
    v, b, u, c = unpack(best.x)
    return seconds, common.Network(v, b if b.size else np.zeros(k), u, c if c.size else np.zeros(m))


def run(chosen, seed, folder):
    """One row of the table: our seconds, error, verdict, the peer's seconds, error."""
    program = str(chosen.orthant)
    recipe = {"--m": chosen.m, "--k": chosen.k, "--d": chosen.d, "--n": chosen.n, "--seed": seed, "--bias": chosen.bias}
    x, a, true = common.generate(program, recipe, folder)
    ours = common.recover(program, folder, true, ["--threads", str(chosen.threads)])
    peer_seconds, peer = fit(x, a, chosen.k, chosen.bias, seed, chosen.restarts, chosen.maxiter)
    return *ours, peer_seconds, common.worst_unit_error(peer, true)


def main(chosen):
    if not chosen.orthant.exists():
        sys.exit(f"error: no program at {chosen.orthant}: cargo build --release --package orthant-cli")
    print(f"threads {chosen.threads}, biases {chosen.bias}, NumPy {np.__version__}, SciPy {scipy.__version__}")
    print(f"{'m x k x d':>14} {'n':>6} {'seed':>4} | {'orthant s':>9} {'error':>8} {'verdict':>20} | "
          f"{'L-BFGS s':>9} {'error':>8} | {'times faster':>12}")
    for seed in chosen.seed:
        with tempfile.TemporaryDirectory() as folder:
            ours, our_error, verdict, peer, peer_error = run(chosen, seed, folder)
        size = f"{chosen.m} x {chosen.k} x {chosen.d}"
        ratio = f"{'> ' if peer_error > RECOVERED else ''}{peer / ours:.1f}"
        print(f"{size:>14} {chosen.n:>6} {seed:>4} | {ours:>9.2f} {our_error:>8.1e} {verdict:>20} | "
              f"{peer:>9.2f} {peer_error:>8.1e} | {ratio:>12}", flush=True)


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
