//! The two subspaces in which the units live.

use orthant_linalg::spectrum::{self, RankDecision};
use orthant_linalg::{LinalgError, Mat, MatRef, product, tolerance};
use orthant_network::{BiasKind, Samples};

/// Orthonormal bases of the row spaces of the labels and of the inputs.
///
/// With E = 0 and rank(U) = k, the activations of each hidden unit are a vector in the row space of A (plus a constant, when
/// the network has an output bias) that is the rectification of a vector in the row space of X (with a row of ones, when it
/// has a hidden bias). Everything in this crate looks for such vectors, in these coordinates.
///
/// # Invariants
/// The columns of [`Frame::labels`], of [`Frame::extended`] and of [`Frame::inputs`] are orthonormal, to rounding.
#[derive(Debug, Clone)]
pub struct Frame {
    extended: Mat<f64>,
    k: usize,
    inputs: Mat<f64>,
    bias: BiasKind,
    angle: f64,
    linear: Mat<f64>,
}

/// What the singular values of the labels say.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelSpectrum {
    /// Singular values of the labels (centred, when an output bias is fitted), descending.
    pub s: Vec<f64>,
    /// The rank with its gap: the number of hidden units, when that is at most m.
    pub rank: RankDecision,
    /// Root mean square error of the labels over their root mean square (centred, when an output bias is fitted): 2⁻⁵² for
    /// `f64` and about 3e-8 for `f32`, times the size of the mean where that is larger; or what the flat tail of the spectrum
    /// shows.
    pub precision: f64,
}

/// A tail of singular values this flat (largest over smallest) is taken for rounding noise and not for weak units.
const FLAT_TAIL: f64 = 30.0;

/// The gap that must stand above a noise tail.
const NOISE_GAP: f64 = 100.0;

/// Units of rounding in a label that was computed in single precision: a few roundings of sums of tens of terms.
const SINGLE_ROUNDINGS: f64 = 4.0;

impl LabelSpectrum {
    /// The spectrum of labels, minus their mean if `centre`.
    ///
    /// # Errors
    /// [`LinalgError::NoConvergence`] on overflow.
    ///
    /// # Cost
    /// One QR of the labels, 2nm² operations, and two copies of them.
    pub fn of(samples: &Samples<'_>, centre: bool) -> Result<LabelSpectrum, LinalgError> {
        let labels = centred(samples.a().transpose().to_owned(), centre);
        Ok(LabelSpectrum::decide(spectrum::singular_values(labels.as_ref())?, samples))
    }

    /// Decides the rank of the labels and the precision that they have.
    ///
    /// `f64` labels have rank r when σ_(r+1) is at rounding level. Labels that are all representable in single precision are
    /// taken for single-precision results. A flat tail (within a factor 30) below a gap of 100 and below 10⁻³ σ_1 is taken
    /// for rounding of some other kind, and its level for the precision.
    fn decide(s: Vec<f64>, samples: &Samples<'_>) -> LabelSpectrum {
        let (n, m) = (samples.n(), samples.m());
        let single = (0..n).all(|j| samples.a().col(j).iter().all(|&v| tolerance::is_single_precision(&[v])));
        let rms = (s.iter().map(|x| x * x).sum::<f64>() / (n as f64 * m as f64)).sqrt();
        let top = s.first().copied().unwrap_or(0.0);
        if top == 0.0 {
            return LabelSpectrum { rank: spectrum::decision(&s, 0), s, precision: tolerance::EPS };
        }
        // Labels were rounded before their mean was taken away: what they lost is relative to the labels as given.
        let offset = (product::frobenius(samples.a()) / product::norm(&s)).max(1.0);
        // Independent errors of size p·rms in every entry have spectral norm p·rms·(√n + √m).
        let noise_norm = |precision: f64| precision * rms * ((n as f64).sqrt() + (m as f64).sqrt()) / top;
        let assumed = offset * if single { SINGLE_ROUNDINGS * tolerance::EPS_F32 } else { tolerance::EPS };
        let factorisation = offset * tolerance::backward(n, m);
        let mut rank = spectrum::rank_at(&s, noise_norm(assumed).max(factorisation)).rank;
        let rounding_floor = spectrum::rank_at(&s, factorisation).rank;
        if !single && rank == s.len() {
            rank = flat_tail(&s).unwrap_or(rank);
        }
        let tail = &s[rank..rounding_floor.max(rank)];
        let precision = if tail.is_empty() {
            offset * if single { tolerance::EPS_F32 / 2.0 } else { tolerance::EPS }
        } else {
            // E has (n − rank) × (tail) independent entries in the tail's coordinates.
            let energy = tail.iter().map(|x| x * x).sum::<f64>();
            let entries = (n - rank.min(n - 1)) as f64 * tail.len() as f64;
            ((energy / entries).sqrt() / rms).max(offset * tolerance::EPS)
        };
        LabelSpectrum { rank: spectrum::decision(&s, rank), s, precision }
    }
}

fn flat_tail(s: &[f64]) -> Option<usize> {
    let (top, last) = (s[0], *s.last()?);
    (1..s.len().saturating_sub(1))
        .filter(|&r| s[r] <= 1e-3 * top && s[r] <= FLAT_TAIL * last && s[r - 1] >= NOISE_GAP * s[r])
        .max_by(|&a, &b| (s[a - 1] / s[a]).total_cmp(&(s[b - 1] / s[b])))
}

