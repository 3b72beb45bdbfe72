use super::*;
use orthant_linalg::{Mat, random};
use orthant_network::PlantedSpec;
use orthant_testkit::strategy::config;
use proptest::prelude::*;

fn precision(a: &Mat<f64>) -> LabelPrecision {
    let x = Mat::<f64>::zeros(1, a.ncols());
    label_precision(&Samples::new(x.as_ref(), a.as_ref()).expect("finite"))
}

fn labels(m: usize, n: usize, seed: u64) -> Mat<f64> {
    random::gaussian(m, n, &mut random::stream(seed, "labels", 0))
}

fn mapped(a: &Mat<f64>, f: impl Fn(f64) -> f64) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| f(a[(i, j)]))
}

fn rounded(format: Format) -> impl Fn(f64) -> f64 {
    move |a| (a / format.spacing(a)).round_ties_even() * format.spacing(a)
}

/// The root mean square difference agrees with the stated noise to six standard errors of a mean of squares of uniform errors,
/// whose relative variance is at most 3 with spacings that vary.
fn assert_noise(found: &LabelPrecision, rounded: &Mat<f64>, given: &Mat<f64>) {
    let count = (given.nrows() * given.ncols()) as f64;
    let error = product::frobenius((rounded - given).as_ref()) / count.sqrt();
    let tolerance = 6.0 * (3.0 / count).sqrt();
    assert!(((error / found.noise_std).powi(2) - 1.0).abs() < tolerance, "{error}, {found:?}");
}

#[test]
fn every_format_is_found_with_the_size_of_its_errors() {
    let formats = [
        (Format::SINGLE, PrecisionKind::Float32),
        (Format::HALF, PrecisionKind::Float16),
        (Format::BRAIN, PrecisionKind::Bfloat16),
    ];
    for seed in 0..20 {
        for (format, kind) in &formats {
            let given = labels(3, 500, seed);
            let coarse = mapped(&given, rounded(*format));
            let found = precision(&coarse);
            assert_eq!(&found.kind, kind, "seed {seed}");
            assert_eq!(found.clipping, None);
            assert_noise(&found, &coarse, &given);
        }
    }
    assert_eq!(f64::from(f32::MAX), Format::SINGLE.largest);
    assert!(Format::HALF.holds(65504.0) && !Format::HALF.holds(65536.0) && !Format::HALF.holds(65505.0));
    assert!(Format::HALF.holds(2f64.powi(-24)) && !Format::HALF.holds(2f64.powi(-25)));
    assert!(Format::BRAIN.holds(Format::BRAIN.largest) && Format::BRAIN.holds(-0.0));
}

#[test]
fn decimals_are_found_in_double_and_in_single_precision() {
    for seed in 0..20 {
        for places in [0, 1, 2, 3, 6] {
            let given = mapped(&labels(3, 500, seed), |a| 10.0 * a);
            let unit = 10f64.powi(places);
            let coarse = mapped(&given, |a| (a * unit).round() / unit);
            let found = precision(&coarse);
            assert_eq!(found.kind, PrecisionKind::Decimal { places: places as u32 }, "seed {seed}");
            assert_noise(&found, &coarse, &given);
            // Six places of numbers of this size are beyond single precision.
            if places <= 3 {
                let single = precision(&mapped(&coarse, |a| f64::from(a as f32)));
                assert_eq!(single.kind, PrecisionKind::Decimal { places: places as u32 }, "seed {seed}");
            }
        }
    }
}

/// Eight and twelve bits between the extremes of each output, in double and in single precision, zero point and scale of each output.
#[test]
fn quantisation_is_found_with_the_step_of_each_output() {
    for seed in 0..20 {
        for levels in [15.0, 255.0, 4095.0] {
            let given = labels(3, 500, seed);
            let step = |o: usize| (0.7 + o as f64) / levels * 6.1;
            let quantised = |o: usize, a: f64| (a * (o + 1) as f64 / step(o)).round() * step(o) + 0.123;
            let coarse = Mat::from_fn(3, 500, |o, j| quantised(o, given[(o, j)]));
            for single in [false, true] {
                if single && levels > 1000.0 {
                    continue;
                }
                let stored = mapped(&coarse, |a| if single { f64::from(a as f32) } else { a });
                let found = precision(&stored);
                let PrecisionKind::Step { steps } = &found.kind else { panic!("seed {seed}: {found:?}") };
                for (o, found) in steps.iter().enumerate() {
                    assert!((found / step(o) - 1.0).abs() < 1e-5, "seed {seed}, {levels}: {steps:?}");
                }
                assert_eq!(found.clipping, None);
            }
        }
    }
}

#[test]
fn labels_of_networks_are_not_rounded() {
    for seed in 0..100 {
        let p = PlantedSpec { m: 4, k: 6, d: 5, seed, ..PlantedSpec::default() }.plant(200).expect("valid");
        let found = precision(&p.a);
        assert_eq!(found.kind, PrecisionKind::Exact64, "seed {seed}");
        assert_eq!(found.clipping, None, "seed {seed}");
    }
}

