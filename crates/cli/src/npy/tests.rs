//! Arrays are read as they were written, by this crate or by another implementation, and garbage is refused.

use super::*;
use npyz::WriterBuilder;
use orthant::Mat;
use proptest::prelude::*;

fn read_bytes(bytes: &[u8]) -> anyhow::Result<Array> {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("written");
    Array::read(file.path())
}

fn encoded(samples: MatRef<'_, f64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, samples).expect("a vector takes everything");
    bytes
}

fn written_by_npyz<T: npyz::AutoSerialize + Copy>(
    values: &[T],
    shape: [u64; 2],
    order: npyz::Order,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&shape)
        .order(order)
        .writer(&mut bytes)
        .begin_nd()
        .expect("a valid header");
    writer.extend(values.iter().copied()).expect("written");
    writer.finish().expect("complete");
    bytes
}

fn raw(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(dictionary.len()).expect("short");
    [b"\x93NUMPY\x01\x00".as_slice(), &length.to_le_bytes(), dictionary.as_bytes(), data].concat()
}

fn message(bytes: &[u8]) -> String {
    format!("{:#}", read_bytes(bytes).expect_err("must be refused"))
}

#[test]
fn doubles_in_c_order_are_used_where_they_lie() {
    let samples = Mat::from_fn(3, 2, |r, j| (3 * j + r) as f64);
    let array = read_bytes(&encoded(samples.as_ref())).expect("valid");
    assert!(matches!(array.values, Values::Mapped { .. }));
    assert_eq!((array.rows, array.cols()), (2, 3));
    assert_eq!(array.samples(), samples);
}

#[test]
fn data_at_an_odd_address_are_copied() {
    let dictionary = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1)}";
    let odd =
        if dictionary.len().is_multiple_of(2) { format!("{dictionary} ") } else { dictionary.to_string() };
    let array = read_bytes(&raw(&odd, &2.5f64.to_le_bytes())).expect("valid");
    assert!(matches!(array.values, Values::Owned(_)));
    assert_eq!(array.samples()[(0, 0)], 2.5);
}

#[test]
fn files_of_another_implementation_read_the_same_in_both_orders() {
    let shape = [2, 3];
    let (c, fortran) = ([0, 1, 2, 10, 11, 12], [0, 10, 1, 11, 2, 12]);
    let expected = Mat::from_fn(3, 2, |r, j| (10 * j + r) as f64);
    let check = |bytes: Vec<u8>| assert_eq!(read_bytes(&bytes).expect("valid").samples(), expected);
    check(written_by_npyz(&c.map(f64::from), shape, npyz::Order::C));
    check(written_by_npyz(&fortran.map(f64::from), shape, npyz::Order::Fortran));
    check(written_by_npyz(&c.map(|v| v as f32), shape, npyz::Order::C));
    check(written_by_npyz(&fortran.map(|v| v as u8), shape, npyz::Order::Fortran));
    check(written_by_npyz(&c.map(|v| v as i8), shape, npyz::Order::C));
    check(written_by_npyz(&c.map(|v| v as i16), shape, npyz::Order::C));
    check(written_by_npyz(&c.map(|v| v as u16), shape, npyz::Order::C));
    check(written_by_npyz(&c, shape, npyz::Order::C));
    check(written_by_npyz(&c.map(|v| v as u32), shape, npyz::Order::C));
    check(written_by_npyz(&c.map(i64::from), shape, npyz::Order::C));
    check(written_by_npyz(&fortran.map(|v| v as u64), shape, npyz::Order::Fortran));
    let booleans = written_by_npyz(&[true, false], [1, 2], npyz::Order::C);
    assert_eq!(read_bytes(&booleans).expect("valid").samples(), Mat::from_fn(2, 1, |r, _| [1.0, 0.0][r]));
}

