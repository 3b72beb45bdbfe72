//! A network with samples of it, under a name.

use std::fmt;

use orthant_linalg::{Mat, MatRef};
use orthant_network::{Network, SignPattern};

use crate::condition::Condition;
use crate::tolerance;

/// A network with samples of it.
#[derive(Clone)]
pub struct Instance {
    /// What reports call it; for planted ones everything needed to plant it again.
    pub name: String,
    /// The network that made the labels.
    pub network: Network,
    /// Inputs, d × n.
    pub x: Mat<f64>,
    /// Labels, m × n: those of the network, but for the errors that the recipe asks for.
    pub a: Mat<f64>,
}

impl fmt::Debug for Instance {
    /// The name and the dimensions: matrices would bury the report of a failing property.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (m, k, d, n) = (self.network.m(), self.network.k(), self.network.d(), self.x.ncols());
        write!(f, "Instance {{ m: {m}, k: {k}, d: {d}, n: {n}, name: {} }}", self.name)
    }
}

impl Instance {
    /// Pairs a network with samples.
    ///
    /// # Shapes
    /// `x` is d × n and `a` m × n for the network's d and m.
    ///
    /// # Panics
    /// When they are not.
    pub fn new(name: impl Into<String>, network: Network, x: Mat<f64>, a: Mat<f64>) -> Instance {
        assert_eq!(
            (x.nrows(), a.nrows()),
            (network.d(), network.m()),
            "samples of other dimensions than the network"
        );
        assert_eq!(x.ncols(), a.ncols(), "different numbers of inputs and labels");
        Instance { name: name.into(), network, x, a }
    }

    /// The same under another name.
    pub fn named(self, name: impl Into<String>) -> Instance {
        Instance { name: name.into(), ..self }
    }

    /// Inputs, d × n.
    pub fn x(&self) -> MatRef<'_, f64> {
        self.x.as_ref()
    }

    /// Labels, m × n.
    pub fn a(&self) -> MatRef<'_, f64> {
        self.a.as_ref()
    }

    /// The samples on which each unit is active.
    pub fn patterns(&self) -> Vec<SignPattern> {
        let t = self.network.preactivations(self.x());
        (0..self.network.k()).map(|i| SignPattern::of(t.row(i).iter().copied())).collect()
    }

    /// The part of the network that leaves a trace in the labels, written with as few units as possible.
    ///
    /// Units that are zero on every sample are left out, as are those without output weights; units with the same hidden weights
    /// and bias are one, with the sum of their output weights. No method can do better from samples, so this is what answers are
    /// compared with.
    pub fn visible(&self) -> Network {
        let network = &self.network;
        let same = |i: usize, j: usize| {
            let row = |i: usize| {
                network.v().row(i).iter().copied().chain([network.hidden_bias(i)]).collect::<Vec<_>>()
            };
            let (first, second) = (row(i), row(j));
            let scale = 1.0f64.hypot(network.hidden_bias(i));
            // Rows that were normalised or copied agree to a few roundings of entries below |(v, b)|.
            let rounding = tolerance::backward(1, network.d() + 1) * scale;
            first.iter().zip(&second).all(|(a, b)| (a - b).abs() <= rounding)
        };
        // Activations with two slopes are zero nowhere off the kink.
        let activations = network.activations(self.x());
        let mut kept: Vec<(usize, Vec<f64>)> = Vec::new();
        for i in (0..network.k()).filter(|&i| activations.row(i).norm_max() > 0.0) {
            let column = network.u().col(i).iter().copied();
            match kept.iter_mut().find(|(j, _)| same(*j, i)) {
                Some((_, sum)) => sum.iter_mut().zip(column).for_each(|(s, u)| *s += u),
                None => kept.push((i, column.collect())),
            }
        }
        kept.retain(|(_, column)| column.iter().any(|&u| u != 0.0));
        Network::with_activation(
            network.activation().clone(),
            Mat::from_fn(network.m(), kept.len(), |o, i| kept[i].1[o]),
            Mat::from_fn(kept.len(), network.d(), |i, r| network.v()[(kept[i].0, r)]),
            network.b().map(|b| kept.iter().map(|(i, _)| b[*i]).collect()),
            network.c().map(<[f64]>::to_vec),
        )
        .expect("a part of a network is a network")
    }

    /// How well the samples determine the visible network.
    ///
    /// # Cost
    /// k + 3 singular value decompositions of matrices with n rows: O(n k (k² + d²)) operations.
    pub fn condition(&self) -> Condition {
        Condition::measure(&self.visible(), self.x(), self.a())
    }

    /// The relative error up to which an answer's weights count as right: [`Condition::tolerance`].
    pub fn tolerance(&self) -> f64 {
        self.condition().tolerance()
    }
}

