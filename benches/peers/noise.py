#!/usr/bin/env python3
"""The fit of a whole network to noisy labels side by side with SciPy's L-BFGS on the same files.

Both minimise the sum of squared residuals over all weights in float64. The peer has the analytic gradient, with products through
the BLAS of NumPy. Both are given the width, and that there are no biases. There are two comparisons for each size, with Gaussian
noise of a tenth of the labels' deviation.

Refinement: both start at the true network with every row of V and every column of U off by a tenth of its norm. Seconds of
orthant are those of a process that reads the matrices, calls the function and writes its answer.

Recovery: neither has a start. Seconds of `orthant recover --noise gaussian` are those of the whole process; the peer starts at random
until it has succeeded or --seconds are over.

All seconds are those of the processor, with one thread on either side; those of the peer are of the optimiser alone.

What is measured is the excess of the loss over the least one known, in units of p / (m n) of it, with p weights, m n labels: the squared
distance from the optimum in standard errors, averaged over the weights. The least loss known is that of orthant or of the
peer started at the true network, which counts for no time. The peer is stopped as soon as it is within the limit, which it could not
know by itself; orthant ends by itself. Units that are missing count as infinite.

Build the programs first: cargo build --release --package orthant-cli --package orthant-benches
"""

import tempfile
import time

import options as shared

# Squared distance from the optimum, in standard errors, up to which an answer counts: it adds half a per cent to the error.
NEAR = 1e-2

# Noise as a fraction of the labels' deviation.
NOISE = 0.1

REFINEMENT = "noisy labels, refinement"
RECOVERY = "noisy labels, recovery"


def arguments():
    parser = shared.parser(__doc__, "m,k,d,n", [(10, 5, 20, 8000), (20, 10, 50, 20000)])
    parser.add_argument("--seconds", type=float, default=15.0, help="seconds of the processor for the peer and one seed at most (default 15)")
    return parser.parse_args()


def off_by_a_tenth(rows):
    """Each row plus a fixed pattern of a tenth of its norm."""
    index = np.arange(1.0, rows.size + 1.0).reshape(rows.shape)
    pattern = np.cos(index * index)
    return rows + 0.1 * pattern * (np.linalg.norm(rows, axis=1) / np.linalg.norm(pattern, axis=1))[:, None]


class Instance:
    """Samples, and the loss of networks on them; weights are V and U, one behind the other."""

    def __init__(self, options, sizes, seed, folder):
        self.m, self.k, self.d, self.n = sizes
        recipe = {"--m": self.m, "--k": self.k, "--d": self.d, "--n": self.n, "--seed": seed, "--noise": NOISE}
        self.x, self.a, self.true = common.generate(options, recipe, folder)
        weights = self.k * (self.d - 1) + self.m * self.k
        self.share = weights / (self.m * self.n - weights)

    def loss(self, w):
        """The sum of squared residuals and its gradient."""
        v, u = w[: self.k * self.d].reshape(self.k, self.d), w[self.k * self.d :].reshape(self.m, self.k)
        hidden = self.x @ v.T
        active = hidden > 0.0
        np.maximum(hidden, 0.0, out=hidden)
        residual = hidden @ u.T
        residual -= self.a
        value = np.vdot(residual, residual)
        back = residual @ u
        back *= active
        return value, 2.0 * np.concatenate([(back.T @ self.x).ravel(), (residual.T @ hidden).ravel()])

    def excess(self, loss, least):
        return (loss / least - 1.0) / self.share

    def minimise(self, first, goal, seconds):
        """Seconds and loss of the peer, which stops at the loss `goal` or after so many seconds."""
        start = time.process_time()

        def stop(intermediate_result):
            if intermediate_result.fun <= goal or time.process_time() - start >= seconds:
                raise StopIteration

        settings = {"maxiter": 2000, "maxfun": 8000, "maxcor": 20, "ftol": 1e-15, "gtol": 1e-12}
        ended = scipy.optimize.minimize(self.loss, np.concatenate([part.ravel() for part in first]), jac=True,
                                        method="L-BFGS-B", callback=stop, options=settings)
        return time.process_time() - start, float(ended.fun)

    def optimum(self, known):
        """The least loss known."""
        _, loss = self.minimise((self.true.v, self.true.u), 0.0, float("inf"))
        return min(loss, known)

    def goal(self, least):
        return least * (1.0 + NEAR * self.share)


def refinement(options, instance, seed, folder):
    """Seconds and excess of either side from one start near the true network."""
    start = off_by_a_tenth(instance.true.v), off_by_a_tenth(instance.true.u.T).T
    for name, a in {"x": instance.x.T, "a": instance.a.T, "v": start[0], "u": start[1]}.items():
        common.write_columns(folder, name, a)
    sizes = instance.m, instance.k, instance.d, instance.n
    ours_seconds = common.kernel(options, ["fit", folder, *sizes])
    found = [common.read_columns(folder, f"fitted-{name}", part.shape) for name, part in zip("vu", start)]
    ours, _ = instance.loss(np.concatenate([part.ravel() for part in found]))
    least = instance.optimum(ours)
    seconds, peer = instance.minimise(start, instance.goal(least), options.seconds)
    return (ours_seconds, instance.excess(ours, least)), (seconds, instance.excess(peer, least))


def recovery(options, instance, seed, folder):
    """Seconds and excess of either side without a start."""
    ours_seconds, found = common.recover(options, folder, ["--noise", "gaussian", "--width", str(instance.k), "--bias", "none"])
    ours = float("inf")
    if found is not None and found.v.shape == instance.true.v.shape:
        ours, _ = instance.loss(np.concatenate([found.v.ravel(), found.u.ravel()]))
    least = instance.optimum(ours)
    goal, peer, spent, rng = instance.goal(least), float("inf"), 0.0, np.random.default_rng(seed)
    while peer > goal and spent < options.seconds:
        # The initialisation of He et al. 2015: activations keep their scale.
        v = rng.normal(size=instance.true.v.shape) * np.sqrt(2.0 / instance.d)
        u = rng.normal(size=instance.true.u.shape) * np.sqrt(1.0 / instance.k)
        seconds, loss = instance.minimise((v, u), goal, options.seconds - spent)
        spent, peer = spent + seconds, min(peer, loss)
    return (ours_seconds, instance.excess(ours, least)), (spent, instance.excess(peer, least))


def main(options):
    name = f"SciPy {scipy.__version__} L-BFGS"
    for problem, ours, run in (
        (REFINEMENT, "orthant fit", refinement),
        (RECOVERY, "orthant recover --noise gaussian", recovery),
    ):
        for sizes in options.size:
            size = "m={},k={},d={},n={}".format(*sizes)
            table = shared.Comparison(options, problem, size, "excess loss", NEAR, ours, name)
            for seed in options.seed:
                with tempfile.TemporaryDirectory() as folder:
                    table.add(seed, *run(options, Instance(options, sizes, seed, folder), seed, folder))
            table.close()


if __name__ == "__main__":
    OPTIONS = arguments()
    shared.one_thread()
    if shared.installed(OPTIONS, REFINEMENT, "SciPy L-BFGS", shared.NUMERIC):
        import numpy as np
        import scipy
        import scipy.optimize

        import common

        main(OPTIONS)
