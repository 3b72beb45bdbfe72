//! Why a certificate claims less than that its network is the only one.

use orthant::certificate::{Certificate, Claim, Class, MAX_MONOMIALS};

/// What the next claim takes and these samples have not, as far as sizes and patterns tell it.
pub fn why(certificate: &Certificate) -> Option<String> {
    match certificate.claim() {
        Claim::Fits => why_not_given_patterns(certificate),
        Claim::UniqueGivenPatterns => Some(why_not_unique(certificate)),
        Claim::Unique => None,
    }
}

fn why_not_given_patterns(certificate: &Certificate) -> Option<String> {
    let (network, n) = (&certificate.network, certificate.samples.count);
    let Class { hidden_biases, output_biases } = certificate.class;
    let (m, k) = (network.m(), network.k());
    if m < k {
        return Some(format!(
            "that no other network has the labels: that takes at least as many outputs as units, {m} and {k} here"
        ));
    }
    let weights = network.d() + usize::from(hidden_biases);
    let needed = k - 1 + usize::from(output_biases) + weights;
    if n < needed {
        return Some(format!(
            "that no other network has the labels: given the patterns that takes {needed} samples, and there are {n}"
        ));
    }
    let active = certificate.patterns.iter().map(|pattern| pattern.matches('1').count());
    if let Some((unit, active)) = active.enumerate().find(|(_, active)| *active < weights) {
        return Some(format!(
            "that no other network has the labels: unit {unit} (from 0) is active on {active} sample(s), and to determine it takes {weights}"
        ));
    }
    let (one, other) = same(&certificate.patterns)?;
    Some(format!(
        "that no other network has the labels: units {one} and {other} (from 0) are active on the same samples, and each may be a mixture of both"
    ))
}

/// The first two units with the same pattern.
fn same(patterns: &[String]) -> Option<(usize, usize)> {
    let before = |(i, one): (usize, &String)| Some((patterns[..i].iter().position(|other| other == one)?, i));
    patterns.iter().enumerate().find_map(before)
}

fn why_not_unique(certificate: &Certificate) -> String {
    let (network, n) = (&certificate.network, certificate.samples.count);
    let count = certificate.class.monomials(network.k(), network.d());
    let Some(count) = count.filter(|&count| count <= MAX_MONOMIALS) else {
        return format!(
            "other patterns: the quadratic lift that excludes them would have more than {MAX_MONOMIALS} monomials"
        );
    };
    if n < count {
        return format!(
            "other patterns: to exclude them takes some {count} samples, as many as the quadratic lift has monomials, and there are {n}"
        );
    }
    format!(
        "other patterns: the {count} monomials of the quadratic lift are dependent on the {n} samples, and relations between coefficients do not make up for it"
    )
}
