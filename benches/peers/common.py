"""What the comparisons share: files, networks, and runs of the program `orthant`.

Import it after `options.one_thread`: the BLAS behind NumPy reads the number of threads once.
"""

import json
import os
import pathlib
import resource
import struct
import subprocess
import sys

import numpy as np
import scipy.optimize

from options import program

# Seconds of the clock for one run of one of our programs.
LIMIT = 300


def read_safetensors(path):
    """The F64 tensors of a file, by name."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            assert entry["dtype"] == "F64", f"{name} has type {entry['dtype']}"
            first, last = entry["data_offsets"]
            values = np.frombuffer(data[8 + length + first : 8 + length + last], "<f8")
            tensors[name] = values.reshape(entry["shape"])
    return tensors


class Network:
    """Weights, with rows of V of unit norm: labels = relu(x V' + b) U' + c."""

    def __init__(self, v, b, u, c):
        norms = np.linalg.norm(v, axis=1)
        norms[norms == 0.0] = 1.0
        self.v, self.b, self.u, self.c = v / norms[:, None], b / norms, u * norms, c

    @staticmethod
    def read(path):
        tensors = read_safetensors(path)
        v, u = tensors["0.weight"], tensors["2.weight"]
        b = tensors.get("0.bias", np.zeros(v.shape[0]))
        c = tensors.get("2.bias", np.zeros(u.shape[0]))
        return Network(v, b, u, c)


def worst_unit_error(found, true):
    """Relative error of the worst unit under the best match; infinite without a network or when the widths differ."""
    if found is None or found.v.shape != true.v.shape:
        return float("inf")
    hidden, hidden_true = np.c_[found.v, found.b], np.c_[true.v, true.b]
    errors = np.empty((len(hidden), len(hidden)))
    for j in range(len(hidden)):
        first = np.linalg.norm(hidden - hidden_true[j], axis=1) / np.linalg.norm(hidden_true[j])
        second = np.linalg.norm(found.u.T - true.u[:, j], axis=1) / np.linalg.norm(true.u[:, j])
        errors[:, j] = np.maximum(first, second)
    rows, cols = scipy.optimize.linear_sum_assignment(np.minimum(errors, 1.0))
    return float(errors[rows, cols].max())


def generate(options, recipe, folder):
    """Writes a planted instance and returns inputs (n, d), labels (n, m) and the true network."""
    flat = [str(word) for pair in recipe.items() for word in pair]
    run([program(options, "orthant"), "generate", *flat, "--out", folder, "--quiet"])
    load = lambda name: np.load(os.path.join(folder, name))
    return load("inputs.npy"), load("labels.npy"), Network.read(os.path.join(folder, "network.safetensors"))


def recover(options, folder, further):
    """Seconds of the processor for the whole process, and the network, None where there is no answer."""
    inputs, labels, out = (os.path.join(folder, name) for name in ("inputs.npy", "labels.npy", "found"))
    files = ["--inputs", inputs, "--labels", labels, "--out", out]
    # Exit code 1: no network was found.
    command = [program(options, "orthant"), "recover", *files, *further, "--threads", "1", "--quiet"]
    seconds, code = run(command, expected=(0, 1))
    return seconds, Network.read(out) if code == 0 else None


def write_columns(folder, name, a):
    """Writes a matrix for the program `kernel`: one column after the other."""
    np.ascontiguousarray(a.T, "<f8").tofile(os.path.join(folder, name))


def read_columns(folder, name, shape):
    """Reads a matrix that the program `kernel` wrote."""
    return np.fromfile(os.path.join(folder, name), "<f8").reshape(shape[::-1]).T


def kernel(options, arguments):
    """Seconds of the processor for one call of a function of the library, reading and writing of its files included."""
    return run([program(options, "kernel"), *map(str, arguments)])[0]


def run(command, expected=(0,)):
    """Seconds of the processor and the exit code of one of our programs, which is not to take more than LIMIT on the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode not in expected:
        sys.exit(f"error: {' '.join(command[:2])} ended with exit code {ended.returncode}: {ended.stderr.strip()}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ended.returncode