#[test]
fn big_endian_files_read_the_same() {
    let data: Vec<u8> = [1.5f64, -2.0].iter().flat_map(|x| x.to_be_bytes()).collect();
    let bytes = raw("{'descr': '>f8', 'fortran_order': False, 'shape': (2, 1), }\n", &data);
    assert_eq!(read_bytes(&bytes).expect("valid").samples(), Mat::from_fn(1, 2, |_, j| [1.5, -2.0][j]));
    let data: Vec<u8> = [-3i16, 4].iter().flat_map(|x| x.to_be_bytes()).collect();
    let bytes = raw("{\"shape\": (1L, 2L), 'fortran_order': True, 'descr': '>i2'}", &data);
    assert_eq!(read_bytes(&bytes).expect("valid").samples(), Mat::from_fn(2, 1, |r, _| [-3.0, 4.0][r]));
}

#[test]
fn another_implementation_reads_what_is_written() {
    let samples = Mat::from_fn(3, 4, |r, j| f64::sin((5 * j + r) as f64));
    let bytes = encoded(samples.as_ref());
    let file = npyz::NpyFile::new(&bytes[..]).expect("valid");
    assert_eq!((file.shape(), file.order()), ([4, 3].as_slice(), npyz::Order::C));
    let expected: Vec<f64> =
        samples.as_ref().col_iter().flat_map(|col| col.iter().copied().collect::<Vec<_>>()).collect();
    assert_eq!(file.into_vec::<f64>().expect("doubles"), expected);
    assert_eq!((bytes.len() - 12 * 8) % 64, 0, "the data are aligned as NumPy aligns them");
}

#[test]
fn each_defect_of_a_header_has_its_message() {
    let shaped = |shape: &str| format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    for (bytes, expected) in [
        (b"PK\x03\x04rest".to_vec(), "numpy.save"),
        (b"hello, world".to_vec(), "not an .npy file"),
        (b"\x93NUMPY".to_vec(), "truncated in its header"),
        (b"\x93NUMPY\x01\x00\xff\xff{".to_vec(), "truncated in its header"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(), "truncated in its header"),
        (b"\x93NUMPY\x09\x00\x01\x00{".to_vec(), "version 9.0"),
        (raw("nonsense", &[]), "no dictionary"),
        (raw(&"(".repeat(60_000), &[]), "no dictionary"),
        (raw(&shaped(&"(".repeat(60_000)), &[]), "a length in shape"),
        (raw("{'descr': '<f8', 'shape': (1, 1), }", &[0; 8]), "missing"),
        (raw("{'descr': '<f8', 'descr': '<f8', }", &[]), "twice"),
        (raw("{'descr': '<f8', 'fortran_order': 1, }", &[]), "neither True nor False"),
        (raw("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1, 1), }", &[0; 8]), "structured"),
        (raw("{'shape': (1, 1), 'descr': [('a', '<f8')]}", &[0; 8]), "structured"),
        (raw(&shaped("(3,)"), &[0; 24]), "reshape(-1, 1)"),
        (raw(&shaped("()"), &[0; 8]), "0 axes"),
        (raw(&shaped("(1, 1, 1)"), &[0; 8]), "3 axes"),
        (raw(&shaped("(2, 2)"), &[0; 31]), "takes 32 bytes, 31 are there"),
        (raw(&shaped("(2, 2)"), &[0; 33]), "1 bytes after the end"),
        (raw(&shaped("(0, 5)"), &[]), "empty"),
        (raw(&shaped("(4611686018427387904, 4611686018427387904)"), &[]), "impossible shape"),
        (raw(&shaped("(99999999999999999999, 1)"), &[]), "a length in shape"),
        (raw(&shaped("(-1, 1)"), &[]), "a length in shape"),
        (raw("{'descr': '|O', 'fortran_order': False, 'shape': (1, 1), }", &[0; 8]), "Python objects"),
    ] {
        let found = message(&bytes);
        assert!(found.contains(expected), "{found:?} does not say {expected:?}");
        assert!(!found.contains('\n') && found.len() < 300, "{found:?}");
    }
}

#[test]
fn the_place_of_a_value_that_is_not_finite_is_given_in_rows_and_columns() {
    for (value, name) in [(f64::NAN, "NaN"), (f64::INFINITY, "infinity"), (f64::NEG_INFINITY, "-infinity")] {
        let samples = Mat::from_fn(3, 4, |r, j| if (r, j) == (1, 2) { value } else { 0.0 });
        let expected = format!("{name} at row 2 (sample), column 1,");
        assert!(message(&encoded(samples.as_ref())).contains(&expected));
    }
}

