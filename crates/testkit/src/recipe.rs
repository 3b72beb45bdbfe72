//! How an instance is described: a plain planted network, and what is changed about it.

use orthant_linalg::{Mat, MatRef, product, random};
use orthant_network::{Activation, Network, Planted, PlantedSpec, SpecError};

use crate::instance::Instance;
use crate::tolerance;

/// What the labels went through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LabelKind {
    /// As computed in `f64`.
    Exact,
    /// Rounded to single precision.
    SinglePrecision,
    /// Rounded to that many decimals.
    Decimals(i32),
    /// With independent normal errors of this standard deviation, absolute.
    Noise(f64),
}

/// One change to a plain planted instance.
///
/// Those that concern inputs are made first, then those of weights, then those of biases, then those of labels; the labels
/// are always those of the changed network at the changed inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Departure {
    /// A coordinate of the inputs has one value.
    ConstantInput {
        /// The coordinate.
        coordinate: usize,
        /// Its value.
        value: f64,
    },
    /// A coordinate of the inputs is the sum of all others.
    DependentInput {
        /// The coordinate.
        coordinate: usize,
    },
    /// Inputs are multiplied by the factor and rounded to integers.
    IntegerInputs {
        /// The factor.
        factor: f64,
    },
    /// Only so many samples are distinct; they repeat in turn.
    RepeatedSamples {
        /// Number of distinct ones.
        distinct: usize,
    },
    /// Inputs are multiplied by a factor (and hidden biases with them, so that patterns stay).
    InputScale {
        /// The factor.
        factor: f64,
    },
    /// A unit's hidden weights are another unit's, turned by an angle towards its own (not at all in one dimension); its bias is
    /// the other's.
    Parallel {
        /// The unit changed.
        unit: usize,
        /// The other one.
        of: usize,
        /// The angle in radians; 0 makes the two parallel.
        angle: f64,
    },
    /// A unit's hidden weights and bias are the negative of another's.
    Antiparallel {
        /// The unit changed.
        unit: usize,
        /// The other one.
        of: usize,
    },
    /// A unit's output weights are multiplied by a factor.
    OutputScale {
        /// The unit.
        unit: usize,
        /// The factor.
        factor: f64,
    },
    /// A unit's bias is moved so that it is active on so many samples (ties between inputs apart). Gives the network a hidden
    /// bias.
    ActiveOn {
        /// The unit.
        unit: usize,
        /// Number of samples on which it is active, 0 to n.
        samples: usize,
    },
    /// An error is added to one label.
    Corrupted {
        /// The sample.
        sample: usize,
        /// The output.
        output: usize,
        /// What is added, in units of the label matrix's root mean square.
        error: f64,
    },
}

/// The description of an instance. Same recipe, same bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The plain network and its inputs.
    pub spec: PlantedSpec,
    /// Number of samples.
    pub n: usize,
    /// Whether the rows of V are orthonormal (uniform among all such; needs k ≤ d). `spec.kappa_v` is then ignored.
    pub orthonormal_v: bool,
    /// What the labels went through.
    pub labels: LabelKind,
    /// What is changed, in any order.
    pub departures: Vec<Departure>,
}

impl Recipe {
    /// `n` samples of a plain planted network.
    pub fn plain(spec: PlantedSpec, n: usize) -> Recipe {
        Recipe { spec, n, orthonormal_v: false, labels: LabelKind::Exact, departures: Vec::new() }
    }

    /// The recipe with one more change.
    pub fn with(mut self, departure: Departure) -> Recipe {
        self.departures.push(departure);
        self
    }

    /// The recipe with other labels.
    pub fn labelled(mut self, labels: LabelKind) -> Recipe {
        self.labels = labels;
        self
    }

    /// Draws the network and its samples.
    ///
    /// # Errors
    /// [`SpecError`] of [`PlantedSpec::plant`].
    ///
    /// # Panics
    /// When a departure names a unit, coordinate, sample or output that does not exist, or when orthonormal rows are asked
    /// for with k > d.
    ///
    /// # Cost
    /// That of [`PlantedSpec::plant`], of the labels again, and of [`Instance::new`].
    pub fn plant(&self) -> Result<Instance, SpecError> {
        let Planted { network, mut x, .. } = self.spec.plant(self.n)?;
        for &departure in &self.departures {
            change_inputs(&mut x, departure);
        }
        let mut weights = Weights::of(&network);
        if self.orthonormal_v {
            assert!(
                self.spec.k <= self.spec.d,
                "{} orthonormal rows in dimension {}",
                self.spec.k,
                self.spec.d
            );
            let rng = &mut random::stream(self.spec.seed, "planted orthonormal V", 0);
            weights.v = random::orthonormal(self.spec.d, self.spec.k, rng).transpose().to_owned();
        }
        self.departures.iter().for_each(|&departure| weights.change_directions(departure));
        self.departures.iter().for_each(|&departure| weights.change_biases(departure, x.as_ref()));
        let network = weights.network();
        let mut a = network.labels(x.as_ref());
        self.spoil(&mut a);
        Ok(Instance::new(format!("{self:?}"), network, x, a))
    }

