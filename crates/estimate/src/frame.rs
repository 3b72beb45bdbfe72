//! The two subspaces in which the units live.

use orthant_linalg::qr::Qr;
use orthant_linalg::spectrum;
use orthant_linalg::{LinalgError, Mat, MatRef, product, tolerance};
use orthant_network::{Activation, BiasKind, Samples};

use crate::weighting::{Weighting, spread, without_constant};

mod labels;

pub use self::labels::LabelSpectrum;

/// Orthonormal bases of the row spaces of the labels and of the inputs.
///
/// With E = 0 and rank(U) = k, the activations of each hidden unit are a vector in the row space of A (plus a constant, when
/// the network has an output bias) that is the rectification of a vector in the row space of X (with a row of ones, when it
/// has a hidden bias). Everything in this crate looks for such vectors, in these coordinates.
///
/// For an activation that bends the samples of the label space may have weights ([`Frame::for_activation`]): its vectors, the
/// activations of units and the constant among them, are then those of the network with entry j times weight j. That of the inputs
/// has no weights.
///
/// # Invariants
/// The columns of [`Frame::labels`], of [`Frame::extended`] and of [`Frame::inputs`] are orthonormal, to rounding.
#[derive(Debug, Clone)]
pub struct Frame {
    extended: Mat<f64>,
    k: usize,
    inputs: Mat<f64>,
    bias: BiasKind,
    activation: Activation,
    angle: f64,
    input_angle: f64,
    linear: Mat<f64>,
    weights: Option<Vec<f64>>,
}

impl Frame {
    /// Computes the bases. The number of units k is the rank of the labels, or `width` when that is smaller.
    ///
    /// # Shapes
    /// The frame has n × k labels and n × r inputs, r the rank of the inputs (with the constant, when a hidden bias is fitted).
    ///
    /// # Errors
    /// [`LinalgError::NoConvergence`] on overflow.
    ///
    /// # Cost
    /// Two thin SVDs: 6n(d² + m²) operations, and about four copies of the data at the peak.
    ///
    /// # Paper
    /// Any basis of the row span of A serves the paper (proof of Theorem 11); an orthonormal one keeps errors at rounding times
    /// conditioning. Remark 24 whitens inputs by an estimate of their covariance; here they are whitened by their own SVD.
    pub fn new(
        samples: &Samples<'_>,
        bias: BiasKind,
        width: Option<usize>,
    ) -> Result<(Frame, LabelSpectrum), LinalgError> {
        Frame::assemble_weighted(samples, bias, width, None)
    }

    /// The frame for units of a given activation, whose labels have the weights of [`Weighting`] where that has any.
    ///
    /// Searches for single units are to use this one. Methods that take means over the inputs need the labels as they are:
    /// [`Frame::new`] and [`Frame::with_activation`].
    ///
    /// # Shapes
    /// As [`Frame::new`].
    ///
    /// # Errors
    /// As [`Frame::new`].
    ///
    /// # Cost
    /// As [`Frame::new`].
    pub fn for_activation(
        samples: &Samples<'_>,
        bias: BiasKind,
        width: Option<usize>,
        activation: &Activation,
    ) -> Result<(Frame, LabelSpectrum), LinalgError> {
        let weights = Weighting::new(activation, samples.a()).map(|w| w.weights(samples.a()));
        let (frame, spectrum) = Frame::assemble_weighted(samples, bias, width, weights.as_deref())?;
        Ok((frame.with_activation(activation.clone()), spectrum))
    }

    fn assemble_weighted(
        samples: &Samples<'_>,
        bias: BiasKind,
        width: Option<usize>,
        weights: Option<&[f64]>,
    ) -> Result<(Frame, LabelSpectrum), LinalgError> {
        let n = samples.n();
        let labels = match weights {
            None => centred(samples.a().transpose().to_owned(), bias.output()),
            Some(weights) => {
                let labels = Mat::from_fn(n, samples.m(), |j, o| weights[j] * samples.a()[(o, j)]);
                without_constant(labels, weights, bias.output())
            }
        };
        let svd = spectrum::thin_svd(labels.as_ref())?;
        drop(labels);
        let spectrum = LabelSpectrum::decide(svd.s, samples, weights);
        let k = width.unwrap_or(spectrum.rank.rank).min(spectrum.rank.rank);
        let q = svd.u.as_ref().subcols(0, k);
        let (inputs, input_angle) = input_basis(samples.x().transpose(), bias.hidden())?;
        let angle = angle_error(&spectrum, k, n, samples.m(), weights);
        let extended = extend(q, bias.output(), weights);
        let angles = (angle, input_angle);
        Ok((Frame::assemble(extended, k, inputs, bias, angles, weights.map(<[f64]>::to_vec))?, spectrum))
    }

