"""What the comparisons share: files, networks, and runs of the program `orthant`.

Import it after the number of threads has been set: the BLAS behind NumPy reads that once.
"""

import json
import os
import pathlib
import struct
import subprocess
import sys
import time

import numpy as np
import scipy.optimize


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
    """Relative error of the worst unit under the best match; infinite when the widths differ."""
    if found.v.shape != true.v.shape:
        return float("inf")
    hidden, hidden_true = np.c_[found.v, found.b], np.c_[true.v, true.b]
    errors = np.empty((len(hidden), len(hidden)))
    for j in range(len(hidden)):
        first = np.linalg.norm(hidden - hidden_true[j], axis=1) / np.linalg.norm(hidden_true[j])
        second = np.linalg.norm(found.u.T - true.u[:, j], axis=1) / np.linalg.norm(true.u[:, j])
        errors[:, j] = np.maximum(first, second)
    rows, cols = scipy.optimize.linear_sum_assignment(np.minimum(errors, 1.0))
    return float(errors[rows, cols].max())


def generate(program, recipe, folder):
    """Writes a planted instance and returns inputs (n, d), labels (n, m) and the true network."""
    flat = [str(word) for pair in recipe.items() for word in pair]
    subprocess.run([program, "generate", *flat, "--out", folder, "--quiet"], check=True)
    load = lambda name: np.load(os.path.join(folder, name))
    return load("inputs.npy"), load("labels.npy"), Network.read(os.path.join(folder, "network.safetensors"))


def recover(program, folder, true, options):
    """Seconds of the whole process, the worst unit's error (infinite without an answer) and the verdict."""
    inputs, labels, out, report = (os.path.join(folder, name) for name in ("inputs.npy", "labels.npy", "found", "report"))
    files = ["--inputs", inputs, "--labels", labels, "--out", out, "--report", report]
    start = time.perf_counter()
    ended = subprocess.run([program, "recover", *files, *options, "--quiet"], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if ended.returncode == 2:
        return seconds, float("inf"), ended.stderr.strip()
    if ended.returncode not in (0, 1):
        sys.exit(f"error: orthant recover ended with exit code {ended.returncode}: {ended.stderr}")
    verdict = json.loads(pathlib.Path(report).read_text())["verdict"]
    error = worst_unit_error(Network.read(out), true) if ended.returncode == 0 else float("inf")
    return seconds, error, verdict