    fn spoil(&self, a: &mut Mat<f64>) {
        let (m, n) = a.shape();
        *a = match self.labels {
            LabelKind::Exact => return self.corrupt(a),
            LabelKind::SinglePrecision => Mat::from_fn(m, n, |o, j| f64::from(a[(o, j)] as f32)),
            LabelKind::Decimals(decimals) => {
                let scale = 10f64.powi(decimals);
                Mat::from_fn(m, n, |o, j| (a[(o, j)] * scale).round() / scale)
            }
            LabelKind::Noise(std) => {
                let noise = random::gaussian(m, n, &mut random::stream(self.spec.seed, "planted noise", 0));
                Mat::from_fn(m, n, |o, j| a[(o, j)] + std * noise[(o, j)])
            }
        };
        self.corrupt(a);
    }

    fn corrupt(&self, a: &mut Mat<f64>) {
        let rms = product::frobenius(a.as_ref()) / ((a.nrows() * a.ncols()) as f64).sqrt();
        for &departure in &self.departures {
            if let Departure::Corrupted { sample, output, error } = departure {
                a[(output, sample)] += error * rms;
            }
        }
    }
}

fn change_inputs(x: &mut Mat<f64>, departure: Departure) {
    let (d, n) = x.shape();
    match departure {
        Departure::ConstantInput { coordinate, value } => {
            x.as_mut().row_mut(coordinate).iter_mut().for_each(|x| *x = value);
        }
        Departure::DependentInput { coordinate } => {
            for j in 0..n {
                x[(coordinate, j)] = (0..d).filter(|&r| r != coordinate).map(|r| x[(r, j)]).sum();
            }
        }
        Departure::IntegerInputs { factor } => *x = Mat::from_fn(d, n, |r, j| (factor * x[(r, j)]).round()),
        Departure::RepeatedSamples { distinct } => *x = Mat::from_fn(d, n, |r, j| x[(r, j % distinct)]),
        Departure::InputScale { factor } => *x = Mat::from_fn(d, n, |r, j| factor * x[(r, j)]),
        _ => {}
    }
}

/// The parts of a network, to be changed.
struct Weights {
    activation: Activation,
    u: Mat<f64>,
    v: Mat<f64>,
    b: Option<Vec<f64>>,
    c: Option<Vec<f64>>,
}

impl Weights {
    fn of(network: &Network) -> Weights {
        Weights {
            activation: network.activation().clone(),
            u: network.u().to_owned(),
            v: network.v().to_owned(),
            b: network.b().map(<[f64]>::to_vec),
            c: network.c().map(<[f64]>::to_vec),
        }
    }

    fn change_directions(&mut self, departure: Departure) {
        match departure {
            Departure::Parallel { unit, of, angle } => {
                let (theirs, own) = (row(&self.v, of), row(&self.v, unit));
                let along = product::dot(&theirs, &own);
                let across: Vec<f64> = own.iter().zip(&theirs).map(|(o, t)| o - along * t).collect();
                let norm = product::norm(&across);
                // Rows that are parallel already, in one dimension for instance, leave no direction to turn to.
                let (cos, sin) = if norm > tolerance::backward(1, across.len()) {
                    (angle.cos(), angle.sin() / norm)
                } else {
                    (1.0, 0.0)
                };
                let turned = theirs.iter().zip(&across).map(|(t, a)| cos * t + sin * a);
                self.v.as_mut().row_mut(unit).iter_mut().zip(turned).for_each(|(v, t)| *v = t);
                self.set_bias(unit, of, 1.0);
            }
            Departure::Antiparallel { unit, of } => {
                let theirs = row(&self.v, of);
                self.v.as_mut().row_mut(unit).iter_mut().zip(&theirs).for_each(|(v, t)| *v = -t);
                self.set_bias(unit, of, -1.0);
            }
            Departure::OutputScale { unit, factor } => {
                self.u.as_mut().col_mut(unit).iter_mut().for_each(|u| *u *= factor);
            }
            Departure::InputScale { factor } => {
                self.b.iter_mut().flatten().for_each(|b| *b *= factor);
            }
            _ => {}
        }
    }

    fn set_bias(&mut self, unit: usize, of: usize, sign: f64) {
        if let Some(b) = &mut self.b {
            b[unit] = sign * b[of];
        }
    }