#[cfg(test)]
mod tests {
    use crate::recipe::{Departure, LabelKind, Recipe};
    use crate::tolerance;
    use orthant_network::{Activation, BiasKind, PlantedSpec, align};

    fn recipe() -> Recipe {
        let spec = PlantedSpec { m: 6, k: 4, d: 5, bias: BiasKind::Both, seed: 1, ..PlantedSpec::default() };
        Recipe::plain(spec, 80)
    }

    #[test]
    fn a_plain_network_is_visible_and_well_determined() {
        let instance = recipe().plant().expect("valid");
        assert_eq!(align(&instance.visible(), &instance.network).worst(), 0.0);
        // κ of a few hundred in each of three factors, times 8 √(80·6) ε.
        assert!(instance.tolerance() < 1e-8, "{:?}", instance.condition());
    }

    #[test]
    fn the_visible_part_keeps_the_activation() {
        for name in ["power:2", "expm1", "leaky-relu:0.1", "abs"] {
            let activation: Activation = name.parse().expect("built in");
            let plain = recipe();
            let spec = PlantedSpec { activation, ..plain.spec };
            let recipe = Recipe { spec, ..plain }.with(Departure::ActiveOn { unit: 1, samples: 0 });
            let instance = recipe.plant().expect("valid");
            let visible = instance.visible();
            // With two slopes a unit that is nowhere active is still somewhere.
            let hidden = usize::from(visible.activation().negative_slope().is_none());
            assert_eq!(visible.k(), 4 - hidden, "{name}");
            assert_eq!(visible.activation().name(), name);
            let error = &visible.labels(instance.x()) - instance.a();
            let rounding = tolerance::backward(6, 80) * instance.a().norm_l2();
            assert!(error.norm_l2() <= rounding, "{name}: {}", error.norm_l2());
        }
    }

    #[test]
    fn units_without_a_trace_are_not_visible() {
        let silent = recipe().with(Departure::ActiveOn { unit: 1, samples: 0 }).plant().expect("valid");
        assert_eq!(align(&silent.visible(), &silent.network).unmatched_second, [1]);
        let merged =
            recipe().with(Departure::Parallel { unit: 2, of: 0, angle: 0.0 }).plant().expect("valid");
        let visible = merged.visible();
        assert_eq!(visible.k(), 3);
        let difference = &visible.labels(merged.x()) - &merged.a;
        let error = orthant_linalg::product::frobenius(difference.as_ref());
        assert!(error <= crate::tolerance::backward(6, 80) * orthant_linalg::product::frobenius(merged.a()));
    }

    #[test]
    fn what_the_samples_leave_open_has_no_finite_tolerance() {
        for departure in [
            Departure::ActiveOn { unit: 0, samples: 80 },
            Departure::ActiveOn { unit: 0, samples: 3 },
            Departure::ConstantInput { coordinate: 1, value: 0.5 },
            Departure::DependentInput { coordinate: 1 },
            Departure::RepeatedSamples { distinct: 5 },
        ] {
            let instance = recipe().with(departure).plant().expect("valid");
            assert_eq!(instance.tolerance(), f64::INFINITY, "{departure:?}: {:?}", instance.condition());
        }
        let narrow = Recipe { spec: PlantedSpec { m: 3, ..recipe().spec }, ..recipe() };
        assert_eq!(narrow.plant().expect("valid").tolerance(), f64::INFINITY);
    }

    #[test]
    fn label_errors_widen_the_tolerance_in_proportion() {
        let tolerance = |labels| recipe().labelled(labels).plant().expect("valid").tolerance();
        let exact = tolerance(LabelKind::Exact);
        let ratio = tolerance(LabelKind::Decimals(4)) / tolerance(LabelKind::Decimals(6));
        assert!(tolerance(LabelKind::SinglePrecision) > 1e4 * exact);
        // Errors of two roundings at different decimals have the same distribution up to scale; 480 of them average out.
        assert!((ratio / 100.0 - 1.0).abs() < 0.3, "{ratio}");
    }
}
