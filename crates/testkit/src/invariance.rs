//! Transformations of an instance under which its answer transforms in a known way.
//!
//! A method that is right on an instance has to be right on each of these: the planted network is transformed along with the
//! samples, so the result is judged like any other instance.

use orthant_linalg::{Mat, product, random};
use orthant_network::{Activation, Network};

use crate::instance::Instance;

/// Reorders the units of a network: unit i of the result is unit `order[i]`.
///
/// # Panics
/// When `order` is not a permutation of 0..k.
pub fn permute_units(network: &Network, order: &[usize]) -> Network {
    assert_permutation(order, network.k());
    rebuild(
        network.activation(),
        Mat::from_fn(network.m(), order.len(), |o, i| network.u()[(o, order[i])]),
        Mat::from_fn(order.len(), network.d(), |i, r| network.v()[(order[i], r)]),
        network.b().map(|b| order.iter().map(|&i| b[i]).collect()),
        network.c().map(<[f64]>::to_vec),
    )
}

/// Moves a positive factor per unit from U to V and b, and back to normal form: the same network, to rounding.
///
/// # Shapes
/// `factors` has length k.
///
/// # Panics
/// When there is not one positive factor per unit, or the activation has no degree.
pub fn rescale_units(network: &Network, factors: &[f64]) -> Network {
    assert_eq!(factors.len(), network.k(), "one factor per unit");
    assert!(factors.iter().all(|&f| f > 0.0 && f.is_finite()), "factors are positive: {factors:?}");
    let degree = network
        .activation()
        .degree()
        .expect("factors move between layers only for multiplicative activations");
    rebuild(
        network.activation(),
        Mat::from_fn(network.m(), network.k(), |o, i| network.u()[(o, i)] / factors[i].powf(degree)),
        Mat::from_fn(network.k(), network.d(), |i, r| network.v()[(i, r)] * factors[i]),
        network.b().map(|b| b.iter().zip(factors).map(|(b, f)| b * f).collect()),
        network.c().map(<[f64]>::to_vec),
    )
}

/// The instance with its units in another order; samples are computed anew, so sums are rounded in another order too.
///
/// # Panics
/// As [`permute_units`].
pub fn with_units_permuted(instance: &Instance, order: &[usize]) -> Instance {
    let network = permute_units(&instance.network, order);
    let a = network.labels(instance.x());
    Instance::new(format!("{}, units reordered", instance.name), network, instance.x.clone(), a)
}

/// The instance with its samples in another order: sample j of the result is sample `order[j]`.
///
/// # Panics
/// When `order` is not a permutation of 0..n.
pub fn with_samples_permuted(instance: &Instance, order: &[usize]) -> Instance {
    assert_permutation(order, instance.x.ncols());
    let pick = |a: &Mat<f64>| Mat::from_fn(a.nrows(), order.len(), |i, j| a[(i, order[j])]);
    let name = format!("{}, samples reordered", instance.name);
    Instance::new(name, instance.network.clone(), pick(&instance.x), pick(&instance.a))
}

/// The instance with inputs Rx and hidden weights VR'.
///
/// # Shapes
/// `rotation` is d × d and orthogonal.
pub fn with_inputs_rotated(instance: &Instance, rotation: &Mat<f64>) -> Instance {
    let network = &instance.network;
    let rotated = rebuild(
        network.activation(),
        network.u().to_owned(),
        product::matmul(network.v(), rotation.transpose()),
        network.b().map(<[f64]>::to_vec),
        network.c().map(<[f64]>::to_vec),
    );
    let x = product::matmul(rotation.as_ref(), instance.x());
    Instance::new(format!("{}, inputs rotated", instance.name), rotated, x, instance.a.clone())
}

/// The instance with inputs sx, hidden bias sb and output weights U/sᶜ for an activation of degree c; with inputs sx and hidden weights
/// V/s for one without a degree.
///
/// # Panics
/// When `scale` is not positive.
pub fn with_inputs_scaled(instance: &Instance, scale: f64) -> Instance {
    assert!(scale > 0.0, "a scale is positive, not {scale}");
    let network = &instance.network;
    let (output, hidden) = match network.activation().degree() {
        Some(degree) => (scale.powf(degree), 1.0),
        None => (1.0, scale),
    };
    let scaled = rebuild(
        network.activation(),
        Mat::from_fn(network.m(), network.k(), |o, i| network.u()[(o, i)] / output),
        Mat::from_fn(network.k(), network.d(), |i, r| network.v()[(i, r)] / hidden),
        network.b().map(|b| b.iter().map(|b| b * scale / hidden).collect()),
        network.c().map(<[f64]>::to_vec),
    );
    let x = Mat::from_fn(instance.x.nrows(), instance.x.ncols(), |r, j| scale * instance.x[(r, j)]);
    Instance::new(format!("{}, inputs times {scale}", instance.name), scaled, x, instance.a.clone())
}

/// The instance with labels sA, output weights sU and output bias sc.
///
/// # Panics
/// When `scale` is zero.
pub fn with_labels_scaled(instance: &Instance, scale: f64) -> Instance {
    assert!(scale != 0.0, "labels scaled by zero are none");
    let network = &instance.network;
    let scaled = rebuild(
        network.activation(),
        Mat::from_fn(network.m(), network.k(), |o, i| scale * network.u()[(o, i)]),
        network.v().to_owned(),
        network.b().map(<[f64]>::to_vec),
        network.c().map(|c| c.iter().map(|c| scale * c).collect()),
    );
    let a = Mat::from_fn(instance.a.nrows(), instance.a.ncols(), |o, j| scale * instance.a[(o, j)]);
    Instance::new(format!("{}, labels times {scale}", instance.name), scaled, instance.x.clone(), a)
}