    fn change_biases(&mut self, departure: Departure, x: MatRef<'_, f64>) {
        let Departure::ActiveOn { unit, samples } = departure else { return };
        let n = x.ncols();
        assert!(samples <= n, "active on {samples} of {n} samples");
        let values = product::matmul(self.v.as_ref().subrows(unit, 1), x);
        let mut t: Vec<f64> = values.row(0).iter().copied().collect();
        t.sort_by(f64::total_cmp);
        // Beyond the extreme samples the kink keeps a tenth of their range away, so that no rounding can reach it.
        let beyond = 0.1 * (t[n - 1] - t[0]).max(1.0);
        let kink = match samples {
            0 => t[n - 1] + beyond,
            _ if samples == n => t[0] - beyond,
            _ => 0.5 * (t[n - samples - 1] + t[n - samples]),
        };
        let k = self.v.nrows();
        self.b.get_or_insert_with(|| vec![0.0; k])[unit] = -kink;
    }

    fn network(self) -> Network {
        Network::with_activation(self.activation, self.u, self.v, self.b, self.c)
            .expect("the parts come from a network and keep their shapes")
    }
}

fn row(v: &Mat<f64>, i: usize) -> Vec<f64> {
    v.row(i).iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::{BiasKind, SignPattern};

    fn recipe() -> Recipe {
        Recipe::plain(
            PlantedSpec { m: 6, k: 4, d: 5, bias: BiasKind::Both, seed: 1, ..PlantedSpec::default() },
            50,
        )
    }

    fn active(instance: &Instance, unit: usize) -> usize {
        let t = instance.network.preactivations(instance.x.as_ref());
        SignPattern::of(t.row(unit).iter().copied()).n_active()
    }

    #[test]
    fn a_unit_is_active_on_as_many_samples_as_asked() {
        for samples in [0, 1, 17, 49, 50] {
            let instance = recipe().with(Departure::ActiveOn { unit: 2, samples }).plant().expect("valid");
            assert_eq!(active(&instance, 2), samples);
        }
    }

    #[test]
    fn parallel_and_antiparallel_units_share_their_kink() {
        let pair = |departure| {
            let network = recipe().with(departure).plant().expect("valid").network;
            let cosine = product::dot(&row(&network.v().to_owned(), 0), &row(&network.v().to_owned(), 3));
            (cosine, network.hidden_bias(0), network.hidden_bias(3))
        };
        // A cosine near 1 is computed to a few roundings.
        let close = |x: f64, y: f64| (x - y).abs() <= tolerance::backward(5, 5);
        let (cosine, first, second) = pair(Departure::Parallel { unit: 3, of: 0, angle: 0.0 });
        assert!(close(cosine, 1.0) && close(first, second));
        let (cosine, first, second) = pair(Departure::Parallel { unit: 3, of: 0, angle: 0.1 });
        assert!(close(cosine, 0.1f64.cos()) && close(first, second));
        let (cosine, first, second) = pair(Departure::Antiparallel { unit: 3, of: 0 });
        assert!(close(cosine, -1.0) && close(first, -second));
    }

    #[test]
    fn labels_are_those_of_the_changed_network_at_the_changed_inputs() {
        let changed = recipe()
            .with(Departure::IntegerInputs { factor: 3.0 })
            .with(Departure::RepeatedSamples { distinct: 20 })
            .with(Departure::OutputScale { unit: 1, factor: 1e-3 })
            .plant()
            .expect("valid");
        assert_eq!(changed.a, changed.network.labels(changed.x.as_ref()));
        assert_eq!(changed.x.col(3).to_owned(), changed.x.col(23).to_owned());
        assert!(changed.x.col(3).iter().all(|x| x.fract() == 0.0));
    }

    #[test]
    fn spoilt_labels_differ_by_what_was_asked() {
        let exact = recipe().plant().expect("valid");
        let one =
            recipe().with(Departure::Corrupted { sample: 7, output: 2, error: 1.0 }).plant().expect("valid");
        let differing =
            (0..50).flat_map(|j| (0..6).map(move |o| (o, j))).filter(|&at| one.a[at] != exact.a[at]);
        assert_eq!(differing.collect::<Vec<_>>(), [(2, 7)]);
        let decimals = recipe().labelled(LabelKind::Decimals(2)).plant().expect("valid");
        let worst = product::frobenius((&decimals.a - &exact.a).as_ref());
        assert!(worst > 0.0 && worst <= 0.005 * (6.0f64 * 50.0).sqrt() * (1.0 + tolerance::backward(6, 50)));
    }

    #[test]
    fn orthonormal_rows_are_orthonormal() {
        let network = Recipe { orthonormal_v: true, ..recipe() }.plant().expect("valid").network;
        let gram = product::matmul(network.v(), network.v().transpose());
        let error = product::frobenius((&gram - &Mat::<f64>::identity(4, 4)).as_ref());
        assert!(error <= tolerance::backward(4, 5));
    }
}