impl Frame {
    /// Computes the bases. The number of units k is the rank of the labels, or `width` when that is smaller.
    ///
    /// # Errors
    /// [`LinalgError::NoConvergence`] on overflow.
    ///
    /// # Cost
    /// Two thin SVDs: 6n(d² + m²) operations, and about four copies of the data at the peak.
    pub fn new(
        samples: &Samples<'_>,
        bias: BiasKind,
        width: Option<usize>,
    ) -> Result<(Frame, LabelSpectrum), LinalgError> {
        let n = samples.n();
        let labels = centred(samples.a().transpose().to_owned(), bias.output());
        let svd = spectrum::thin_svd(labels.as_ref())?;
        drop(labels);
        let spectrum = LabelSpectrum::decide(svd.s, samples);
        let k = width.unwrap_or(spectrum.rank.rank).min(spectrum.rank.rank);
        let q = svd.u.as_ref().subcols(0, k);
        let inputs = input_basis(samples.x().transpose(), bias.hidden())?;
        let angle = angle_error(&spectrum, k, n, samples.m());
        Ok((Frame::assemble(extend(q, bias.output()), k, inputs, bias, angle)?, spectrum))
    }

    fn assemble(
        extended: Mat<f64>,
        k: usize,
        inputs: Mat<f64>,
        bias: BiasKind,
        angle: f64,
    ) -> Result<Frame, LinalgError> {
        let linear = Mat::zeros(extended.ncols(), 0);
        let mut frame = Frame { extended, k, inputs, bias, angle, linear };
        frame.linear = frame.linear_part()?;
        Ok(frame)
    }

    /// Combinations of the extended labels that are affine in the inputs: right singular vectors of (I − P)Q at zero.
    fn linear_part(&self) -> Result<Mat<f64>, LinalgError> {
        let (q, z) = (self.extended(), self.inputs());
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

    /// Basis of the row space of the labels, n × k; columns have mean zero when an output bias is fitted.
    pub fn labels(&self) -> MatRef<'_, f64> {
        self.extended.as_ref().subcols(0, self.k)
    }

    /// [`Frame::labels`], and the constant 1/√n as a last column when an output bias is fitted.
    pub fn extended(&self) -> MatRef<'_, f64> {
        self.extended.as_ref()
    }

    /// Basis of the row space of the inputs, n × r; it contains the constants when a hidden bias is fitted.
    pub fn inputs(&self) -> MatRef<'_, f64> {
        self.inputs.as_ref()
    }

    /// Orthonormal combinations of [`Frame::extended`] that are affine functions of the inputs.
    ///
    /// A unit that is active on every sample is one, and so is the constant; neither has a kink to be found by.
    pub fn linear(&self) -> MatRef<'_, f64> {
        self.linear.as_ref()
    }

    /// Number of units that can be found by their kinks: k less the dimension of [`Frame::linear`], constants aside.
    pub fn n_rectified(&self) -> usize {
        // The constant is in the linear part exactly when both spaces contain it.
        let constant = usize::from(self.bias == BiasKind::Both && self.linear.ncols() > 0);
        self.k.saturating_sub(self.linear.ncols() - constant)
    }

    /// Bound on the angle between the label space computed and the true one: the rounding of the labels over their smallest
    /// singular value counted.
    pub fn angle(&self) -> f64 {
        self.angle
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
    /// # Errors
    /// As [`Frame::new`].
    pub fn restrict(&self, samples: &[usize]) -> Result<Option<Frame>, LinalgError> {
        let pick = |a: MatRef<'_, f64>| Mat::from_fn(samples.len(), a.ncols(), |i, j| a[(samples[i], j)]);
        let labels = centred(pick(self.labels()), self.bias.output());
        let svd = spectrum::thin_svd(labels.as_ref())?;
        // Directions that the choice of samples shrinks below 10⁻⁶ would amplify the angle error by as much.
        if samples.len() <= self.k || spectrum::rank_at(&svd.s, 1e-6).rank < self.k {
            return Ok(None);
        }
        let shrink = svd.s.get(self.k.saturating_sub(1)).copied().unwrap_or(1.0);
        let inputs = spectrum::column_space(
            pick(self.inputs()).as_ref(),
            input_tolerance(samples.len(), self.inputs.ncols()),
        )?;
        let extended = extend(svd.u.as_ref().subcols(0, self.k), self.bias.output());
        Ok(Some(Frame::assemble(extended, self.k, inputs, self.bias, self.angle / shrink)?))
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

fn extend(q: MatRef<'_, f64>, constant: bool) -> Mat<f64> {
    let (n, k) = q.shape();
    let value = 1.0 / (n as f64).sqrt();
    Mat::from_fn(n, k + usize::from(constant), |i, j| if j < k { q[(i, j)] } else { value })
}

fn input_basis(x: MatRef<'_, f64>, hidden: bool) -> Result<Mat<f64>, LinalgError> {
    let (n, d) = x.shape();
    let basis = spectrum::column_space(centred(x.to_owned(), hidden).as_ref(), input_tolerance(n, d))?;
    Ok(extend(basis.as_ref(), hidden))
}

fn angle_error(spectrum: &LabelSpectrum, k: usize, n: usize, m: usize) -> f64 {
    if k == 0 {
        return tolerance::backward(n, m);
    }
    let s = &spectrum.s;
    let rms = (s.iter().map(|x| x * x).sum::<f64>() / (n as f64 * m as f64)).sqrt();
    let rounding = spectrum.precision * rms * ((n as f64).sqrt() + (m as f64).sqrt());
    let factorisation = tolerance::backward(n, m) * s[0];
    (rounding.max(factorisation) / s[k - 1]).min(0.1)
}

/// The relative residual |A − P A| of a frame, where P projects on its label space: zero when the width is the rank.
pub fn unexplained(spectrum: &LabelSpectrum, k: usize) -> f64 {
    let total = product::norm(&spectrum.s);
    if total == 0.0 { 0.0 } else { product::norm(&spectrum.s[k.min(spectrum.s.len())..]) / total }
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
    fn decimal_rounding_is_recognised_by_its_flat_tail() {
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
