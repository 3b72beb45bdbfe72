//! What one command writes, another reads back to the bit.

use super::bench::{Bench, doubles, npy, values};
use orthant::Network;
use orthant::network::{BiasKind, InputKind, PlantedSpec};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

const RECIPE: &str = "--m 5 --k 4 --d 3 --n 40 --seed 9 --bias both";

#[test]
fn a_generated_network_predicts_its_labels_bit_for_bit() {
    for inputs in InputKind::ALL {
        let bench = Bench::new();
        bench.succeeds(&format!(
            "generate --m 17 --k 23 --d 9 --n 203 --bias both --inputs {} --out p",
            inputs.name()
        ));
        bench.succeeds("predict --network p/network.safetensors --inputs p/inputs.npy --out again.npy");
        assert!(bench.read("again.npy") == bench.read("p/labels.npy"), "{}", inputs.name());
    }
}

/// Reading a network must not normalise its rows a second time, also where their norm is 1 to many roundings only.
#[test]
fn a_wide_generated_network_predicts_its_labels_bit_for_bit() {
    let bench = Bench::new();
    bench.succeeds("generate --m 2 --k 20 --d 3000 --n 3 --out p");
    bench.succeeds("predict --network p/network.safetensors --inputs p/inputs.npy --out again.npy");
    assert!(bench.read("again.npy") == bench.read("p/labels.npy"));
}

#[test]
fn generated_files_hold_the_planted_instance() {
    let bench = Bench::new();
    bench.succeeds(&format!("generate {RECIPE} --inputs laplace --kappa-u 10 --kappa-v 3 --out new/deep"));
    let spec = PlantedSpec {
        m: 5,
        k: 4,
        d: 3,
        kappa_u: Some(10.0),
        kappa_v: Some(3.0),
        bias: BiasKind::Both,
        inputs: InputKind::Laplace,
        seed: 9,
        ..PlantedSpec::default()
    };
    let planted = spec.plant(40).expect("valid");
    let (shape, inputs) = values(&bench.read("new/deep/inputs.npy"));
    assert_eq!(shape, [40, 3]);
    assert_eq!(inputs[3 * 7 + 2], planted.x[(2, 7)]);
    let (shape, labels) = values(&bench.read("new/deep/labels.npy"));
    assert_eq!(shape, [40, 5]);
    assert_eq!(labels[5 * 7 + 2], planted.a[(2, 7)]);
    let bytes = bench.read("new/deep/network.safetensors");
    let file = SafeTensors::deserialize(&bytes).expect("valid");
    let entry = |name, index: usize| {
        let data = file.tensor(name).expect("there").data();
        f64::from_le_bytes(data[8 * index..8 * index + 8].try_into().expect("eight bytes"))
    };
    assert_eq!(entry("0.weight", 3 * 2 + 1), planted.network.v()[(2, 1)]);
    assert_eq!(entry("2.weight", 4 * 3 + 2), planted.network.u()[(3, 2)]);
    assert_eq!(entry("0.bias", 3), planted.network.hidden_bias(3));
    assert_eq!(entry("2.bias", 4), planted.network.c().expect("has one")[4]);
}

#[test]
fn the_same_recipe_writes_the_same_files() {
    let bench = Bench::new();
    bench.succeeds(&format!("generate {RECIPE} --out a"));
    bench.succeeds(&format!("generate {RECIPE} --out b"));
    bench.succeeds(&format!("generate {RECIPE} --seed 10 --out c").replace("--seed 9 ", ""));
    for name in ["inputs.npy", "labels.npy", "network.safetensors"] {
        assert!(bench.read(&format!("a/{name}")) == bench.read(&format!("b/{name}")));
        assert!(bench.read(&format!("a/{name}")) != bench.read(&format!("c/{name}")));
    }
}

#[test]
fn every_layout_and_type_reads_as_the_same_values() {
    let bench = Bench::new();
    bench.succeeds(&format!("generate {RECIPE} --out p"));
    // Small integers are exact in every type; booleans are tested with the values 0 and 1 they have.
    let value = |i: usize, j: usize| ((5 * i + j) % 7) as u8;
    let (n, d) = (11usize, 3usize);
    let c_order: Vec<u8> = (0..n * d).map(|i| value(i / d, i % d)).collect();
    let f_order: Vec<u8> = (0..n * d).map(|i| value(i % n, i / n)).collect();
    let predict = |name: &str, bytes: &[u8]| {
        bench.write(name, bytes);
        bench.succeeds(&format!("predict --network p/network.safetensors --inputs {name} --out out.npy"));
        values(&bench.read("out.npy"))
    };
    let expected = predict("reference.npy", &doubles(n, d, |i, j| f64::from(value(i, j))));
    let encode = |descr: &str, v: u8| -> Vec<u8> {
        let mut bytes = match &descr[1..] {
            "f8" => f64::from(v).to_le_bytes().to_vec(),
            "f4" => f32::from(v).to_le_bytes().to_vec(),
            // Half precision: 0 to 6 from the table of the standard.
            "f2" => {
                [0u16, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600][usize::from(v)].to_le_bytes().to_vec()
            }
            "i8" | "u8" => u64::from(v).to_le_bytes().to_vec(),
            "i4" | "u4" => u32::from(v).to_le_bytes().to_vec(),
            "i2" | "u2" => u16::from(v).to_le_bytes().to_vec(),
            _ => vec![v],
        };
        if descr.starts_with('>') {
            bytes.reverse();
        }
        bytes
    };
    let shape = format!("({n}, {d})");
    for kind in ["f8", "f4", "f2", "i8", "i4", "i2", "u8", "u4", "u2", "i1", "u1"] {
        for order in if kind.ends_with('1') { ["|", "|"] } else { ["<", ">"] } {
            let descr = format!("{order}{kind}");
            for (fortran, data) in [(false, &c_order), (true, &f_order)] {
                let data: Vec<u8> = data.iter().flat_map(|&v| encode(&descr, v)).collect();
                let bytes = npy(&format!("'{descr}'"), fortran, &shape, &data);
                assert_eq!(predict("other.npy", &bytes), expected, "{descr}, fortran_order {fortran}");
            }
        }
    }
    let bits: Vec<u8> = c_order.iter().map(|v| v % 2).collect();
    let booleans = predict("booleans.npy", &npy("'|b1'", false, &shape, &bits));
    assert_eq!(booleans, predict("reference.npy", &doubles(n, d, |i, j| f64::from(value(i, j) % 2))));
}

