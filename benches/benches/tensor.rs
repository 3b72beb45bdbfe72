//! Moments and decompositions on plain matrices. What a pass over many columns costs beside its products is in `moments`.

use criterion::{Criterion, criterion_group, criterion_main};
use orthant::linalg::{product, random, spectrum, tolerance};
use orthant::tensor::ica::{Contrast, IcaSettings, check_independence, cumulant_plan, separate, unmix};
use orthant::tensor::moment::Moments;
use orthant::tensor::power::{PowerSettings, SymTensor3, power_method, whitened_tensor};
use orthant::tensor::quadrature::{hermite, hermite_coefficients};
use orthant::tensor::score::{Contraction3, Contraction4, ScorePlan};
use orthant::tensor::simultaneous::{
    SimultaneousSettings, joint_rotation, rank_one_slices, shared_eigenvectors,
};
use orthant::tensor::whiten::{Affine, MomentWhitening, Whitening, definite_combination};
use orthant::{Mat, MatRef};
use orthant_benches::{SEED, Size, checked, timing};

fn views(slices: &[Mat<f64>]) -> Vec<MatRef<'_, f64>> {
    slices.iter().map(Mat::as_ref).collect()
}

/// C diag(d_l) C' for the columns d_l of `weights`.
fn congruent(c: &Mat<f64>, weights: &Mat<f64>) -> Vec<Mat<f64>> {
    let slice = |l: usize| {
        let scaled = Mat::from_fn(c.nrows(), c.ncols(), |i, r| c[(i, r)] * weights[(r, l)]);
        product::matmul(scaled.as_ref(), c.transpose())
    };
    (0..weights.ncols()).map(slice).collect()
}

/// First and second passes over the columns of a planted network, of each order.
fn passes(c: &mut Criterion) {
    let size = Size { k: 8, d: 16, m: 8, n: 8192 };
    let planted = size.planted();
    let (x, a) = (planted.x.as_ref(), planted.a.as_ref());
    let first = || {
        let mut moments = Moments::new(size.d, size.m);
        moments.add(x, a).map(|()| moments)
    };
    checked(c, &format!("moments/{size}"), first, |moments| {
        // The covariance of standard Gaussian inputs is off by about 1/√n = 0.01.
        moments.as_ref().is_ok_and(|moments| (moments.covariance_inputs()[(0, 0)] - 1.0).abs() < 0.1)
    });
    let moments = first().expect("finite");
    let covariance = moments.covariance_inputs();
    let whiten = || Whitening::from_covariance(moments.mean_inputs(), covariance.as_ref(), size.d);
    checked(c, &format!("whitening/from_covariance/d={}", size.d), whiten, |found| {
        found.as_ref().is_ok_and(|found| found.rank.rank == size.d)
    });
    let whitening = whiten().expect("regular");
    let white = || whitening.forward.apply(x);
    let identity = |z: &Mat<f64>| {
        let norm = product::frobenius(z.as_ref()).powi(2) / size.n as f64;
        (norm - size.d as f64).abs() < 0.1
    };
    checked(c, &format!("whitening/apply/d={},n={}", size.d, size.n), white, identity);
    let columns = whitening.forward.apply(x).transpose().to_owned();
    let triangle = orthant::linalg::qr::Qr::factor(columns).r();
    let from_triangle = || Whitening::from_triangle(&vec![0.0; size.d], triangle.as_ref(), size.d);
    checked(c, &format!("whitening/from_triangle/d={}", size.d), from_triangle, |found| {
        found.as_ref().is_ok_and(|found| found.rank.rank == size.d)
    });
    let labels = Affine { mean: moments.mean_labels().to_vec(), map: Mat::identity(size.m, size.m) };
    let linear = product::matmul(moments.cross_covariance().as_ref(), whitening.forward.map.transpose());
    let rng = &mut random::stream(SEED, "tensor", 0);
    let order3: Vec<Contraction3> = (0..size.k)
        .map(|_| Contraction3 {
            labels: random::gaussian_vec(size.m, rng),
            direction: random::gaussian_vec(size.d, rng),
        })
        .collect();
    let order4: Vec<Contraction4> = (0..size.k)
        .map(|_| Contraction4 {
            labels: random::gaussian_vec(size.m, rng),
            directions: [random::gaussian_vec(size.d, rng), random::gaussian_vec(size.d, rng)],
        })
        .collect();
    for (name, third, fourth) in
        [("2", vec![], vec![]), ("2 and 3", order3, vec![]), ("2 and 4", vec![], order4)]
    {
        let plan = ScorePlan::new(whitening.forward.clone(), labels.clone(), linear.clone(), third, fourth)
            .expect("fits");
        let run = || {
            let mut sums = plan.start();
            plan.add(&mut sums, x, a)?;
            plan.finish(&sums)
        };
        checked(c, &format!("score/orders {name}/{size}"), run, |found| {
            found.as_ref().is_ok_and(|found| found.n == size.n && found.order2.len() == size.m)
        });
    }
}

