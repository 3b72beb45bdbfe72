//! Families of random formulas for benchmarks.

use orthant_linalg::random;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::formula::{
    Assignment, CLAUSE_LENGTH, Formula, FormulaError, Literal, MAX_CLAUSES, MAX_VARIABLES, Satisfiability,
    Solution, solve, solve_counting,
};

/// Formulas drawn before [`Family::Unsatisfiable`] gives up: enough, but for one time in 10⁴, when one in twenty is unsatisfiable.
const MAX_ATTEMPTS: u64 = 200;

/// How a formula is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// An assignment is drawn first, then clauses among those that it satisfies.
    Planted,
    /// Random formulas are drawn until the solver finds one unsatisfiable.
    Unsatisfiable,
    /// One random formula, and what the solver says about it.
    Random,
}

/// Which clauses are drawn, each over different variables with independent fair signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClauseKind {
    /// Three literals. Random formulas turn from satisfiable to unsatisfiable near 4.27 clauses per variable.
    ThreeSat,
    /// Six literals, each clause together with its complement: reversible as it is. The turn is near 32 ln 2 − (ln 2)/2 − 1/4 = 21.6 pairs
    /// per variable (the first-moment bound for not-all-equal clauses of six).
    ReversibleSix,
}

impl ClauseKind {
    /// Number of literals of a clause.
    pub fn clause_length(self) -> usize {
        match self {
            ClauseKind::ThreeSat => 3,
            ClauseKind::ReversibleSix => CLAUSE_LENGTH,
        }
    }
}

/// How to draw a formula. Same recipe, same formula.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// How it is chosen.
    pub family: Family,
    /// Which clauses.
    pub clauses: ClauseKind,
    /// Number of variables, at least [`ClauseKind::clause_length`].
    pub variables: usize,
    /// Clauses per variable, or pairs of a clause and its complement per variable. Clauses are drawn independently, and those drawn twice
    /// count twice.
    pub density: f64,
    /// Seed of all draws.
    pub seed: u64,
}

/// A recipe that cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// Too few variables for a clause, or too many.
    #[error("{variables} variables, between {least} and {MAX_VARIABLES} are needed")]
    Variables {
        /// The number asked for.
        variables: usize,
        /// The least number.
        least: usize,
    },
    /// A density that is negative, not finite, or calls for too many clauses.
    #[error("a density of {density:?} is not one, or gives more than {MAX_CLAUSES} clauses")]
    Density {
        /// The density asked for.
        density: f64,
    },
    /// No formula drawn is known to be unsatisfiable: the density may be too low, or the formulas too large for the solver.
    #[error(
        "of {attempts} formulas drawn none was found unsatisfiable ({undecided} undecided): more are at a higher density"
    )]
    NoneUnsatisfiable {
        /// Formulas drawn.
        attempts: u64,
        /// Those on which the solver gave up.
        undecided: u64,
    },
    /// The formula passes a limit.
    #[error(transparent)]
    Formula(#[from] FormulaError),
}

impl Recipe {
    /// Draws the formula, with an assignment if it is planted or found.
    ///
    /// # Errors
    /// [`RecipeError`].
    ///
    /// # Cost
    /// That of at most about `max_steps` steps of [`solve`] in all, none for planted formulas. Up to 200 unsatisfiable ones are drawn.
    pub fn draw(&self, max_steps: u64) -> Result<(Formula, Solution), RecipeError> {
        let count = self.count()?;
        match self.family {
            Family::Planted => {
                let planted = self.planted();
                let formula = self.formula(count, 0, Some(&planted))?;
                Ok((formula, Solution::Satisfiable(planted)))
            }
            Family::Random => {
                let formula = self.formula(count, 0, None)?;
                let solution = solve(&formula, max_steps);
                Ok((formula, solution))
            }
            Family::Unsatisfiable => {
                let (mut attempts, mut undecided, mut left) = (0, 0, max_steps);
                while attempts < MAX_ATTEMPTS && undecided == 0 {
                    let formula = self.formula(count, attempts, None)?;
                    let (solution, steps) = solve_counting(&formula, left);
                    attempts += 1;
                    left -= steps.min(left);
                    match solution.satisfiability() {
                        Satisfiability::Unsatisfiable => return Ok((formula, Solution::Unsatisfiable)),
                        // The steps are used up.
                        Satisfiability::Unknown => undecided += 1,
                        Satisfiability::Satisfiable => {}
                    }
                }
                Err(RecipeError::NoneUnsatisfiable { attempts, undecided })
            }
        }
    }

    /// The first formula drawn, which is not always the one that [`Recipe::draw`] chooses.
    pub(crate) fn first(&self) -> Result<Formula, RecipeError> {
        let planted = (self.family == Family::Planted).then(|| self.planted());
        Ok(self.formula(self.count()?, 0, planted.as_ref())?)
    }

    /// Number of clauses, or of pairs.
    fn count(&self) -> Result<usize, RecipeError> {
        let length = self.clauses.clause_length();
        if !(length..=MAX_VARIABLES).contains(&self.variables) {
            return Err(RecipeError::Variables { variables: self.variables, least: length });
        }
        let count = (self.density * self.variables as f64).round();
        if !(0.0..=MAX_CLAUSES as f64).contains(&count) {
            return Err(RecipeError::Density { density: self.density });
        }
        Ok(count as usize)
    }

