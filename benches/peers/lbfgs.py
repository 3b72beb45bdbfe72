#!/usr/bin/env python3
"""`orthant recover` side by side with SciPy's L-BFGS on the same files, with exact labels.

The peer is given what orthant has to find: the width, and that there are no biases. It minimises the
mean squared error over all weights in float64 with the analytic gradient; the products go through
the BLAS of NumPy. A start ends at rounding, or when a thousand iterations lower the loss by less than
one per cent: it then sits in a local minimum, and further starts follow until --seconds are over.

Seconds are those of the processor, with one thread on either side: for orthant of the whole process, reading
and writing files included, for the peer of the optimiser alone, summed over its starts. The unit error is the largest over units of
the larger relative error of (v, b) and of u, after the order and the scale of the units are removed.

Build the program first: cargo build --release --package orthant-cli
"""

import tempfile
import time

import options as shared

# Iterations over which the loss has to fall by one per cent.
PATIENCE = 1000

# Unit error up to which an answer counts as one.
RECOVERED = 1e-6

PROBLEM = "exact labels"


def arguments():
    sizes = [(10, 10, 20, 80), (20, 20, 20, 320), (50, 50, 50, 800), (100, 100, 100, 1600)]
    parser = shared.parser(__doc__, "m,k,d,n", sizes)
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds of the processor for the peer and one seed at most (default 10)")
    return parser.parse_args()


def fit(x, a, k, seed, limit, starts=None):
    """Seconds and the network of least loss over the starts; a start that reaches rounding, or the limit of seconds or starts, is the last."""
    n, d = x.shape
    m = a.shape[1]

    def loss(w):
        v, u = w[: k * d].reshape(k, d), w[k * d :].reshape(m, k)
        hidden = x @ v.T
        active = hidden > 0.0
        np.maximum(hidden, 0.0, out=hidden)
        residual = hidden @ u.T
        residual -= a
        value = 0.5 * np.vdot(residual, residual) / residual.size
        residual /= residual.size
        back = residual @ u
        back *= active
        return value, np.concatenate([(back.T @ x).ravel(), (residual.T @ hidden).ravel()])

    settings = {"maxiter": 10**6, "maxfun": 10**7, "maxcor": 20, "ftol": 1e-30, "gtol": 1e-16}
    rounding = 0.5 * np.mean(a * a) * (64 * np.finfo(float).eps) ** 2
    best, restart, start = None, 0, time.process_time()
    while best is None or best.fun > rounding and restart != starts and time.process_time() - start < limit:
        losses = []

        def stop_when_stuck(intermediate_result):
            losses.append(intermediate_result.fun)
            stuck = len(losses) > PATIENCE and losses[-1] > 0.99 * losses[-1 - PATIENCE]
            if stuck or time.process_time() - start >= limit:
                raise StopIteration

        rng = np.random.default_rng([seed, restart])
        restart += 1
        # The initialisation of He et al. 2015: activations keep their scale.
        first = np.concatenate([rng.normal(size=k * d) * np.sqrt(2.0 / d), rng.normal(size=m * k) * np.sqrt(1.0 / k)])
        result = scipy.optimize.minimize(
            loss, first, jac=True, method="L-BFGS-B", callback=stop_when_stuck, options=settings
        )
        if best is None or result.fun < best.fun:
            best = result
    seconds = time.process_time() - start
    v, u = best.x[: k * d].reshape(k, d), best.x[k * d :].reshape(m, k)
    return seconds, common.Network(v, np.zeros(k), u, np.zeros(m))


def main(options):
    for m, k, d, n in options.size:
        table = shared.Comparison(options, PROBLEM, f"m={m},k={k},d={d},n={n}", "unit error", RECOVERED,
                                  "orthant recover", f"SciPy {scipy.__version__} L-BFGS")
        for seed in options.seed:
            with tempfile.TemporaryDirectory() as folder:
                recipe = {"--m": m, "--k": k, "--d": d, "--n": n, "--seed": seed}
                x, a, true = common.generate(options, recipe, folder)
                ours_seconds, ours = common.recover(options, folder, [])
            seconds, peer = fit(x, a, k, seed, options.seconds)
            table.add(seed, (ours_seconds, common.worst_unit_error(ours, true)),
                      (seconds, common.worst_unit_error(peer, true)))
        table.close()


if __name__ == "__main__":
    OPTIONS = arguments()
    shared.one_thread()
    if shared.installed(OPTIONS, PROBLEM, "SciPy L-BFGS", shared.NUMERIC):
        import numpy as np
        import scipy
        import scipy.optimize

        import common

        main(OPTIONS)
