//! Depth-first insertion of hyperplanes into cells that know their corners.

use orthant_linalg::Mat;

use super::Arrangement;

/// A cell of the arrangement of some hyperplanes, as the cone over its corners.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// The hyperplanes that cut it. Those that do not cut it cut no part of it, and are never looked at again.
    pending: Vec<u32>,
    /// Unit vectors, one after the other.
    corners: Vec<f64>,
    /// For each corner the set of hyperplanes, of those not pending, on which it lies.
    zeros: Vec<u64>,
    active: Vec<u64>,
}

impl Node {
    /// The samples on which the cell is positive, as a set of bits.
    pub(super) fn active(&self) -> &[u64] {
        &self.active
    }

    /// Writes the sum of the corners, in the coordinates of the arrangement's space.
    pub(super) fn interior(&self, rank: usize, basis: Option<&Mat<f64>>, out: &mut [f64]) {
        out.fill(0.0);
        for corner in self.corners.chunks_exact(rank) {
            for (i, value) in corner.iter().enumerate() {
                match basis {
                    None => out[i] += value,
                    Some(basis) => {
                        out.iter_mut().enumerate().for_each(|(row, out)| *out += basis[(row, i)] * value);
                    }
                }
            }
        }
    }

    fn decide(&mut self, samples: &[Vec<u32>; 2], positive: bool) {
        for &sample in &samples[usize::from(!positive)] {
            self.active[sample as usize / 64] |= 1 << (sample % 64);
        }
    }

    /// Takes the hyperplanes that do not cut the cell off the pending ones.
    fn settle(&mut self, arrangement: &Arrangement, words: usize) {
        let rank = arrangement.rank;
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain(|&plane| {
            let plane = plane as usize;
            let (normal, tie) = (arrangement.normal(plane), arrangement.ties[plane]);
            let (mut positive, mut negative, mut touches) = (false, false, false);
            for corner in self.corners.chunks_exact(rank) {
                let value = height(corner, normal);
                positive |= value > tie;
                negative |= value < -tie;
                touches |= value.abs() <= tie;
                if positive && negative {
                    return true;
                }
            }
            self.decide(&arrangement.samples[plane], positive);
            if touches {
                let zeros = self.zeros.chunks_exact_mut(words);
                for (corner, zeros) in self.corners.chunks_exact(rank).zip(zeros) {
                    if height(corner, normal).abs() <= tie {
                        zeros[plane / 64] |= 1 << (plane % 64);
                    }
                }
            }
            false
        });
        self.pending = pending;
    }
}

fn height(corner: &[f64], normal: &[f64]) -> f64 {
    corner.iter().zip(normal).map(|(a, b)| a * b).sum()
}