    /// The same frame for units of another activation, with the weights it has.
    pub fn with_activation(self, activation: Activation) -> Frame {
        Frame { activation, ..self }
    }

    fn assemble(
        extended: Mat<f64>,
        k: usize,
        inputs: Mat<f64>,
        bias: BiasKind,
        (angle, input_angle): (f64, f64),
        weights: Option<Vec<f64>>,
    ) -> Result<Frame, LinalgError> {
        let linear = Mat::zeros(extended.ncols(), 0);
        let activation = Activation::RELU;
        let mut frame = Frame { extended, k, inputs, bias, activation, angle, input_angle, linear, weights };
        frame.linear = frame.linear_part()?;
        Ok(frame)
    }

    /// Combinations of the extended labels that are affine in the inputs: right singular vectors of (I − P)Q at zero.
    fn linear_part(&self) -> Result<Mat<f64>, LinalgError> {
        let weighted = self.weights.as_ref().map(|weights| {
            let (n, r) = self.inputs.shape();
            Qr::factor(Mat::from_fn(n, r, |j, i| weights[j] * self.inputs[(j, i)])).thin_q()
        });
        let (q, z) = (self.extended(), weighted.as_ref().unwrap_or(&self.inputs).as_ref());
        // With so few samples every label is affine in the inputs, which says nothing about the units.
        if self.n() <= q.ncols() + z.ncols() {
            return Ok(Mat::zeros(q.ncols(), 0));
        }
        let mut outside = q.to_owned();
        product::matmul_add(outside.as_mut(), -1.0, z, product::matmul(z.transpose(), q).as_ref());
        let svd = spectrum::thin_svd(outside.as_ref())?;
        let first = svd.s.iter().take_while(|&&s| s > self.null_tolerance()).count();
        Ok(svd.v.as_ref().subcols(first, svd.s.len() - first).to_owned())
    }

    /// Number of samples.
    pub fn n(&self) -> usize {
        self.extended.nrows()
    }

    /// Number of hidden units: the dimension of the label space, constants aside.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The biases that the frame allows for.
    pub fn bias(&self) -> BiasKind {
        self.bias
    }

    /// The activation of the units.
    pub fn activation(&self) -> &Activation {
        &self.activation
    }

