//! Satisfiability, by the solver BatSat through `rustsat`.

use std::cell::Cell;
use std::rc::Rc;

use rustsat::solvers::{Solve, SolverResult};
use rustsat::types::{Clause, Lit, TernaryVal, Var};
use rustsat_batsat::BasicSolver;
use serde::{Deserialize, Serialize};

use super::{Assignment, Formula};

/// Steps of the search after which [`solve`] usually gives up: some minutes on formulas with hundreds of variables.
pub const DEFAULT_STEPS: u64 = 20_000_000;

/// What is known about a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Satisfiability {
    /// An assignment satisfies it.
    Satisfiable,
    /// No assignment does, by the solver.
    Unsatisfiable,
    /// The solver gave up.
    Unknown,
}

/// The solver's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Solution {
    /// An assignment that satisfies the formula; it was checked.
    Satisfiable(Assignment),
    /// No assignment satisfies the formula. This rests on the solver.
    Unsatisfiable,
    /// The steps were used up.
    Unknown,
}

impl Solution {
    /// The assignment, if there is one.
    pub fn assignment(&self) -> Option<&Assignment> {
        match self {
            Solution::Satisfiable(assignment) => Some(assignment),
            Solution::Unsatisfiable | Solution::Unknown => None,
        }
    }

    /// The answer without the assignment.
    pub fn satisfiability(&self) -> Satisfiability {
        match self {
            Solution::Satisfiable(_) => Satisfiability::Satisfiable,
            Solution::Unsatisfiable => Satisfiability::Unsatisfiable,
            Solution::Unknown => Satisfiability::Unknown,
        }
    }
}

/// Decides a formula in at most about `max_steps` steps of the search, each a decision with all that follows from it.
///
/// Steps are counted and not timed, so that the answer is the same on every machine.
///
/// # Panics
/// When the solver returns an assignment that does not satisfy the formula.
///
/// # Cost
/// Exponential in the number of variables in the worst case; each step at most a pass over the clauses.
pub fn solve(formula: &Formula, max_steps: u64) -> Solution {
    solve_counting(formula, max_steps).0
}

/// [`solve`], and the steps taken.
pub(crate) fn solve_counting(formula: &Formula, max_steps: u64) -> (Solution, u64) {
    if formula.clauses().iter().any(Vec::is_empty) {
        return (Solution::Unsatisfiable, 0);
    }
    let mut solver = BasicSolver::default();
    let steps = Rc::new(Cell::new(0u64));
    let counter = Rc::clone(&steps);
    solver.batsat_mut().cb_mut().set_stop(move || {
        counter.set(counter.get().saturating_add(1));
        counter.get() > max_steps
    });
    let in_memory = "the solver's own checks do not apply: it holds the clauses in memory";
    if let Some(last) = formula.variables().checked_sub(1) {
        solver.reserve(Var::new(last as u32)).expect(in_memory);
    }
    for clause in formula.clauses() {
        let literals = clause.iter().map(|l| Lit::new(l.variable() as u32, !l.is_positive()));
        solver.add_clause(literals.collect::<Clause>()).expect(in_memory);
    }
    let solution = match solver.solve().expect(in_memory) {
        SolverResult::Unsat => Solution::Unsatisfiable,
        SolverResult::Interrupted => Solution::Unknown,
        SolverResult::Sat => {
            let value =
                |v| solver.lit_val(Lit::new(v as u32, false)).expect("the solver has just found a model");
            let values = (0..formula.variables()).map(|v| value(v) == TernaryVal::True).collect();
            let assignment = Assignment::new(values);
            assert!(formula.is_satisfied_by(&assignment), "the solver's model does not satisfy the formula");
            Solution::Satisfiable(assignment)
        }
    };
    (solution, steps.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Literal;
    use orthant_linalg::random;
    use rand::RngExt;

    #[test]
    fn the_solver_agrees_with_trying_all_assignments() {
        let mut satisfiable = 0;
        for index in 0..200 {
            let rng = &mut random::stream(1, "solve", index);
            let n = 1 + (index as usize) % 7;
            let clause = |rng: &mut _| {
                let literal =
                    |rng: &mut rand_chacha::ChaCha8Rng| Literal::new(rng.random_range(0..n), rng.random());
                (0..3).map(|_| literal(rng)).collect::<Vec<_>>()
            };
            let formula = Formula::new(n, (0..5 * n).map(|_| clause(rng)).collect()).expect("in range");
            let brute = (0..1u32 << n).any(|bits| {
                formula.is_satisfied_by(&Assignment::new((0..n).map(|i| bits >> i & 1 == 1).collect()))
            });
            assert_eq!(solve(&formula, DEFAULT_STEPS).assignment().is_some(), brute, "{index}");
            satisfiable += usize::from(brute);
        }
        assert!((20..180).contains(&satisfiable), "{satisfiable} of 200: both kinds must occur");
    }

    #[test]
    fn trivial_formulas_are_decided() {
        let formula = |n, clauses| Formula::new(n, clauses).expect("in range");
        assert_eq!(solve(&formula(0, vec![]), 10), Solution::Satisfiable(Assignment::new(vec![])));
        assert_eq!(solve(&formula(0, vec![vec![]]), 10), Solution::Unsatisfiable);
        assert!(solve(&formula(3, vec![]), 10).assignment().is_some_and(|a| a.values().len() == 3));
    }

    /// Nine pigeons in eight holes: the search is exponential.
    #[test]
    fn the_search_ends_when_its_steps_are_used_up() {
        let (pigeons, holes) = (9, 8);
        let at = |pigeon, hole, sign| Literal::new(pigeon * holes + hole, sign);
        let mut clauses: Vec<Vec<Literal>> =
            (0..pigeons).map(|p| (0..holes).map(|h| at(p, h, true)).collect()).collect();
        for hole in 0..holes {
            for first in 0..pigeons {
                clauses
                    .extend((0..first).map(|second| vec![at(first, hole, false), at(second, hole, false)]));
            }
        }
        let formula = Formula::new(pigeons * holes, clauses).expect("in range");
        assert_eq!(solve(&formula, 100), Solution::Unknown);
    }
}