/// The leaves of the tree of cells with the first hyperplane positive, in depth-first order.
pub(super) struct Walk<'a> {
    arrangement: &'a Arrangement,
    /// Words of a set of hyperplanes.
    words: usize,
    /// The next of the 2^(rank − 1) cones of the first hyperplanes.
    cone: u64,
    stack: Vec<Node>,
    leaf: Node,
    /// Nodes whose memory is used again.
    spare: Vec<Node>,
    values: Vec<f64>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(arrangement: &'a Arrangement) -> Walk<'a> {
        let words = arrangement.n_hyperplanes().div_ceil(64);
        Walk {
            arrangement,
            words,
            cone: 0,
            stack: Vec::new(),
            leaf: Node::default(),
            spare: Vec::new(),
            values: Vec::new(),
        }
    }

    pub(super) fn next_leaf(&mut self) -> Option<&Node> {
        let mut node = match self.stack.pop() {
            Some(node) => node,
            None => self.next_cone()?,
        };
        // The one in the middle: sorted hyperplanes would make a chain of the tree if it began at an end.
        while !node.pending.is_empty() {
            let plane = node.pending.swap_remove(node.pending.len() / 2);
            node = self.insert(node, plane as usize);
        }
        let done = std::mem::replace(&mut self.leaf, node);
        self.spare.push(done);
        Some(&self.leaf)
    }

    /// The next cone of the first `rank` hyperplanes: corner i has the sign of hyperplane i and lies on the others.
    fn next_cone(&mut self) -> Option<Node> {
        let Arrangement { rank, corners, samples, nonzero, .. } = self.arrangement;
        if self.cone >> (rank - 1) != 0 {
            return None;
        }
        let mut node = Node { active: vec![0; nonzero.len()], ..Node::default() };
        for (i, corner) in corners.chunks_exact(*rank).enumerate() {
            let negative = i > 0 && self.cone >> (i - 1) & 1 == 1;
            node.corners.extend(corner.iter().map(|x| if negative { -x } else { *x }));
            let mut zeros = vec![0u64; self.words];
            (0..*rank).filter(|&j| j != i).for_each(|j| zeros[j / 64] |= 1 << (j % 64));
            node.zeros.extend(zeros);
            node.decide(&samples[i], !negative);
        }
        self.cone += 1;
        node.pending = (*rank as u32..self.arrangement.n_hyperplanes() as u32).collect();
        node.settle(self.arrangement, self.words);
        Some(node)
    }

    /// Cuts the cell: its positive half, with the other one on the stack.
    fn insert(&mut self, mut node: Node, plane: usize) -> Node {
        let (rank, tie) = (self.arrangement.rank, self.arrangement.ties[plane]);
        let normal = self.arrangement.normal(plane);
        self.values.clear();
        for (corner, zeros) in node.corners.chunks_exact(rank).zip(node.zeros.chunks_exact_mut(self.words)) {
            let value = height(corner, normal);
            if value.abs() <= tie {
                zeros[plane / 64] |= 1 << (plane % 64);
            }
            self.values.push(if value.abs() <= tie { 0.0 } else { value });
        }
        let [mut positive, mut negative] = self.cut(&node, plane);
        positive.decide(&self.arrangement.samples[plane], true);
        negative.decide(&self.arrangement.samples[plane], false);
        positive.settle(self.arrangement, self.words);
        negative.settle(self.arrangement, self.words);
        self.spare.push(node);
        self.stack.push(negative);
        positive
    }

    /// Both halves: the corners on their side, those on the hyperplane, and a new one on each edge that it cuts.
    fn cut(&mut self, node: &Node, plane: usize) -> [Node; 2] {
        let (rank, words) = (self.arrangement.rank, self.words);
        let corner = |c: usize| &node.corners[c * rank..(c + 1) * rank];
        let zeros = |c: usize| &node.zeros[c * words..(c + 1) * words];
        let mut halves = [(); 2].map(|()| {
            let mut half = self.spare.pop().unwrap_or_default();
            half.pending.clone_from(&node.pending);
            half.corners.clear();
            half.zeros.clear();
            half.active.clone_from(&node.active);
            half
        });
        for (c, &value) in self.values.iter().enumerate() {
            for (half, belongs) in halves.iter_mut().zip([value >= 0.0, value <= 0.0]) {
                if belongs {
                    half.corners.extend_from_slice(corner(c));
                    half.zeros.extend_from_slice(zeros(c));
                }
            }
        }
        let n_corners = self.values.len();
        for above in (0..n_corners).filter(|&c| self.values[c] > 0.0) {
            for below in (0..n_corners).filter(|&c| self.values[c] < 0.0) {
                let shared = || zeros(above).iter().zip(zeros(below)).map(|(a, b)| a & b);
                let n_shared: u32 = shared().map(u64::count_ones).sum();
                // An edge lies on rank − 2 hyperplanes at least, and no third corner lies on all of them.
                let is_edge = n_shared as usize + 2 >= rank
                    && !(0..n_corners).any(|c| {
                        c != above
                            && c != below
                            && shared().zip(zeros(c)).all(|(shared, zeros)| shared & !zeros == 0)
                    });
                if !is_edge {
                    continue;
                }
                // A combination with positive coefficients: errors of both ends are averaged, not amplified.
                let (up, down) = (self.values[above], -self.values[below]);
                let [positive, negative] = &mut halves;
                let start = positive.corners.len();
                positive
                    .corners
                    .extend(corner(above).iter().zip(corner(below)).map(|(a, b)| down * a + up * b));
                let new = &mut positive.corners[start..];
                let size = new.iter().map(|x| x * x).sum::<f64>().sqrt();
                new.iter_mut().for_each(|x| *x /= size);
                negative.corners.extend_from_slice(new);
                let start = positive.zeros.len();
                positive.zeros.extend(shared());
                positive.zeros[start + plane / 64] |= 1 << (plane % 64);
                negative.zeros.extend_from_slice(&positive.zeros[start..]);
            }
        }
        halves
    }
}