/// Matrices with common components, exact: what is found has a residual at rounding level.
fn decompositions(c: &mut Criterion) {
    for k in [5, 20] {
        let rng = &mut random::stream(SEED, "tensor", 1);
        let components = random::with_condition(k, k, 3.0, rng);
        let rotation = random::orthonormal(k, k, rng);
        let weights = random::gaussian(k, k, rng);
        let id = |name: &str| format!("{name}/k={k}");
        // Digits lost to the condition numbers, the squares of them in tensors, and to close eigenvalues.
        let rounding = 1e6 * tolerance::backward(k, k);
        let settings = SimultaneousSettings { seed: SEED, ..SimultaneousSettings::default() };

        let inverse = {
            let factored = orthant::linalg::lstsq::RankRevealing::new(components.clone(), tolerance::EPS);
            factored.expect("finite").solve(Mat::<f64>::identity(k, k).as_ref())
        };
        let similar: Vec<Mat<f64>> = (0..3)
            .map(|l| {
                let scaled = Mat::from_fn(k, k, |i, r| components[(i, r)] * weights[(r, l)]);
                product::matmul(scaled.as_ref(), inverse.as_ref())
            })
            .collect();
        let similar = views(&similar);
        checked(
            c,
            &id("shared_eigenvectors"),
            || shared_eigenvectors(&similar, &settings),
            |found| found.as_ref().is_ok_and(|found| found.residual <= rounding),
        );
        let slices = congruent(&components, &weights);
        let slices = views(&slices);
        checked(
            c,
            &id("rank_one_slices"),
            || rank_one_slices(&slices, k, &settings),
            |found| found.as_ref().is_ok_and(|found| found.residual <= rounding),
        );
        let commuting = congruent(&rotation, &weights);
        let commuting = views(&commuting);
        checked(
            c,
            &id("joint_rotation"),
            || joint_rotation(&commuting),
            |found| found.as_ref().is_ok_and(|found| found.residual <= rounding),
        );
        let moment = product::matmul(components.as_ref(), components.transpose());
        checked(
            c,
            &id("moment_whitening"),
            || MomentWhitening::new(moment.as_ref(), k),
            |found| found.as_ref().is_ok_and(MomentWhitening::is_definite),
        );
        checked(
            c,
            &id("definite_combination"),
            || definite_combination(&slices),
            |theta| {
                theta.as_ref().is_ok_and(|theta| {
                    let sum = Mat::from_fn(k, k, |i, j| {
                        slices.iter().zip(theta).map(|(slice, t)| t * slice[(i, j)]).sum::<f64>()
                    });
                    MomentWhitening::new(sum.as_ref(), k).is_ok_and(|whitening| whitening.is_definite())
                })
            },
        );
        let whitening = MomentWhitening::new(moment.as_ref(), k).expect("of rank k");
        let label_map = Mat::<f64>::identity(k, k);
        let tensor = || whitened_tensor(&slices, label_map.as_ref(), whitening.map.as_ref());
        checked(c, &id("whitened_tensor"), tensor, |found| found.as_ref().is_ok_and(|found| found.k() == k));

        let sizes: Vec<f64> = (0..k).map(|r| 1.0 + r as f64 / k as f64).collect();
        let tensor = SymTensor3::from_components(rotation.as_ref(), &sizes);
        let settings = PowerSettings { seed: SEED, ..PowerSettings::default() };
        checked(
            c,
            &id("power_method"),
            || power_method(&tensor, k, &settings),
            |found| found.as_ref().is_ok_and(|found| found.residual <= rounding),
        );
        let from_components = || SymTensor3::from_components(rotation.as_ref(), &sizes);
        let energy: f64 = sizes.iter().map(|s| s * s).sum();
        let whole = |tensor: &SymTensor3| (tensor.norm().powi(2) - energy).abs() <= rounding * energy;
        checked(c, &id("tensor3/from_components"), from_components, whole);
        let turned = || tensor.transform(rotation.as_ref());
        checked(c, &id("tensor3/transform"), turned, whole);
        let first: Vec<f64> = rotation.col(0).iter().copied().collect();
        checked(
            c,
            &id("tensor3/contract"),
            || tensor.contract(&first),
            |found| {
                let top = spectrum::singular_values(found.as_ref()).expect("finite")[0];
                (top - sizes[0]).abs() <= rounding
            },
        );
        checked(
            c,
            &id("tensor3/contract_twice"),
            || tensor.contract_twice(&first),
            |found| (product::dot(found, &first) - sizes[0]).abs() <= rounding,
        );
    }
}

