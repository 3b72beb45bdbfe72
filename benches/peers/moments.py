#!/usr/bin/env python3
"""The moment methods side by side with scikit-learn's FastICA and tensorly's symmetric power iteration.

Both peers see the same files as `orthant recover`, and the width. FastICA gets the labels of a network
with orthonormal rows of V, whose activations are independent; its sources are matched to the true
activations. Its contrast is the fourth power: the default, log cosh, ended in mixtures (an angle of 0.8)
in one of three runs at k = 6, n = 20000. tensorly gets the third-order tensor of the labels'
second-order score moments, whitened to have orthonormal components (it has no whitening of its own), and
its components are mapped back to rows of V. A size k,n is that of a network with k inputs, units and outputs.

Neither peer ends in exact weights, so success is an approximation on either side: the worst angle, in radians, of matched
directions up to sign, of rows of V for tensorly and for orthant, of centred activations for FastICA. Seconds are those of the processor,
with one thread on either side: for orthant of the whole process, which ends in exact weights, reading and writing of the files
included, and for the peers of their functions alone.

Build the program first: cargo build --release --package orthant-cli
"""

import tempfile
import time
import warnings

import options as shared

# Angle up to which a direction counts as found.
FOUND = 0.1

INDEPENDENT = "independent components, exact labels"
TENSOR = "score tensor, exact labels"


def arguments():
    return shared.parser(__doc__, "k,n", [(5, 20000), (10, 50000)]).parse_args()


def worst_angle(found, true):
    """Largest angle, in radians, of matched rows up to sign."""
    unit = lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosine = np.abs(unit(found) @ unit(true).T).clip(0.0, 1.0)
    rows, cols = scipy.optimize.linear_sum_assignment(-cosine)
    return float(np.arccos(cosine[rows, cols]).max())


def fast_ica(x, a, true, seed):
    """Seconds, and the worst angle between centred sources and centred activations."""
    k = true.v.shape[0]
    start = time.process_time()
    with warnings.catch_warnings():
        # Where it does not converge, the angle says so.
        warnings.simplefilter("ignore")
        sources = sklearn.decomposition.FastICA(
            n_components=k, whiten="unit-variance", fun="cube", random_state=seed, max_iter=1000
        ).fit_transform(a)
    seconds = time.process_time() - start
    activations = np.maximum(x @ true.v.T, 0.0)
    return seconds, worst_angle(sources.T, (activations - activations.mean(axis=0)).T)


def symmetric_power(x, a, true, seed):
    """Seconds, and the worst angle between rows of V."""
    n, d = x.shape
    k = true.v.shape[0]
    start = time.process_time()
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
    return time.process_time() - start, worst_angle(rows, true.v)


def compare(options, problem, recipe, method, name, peer):
    for k, n in options.size:
        size = f"k=d=m={k},n={n}"
        table = shared.Comparison(options, problem, size, "worst angle", FOUND, f"orthant recover {method}", name)
        for seed in options.seed:
            with tempfile.TemporaryDirectory() as folder:
                whole = {"--m": k, "--k": k, "--d": k, "--n": n, "--seed": seed, **recipe}
                x, a, true = common.generate(options, whole, folder)
                seconds, found = common.recover(options, folder, ["--method", method])
            angle = float("inf") if found is None else worst_angle(found.v, true.v)
            table.add(seed, (seconds, angle), peer(x, a, true, seed))
        table.close()


if __name__ == "__main__":
    OPTIONS = arguments()
    shared.one_thread()
    if shared.installed(OPTIONS, INDEPENDENT, "scikit-learn FastICA", shared.NUMERIC | {"sklearn": "scikit-learn"}):
        import numpy as np
        import scipy.optimize
        import sklearn.decomposition

        import common

        NAME = f"scikit-learn {sklearn.__version__} FastICA"
        compare(OPTIONS, INDEPENDENT, {"--kappa-v": 1}, "ica", NAME, fast_ica)
    if shared.installed(OPTIONS, TENSOR, "tensorly power iteration", shared.NUMERIC | {"tensorly": "tensorly"}):
        import numpy as np
        import scipy.optimize
        import tensorly
        import tensorly.decomposition

        import common

        NAME = f"tensorly {tensorly.__version__} power iteration"
        compare(OPTIONS, TENSOR, {}, "tensor", NAME, symmetric_power)
