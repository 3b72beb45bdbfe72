//! The moment passes beside the matrix products that they contain.
//!
//! A pass over n columns is timed on one thread, and so are its products alone, on blocks of the same shapes that are already
//! there. The ratio of the two is what everything else costs: centring, the products of pairs of coordinates, bookkeeping.

#![expect(clippy::print_stdout, reason = "the streaming figures are the output")]

use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::time::Instant;

use criterion::{Criterion, criterion_group};
use orthant::Mat;
use orthant::linalg::{product, random};
use orthant::tensor::moment::Moments;
use orthant::tensor::score::{Contraction4, ScorePlan};
use orthant::tensor::whiten::Whitening;
use orthant_benches::{SEED, Size, timing};

/// Sizes of the passes. Columns are repeated: a pass over n of them reads this many over and over, as a file would be read.
const BLOCK: usize = 16_384;

struct Data {
    size: Size,
    x: Mat<f64>,
    a: Mat<f64>,
}

impl Data {
    fn new(size: Size) -> Data {
        let rng = &mut random::stream(SEED, "moments", 0);
        let x = random::gaussian(size.d, BLOCK, rng);
        let v = random::gaussian(size.k, size.d, rng);
        let hidden = product::matmul(v.as_ref(), x.as_ref());
        let hidden = Mat::from_fn(size.k, BLOCK, |i, j| hidden[(i, j)].max(0.0));
        let a = product::matmul(random::gaussian(size.m, size.k, rng).as_ref(), hidden.as_ref());
        Data { size, x, a }
    }

    fn blocks(&self) -> usize {
        self.size.n.div_ceil(BLOCK)
    }

    fn first(&self) -> Moments {
        let mut moments = Moments::new(self.size.d, self.size.m);
        for _ in 0..self.blocks() {
            moments.add(self.x.as_ref(), self.a.as_ref()).expect("finite");
        }
        moments
    }

    /// Slices of order two over k label coordinates in k input coordinates, and k contractions of order four.
    fn plan(&self) -> ScorePlan {
        let moments = self.first();
        let whitening = Whitening::from_covariance(
            moments.mean_inputs(),
            moments.covariance_inputs().as_ref(),
            self.size.d,
        )
        .expect("regular");
        let labels = Whitening::from_covariance(
            moments.mean_labels(),
            moments.covariance_labels().as_ref(),
            self.size.k,
        )
        .expect("of rank k");
        let mut inputs = whitening.forward;
        inputs.map = inputs.map.as_ref().subrows(0, self.size.k).to_owned();
        let rng = &mut random::stream(SEED, "moments", 1);
        let k = self.size.k;
        let contractions = (0..k)
            .map(|_| Contraction4 {
                labels: random::gaussian_vec(k, rng),
                directions: [random::gaussian_vec(k, rng), random::gaussian_vec(k, rng)],
            })
            .collect();
        ScorePlan::new(inputs, labels.forward, Mat::zeros(k, k), Vec::new(), contractions).expect("fits")
    }
}

/// Products of the shapes p × q and q × r, over and over until n columns are through.
fn products(n: usize, block: usize, shapes: &[(usize, usize, usize)]) -> impl FnMut() {
    let rng = &mut random::stream(SEED, "moments", 2);
    let mut operands: Vec<(Mat<f64>, Mat<f64>, Mat<f64>)> = shapes
        .iter()
        .map(|&(p, q, r)| (Mat::zeros(p, r), random::gaussian(q, p, rng), random::gaussian(q, r, rng)))
        .collect();
    let repeats = n.div_ceil(block);
    move || {
        for _ in 0..repeats {
            for (dst, left, right) in &mut operands {
                product::matmul_add(dst.as_mut(), 1.0, left.transpose(), right.as_ref());
            }
        }
    }
}

