//! The trained networks of `data/` come back from their samples, as the README says.

use std::path::Path;

use super::bench::Bench;
use serde_json::Value;

/// Directory, verdict, width, and the largest residual: rounding of the labels, with some digits to spare.
const NETWORKS: [(&str, &str, u64, f64); 6] = [
    ("cancer-autoencoder-12-natural", "exact", 12, 1e-12),
    ("diabetes-scalar-6", "exact", 6, 1e-13),
    ("digits-autoencoder-16", "exact", 16, 1e-13),
    ("digits-autoencoder-32-biased", "exact", 30, 1e-12),
    ("digits-autoencoder-32-float32", "exact", 30, 1e-6),
    ("digits-classifier-8-natural", "exact on the samples", 8, 1e-13),
];

#[test]
fn trained_networks_come_back() {
    let bench = Bench::new();
    for (name, verdict, width, residual) in NETWORKS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(name);
        for file in ["inputs.npy", "labels.npy", "network.safetensors"] {
            std::fs::copy(directory.join(file), bench.path(file)).expect("copied");
        }
        bench.succeeds(
            "recover --inputs inputs.npy --labels labels.npy --out net.safetensors --report r.json",
        );
        let report: Value = serde_json::from_slice(&bench.read("r.json")).expect("valid JSON");
        assert_eq!((&report["verdict"], &report["width"]), (&verdict.into(), &width.into()), "{name}");
        assert!(report["residual"].as_f64().expect("a number") < residual, "{name}: {}", report["residual"]);
        if verdict == "exact" {
            // Weights are as accurate as labels, times condition numbers below 10 and a unit's share of the labels.
            let tolerance = if name.ends_with("float32") { "1e-4" } else { "1e-9" };
            bench.succeeds(&format!("verify net.safetensors network.safetensors --tolerance {tolerance}"));
        }
    }
}