/// A network as a file, units in the given order and multiplied by powers of two, which cost no rounding.
fn rearranged(network: &Network, order: &[usize], with_extra_silent_unit: bool) -> Vec<u8> {
    let scale = |i: usize| 2.0f64.powi(i as i32 - 2);
    let k = order.len() + usize::from(with_extra_silent_unit);
    let row = |i: usize| -> Vec<f64> {
        match order.get(i) {
            Some(&unit) => network.v().row(unit).iter().map(|v| v * scale(i)).collect(),
            None => vec![1.0; network.d()],
        }
    };
    let u = |o: usize, i: usize| order.get(i).map_or(0.0, |&unit| network.u()[(o, unit)] / scale(i));
    let v: Vec<f64> = (0..k).flat_map(row).collect();
    let u: Vec<f64> = (0..network.m() * k).map(|at| u(at / k, at % k)).collect();
    let b: Vec<f64> =
        (0..k).map(|i| order.get(i).map_or(0.0, |&unit| network.hidden_bias(unit) * scale(i))).collect();
    let tensors = [
        ("0.weight", vec![k, network.d()], v),
        ("0.bias", vec![k], b),
        ("2.weight", vec![network.m(), k], u),
        ("2.bias", vec![network.m()], network.c().expect("has one").to_vec()),
    ];
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(_, _, values)| values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (*name, TensorView::new(Dtype::F64, shape.clone(), bytes).expect("size fits"))
    });
    safetensors::serialize(views, None).expect("serialised")
}

fn planted() -> Network {
    let spec = PlantedSpec { m: 5, k: 4, d: 3, bias: BiasKind::Both, seed: 9, ..PlantedSpec::default() };
    spec.plant(1).expect("valid").network
}

#[test]
fn order_and_scale_of_units_do_not_matter_to_verify() {
    let bench = Bench::new();
    bench.succeeds(&format!("generate {RECIPE} --out p"));
    bench.write("other.safetensors", &rearranged(&planted(), &[2, 0, 3, 1], true));
    let json = bench.succeeds("verify other.safetensors p/network.safetensors --json").stdout;
    let value: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
    let seconds: Vec<_> =
        value["pairs"].as_array().expect("a list").iter().map(|pair| pair["second"].as_u64()).collect();
    assert_eq!(seconds, [Some(2), Some(0), Some(3), Some(1)]);
    assert_eq!(value["without_effect_first"], serde_json::json!([4]));
    let text = bench.succeeds("verify p/network.safetensors other.safetensors").stderr;
    assert!(text.contains("without effect in B: 4") && text.contains("\nequivalent: worst error"), "{text}");
}

#[test]
fn missing_units_and_wrong_weights_are_not_equivalent() {
    let bench = Bench::new();
    bench.succeeds(&format!("generate {RECIPE} --out p"));
    bench.write("fewer.safetensors", &rearranged(&planted(), &[2, 0, 3], false));
    let run = bench.run("verify fewer.safetensors p/network.safetensors");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("no partner") && run.stderr.contains("not equivalent"), "{run:?}");
    let run = bench.run("verify fewer.safetensors p/network.safetensors --json");
    let value: serde_json::Value = serde_json::from_str(&run.stdout).expect("valid JSON");
    assert_eq!((run.code, &value["unmatched_second"]), (1, &serde_json::json!([1])));
    assert!(value["worst"].is_null());

    let network = planted();
    let mut c = network.c().expect("has one").to_vec();
    c[0] += 1e-6;
    let norm = c.iter().map(|c| c * c).sum::<f64>().sqrt();
    let off = Network::new(
        network.u().to_owned(),
        network.v().to_owned(),
        network.b().map(<[f64]>::to_vec),
        Some(c),
    )
    .expect("shapes fit");
    bench.write("off.safetensors", &rearranged(&off, &[0, 1, 2, 3], false));
    assert_eq!(bench.run("verify off.safetensors p/network.safetensors").code, 1);
    // The change is 1e-6 over the norm of the bias, and twice that is well above it.
    bench.succeeds(&format!("verify off.safetensors p/network.safetensors --tolerance {}", 2e-6 / norm));
}
