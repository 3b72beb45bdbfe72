//! Boolean formulas in conjunctive normal form.
//!
//! For a formula ψ, ψ̄ is ψ with every literal negated. An assignment ξ satisfies ψ exactly when its complement ξ̄ satisfies ψ̄.

use std::collections::HashSet;

mod dimacs;
mod reversible;
mod solve;

pub use dimacs::DimacsError;
pub(crate) use reversible::restrict;
pub use reversible::{CLAUSE_LENGTH, Reversible};
pub(crate) use solve::solve_counting;
pub use solve::{DEFAULT_STEPS, Satisfiability, Solution, solve};

/// Largest number of variables of a formula, 2²⁰.
pub const MAX_VARIABLES: usize = 1 << 20;

/// Largest number of clauses of a formula, 2²⁰.
pub const MAX_CLAUSES: usize = 1 << 20;

/// A variable or its negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Literal {
    variable: u32,
    negated: bool,
}

impl Literal {
    /// The literal of a variable, counted from 0.
    ///
    /// # Panics
    /// When the variable is not below [`MAX_VARIABLES`].
    pub fn new(variable: usize, positive: bool) -> Literal {
        assert!(variable < MAX_VARIABLES, "variable {variable} is not below {MAX_VARIABLES}");
        Literal { variable: variable as u32, negated: !positive }
    }

    /// The variable, counted from 0.
    pub fn variable(self) -> usize {
        self.variable as usize
    }

    /// Whether the literal is the variable itself.
    pub fn is_positive(self) -> bool {
        !self.negated
    }

    /// 1 for a variable, −1 for its negation.
    pub fn sign(self) -> f64 {
        if self.negated { -1.0 } else { 1.0 }
    }

    /// The opposite literal.
    pub fn negation(self) -> Literal {
        Literal { negated: !self.negated, ..self }
    }
}

/// A truth value for each variable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assignment {
    values: Vec<bool>,
}

impl Assignment {
    /// The assignment with these values, in the order of the variables.
    pub fn new(values: Vec<bool>) -> Assignment {
        Assignment { values }
    }

    /// The values, in the order of the variables.
    pub fn values(&self) -> &[bool] {
        &self.values
    }

    /// The opposite value for each variable.
    pub fn complement(&self) -> Assignment {
        Assignment { values: self.values.iter().map(|value| !value).collect() }
    }

    /// Whether a literal is true.
    ///
    /// # Panics
    /// When the assignment does not reach to its variable.
    pub fn satisfies(&self, literal: Literal) -> bool {
        self.values[literal.variable()] != literal.negated
    }

    /// The true literals as signed numbers counted from 1, as DIMACS writes them.
    pub fn to_signed(&self) -> Vec<i64> {
        let numbered = (1i64..).zip(&self.values);
        numbered.map(|(number, &value)| if value { number } else { -number }).collect()
    }
}

/// A formula that is too large, or speaks of variables that it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormulaError {
    /// More variables than [`MAX_VARIABLES`].
    #[error("{variables} variables, at most {MAX_VARIABLES} are allowed")]
    TooManyVariables {
        /// The number asked for.
        variables: usize,
    },
    /// More clauses than [`MAX_CLAUSES`].
    #[error("more than {MAX_CLAUSES} clauses")]
    TooManyClauses,
    /// A clause has a variable that the formula does not.
    #[error("clause {clause} has variable {variable} of a formula with {variables} (counted from 0)")]
    UnknownVariable {
        /// Index of the clause, from 0.
        clause: usize,
        /// The variable, from 0.
        variable: usize,
        /// Number of variables.
        variables: usize,
    },
}

/// A conjunction of clauses, each a disjunction of literals. No clause at all is true, an empty clause is false.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formula {
    variables: usize,
    clauses: Vec<Vec<Literal>>,
}

impl Formula {
    /// The conjunction of these clauses.
    ///
    /// # Errors
    /// [`FormulaError`] when a limit is passed or a variable is not below `variables`.
    ///
    /// # Cost
    /// One pass over the literals.
    pub fn new(variables: usize, clauses: Vec<Vec<Literal>>) -> Result<Formula, FormulaError> {
        if variables > MAX_VARIABLES {
            return Err(FormulaError::TooManyVariables { variables });
        }
        if clauses.len() > MAX_CLAUSES {
            return Err(FormulaError::TooManyClauses);
        }
        for (clause, literals) in clauses.iter().enumerate() {
            if let Some(literal) = literals.iter().find(|literal| literal.variable() >= variables) {
                let variable = literal.variable();
                return Err(FormulaError::UnknownVariable { clause, variable, variables });
            }
        }
        Ok(Formula { variables, clauses })
    }

    /// Number of variables, whether they occur or not.
    pub fn variables(&self) -> usize {
        self.variables
    }

    /// The clauses.
    pub fn clauses(&self) -> &[Vec<Literal>] {
        &self.clauses
    }