    /// The weights of the samples in the label space, of mean square 1 and length n; `None` when all are 1.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// The weight of a sample in the label space.
    pub fn weight(&self, sample: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[sample])
    }

    /// Basis of the row space of the labels, n × k; columns are orthogonal to the (weighted) constant when an output bias is
    /// fitted, so that without weights they have mean zero.
    pub fn labels(&self) -> MatRef<'_, f64> {
        self.extended.as_ref().subcols(0, self.k)
    }

    /// [`Frame::labels`], and the (weighted) constant 1/√n as a last column when an output bias is fitted: n × k or n × (k + 1).
    pub fn extended(&self) -> MatRef<'_, f64> {
        self.extended.as_ref()
    }

    /// Basis of the row space of the inputs, n × r; it contains the constants when a hidden bias is fitted.
    pub fn inputs(&self) -> MatRef<'_, f64> {
        self.inputs.as_ref()
    }

    /// Orthonormal combinations of [`Frame::extended`] that are affine functions of the inputs: a column of coefficients each.
    ///
    /// A unit that is active on every sample is one, and so is the constant; neither has a kink to be found by.
    pub fn linear(&self) -> MatRef<'_, f64> {
        self.linear.as_ref()
    }

    /// Number of units that can be found by their kinks: k less the dimension of [`Frame::linear`], constants aside. Only for
    /// max(t, 0) are always-active units affine; for other activations this is k.
    pub fn n_rectified(&self) -> usize {
        if !self.activation.is_relu() {
            return self.k;
        }
        // The constant, when the labels allow for one, is an affine function where the inputs have it too, and no unit.
        let last = self.extended.ncols() - 1;
        let constant = usize::from(self.bias.output() && self.linear.row(last).norm_l2() > 0.5);
        self.k.saturating_sub(self.linear.ncols() - constant)
    }

    /// Bound on the angle between the label space computed and the true one: the rounding of the labels over their smallest
    /// singular value counted.
    pub fn angle(&self) -> f64 {
        self.angle
    }

    /// Bound on the angle between the input space computed and that of the inputs as given: the rounding of the factorisation over
    /// their smallest singular value counted.
    pub fn input_angle(&self) -> f64 {
        self.input_angle
    }

    /// Below this, the least singular value of a unit's joint system counts as zero: 8 angles, for the angle enters once
    /// through the active and once through the inactive samples, with room for the factorisations in between.
    pub fn null_tolerance(&self) -> f64 {
        8.0 * self.angle
    }

    /// Activations below this times the largest one count as zero. A unit vector is known to the angle times 1/gap, and
    /// gaps down to 10⁻³ are accepted.
    pub fn zero_tolerance(&self) -> f64 {
        (1e3 * self.angle).min(1e-3)
    }

    /// The frame of some of the samples. `None` when the labels lose rank on them.
    ///
    /// # Shapes
    /// `samples` are s indices in any order; the frame has s × k labels and s × r inputs, r the rank of the inputs chosen.
    ///
    /// # Errors
    /// As [`Frame::new`].
    ///
    /// # Panics
    /// When an index is not below n.
    ///
    /// # Cost
    /// Three thin SVDs with s rows: about 6s(2k² + r²) operations, and 4skr more.
    pub fn restrict(&self, samples: &[usize]) -> Result<Option<Frame>, LinalgError> {
        let pick = |a: MatRef<'_, f64>| Mat::from_fn(samples.len(), a.ncols(), |i, j| a[(samples[i], j)]);
        let weights = self.weights.as_ref().map(|weights| {
            let picked: Vec<f64> = samples.iter().map(|&j| weights[j]).collect();
            let size = product::norm(&picked) / (picked.len() as f64).sqrt();
            picked.into_iter().map(|weight| weight / size).collect::<Vec<f64>>()
        });
        let labels = match &weights {
            None => centred(pick(self.labels()), self.bias.output()),
            Some(weights) => without_constant(pick(self.labels()), weights, self.bias.output()),
        };
        let svd = spectrum::thin_svd(labels.as_ref())?;
        // Directions that the choice of samples shrinks below 10⁻⁶ would amplify the angle error by as much.
        if samples.len() <= self.k || spectrum::rank_at(&svd.s, 1e-6).rank < self.k {
            return Ok(None);
        }
        let shrink = svd.s.get(self.k.saturating_sub(1)).copied().unwrap_or(1.0);
        let picked = spectrum::thin_svd(pick(self.inputs()).as_ref())?;
        let rank = spectrum::rank_at(&picked.s, input_tolerance(samples.len(), self.inputs.ncols())).rank;
        let inputs = picked.u.as_ref().subcols(0, rank).to_owned();
        let least = picked.s.get(rank.saturating_sub(1)).copied().unwrap_or(1.0).max(f64::MIN_POSITIVE);
        let angles = (self.angle / shrink, self.input_angle / least);
        let extended = extend(svd.u.as_ref().subcols(0, self.k), self.bias.output(), weights.as_deref());
        let restricted = Frame::assemble(extended, self.k, inputs, self.bias, angles, weights)?;
        Ok(Some(restricted.with_activation(self.activation.clone())))
    }
}

/// Singular values of inputs at or below this times the largest count as zero.
///
/// Inputs are given, not computed by us, so only the factorisation's own rounding is allowed for, with a factor 100 for
/// coordinates that were computed from others (standardised or summed in `f64`).
pub fn input_tolerance(n: usize, d: usize) -> f64 {
    100.0 * tolerance::backward(n, d)
}

/// Subtracts the mean of each column.
fn centred(mut a: Mat<f64>, centre: bool) -> Mat<f64> {
    if centre {
        for j in 0..a.ncols() {
            let values = a.col_as_slice_mut(j);
            // Taken relative to the first value, the mean of a constant is that constant to the bit.
            let first = values.first().copied().unwrap_or(0.0);
            let mean = first + values.iter().map(|v| v - first).sum::<f64>() / values.len() as f64;
            values.iter_mut().for_each(|v| *v -= mean);
        }
    }
    a
}

fn extend(q: MatRef<'_, f64>, constant: bool, weights: Option<&[f64]>) -> Mat<f64> {
    let (n, k) = q.shape();
    let value = 1.0 / (n as f64).sqrt();
    let weight = |i: usize| weights.map_or(1.0, |weights| weights[i]);
    Mat::from_fn(n, k + usize::from(constant), |i, j| if j < k { q[(i, j)] } else { value * weight(i) })
}