#[test]
fn the_place_of_an_integer_too_large_is_given_in_rows_and_columns() {
    let values = [0, 0, 0, 1i64 << 60, 0, 0];
    let c = written_by_npyz(&values, [2, 3], npyz::Order::C);
    assert!(message(&c).contains("2^53 at row 1 (sample), column 0,"));
    let fortran = written_by_npyz(&values, [2, 3], npyz::Order::Fortran);
    assert!(message(&fortran).contains("2^53 at row 1 (sample), column 1,"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, rng_seed: proptest::test_runner::RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever bytes of a valid file are changed, inserted or cut off: an array as large as the file, or an error of one line.
    #[test]
    fn a_damaged_file_never_panics_and_never_reads_as_more_than_it_holds(
        changes in prop::collection::vec((0usize..160, any::<u8>()), 1..6),
        kept in prop::option::of(0usize..176),
        structural in prop::option::of((0usize..160, "[(){}\\[\\]',:0-9L<>|=a-z]{1,40}")),
    ) {
        let mut bytes = encoded(Mat::<f64>::from_fn(3, 2, |r, j| (r + j) as f64).as_ref());
        for (place, value) in changes {
            let place = place % bytes.len();
            bytes[place] = value;
        }
        if let Some((place, text)) = structural {
            let place = place % bytes.len();
            bytes.splice(place..place, text.into_bytes());
        }
        bytes.truncate(kept.unwrap_or(bytes.len()));
        match read_bytes(&bytes) {
            Ok(array) => prop_assert!(array.rows * array.cols() <= bytes.len()),
            Err(error) => prop_assert!(!format!("{:#}", error).contains('\n'), "more than one line"),
        }
    }

    /// Reading gives back the bits that were written.
    #[test]
    fn what_is_written_is_read(d in 1usize..6, n in 1usize..6, seed in any::<u64>()) {
        let samples = orthant::linalg::random::gaussian(d, n, &mut orthant::linalg::random::stream(seed, "npy", 0));
        let array = read_bytes(&encoded(samples.as_ref())).expect("valid");
        prop_assert_eq!(array.samples(), samples);
    }
}

#[test]
fn exact_values_are_those_of_the_file() {
    let exact = |bytes: &[u8], most: usize| {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("written");
        read_exact(file.path(), most)
    };
    let table = |columns: usize, entries: Vec<Rational>| Table::new(columns, entries).expect("whole rows");
    // Beyond 2⁵³, where not every integer is an f64.
    let integers = [i64::MAX, i64::MIN, (1 << 53) + 1, -1, 0, 5];
    let c_order = integers.map(Rational::from).to_vec();
    for order in [npyz::Order::C, npyz::Order::Fortran] {
        let stored = match order {
            npyz::Order::C => integers,
            npyz::Order::Fortran => [0, 2, 4, 1, 3, 5].map(|i: usize| integers[i]),
        };
        let bytes = written_by_npyz(&stored, [3, 2], order);
        assert_eq!(exact(&bytes, 6).expect("valid"), table(2, c_order.clone()));
    }
    let bytes = written_by_npyz(&[u64::MAX], [1, 1], npyz::Order::C);
    assert_eq!(exact(&bytes, 1).expect("valid"), table(1, vec![Rational::from(u64::MAX)]));
    let bytes = written_by_npyz(&[0.1f32, -2.5], [1, 2], npyz::Order::C);
    let values = [0.1f32, -2.5].map(|x| number::of_f64(x.into()).expect("finite"));
    assert_eq!(exact(&bytes, 2).expect("valid"), table(2, values.to_vec()));
    let message = |bytes: &[u8]| format!("{:#}", exact(bytes, 2).expect_err("must be refused"));
    assert!(message(&written_by_npyz(&[1i64; 3], [3, 1], npyz::Order::C)).contains("has 3 numbers"));
    let bytes = written_by_npyz(&[0.0, f64::NAN], [2, 1], npyz::Order::C);
    assert!(message(&bytes).contains("NaN at row 1 (sample), column 0"));
    assert!(message(&bytes[..bytes.len() - 1]).contains("is truncated"));
}