/// Sources max(g, 0) with standard Gaussian g.
fn independent_components(c: &mut Criterion) {
    let (k, n) = (6, 20_000);
    let rng = &mut random::stream(SEED, "tensor", 2);
    let mixing = random::with_condition(k, k, 2.0, rng);
    let g = random::gaussian(k, n, rng);
    let z = product::matmul(mixing.as_ref(), Mat::from_fn(k, n, |i, j| g[(i, j)].max(0.0)).as_ref());
    for (name, contrast) in [("third", Contrast::default()), ("fourth", Contrast::Fourth)] {
        let settings = IcaSettings { contrast, ..IcaSettings::default() };
        let id = format!("ica/separate/{name} cumulants/k={k},n={n}");
        checked(
            c,
            &id,
            || separate(z.as_ref(), k, &settings),
            |found| {
                // Each row of B M has one entry of the size of a source's 1/√variance; the others are errors, of order √(k/n) = 0.02.
                found.as_ref().is_ok_and(|found| {
                    let product = product::matmul(found.unmixing.as_ref(), mixing.as_ref());
                    (0..k).all(|i| {
                        let largest = product.row(i).norm_max();
                        product.row(i).norm_l2().powi(2) - largest * largest <= 0.1 * largest * largest
                    })
                })
            },
        );
    }
    let mut moments = Moments::new(1, k);
    moments.add(Mat::<f64>::zeros(1, n).as_ref(), z.as_ref()).expect("finite");
    let whitening =
        Whitening::from_covariance(moments.mean_labels(), moments.covariance_labels().as_ref(), k)
            .expect("regular");
    let settings = IcaSettings::default();
    let plan = || cumulant_plan(&whitening, settings.contrast);
    checked(c, &format!("ica/cumulant_plan/k={k}"), plan, |plan| {
        plan.as_ref().is_ok_and(|plan| plan.q() == k)
    });
    let plan = plan().expect("of this crate");
    let mut sums = plan.start();
    plan.add(&mut sums, z.as_ref(), z.as_ref()).expect("finite");
    let cumulants = plan.finish(&sums).expect("columns");
    checked(
        c,
        &format!("ica/unmix/k={k}"),
        || unmix(&whitening, &cumulants, &settings),
        |found| found.as_ref().is_ok_and(|found| found.uncertainty < 0.1),
    );
    let unmixing = unmix(&whitening, &cumulants, &settings).expect("independent");
    let independence = || {
        let mut sums = orthant::tensor::ica::IndependenceSums::new(&unmixing);
        sums.add(z.as_ref())?;
        check_independence(&sums.finish()?, &settings)
    };
    checked(c, &format!("ica/check_independence/k={k},n={n}"), independence, Result::is_ok);
}

fn hermite_expansions(c: &mut Criterion) {
    // Coefficient one of the rectifier is 1/2, to the twelve digits that the rule promises.
    checked(
        c,
        "hermite_coefficients/rectifier",
        || hermite_coefficients(|t| t),
        |found| found.as_ref().is_ok_and(|found| (found.values[1] - 0.5).abs() < 1e-12),
    );
    checked(
        c,
        "hermite",
        || hermite(std::hint::black_box(2.0)),
        |values| *values == [1.0, 2.0, 3.0, 2.0, -5.0],
    );
}

criterion_group! {
    name = tensor;
    config = timing(500);
    targets = passes, decompositions, independent_components, hermite_expansions
}
criterion_main!(tensor);
