//! Theorem 11 against brute force: the search finds what all choices of tight inequalities find.

use std::ops::ControlFlow;

use orthant_estimate::worst_case::{Enumeration, enumerate};
use orthant_estimate::{Frame, Reporter};
use orthant_linalg::{Mat, product, random, spectrum};
use orthant_network::{Activation, BiasKind, Samples};
use rand::RngExt;

/// Distances of tiny integer instances from degeneracy are above this, and rounding is below it.
const TINY: f64 = 1e-8;

fn enumerated(frame: &Frame) -> Enumeration {
    enumerate(frame, &mut Reporter::new(&mut |_| ControlFlow::Continue(()))).expect("finite")
}

/// The combinations of labels of all complementary extreme rays of the cone of non-negative slacks, by trying every choice of
/// q + r − 1 tight ones: Lemma 12 to the letter. The cone is pointed, so that they span all units.
fn by_brute_force(frame: &Frame, slope: f64) -> Vec<Vec<f64>> {
    let (labels, inputs) = (frame.extended(), frame.inputs());
    let (n, q, r) = (frame.n(), labels.ncols(), inputs.ncols());
    let row = |c: usize, i: usize| {
        let (j, s) = if c < n { (c, 1.0) } else { (c - n, slope) };
        if i < q { labels[(j, i)] } else { -s * inputs[(j, i - q)] }
    };
    let dimension = q + r;
    let mut rays = Vec::new();
    for subset in 0u64..1 << (2 * n) {
        if subset.count_ones() as usize != dimension - 1 {
            continue;
        }
        let tight: Vec<usize> = (0..2 * n).filter(|c| subset >> c & 1 == 1).collect();
        let rows = Mat::from_fn(tight.len(), dimension, |a, i| row(tight[a], i));
        let least = spectrum::least_singular(rows).expect("finite");
        if least.sigma_next < 1e-6 {
            continue;
        }
        for sign in [1.0, -1.0] {
            let slack = |c: usize| sign * (0..dimension).map(|i| row(c, i) * least.vector[i]).sum::<f64>();
            let complementary = (0..n).all(|j| slack(j).min(slack(j + n)).abs() < TINY);
            let w: Vec<f64> = least.vector[..q].iter().map(|w| sign * w).collect();
            if complementary && product::norm(&w) > TINY {
                rays.push(w);
            }
        }
    }
    rays
}

fn rank_of(vectors: &[Vec<f64>], q: usize) -> usize {
    let matrix = Mat::from_fn(q, vectors.len(), |i, c| vectors[c][i] / product::norm(&vectors[c]));
    let s = spectrum::singular_values(matrix.as_ref()).expect("finite");
    s.iter().filter(|&&s| s > 1e-6).count()
}

/// Labels of rank two or three that vary over more outputs than that, so that their entries are taken to be exact.
fn tiny(seed: u64, activation: &Activation) -> Option<(Mat<f64>, Mat<f64>)> {
    let rng = &mut random::stream(seed, "tiny", 0);
    let (k, d, n) = (1 + seed as usize % 2, 1 + (seed as usize / 2) % 2, 6);
    let mut draw =
        |rows, cols, size: i32| Mat::from_fn(rows, cols, |_, _| f64::from(rng.random_range(-size..=size)));
    let (x, u, v) = (draw(d, n, 2), draw(k + 1, k, 2), draw(k, d, 2));
    let mut z = product::matmul(v.as_ref(), x.as_ref());
    for j in 0..n {
        for i in 0..k {
            z[(i, j)] = activation.value(z[(i, j)]);
        }
    }
    let spoil = draw(k, n, 1);
    match seed % 3 {
        0 => {}
        1 => z[(0, 2)] += spoil[(0, 2)],
        _ => z = &z + &spoil,
    }
    let a = product::matmul(u.as_ref(), z.as_ref());
    (product::frobenius(a.as_ref()) > 0.0 && product::frobenius(x.as_ref()) > 0.0).then_some((x, a))
}

#[test]
fn tiny_integer_instances_agree_with_brute_force() {
    let (mut compared, mut undecided, mut spanning) = (0, 0, 0);
    for name in ["relu", "leaky-relu:0.5", "abs"] {
        let activation: Activation = name.parse().expect("built in");
        let slope = activation.negative_slope().unwrap_or(0.0);
        for seed in 0..240 {
            let Some((x, a)) = tiny(seed, &activation) else { continue };
            let samples = Samples::new(x.as_ref(), a.as_ref()).expect("finite");
            let bias = if seed % 5 == 4 { BiasKind::Hidden } else { BiasKind::None };
            let frame =
                Frame::new(&samples, bias, None).expect("finite").0.with_activation(activation.clone());
            let found = enumerated(&frame);
            assert!(found.complete && found.margin > 1.0);
            if found.ambiguous > 0 {
                undecided += 1;
                continue;
            }
            let q = frame.extended().ncols();
            let ours: Vec<Vec<f64>> = found.rays.iter().map(|ray| ray.unit.combination.clone()).collect();
            let theirs = by_brute_force(&frame, slope);
            let (rank, expected) = (rank_of(&ours, q), rank_of(&theirs, q));
            assert_eq!(rank, expected, "{name} {bias:?} seed {seed}: {found:?}");
            // Every unit of one list is in the span of the other, and where units are rays the lists agree.
            let both: Vec<Vec<f64>> = ours.iter().chain(&theirs).cloned().collect();
            assert_eq!(rank_of(&both, q), rank, "{name} {bias:?} seed {seed}");
            for w in theirs.iter().filter(|_| found.continua == 0) {
                let near = |ray: &Vec<f64>| {
                    1.0 - product::dot(ray, w) / (product::norm(ray) * product::norm(w)) < TINY
                };
                assert!(ours.iter().any(near), "{name} {bias:?} seed {seed}: {w:?} missing");
            }
            compared += 1;
            spanning += usize::from(rank == q);
        }
    }
    // The instances are of both kinds, and hardly any is left open.
    assert!(compared >= 600 && spanning >= 100 && compared - spanning >= 100 && undecided <= 20);
}

#[test]
fn nodes_grow_with_the_width_and_not_with_the_samples() {
    let nodes = |k: usize, d: usize, n: usize| {
        let spec = orthant_network::PlantedSpec { m: k, k, d, seed: 1, ..Default::default() };
        let planted = spec.plant(n).expect("valid");
        let samples = Samples::new(planted.x.as_ref(), planted.a.as_ref()).expect("finite");
        let frame = Frame::new(&samples, BiasKind::None, None).expect("finite").0;
        let found = enumerated(&frame);
        assert!(found.rays.len() == k && found.rays.iter().all(|ray| ray.determined), "{k} {d} {n}");
        found.nodes
    };
    // Measured: 45 for k = d = 4, 133 for k = 6 and d = 8, with 100 samples and with 400.
    for n in [100, 400] {
        assert!(nodes(4, 4, n) <= 90 && nodes(6, 8, n) <= 270);
    }
}