    fn planted(&self) -> Assignment {
        let rng = &mut random::stream(self.seed, "planted assignment", 0);
        Assignment::new((0..self.variables).map(|_| rng.random()).collect())
    }

    fn formula(
        &self,
        count: usize,
        attempt: u64,
        planted: Option<&Assignment>,
    ) -> Result<Formula, FormulaError> {
        let rng = &mut random::stream(self.seed, "clauses", attempt);
        let mut clauses = Vec::new();
        for _ in 0..count {
            let clause = loop {
                let clause = self.clause(rng);
                if planted.is_none_or(|assignment| self.admits(&clause, assignment)) {
                    break clause;
                }
            };
            if self.clauses == ClauseKind::ReversibleSix {
                clauses.push(clause.iter().map(|literal| literal.negation()).collect());
            }
            clauses.push(clause);
        }
        Formula::new(self.variables, clauses)
    }

    fn clause(&self, rng: &mut ChaCha8Rng) -> Vec<Literal> {
        let length = self.clauses.clause_length();
        let mut clause: Vec<Literal> = Vec::with_capacity(length);
        while clause.len() < length {
            let variable = rng.random_range(0..self.variables);
            if clause.iter().all(|literal| literal.variable() != variable) {
                clause.push(Literal::new(variable, rng.random()));
            }
        }
        clause
    }

    /// Whether an assignment satisfies a clause, and its complement where that is drawn along.
    fn admits(&self, clause: &[Literal], assignment: &Assignment) -> bool {
        let n_true = clause.iter().filter(|&&literal| assignment.satisfies(literal)).count();
        n_true > 0 && (self.clauses == ClauseKind::ThreeSat || n_true < clause.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::DEFAULT_STEPS;

    fn recipe(family: Family, clauses: ClauseKind, variables: usize, density: f64, seed: u64) -> Recipe {
        Recipe { family, clauses, variables, density, seed }
    }

    #[test]
    fn planted_assignments_satisfy_at_any_density() {
        for clauses in [ClauseKind::ThreeSat, ClauseKind::ReversibleSix] {
            for seed in 0..10 {
                let recipe = recipe(Family::Planted, clauses, 12, 30.0, seed);
                let (formula, solution) = recipe.draw(0).expect("valid");
                assert!(formula.is_satisfied_by(solution.assignment().expect("planted")));
                assert_eq!(recipe.draw(0).expect("valid").0, formula);
                let closed = formula.clause_without_complement().is_none();
                assert_eq!(closed, clauses == ClauseKind::ReversibleSix);
            }
        }
    }

    #[test]
    fn unsatisfiable_formulas_are_unsatisfied_by_every_assignment() {
        for (clauses, variables, density) in
            [(ClauseKind::ThreeSat, 8, 6.0), (ClauseKind::ReversibleSix, 8, 30.0)]
        {
            for seed in 0..5 {
                let recipe = recipe(Family::Unsatisfiable, clauses, variables, density, seed);
                let (formula, _) = recipe.draw(DEFAULT_STEPS).expect("dense enough");
                for bits in 0..1u32 << variables {
                    let values = (0..variables).map(|i| bits >> i & 1 == 1).collect();
                    assert!(!formula.is_satisfied_by(&Assignment::new(values)));
                }
            }
        }
    }

    /// At 0.6 and 1.6 times the threshold, with 60 variables, nearly all formulas are of one kind: at most one of ten may differ.
    #[test]
    fn density_decides() {
        for (clauses, threshold) in [(ClauseKind::ThreeSat, 4.27), (ClauseKind::ReversibleSix, 21.6)] {
            let variables = if clauses == ClauseKind::ThreeSat { 60 } else { 14 };
            let satisfiable = |factor: f64| {
                let drawn = |seed| {
                    let recipe = recipe(Family::Random, clauses, variables, factor * threshold, seed);
                    recipe.draw(DEFAULT_STEPS).expect("valid").1
                };
                (0..10).filter(|&seed| drawn(seed).assignment().is_some()).count()
            };
            assert!(satisfiable(0.6) >= 9 && satisfiable(1.6) <= 1);
        }
    }

    #[test]
    fn impossible_recipes_are_named() {
        let draw = |recipe: Recipe| recipe.draw(10_000).err();
        let valid = recipe(Family::Unsatisfiable, ClauseKind::ThreeSat, 5, 1.0, 0);
        assert_eq!(draw(valid), Some(RecipeError::NoneUnsatisfiable { attempts: 200, undecided: 0 }));
        assert_eq!(
            draw(Recipe { variables: 2, ..valid }),
            Some(RecipeError::Variables { variables: 2, least: 3 })
        );
        for density in [-1.0, 1e9] {
            assert_eq!(draw(Recipe { density, ..valid }), Some(RecipeError::Density { density }));
        }
        assert!(matches!(draw(Recipe { density: f64::NAN, ..valid }), Some(RecipeError::Density { .. })));
    }
}