/// The basis, and the bound on its angle.
fn input_basis(x: MatRef<'_, f64>, hidden: bool) -> Result<(Mat<f64>, f64), LinalgError> {
    let (n, d) = x.shape();
    let svd = spectrum::thin_svd(centred(x.to_owned(), hidden).as_ref())?;
    let rank = spectrum::rank_at(&svd.s, input_tolerance(n, d));
    let basis = svd.u.as_ref().subcols(0, rank.rank);
    // Inputs are rounded, if at all, before their mean is taken away.
    let offset =
        (x.norm_l2() / product::norm(&svd.s).max(f64::MIN_POSITIVE)).clamp(1.0, 1.0 / tolerance::EPS);
    let rounding = if hidden { offset } else { 1.0 } * tolerance::backward(n, d);
    let angle = if rank.rank == 0 { rounding } else { rounding / rank.smallest_kept };
    Ok((extend(basis, hidden, None), angle))
}

fn angle_error(spectrum: &LabelSpectrum, k: usize, n: usize, m: usize, weights: Option<&[f64]>) -> f64 {
    if k == 0 {
        return tolerance::backward(n, m);
    }
    let s = &spectrum.s;
    let rms = (s.iter().map(|x| x * x).sum::<f64>() / (n as f64 * m as f64)).sqrt();
    let rounding = spectrum.precision * rms * spread(n, m, weights);
    let factorisation = tolerance::backward(n, m) * s[0];
    (rounding.max(factorisation) / s[k - 1]).min(0.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_network::PlantedSpec;

    fn planted(bias: BiasKind) -> orthant_network::Planted {
        PlantedSpec { m: 8, k: 4, d: 6, bias, seed: 5, ..PlantedSpec::default() }.plant(80).expect("valid")
    }

    #[test]
    fn activations_lie_in_the_extended_label_space_and_inputs_in_theirs() {
        for bias in [BiasKind::None, BiasKind::Hidden, BiasKind::Output, BiasKind::Both] {
            let p = planted(bias);
            let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
            let (frame, spectrum) = Frame::new(&samples, bias, None).expect("finite");
            assert_eq!((frame.k(), spectrum.rank.rank), (4, 4), "{bias:?}");
            for (basis, rows) in [
                (frame.extended(), p.network.activations(p.x.as_ref())),
                (frame.inputs(), p.network.preactivations(p.x.as_ref())),
            ] {
                let columns = rows.transpose().to_owned();
                let inside =
                    product::matmul(basis, product::matmul(basis.transpose(), columns.as_ref()).as_ref());
                let error = product::frobenius((&inside - &columns).as_ref());
                assert!(
                    error <= frame.null_tolerance() * product::frobenius(columns.as_ref()),
                    "{bias:?}: {error}"
                );
            }
        }
    }

    #[test]
    fn weighted_frames_contain_weighted_activations_and_know_them_better() {
        for bias in [BiasKind::None, BiasKind::Both] {
            let activation = Activation::expm1_square();
            let spec = PlantedSpec { m: 8, k: 4, d: 6, bias, activation, seed: 5, ..PlantedSpec::default() };
            let p = spec.plant(200).expect("valid");
            let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
            let plain = Frame::new(&samples, bias, None).expect("finite").0;
            let (whole, spectrum) =
                Frame::for_activation(&samples, bias, None, &spec.activation).expect("finite");
            assert_eq!((whole.k(), spectrum.rank.rank), (4, 4), "{bias:?}");
            assert!(whole.angle() < 0.1 * plain.angle(), "{bias:?}: {} {}", whole.angle(), plain.angle());
            let some: Vec<usize> = (0..200).step_by(2).collect();
            let part = whole.restrict(&some).expect("finite").expect("rank 4");
            let all: Vec<usize> = (0..200).collect();
            let z = p.network.activations(p.x.as_ref());
            for (frame, chosen) in [(&whole, &all), (&part, &some)] {
                let weights = frame.weights().expect("bends");
                let mean_square = product::dot(weights, weights) / frame.n() as f64;
                assert!((mean_square - 1.0).abs() <= tolerance::backward(frame.n(), 1));
                let columns = Mat::from_fn(frame.n(), 5, |j, i| {
                    weights[j] * if i < 4 { z[(i, chosen[j])] } else { f64::from(bias.output()) }
                });
                let basis = frame.extended();
                let inside =
                    product::matmul(basis, product::matmul(basis.transpose(), columns.as_ref()).as_ref());
                let error = product::frobenius((&inside - &columns).as_ref());
                let size = product::frobenius(columns.as_ref());
                assert!(error <= frame.null_tolerance() * size, "{bias:?}: {error}");
            }
        }
    }

    #[test]
    fn single_precision_labels_are_recognised_and_their_noise_measured() {
        let p = planted(BiasKind::Both);
        let a = Mat::from_fn(8, 80, |i, j| f64::from(p.a[(i, j)] as f32));
        let samples = Samples::new(p.x.as_ref(), a.as_ref()).expect("valid");
        let (_, spectrum) = Frame::new(&samples, BiasKind::Both, None).expect("finite");
        assert_eq!(spectrum.rank.rank, 4);
        // Rounding to nearest errs by at most 2⁻²⁴ relative, and by 2⁻²⁴/√3 or less in the mean square.
        assert!(
            spectrum.precision < tolerance::EPS_F32 / 2.0 && spectrum.precision > tolerance::EPS_F32 / 100.0
        );
    }

    #[test]
    fn decimal_rounding_is_recognised() {
        let p = planted(BiasKind::Both);
        let a = Mat::from_fn(8, 80, |i, j| (p.a[(i, j)] * 1e5).round() / 1e5);
        let samples = Samples::new(p.x.as_ref(), a.as_ref()).expect("valid");
        let (_, spectrum) = Frame::new(&samples, BiasKind::Both, None).expect("finite");
        assert_eq!(spectrum.rank.rank, 4);
        let expected = 1e-5 / 12.0f64.sqrt() / samples.label_scale();
        assert!(
            (spectrum.precision / expected - 1.0).abs() < 0.3,
            "{} against {expected}",
            spectrum.precision
        );
    }

    #[test]
    fn large_labels_are_not_taken_for_decimals() {
        let p = planted(BiasKind::Both);
        let a = 1e14 * &p.a;
        let samples = Samples::new(p.x.as_ref(), a.as_ref().subrows(0, 2)).expect("valid");
        let spectrum = LabelSpectrum::of(&samples, true).expect("finite");
        assert!(spectrum.precision >= tolerance::EPS, "{}", spectrum.precision);
    }

    #[test]
    fn weak_units_and_noise_are_not_taken_for_rounding() {
        let mut p = planted(BiasKind::Both);
        for j in 0..80 {
            p.a[(1, j)] *= 1e-5;
            p.a[(2, j)] *= 1e-5;
        }
        let noisy = Mat::from_fn(4, 80, |i, j| p.a[(i, j)]);
        let samples = Samples::new(p.x.as_ref(), noisy.as_ref()).expect("valid");
        let spectrum = LabelSpectrum::of(&samples, true).expect("finite");
        assert_eq!(spectrum.rank.rank, 4);
        assert!(spectrum.precision < 100.0 * tolerance::EPS);
    }

    #[test]
    fn small_integers_are_not_taken_for_single_precision() {
        // Rank two over six outputs, exactly: rounding would have filled the other directions.
        let a = Mat::from_fn(6, 40, |i, j| ((i + 1) * (j % 7) + (i * i) * (j % 5)) as f64);
        let x = Mat::from_fn(3, 40, |i, j| ((i * 31 + j * 17) % 13) as f64);
        let samples = Samples::new(x.as_ref(), a.as_ref()).expect("valid");
        let spectrum = LabelSpectrum::of(&samples, true).expect("finite");
        assert_eq!(spectrum.rank.rank, 2);
        assert!(spectrum.precision < 100.0 * tolerance::EPS);
    }

    #[test]
    fn a_large_output_bias_costs_precision_and_not_the_rank() {
        let mut p = planted(BiasKind::Both);
        p.a.col_iter_mut().for_each(|col| col.iter_mut().for_each(|a| *a += 1e8));
        let samples = Samples::new(p.x.as_ref(), p.a.as_ref()).expect("valid");
        let (_, spectrum) = Frame::new(&samples, BiasKind::Both, None).expect("finite");
        assert_eq!(spectrum.rank.rank, 4);
        let offset = 1e8 / samples.label_scale();
        assert!(spectrum.precision >= 0.5 * offset * tolerance::EPS);
        assert_eq!(LabelSpectrum::of(&samples, true).expect("finite").rank.rank, 4);
    }

    #[test]
    fn labels_without_variation_have_rank_zero() {
        let (x, a) = (planted(BiasKind::None).x, Mat::from_fn(3, 80, |i, _| i as f64));
        let samples = Samples::new(x.as_ref(), a.as_ref()).expect("valid");
        assert_eq!(Frame::new(&samples, BiasKind::Both, None).expect("finite").0.k(), 0);
    }
}