fn passes(c: &mut Criterion) {
    let size = Size { m: 16, k: 16, d: 64, n: 1_000_000 };
    let data = Data::new(size);
    let one = rayon_pool();
    let (d, k, m) = (size.d, size.k, size.m);

    c.bench_function(&format!("first_pass/{size}"), |b| b.iter(|| one.install(|| data.first())));
    let covariances = [(d, 512, d), (m, 512, m), (m, 512, d)];
    let mut bare = products(size.n, 512, &covariances);
    c.bench_function(&format!("first_pass/products/{size}"), |b| b.iter(&mut bare));

    let plan = data.plan();
    let pass = || {
        let mut sums = plan.start();
        for _ in 0..data.blocks() {
            plan.add(&mut sums, data.x.as_ref(), data.a.as_ref()).expect("finite");
        }
        sums.n()
    };
    c.bench_function(&format!("score_pass/{size}"), |b| b.iter(|| one.install(pass)));
    c.bench_function(&format!("score_pass/threads/{size}"), |b| b.iter(pass));
    let pairs = k * (k + 1) / 2;
    let shapes = [
        (480, d, k),
        (480, m, k),
        (480, k, k),
        (k, 480, k),
        (480, k, 2 * k),
        (480, k, k),
        (2 * k, 480, pairs),
    ];
    let mut bare = products(size.n, 480, &shapes);
    c.bench_function(&format!("score_pass/products/{size}"), |b| b.iter(&mut bare));
}

/// Both passes over a file of columns (x, a), block by block, and the most memory that the process has had by then.
fn stream(size: Size) -> std::io::Result<(f64, Option<String>)> {
    let (d, m) = (size.d, size.m);
    let data = Data::new(size);
    let mut file = tempfile::tempfile()?;
    for _ in 0..data.blocks() {
        let column =
            |t: usize| data.x.col(t).iter().chain(data.a.col(t).iter()).copied().collect::<Vec<f64>>();
        let bytes: Vec<u8> =
            (0..BLOCK).flat_map(|t| column(t).into_iter().flat_map(f64::to_le_bytes)).collect();
        file.write_all(&bytes)?;
    }
    let plan = data.plan();
    let start = Instant::now();
    let (mut moments, mut sums) = (Moments::new(d, m), plan.start());
    for pass in 0..2 {
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(&file);
        let mut bytes = vec![0; 8 * (d + m) * STREAMED];
        for _ in 0..size.n / STREAMED {
            reader.read_exact(&mut bytes)?;
            let value =
                |i: usize| f64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().expect("eight bytes"));
            let x = Mat::from_fn(d, STREAMED, |r, t| value(t * (d + m) + r));
            let a = Mat::from_fn(m, STREAMED, |r, t| value(t * (d + m) + d + r));
            match pass {
                0 => moments.add(x.as_ref(), a.as_ref()).expect("finite"),
                _ => plan.add(&mut sums, x.as_ref(), a.as_ref()).expect("finite"),
            }
        }
    }
    assert_eq!((moments.n(), sums.n()), (size.n, size.n));
    let seconds = start.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(|peak| peak.trim().to_string());
    Ok((seconds, peak))
}

/// Columns read from a file at a time.
const STREAMED: usize = 4096;

/// The peak of a process never falls: that of the larger file would show above that of the smaller one. The first file is there for
/// the allocator, which keeps some of what the first of several equal rounds frees.
fn memory() {
    for n in [BLOCK, 16 * BLOCK, 64 * BLOCK] {
        let size = Size { m: 16, k: 16, d: 64, n };
        match stream(size) {
            Ok((seconds, peak)) => println!(
                "streamed from a file, {size}: {} MB read in each of two passes, {seconds:.2} s, peak memory of the process {}",
                8 * (size.d + size.m) * n / 1_000_000,
                peak.as_deref().unwrap_or("unknown")
            ),
            Err(error) => println!("streaming skipped: {error}"),
        }
    }
}

fn rayon_pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread")
}

criterion_group! {
    name = moments;
    config = timing(5000);
    targets = passes
}

fn main() {
    // Cargo passes `--bench` and nothing else when everything is wanted; a filter or `--list` should write no files.
    if std::env::args().skip(1).all(|argument| argument == "--bench") {
        memory();
    }
    moments();
    Criterion::default().configure_from_args().final_summary();
}