    /// Number of literals of the longest clause, 0 without clauses.
    pub fn longest_clause(&self) -> usize {
        self.clauses.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// The first clause that an assignment does not satisfy.
    ///
    /// # Panics
    /// When the assignment has not one value for each variable.
    ///
    /// # Cost
    /// One pass over the literals.
    pub fn violated_clause(&self, assignment: &Assignment) -> Option<usize> {
        assert_eq!(
            assignment.values().len(),
            self.variables,
            "an assignment has one value for each variable"
        );
        self.clauses.iter().position(|clause| !clause.iter().any(|&literal| assignment.satisfies(literal)))
    }

    /// Whether an assignment satisfies every clause. See [`Formula::violated_clause`].
    pub fn is_satisfied_by(&self, assignment: &Assignment) -> bool {
        self.violated_clause(assignment).is_none()
    }

    /// ψ̄: every literal negated.
    pub fn negated_literals(&self) -> Formula {
        let negated = |clause: &Vec<Literal>| clause.iter().map(|literal| literal.negation()).collect();
        Formula { variables: self.variables, clauses: self.clauses.iter().map(negated).collect() }
    }

    /// The equivalent formula without repeated literals, clauses that are always true, and repeated clauses. Literals are in the order of
    /// their variables, clauses in that of their first occurrence.
    ///
    /// # Cost
    /// O(L log L) for L literals.
    pub fn simplified(&self) -> Formula {
        let mut seen = HashSet::new();
        let mut clauses = Vec::new();
        for clause in &self.clauses {
            let mut literals = clause.clone();
            literals.sort_unstable();
            literals.dedup();
            let tautology = literals.windows(2).any(|pair| pair[0].variable == pair[1].variable);
            if !tautology && seen.insert(literals.clone()) {
                clauses.push(literals);
            }
        }
        Formula { variables: self.variables, clauses }
    }

    /// The first clause whose complement (all literals negated) is not among the clauses, up to the order and repetition of literals;
    /// clauses that are always true count as present. `None` says that the formula is closed under negating all literals:
    /// ψ and ψ̄ are the same formula, and complements of satisfying assignments satisfy.
    ///
    /// # Cost
    /// As [`Formula::simplified`].
    pub fn clause_without_complement(&self) -> Option<usize> {
        let as_set = |clause: &[Literal]| {
            let mut literals = clause.to_vec();
            literals.sort_unstable();
            literals.dedup();
            literals
        };
        let present: HashSet<Vec<Literal>> = self.clauses.iter().map(|clause| as_set(clause)).collect();
        self.clauses.iter().position(|clause| {
            let literals = as_set(clause);
            let tautology = literals.windows(2).any(|pair| pair[0].variable == pair[1].variable);
            let complement: Vec<Literal> = literals.iter().map(|literal| literal.negation()).collect();
            !tautology && !present.contains(&complement)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(signed: &[i32]) -> Vec<Literal> {
        signed.iter().map(|&l| Literal::new(l.unsigned_abs() as usize - 1, l > 0)).collect()
    }

    #[test]
    fn complements_satisfy_the_formula_with_negated_literals() {
        let formula = Formula::new(3, vec![clause(&[1, 2, 3]), clause(&[-2, 3])]).expect("three variables");
        for bits in 0..8 {
            let assignment = Assignment::new((0..3).map(|i| bits >> i & 1 == 1).collect());
            let value = formula.is_satisfied_by(&assignment);
            assert_eq!(formula.negated_literals().is_satisfied_by(&assignment.complement()), value);
        }
        assert_eq!(formula.clause_without_complement(), Some(0));
    }

    #[test]
    fn closed_formulas_are_recognised_whatever_the_order_of_literals() {
        let closed = vec![clause(&[1, -2, 1]), clause(&[3, -3]), clause(&[2, -1])];
        assert_eq!(Formula::new(3, closed).expect("three variables").clause_without_complement(), None);
        let empty = Formula::new(0, vec![vec![]]).expect("no variable");
        assert_eq!(empty.clause_without_complement(), None);
        let open = Formula::new(2, vec![clause(&[1, 2]), clause(&[-1, -2]), clause(&[1])]).expect("two");
        assert_eq!(open.clause_without_complement(), Some(2));
    }

    #[test]
    fn simplifying_removes_what_says_nothing() {
        let formula = Formula::new(3, vec![clause(&[2, 1, 2]), clause(&[1, -1]), clause(&[1, 2]), vec![]]);
        let simple = formula.expect("three variables").simplified();
        assert_eq!(simple.clauses(), [clause(&[1, 2]), vec![]]);
    }

    #[test]
    fn limits_and_unknown_variables_are_named() {
        let error = Formula::new(MAX_VARIABLES + 1, vec![]).err();
        assert_eq!(error, Some(FormulaError::TooManyVariables { variables: MAX_VARIABLES + 1 }));
        let error = Formula::new(1, vec![clause(&[1]), clause(&[2])]).err();
        assert_eq!(error, Some(FormulaError::UnknownVariable { clause: 1, variable: 1, variables: 1 }));
    }
}
