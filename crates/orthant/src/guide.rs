//! Recover your own network, in Rust: from arrays to weights and back.
//!
//! The same way with the program, from PyTorch or NumPy, is `docs/tutorial.md` of the repository.
//!
//! # Samples
//!
//! A sample is an input x ∈ ℝᵈ with its label in ℝᵐ. [`Samples`] takes two views, one sample per column: inputs d × n and labels
//! m × n. An array of shape (n, d) in row-major order, as C and NumPy store it, is a d × n matrix in column-major order already,
//! so nothing is copied:
//!
//! ```
//! use orthant::{MatRef, Samples};
//!
//! // The network max(x₁ + x₂, 0) − 2 max(x₁ − x₂, 0) at four inputs.
//! let inputs = [1.0, 0.0, 0.0, 1.0, -1.0, 2.0, 3.0, -1.0]; // shape (4, 2), row-major
//! let labels = [-1.0, 1.0, 1.0, -6.0]; // shape (4, 1)
//! let samples = Samples::new(
//!     MatRef::from_column_major_slice(&inputs, 2, 4),
//!     MatRef::from_column_major_slice(&labels, 1, 4),
//! )?;
//! assert_eq!((samples.n(), samples.d(), samples.m()), (4, 2, 1));
//! # Ok::<(), orthant::network::SamplesError>(())
//! ```
//!
//! Give at least four samples for each input and the bias, and more when some units are rarely active: a unit is determined by
//! the samples on which it is active. Compute the labels in `f64` if you can. Labels that are all numbers of `f32` are
//! recognised, and recovered to about seven digits.
//!
//! # Before the search
//!
//! [`diagnose`] measures what decides whether and how a network can be recovered. Here and below, a random network stands for
//! yours.
//!
//! ```
//! use orthant::network::{BiasKind, PlantedSpec};
//! use orthant::{Method, Samples, diagnose, exact::Finding};
//!
//! let yours = PlantedSpec { m: 10, k: 8, d: 12, bias: BiasKind::Both, seed: 1, ..PlantedSpec::default() }.plant(400)?;
//! let samples = Samples::new(yours.x.as_ref(), yours.a.as_ref())?;
//!
//! let diagnosis = diagnose(&samples)?;
//! // The rank of the labels is the number of units, as long as it is below the number of outputs.
//! assert_eq!((diagnosis.labels.spectrum.rank, diagnosis.m), (8, 10));
//! assert!(!diagnosis.labels.single_precision);
//! let pursuit = diagnosis.methods.iter().find(|check| check.method == Method::Pursuit);
//! assert_eq!(pursuit.map(|check| check.finding), Some(Finding::Holds));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The search and its verdict
//!
//! [`recover`] needs no settings: it finds the width and the biases. Its last argument is called between bounded pieces of work;
//! it may show progress, and stops the search by `ControlFlow::Break`. Look at the verdict before you use the network.
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant::{Reason, Samples, Settings, Verdict, recover};
//! # use orthant::network::{BiasKind, PlantedSpec};
//! # let yours = PlantedSpec { m: 10, k: 8, d: 12, bias: BiasKind::Both, seed: 1, ..PlantedSpec::default() }.plant(400)?;
//! # let samples = Samples::new(yours.x.as_ref(), yours.a.as_ref())?;
//!
//! let recovery = recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
//! match recovery.report.verdict {
//!     Verdict::Exact => {}
//!     Verdict::ExactOnSamples => {
//!         // The labels are met to rounding, but these inputs leave something open: it is named, unit by unit.
//!         for (i, unit) in recovery.report.units.iter().enumerate().filter(|(_, unit)| !unit.identified) {
//!             println!("unit {i}: {} (active on {})", unit.reason, unit.active);
//!         }
//!     }
//!     Verdict::Approximate | Verdict::NotRecovered => println!("{}", recovery.report.reason),
//! }
//! assert_eq!(recovery.report.verdict, Verdict::Exact);
//! assert_eq!(recovery.report.reason, Reason::AllChecksPassed);
//! assert_eq!(recovery.report.width, 8);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What to change when the verdict is not [`Verdict::Exact`]:
//!
//! | reason | what to do |
//! |---|---|
//! | [`Reason::UndeterminedUnits`], [`Reason::NothingHeldOut`] | more samples, in particular such on which the units named are active |
//! | [`Reason::UndeterminedInputDirections`] | inputs that vary in every direction, or accept that weights there have minimum norm |
//! | [`Reason::FullRankLabels`] | as many units as outputs or more: give [`Settings::width`]; or the labels have errors, or f is another |
//! | [`Reason::UnitsMissing`] with labels of low rank | another [`Settings::activation`], or rounding below `f32`: [`noisy`] |
//! | [`Reason::Residual`], [`Reason::BeyondDecimals`] | labels with errors: [`noisy`] |
//! | [`Reason::RankAboveWidth`] | a larger width, or none |
//!
//! # The weights
//!
//! [`Network`] holds U (m × k), V (k × d) with rows of unit norm, b (k) and c (m). The order of the units is arbitrary, and the
//! scale of each is in its column of U. [`align`] compares networks with both removed.
//!
//! ```
//! # use std::ops::ControlFlow;
//! # use orthant::network::{BiasKind, PlantedSpec};
//! # use orthant::{Samples, Settings, recover};
//! # let yours = PlantedSpec { m: 10, k: 8, d: 12, bias: BiasKind::Both, seed: 1, ..PlantedSpec::default() }.plant(400)?;
//! # let samples = Samples::new(yours.x.as_ref(), yours.a.as_ref())?;
//! # let recovery = recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
//! use orthant::align;
//!
//! let network = &recovery.network;
//! assert_eq!((network.u().shape(), network.v().shape()), ((10, 8), (8, 12)));
//! assert_eq!(network.b().map(<[f64]>::len), Some(8));
//! assert!((network.v().row(0).norm_l2() - 1.0).abs() < 1e-15 * 12.0);
//!
//! // Labels at other inputs, d × any number: here the first two of the samples again.
//! let labels = network.labels(samples.x().subcols(0, 2));
//! assert!((&labels - samples.a().subcols(0, 2)).norm_max() < 1e-12);
//!
//! // Against weights from elsewhere: the largest relative error of a unit.
//! assert!(align(network, &yours.network).worst() < 1e-12);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Weights from elsewhere become a network by [`Network::new`], which normalises the rows of V, and [`exact::certify`] gives the
//! verdict on such a network and your samples.
//!
//! # How many digits are right
//!
//! The residual is about labels. For each weight, [`error_bounds`] proves how far it is from the true one at most, if labels are off by no
//! more than a relative error that you give, and the activation patterns are right, which [`Report::uniqueness`] is about. Labels that were
//! computed in floating point are off by more than one rounding.
//!
//! ```
//! # use std::ops::ControlFlow;
//! # use orthant::network::{BiasKind, PlantedSpec};
//! # use orthant::{Samples, Settings, recover};
//! # let yours = PlantedSpec { m: 10, k: 8, d: 12, bias: BiasKind::Both, seed: 1, ..PlantedSpec::default() }.plant(400)?;
//! # let samples = Samples::new(yours.x.as_ref(), yours.a.as_ref())?;
//! # let recovery = recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
//! use orthant::exact::bounds::error_bounds;
//!
//! let bounds = error_bounds(&samples, &recovery.network, 1e-14)?;
//! println!("V is {} ± {}", recovery.network.v()[(0, 0)], bounds.v[(0, 0)]);
//! assert!(bounds.largest() < 1e-10);
//! // No sample is so near a kink that its pattern was left open.
//! assert!(bounds.uncertain.iter().all(Vec::is_empty));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Zero error
//!
//! Labels that were not rounded, as those of a network of integers, have an exact answer: [`exact::rational::recover`] finds weights as
//! fractions that have every label with equality, and a [`Certificate`] of how far they are the only ones. [`certificate::check`] checks it
//! against the samples, and shares no code with what found it. Both are for max(t, 0), and for as many outputs as units or more.
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant::certificate::{Certificate, Claim, RationalMatrix, RationalSamples, check, number};
//! use orthant::network::IntegerSpec;
//! use orthant::{Mat, Settings, exact::rational};
//!
//! let yours = IntegerSpec { m: 10, k: 8, d: 12, seed: 1, ..IntegerSpec::default() }.plant(400)?;
//! // The exact values of `f64`; `number::parse` reads fractions and decimals.
//! let exact = |of: &Mat<f64>| {
//!     RationalMatrix::from_fn(of.nrows(), of.ncols(), |i, j| number::of_f64(of[(i, j)]).expect("finite"))
//! };
//! let samples = RationalSamples::new(exact(&yours.x), exact(&yours.a))?;
//! let recovery = rational::recover(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
//! let file = recovery.certificate?.to_json();
//!
//! // Somewhere else, from the file and the samples alone:
//! let certificate = Certificate::from_json(&file)?;
//! assert_eq!(check(&certificate, &samples)?, Claim::Unique);
//! println!("{}", certificate.claimed());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Rounded labels are an [`ExactError::NotExact`] in the place of the certificate, with the recovery in floating point beside it.
//!
//! # Fewer outputs than units
//!
//! The rank of the labels then says nothing of the width. It is found by restarts; given, it is found sooner.
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant::network::PlantedSpec;
//! use orthant::{Samples, Settings, Verdict, recover};
//!
//! let yours = PlantedSpec { m: 3, k: 6, d: 10, seed: 1, ..PlantedSpec::default() }.plant(500)?;
//! let samples = Samples::new(yours.x.as_ref(), yours.a.as_ref())?;
//! let settings = Settings { width: Some(6), ..Settings::default() };
//! let recovery = recover(&samples, &settings, &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!(recovery.report.verdict, Verdict::Exact);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Another activation
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant::network::PlantedSpec;
//! use orthant::{Activation, Samples, Settings, Verdict, recover};
//!
//! let leaky = Activation::leaky_relu(0.1).ok_or("a slope from -1 to 1")?;
//! let spec = PlantedSpec { m: 10, k: 8, d: 12, activation: leaky.clone(), seed: 1, ..PlantedSpec::default() };
//! let yours = spec.plant(400)?;
//! let samples = Samples::new(yours.x.as_ref(), yours.a.as_ref())?;
//! let settings = Settings { activation: leaky, ..Settings::default() };
//! let recovery = recover(&samples, &settings, &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!(recovery.report.verdict, Verdict::Exact);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Labels with errors
//!
//! [`noisy::recover`] takes a model of the errors. Errors in every label leave an estimate with a standard error for each weight,
//! and the verdict `approximate`; errors in a few labels only are found, and the network is exact.
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant::network::{NoiseKind, PlantedSpec};
//! use orthant::noisy::{Answer, NoiseModel, Settings, recover};
//! use orthant::{Samples, Verdict, align};
//!
//! let yours = PlantedSpec { m: 10, k: 5, d: 12, seed: 1, ..PlantedSpec::default() }.plant(400)?;
//! let labels = &yours.a + &NoiseKind::Gaussian.errors(10, 400, 0.05, 1);
//! let samples = Samples::new(yours.x.as_ref(), labels.as_ref())?;
//!
//! let settings = Settings { noise: NoiseModel::Gaussian, ..Settings::default() };
//! let Answer::Noisy(found) = recover(&samples, &settings, &mut |_| ControlFlow::Continue(()))? else {
//!     return Err("the model asked for is the model answered with".into());
//! };
//! assert_eq!((found.report.verdict, found.network.k()), (Verdict::Approximate, 5));
//! assert!((found.report.noise_std / 0.05 - 1.0).abs() < 0.05);
//! assert!(align(&found.network, &yours.network).worst() < 0.05);
//! println!("V is {} ± {}", found.network.v()[(0, 0)], found.standard_errors.v[(0, 0)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```
//! use std::ops::ControlFlow;
//! use orthant::network::{PlantedSpec, gross_errors};
//! use orthant::noisy::recover_sparse;
//! use orthant::{Samples, Settings, Verdict};
//!
//! let yours = PlantedSpec { m: 30, k: 5, d: 12, seed: 1, ..PlantedSpec::default() }.plant(600)?;
//! let labels = &yours.a + &gross_errors(30, 600, 360, 10.0, 1);
//! let samples = Samples::new(yours.x.as_ref(), labels.as_ref())?;
//! let found = recover_sparse(&samples, &Settings::default(), &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!(found.recovery.report.verdict, Verdict::Exact);
//! assert_eq!(found.errors.len(), 360);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`noisy::NoiseModel::Auto`] tries them in turn when you do not know.
//!
//! [`Samples`]: crate::Samples
//! [`diagnose`]: crate::diagnose
//! [`recover`]: crate::recover
//! [`Verdict::Exact`]: crate::Verdict::Exact
//! [`Settings::width`]: crate::Settings::width
//! [`Settings::activation`]: crate::Settings::activation
//! [`noisy`]: crate::noisy
//! [`Network`]: crate::Network
//! [`align`]: crate::align
//! [`Network::new`]: crate::Network::new
//! [`exact::certify`]: crate::exact::certify
//! [`error_bounds`]: crate::exact::bounds::error_bounds
//! [`Report::uniqueness`]: crate::Report::uniqueness
//! [`exact::rational::recover`]: crate::exact::rational::recover
//! [`Certificate`]: crate::certificate::Certificate
//! [`certificate::check`]: crate::certificate::check()
//! [`ExactError::NotExact`]: crate::exact::rational::ExactError::NotExact
//! [`noisy::recover`]: crate::noisy::recover
//! [`noisy::NoiseModel::Auto`]: crate::noisy::NoiseModel::Auto
//! [`Reason::UndeterminedUnits`]: crate::Reason::UndeterminedUnits
//! [`Reason::NothingHeldOut`]: crate::Reason::NothingHeldOut
//! [`Reason::UndeterminedInputDirections`]: crate::Reason::UndeterminedInputDirections
//! [`Reason::FullRankLabels`]: crate::Reason::FullRankLabels
//! [`Reason::UnitsMissing`]: crate::Reason::UnitsMissing
//! [`Reason::Residual`]: crate::Reason::Residual
//! [`Reason::BeyondDecimals`]: crate::Reason::BeyondDecimals
//! [`Reason::RankAboveWidth`]: crate::Reason::RankAboveWidth
