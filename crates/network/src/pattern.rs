//! Which samples a unit is active on.

/// The set of samples on which a hidden unit is active: the sign pattern of a row of VX + b (Def. 9 of the paper, where
/// zero counts as inactive).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SignPattern {
    n: usize,
    active: Vec<u32>,
}

impl SignPattern {
    /// The pattern of a row of values before the rectifier.
    pub fn of(preactivations: impl ExactSizeIterator<Item = f64>) -> SignPattern {
        let n = preactivations.len();
        let active = preactivations.enumerate().filter(|(_, t)| *t > 0.0).map(|(j, _)| j as u32).collect();
        SignPattern { n, active }
    }

    /// Number of samples in all.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Number of active samples.
    pub fn n_active(&self) -> usize {
        self.active.len()
    }

    /// Number of inactive samples.
    pub fn n_inactive(&self) -> usize {
        self.n - self.active.len()
    }

    /// Indices of the active samples, ascending.
    pub fn active(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.active.iter().map(|&j| j as usize)
    }

    /// Indices of the inactive samples, ascending.
    pub fn inactive(&self) -> impl Iterator<Item = usize> + '_ {
        let mut active = self.active.iter().map(|&j| j as usize).peekable();
        (0..self.n).filter(move |&j| active.next_if_eq(&j).is_none())
    }

    /// The pattern that is active where this one is inactive.
    pub fn complement(&self) -> SignPattern {
        SignPattern { n: self.n, active: self.inactive().map(|j| j as u32).collect() }
    }

    /// Number of samples on which two patterns over the same samples differ.
    ///
    /// # Panics
    /// When they are over different numbers of samples.
    pub fn distance(&self, other: &SignPattern) -> usize {
        assert_eq!(self.n, other.n, "patterns over different samples");
        let mut common = 0;
        let mut theirs = other.active.iter().peekable();
        for mine in &self.active {
            while theirs.next_if(|&t| t < mine).is_some() {}
            common += usize::from(theirs.next_if_eq(&mine).is_some());
        }
        self.active.len() + other.active.len() - 2 * common
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_and_inactive_partition_the_samples() {
        let pattern = SignPattern::of([0.0, 1.0, -1.0, 2.0].into_iter());
        assert_eq!(pattern.active().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(pattern.inactive().collect::<Vec<_>>(), [0, 2]);
        assert_eq!((pattern.n_active(), pattern.n_inactive(), pattern.n()), (2, 2, 4));
    }

    #[test]
    fn distance_counts_the_differing_samples() {
        let first = SignPattern::of([1.0, 1.0, -1.0, -1.0].into_iter());
        let second = SignPattern::of([1.0, -1.0, 1.0, -1.0].into_iter());
        assert_eq!(first.distance(&second), 2);
        assert_eq!(first.distance(&first), 0);
    }
}