/// The instance with labels RA, output weights RU and output bias Rc.
///
/// # Shapes
/// `rotation` is m × m and orthogonal.
pub fn with_labels_rotated(instance: &Instance, rotation: &Mat<f64>) -> Instance {
    let network = &instance.network;
    let rotate = |c: &[f64]| {
        let column = product::matmul(rotation.as_ref(), Mat::from_fn(c.len(), 1, |o, _| c[o]).as_ref());
        (0..c.len()).map(|o| column[(o, 0)]).collect()
    };
    let rotated = rebuild(
        network.activation(),
        product::matmul(rotation.as_ref(), network.u()),
        network.v().to_owned(),
        network.b().map(<[f64]>::to_vec),
        network.c().map(rotate),
    );
    let a = product::matmul(rotation.as_ref(), instance.a());
    Instance::new(format!("{}, labels rotated", instance.name), rotated, instance.x.clone(), a)
}

/// One variant of each kind, with permutations and rotations drawn from `seed`: units and samples reordered, inputs rotated
/// and scaled by 1/8 and 3, labels rotated and scaled by −4 and 1/3.
pub fn variants(instance: &Instance, seed: u64) -> Vec<Instance> {
    let rotation = |size, label| random::orthonormal(size, size, &mut random::stream(seed, label, 0));
    let exact = instance.condition().label_error == 0.0;
    let units = exact.then(|| with_units_permuted(instance, &permutation(instance.network.k(), seed)));
    units
        .into_iter()
        .chain([
            with_samples_permuted(instance, &permutation(instance.x.ncols(), seed)),
            with_inputs_rotated(instance, &rotation(instance.x.nrows(), "rotated inputs")),
            with_inputs_scaled(instance, 0.125),
            with_inputs_scaled(instance, 3.0),
            with_labels_rotated(instance, &rotation(instance.a.nrows(), "rotated labels")),
            with_labels_scaled(instance, -4.0),
            with_labels_scaled(instance, 1.0 / 3.0),
        ])
        .collect()
}

/// A random permutation of 0..n.
pub fn permutation(n: usize, seed: u64) -> Vec<usize> {
    let keys = random::gaussian_vec(n, &mut random::stream(seed, "permutation", 0));
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| keys[i].total_cmp(&keys[j]));
    order
}

fn assert_permutation(order: &[usize], n: usize) {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    assert!(sorted.iter().copied().eq(0..n), "{order:?} is not a permutation of 0..{n}");
}

fn rebuild(
    activation: &Activation,
    u: Mat<f64>,
    v: Mat<f64>,
    b: Option<Vec<f64>>,
    c: Option<Vec<f64>>,
) -> Network {
    Network::with_activation(activation.clone(), u, v, b, c)
        .expect("a transformed network has fitting shapes and finite weights")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;
    use crate::recipe::Recipe;
    use crate::tolerance;
    use orthant_network::{BiasKind, PlantedSpec, align};

    fn instance() -> Instance {
        let spec = PlantedSpec { m: 6, k: 4, d: 5, bias: BiasKind::Both, seed: 4, ..PlantedSpec::default() };
        Recipe::plain(spec, 70).plant().expect("valid")
    }

    #[test]
    fn every_variant_has_the_labels_of_its_network() {
        for variant in variants(&instance(), 1) {
            let difference = &variant.network.labels(variant.x()) - &variant.a;
            // Each label is a sum of k d + k products in either computation.
            let allowed = tolerance::backward(6, 70) * product::frobenius(variant.a());
            assert!(product::frobenius(difference.as_ref()) <= allowed, "{}", variant.name);
            assert!(check::judge(&variant, Some(&variant.network)).is_recovered(), "{}", variant.name);
        }
    }

    #[test]
    fn variants_keep_the_activation() {
        for name in ["leaky-relu:0.1", "abs", "power:2", "expm1"] {
            let activation: Activation = name.parse().expect("built in");
            let spec = PlantedSpec { m: 6, k: 4, d: 5, activation, seed: 4, ..PlantedSpec::default() };
            let plain = Recipe::plain(spec, 70).plant().expect("valid");
            let scaled = [with_inputs_scaled(&plain, 0.125), with_labels_scaled(&plain, -4.0)];
            for variant in scaled.iter().chain([&with_units_permuted(&plain, &permutation(4, 3))]) {
                assert_eq!(variant.network.activation().name(), name);
                let difference = &variant.network.labels(variant.x()) - &variant.a;
                let allowed = tolerance::backward(6, 70) * product::frobenius(variant.a());
                assert!(product::frobenius(difference.as_ref()) <= allowed, "{}", variant.name);
            }
        }
    }

    #[test]
    fn variants_change_the_samples() {
        let plain = instance();
        let variants = variants(&plain, 1);
        assert_eq!(variants.len(), 8);
        // Reordered units change the labels by rounding only, if at all.
        assert!(variants[1..].iter().all(|v| v.x != plain.x || v.a != plain.a));
    }

    #[test]
    fn a_factor_moved_between_the_layers_leaves_the_network_the_same() {
        let network = instance().network;
        let rescaled = rescale_units(&network, &[0.3, 7.0, 1e-3, 1e5]);
        assert!(align(&rescaled, &network).worst() <= tolerance::backward(5, 5));
        let order = permutation(4, 3);
        assert_eq!(align(&permute_units(&network, &order), &network).worst(), 0.0);
    }
}