#[test]
fn bounds_are_found_on_any_grid() {
    for seed in 0..20 {
        let given = labels(3, 2000, seed);
        let clip = |a: f64| a.clamp(-1.7, 1.35);
        let maps: [&dyn Fn(f64) -> f64; 4] =
            [&|a| a, &|a| (a * 100.0).round() / 100.0, &|a| rounded(Format::HALF)(a), &|a| {
                (a / 0.0123).round() * 0.0123 + 0.4
            }];
        for (which, map) in maps.iter().enumerate() {
            assert_eq!(precision(&mapped(&given, map)).clipping, None, "seed {seed}, map {which}");
            let found = precision(&mapped(&given, |a| clip(map(a))));
            let bounds = found.clipping.expect("clipped");
            assert_eq!(
                (bounds.lower(), bounds.upper()),
                (&[-1.7; 3][..], &[1.35; 3][..]),
                "seed {seed}, map {which}"
            );
            // 13 %, or 19 % with the offset.
            assert!((0.10..0.22).contains(&found.clipped_fraction), "{}", found.clipped_fraction);
        }
    }
}

/// One output clipped above, the others not; the bound is not on the grid of the other values.
#[test]
fn each_output_has_its_own_bounds() {
    let given = labels(3, 2000, 1);
    let coarse = Mat::from_fn(3, 2000, |o, j| {
        let a = (given[(o, j)] * 50.0).round() / 50.0;
        if o == 1 { a.min(1.0 / 3.0) } else { a }
    });
    let found = precision(&coarse);
    let PrecisionKind::Step { steps } = &found.kind else { panic!("{found:?}") };
    assert!(steps.iter().all(|step| (step - 0.02).abs() < 1e-12), "{steps:?}");
    let bounds = found.clipping.expect("clipped");
    assert_eq!(bounds.upper(), [f64::INFINITY, 1.0 / 3.0, f64::INFINITY]);
    assert_eq!(bounds.lower(), [f64::NEG_INFINITY; 3]);
}

/// An output that attains the common bounds once is cut off there too; one whose extreme values are others is not.
#[test]
fn rare_outputs_share_the_bounds_of_others() {
    let given = labels(3, 2000, 4);
    let largest = |o: usize| given.row(o).iter().fold(0.0f64, |largest, a| largest.max(a.abs()));
    let scales = [1.0, 1.01 / largest(1), 0.5 / largest(2)];
    let clipped = Mat::from_fn(3, 2000, |o, j| (scales[o] * given[(o, j)]).clamp(-1.0, 1.0));
    assert_eq!(clipped.row(1).iter().filter(|a| a.abs() == 1.0).count(), 1);
    let bounds = precision(&clipped).clipping.expect("clipped");
    let (low, high) = (bounds.lower(), bounds.upper());
    assert_eq!((low[0], high[0], low[2], high[2]), (-1.0, 1.0, f64::NEG_INFINITY, f64::INFINITY));
    assert!((low[1] == -1.0) != (high[1] == 1.0), "{bounds:?}");
}

/// All outputs are zero where all units are inactive, and none is positive: no bound. The same labels clipped at zero after an
/// output bias have one.
#[test]
fn zeros_of_inactive_units_are_no_bound_but_those_of_clipping_are() {
    let given = labels(3, 1000, 2);
    let zero = |j: usize| j.is_multiple_of(4);
    let inactive = Mat::from_fn(3, 1000, |o, j| if zero(j) { 0.0 } else { -given[(o, j)].abs() });
    assert_eq!(precision(&inactive).clipping, None);
    let clipped = mapped(&inactive, |a| (a + 0.5).max(0.0));
    let bounds = precision(&clipped).clipping.expect("clipped");
    assert_eq!((bounds.lower()[1], bounds.upper()[1]), (0.0, 0.5));
}

#[test]
fn few_values_show_nothing() {
    for a in [
        Mat::from_fn(1, 1, |_, _| 0.5),
        Mat::from_fn(2, 100, |_, _| 0.25),
        Mat::from_fn(2, 100, |_, _| 0.0),
        Mat::from_fn(2, 100, |_, j| if j % 3 == 0 { 1.0 } else { 0.0 }),
        Mat::from_fn(1, 3, |_, j| j as f64),
    ] {
        let found = precision(&a);
        assert_eq!((found.kind, found.clipping), (PrecisionKind::Exact64, None));
    }
}

proptest! {
    #![proptest_config(config(256))]

    /// Values of any size, in any mixture, with many repetitions: an answer that is finite where the labels allow, and no panic.
    #[test]
    fn hostile_labels_have_a_precision(
        values in prop::collection::vec(
            prop_oneof![
                any::<f64>().prop_filter("finite", |a| a.is_finite()),
                prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, 1e300, -1e300, 5e-324, f64::MAX, f64::MIN_POSITIVE, 0.1, 65504.0]),
                (-1000i32..1000).prop_map(f64::from),
            ],
            1..120,
        ),
        m in 1usize..4,
    ) {
        let n = values.len().div_ceil(m);
        let a = Mat::from_fn(m, n, |i, j| values[(i + j * m) % values.len()]);
        let found = precision(&a);
        prop_assert!(found.noise_std >= 0.0);
        prop_assert!((0.0..=1.0).contains(&found.clipped_fraction));
        prop_assert_eq!(found.output_noise.len(), m);
    }

    /// Any offset and any step from 2⁻¹² to 2⁻² of the range is found, whatever the scale.
    #[test]
    fn any_step_is_found(seed in 0u64..1000, exponent in -300i32..300, fineness in 2.0f64..12.0, offset in -2.0f64..2.0) {
        let scale = 2f64.powi(exponent) * 1.37;
        let step = 2f64.powf(-fineness);
        let a = mapped(&labels(2, 300, seed), |a| ((a / step).round() * step + offset) * scale);
        let found = precision(&a);
        prop_assert!(matches!(found.kind, PrecisionKind::Step { .. }), "{:?}", found);
        prop_assert!((found.noise_std * 12f64.sqrt() / step / scale - 1.0).abs() < 1e-9, "{:?}", found);
    }
}
