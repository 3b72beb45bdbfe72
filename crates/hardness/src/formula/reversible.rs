//! Any formula to a reversible one with six literals in each clause.

use std::collections::HashSet;

use super::{Assignment, Formula, FormulaError, Literal, MAX_CLAUSES, MAX_VARIABLES};

/// Number of literals in each clause of a reversible formula.
pub const CLAUSE_LENGTH: usize = 6;

/// A formula that is closed under negating all literals, with exactly six literals over six different variables in each clause, and
/// satisfiable exactly when the formula it was made from is.
///
/// # Construction and proof
/// Let ψ be the formula made of clauses C, with repeated literals and clauses that are always true removed.
///
/// 1. *Split.* A clause l₁ ∨ … ∨ l_t with t > 5 becomes (l₁ ∨ … ∨ l₄ ∨ y₁), (ȳ₁ ∨ l₅ ∨ l₆ ∨ l₇ ∨ y₂), …, (ȳ_q ∨ the rest, at most four)
///    with new variables y. If l₁ ∨ … ∨ l_t is true, let y_j be true exactly when no literal before it is: every part is then true.
///    If all parts are true, let j be the first with y_j false (or the last part): it has a true l.
/// 2. *Pad.* C is equivalent to (C ∨ z) ∧ (C ∨ z̄) for any variable z. Doubling 5 − t times over variables that C does not have makes
///    all clauses five literals long. Variables of the formula are used first, new ones where it has less than five. The empty
///    clause becomes all 32 clauses over five variables, which contradict each other.
/// 3. *Reverse.* With one new variable s, each C becomes (C ∨ s) ∧ (C̄ ∨ s̄), C̄ having all literals negated. Each is the other with
///    all literals negated. If ξ satisfies ψ, then (ξ, s false) satisfies both. If (ξ, s) satisfies all of them, then ξ satisfies every C
///    when s is false; when s is true it satisfies every C̄, and so ξ̄ every C.
///
/// A formula that is closed already and has no clause longer than six is only padded, to six: (C ∨ z), (C ∨ z̄) and their complements
/// are the padded clauses of C and C̄.
///
/// # Paper
/// Proposition 20 refers to Megiddo (1988) for the NP-hardness. Definition 19 as printed, ψ and ψ̄ satisfiable or not together, holds for
/// every formula, since ξ satisfies ψ exactly when ξ̄ satisfies ψ̄. What the proof of Proposition 22 uses is that the complements of
/// the clauses may be added, which is what being closed under negating all literals gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversible {
    formula: Formula,
    variables: usize,
    switch: Option<usize>,
    /// New variables with the literals before them: true exactly when none of these is.
    splits: Vec<(usize, Vec<Literal>)>,
}

impl Reversible {
    /// Makes a formula reversible, with six literals in each clause.
    ///
    /// # Errors
    /// [`FormulaError`] when the result passes the limits on variables or clauses.
    ///
    /// # Cost
    /// A clause of t ≤ 5 literals becomes 2^(6 − t) clauses; a longer one about 2t/3, and at most six more where its last part is
    /// padded.
    pub fn new(formula: &Formula) -> Result<Reversible, FormulaError> {
        let simple = formula.simplified();
        let closed = simple.longest_clause() <= CLAUSE_LENGTH && simple.clause_without_complement().is_none();
        let length = if closed { CLAUSE_LENGTH } else { CLAUSE_LENGTH - 1 };
        let variables = simple.variables();
        let mut total = variables;
        let (mut splits, mut parts) = (Vec::new(), Vec::new());
        for clause in simple.clauses() {
            split(clause, length, &mut total, &mut splits, &mut parts)?;
        }
        // Padding uses some of the first `length` variables.
        if parts.iter().any(|part| part.len() < length) {
            total = total.max(length);
        }
        let switch = (!closed && !parts.is_empty()).then_some(total);
        total += usize::from(switch.is_some());
        if total > MAX_VARIABLES {
            return Err(FormulaError::TooManyVariables { variables: total });
        }
        let mut seen = HashSet::new();
        let mut clauses = Vec::new();
        let mut push = |clause: Vec<Literal>| {
            if seen.insert(clause.clone()) {
                clauses.push(clause);
            }
            if clauses.len() > MAX_CLAUSES { Err(FormulaError::TooManyClauses) } else { Ok(()) }
        };
        for part in &parts {
            for mut clause in padded(part, length) {
                clause.sort_unstable();
                if let Some(switch) = switch {
                    clause.push(Literal::new(switch, true));
                    push(clause.clone())?;
                    clause.iter_mut().for_each(|literal| *literal = literal.negation());
                }
                push(clause)?;
            }
        }
        Ok(Reversible { formula: Formula::new(total, clauses)?, variables, switch, splits })
    }

    /// The reversible formula. Its first variables are those of the original one.
    pub fn formula(&self) -> &Formula {
        &self.formula
    }

    /// Number of variables of the original formula.
    pub fn original_variables(&self) -> usize {
        self.variables
    }

    /// The variable s that tells an assignment from its complement; `None` when the original formula was closed already, or empty.
    pub fn switch(&self) -> Option<usize> {
        self.switch
    }

    /// An assignment of the original formula, extended to the reversible one. The extension satisfies the reversible formula if the
    /// original satisfies its own.
    ///
    /// # Panics
    /// When the assignment has not one value for each variable of the original formula.
    pub fn extend(&self, original: &Assignment) -> Assignment {
        assert_eq!(original.values().len(), self.variables, "an assignment has one value for each variable");
        let mut values = original.values().to_vec();
        values.resize(self.formula.variables(), false);
        for (variable, before) in &self.splits {
            values[*variable] = !before.iter().any(|&literal| original.satisfies(literal));
        }
        Assignment::new(values)
    }

    /// An assignment of the reversible formula, brought back to the original one: its first values, negated when
    /// the switch is true. The result satisfies the original formula if `assignment` satisfies the reversible one.
    ///
    /// # Panics
    /// When the assignment has not one value for each variable of the reversible formula.
    pub fn restrict(&self, assignment: &Assignment) -> Assignment {
        assert_eq!(assignment.values().len(), self.formula.variables(), "one value for each variable");
        restrict(assignment, self.variables, self.switch)
    }
}

/// An assignment of a [`Reversible`] formula, brought back to the original one: its first `variables` values, negated when the switch is
/// true. The result satisfies the original formula if `assignment` satisfies the reversible one.
///
/// # Panics
/// When the assignment does not reach to these variables.
pub(crate) fn restrict(assignment: &Assignment, variables: usize, switch: Option<usize>) -> Assignment {
    let flip = switch.is_some_and(|switch| assignment.values()[switch]);
    Assignment::new(assignment.values()[..variables].iter().map(|&value| value != flip).collect())
}

/// Step 1: parts of at most `length` literals.
fn split(
    clause: &[Literal],
    length: usize,
    total: &mut usize,
    splits: &mut Vec<(usize, Vec<Literal>)>,
    parts: &mut Vec<Vec<Literal>>,
) -> Result<(), FormulaError> {
    let mut done = 0;
    let mut link: Option<Literal> = None;
    while clause.len() - done + usize::from(link.is_some()) > length {
        let take = length - 1 - usize::from(link.is_some());
        if *total >= MAX_VARIABLES {
            return Err(FormulaError::TooManyVariables { variables: *total + 1 });
        }
        let next = Literal::new(*total, true);
        *total += 1;
        let mut part: Vec<Literal> =
            link.into_iter().chain(clause[done..done + take].iter().copied()).collect();
        part.push(next);
        parts.push(part);
        done += take;
        splits.push((next.variable(), clause[..done].to_vec()));
        link = Some(next.negation());
    }
    parts.push(link.into_iter().chain(clause[done..].iter().copied()).collect());
    Ok(())
}

/// Step 2: all clauses of `length` literals that extend a part over the first variables that it does not have.
fn padded(part: &[Literal], length: usize) -> Vec<Vec<Literal>> {
    let free: Vec<usize> = (0..)
        .filter(|&variable| part.iter().all(|literal| literal.variable() != variable))
        .take(length - part.len())
        .collect();
    let extension = |signs: usize| {
        let padding =
            free.iter().enumerate().map(move |(i, &variable)| Literal::new(variable, signs >> i & 1 == 0));
        part.iter().copied().chain(padding).collect()
    };
    (0..1usize << free.len()).map(extension).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use orthant_linalg::random;
    use rand::RngExt;

    fn assignments(n: usize) -> impl Iterator<Item = Assignment> {
        (0..1u32 << n).map(move |bits| Assignment::new((0..n).map(|i| bits >> i & 1 == 1).collect()))
    }

    fn check(formula: &Formula, context: &str) {
        let reversible = Reversible::new(formula).expect("small");
        let result = reversible.formula();
        for clause in result.clauses() {
            let variables: HashSet<usize> = clause.iter().map(|literal| literal.variable()).collect();
            assert_eq!((clause.len(), variables.len()), (6, 6), "{context}");
        }
        assert_eq!(result.clause_without_complement(), None, "{context}");
        for assignment in assignments(formula.variables()) {
            let extended = reversible.extend(&assignment);
            if formula.is_satisfied_by(&assignment) {
                assert!(result.is_satisfied_by(&extended), "{context}");
                assert!(result.is_satisfied_by(&extended.complement()), "{context}");
            }
            assert_eq!(reversible.restrict(&extended), assignment, "{context}");
        }
        // Every satisfying assignment, extended or not, goes back to one that satisfies.
        for assignment in assignments(result.variables()) {
            if result.is_satisfied_by(&assignment) {
                assert!(formula.is_satisfied_by(&reversible.restrict(&assignment)), "{context}");
            }
        }
    }

    #[test]
    fn the_reversible_formula_is_satisfied_exactly_by_what_the_original_is() {
        for index in 0..150 {
            let rng = &mut random::stream(1, "reversible", index);
            let n = 1 + (index as usize) % 8;
            let mut clause = || {
                let length = rng.random_range(1..=9);
                (0..length).map(|_| Literal::new(rng.random_range(0..n), rng.random())).collect::<Vec<_>>()
            };
            let clauses = (0..3).map(|_| clause()).collect();
            check(&Formula::new(n, clauses).expect("in range"), &format!("formula {index}"));
        }
    }

    #[test]
    fn empty_and_trivial_formulas_are_handled() {
        let formula = |n, clauses| Formula::new(n, clauses).expect("in range");
        let literal = |v, positive| Literal::new(v, positive);
        check(&formula(0, vec![]), "no variable");
        check(&formula(0, vec![vec![]]), "the empty clause");
        check(&formula(3, vec![]), "no clause");
        check(&formula(2, vec![vec![literal(0, true), literal(0, false)]]), "a tautology");
        check(&formula(1, vec![vec![literal(0, true)], vec![literal(0, false)]]), "a contradiction");
    }

    #[test]
    fn long_clauses_are_split() {
        for length in 1..=10 {
            let clause = (0..length).map(|v| Literal::new(v, v % 3 != 0)).collect();
            check(&Formula::new(length, vec![clause]).expect("in range"), &format!("length {length}"));
        }
        let clause = (0..14).map(|v| Literal::new(v, v % 2 == 0)).collect();
        let reversible = Reversible::new(&Formula::new(14, vec![clause]).expect("in range")).expect("small");
        // (4 + y), (ȳ + 3 + y), (ȳ + 3 + y), (ȳ + 4), each with its complement; three links and the switch.
        assert_eq!((reversible.formula().clauses().len(), reversible.formula().variables()), (8, 18));
    }

    #[test]
    fn closed_formulas_keep_their_variables() {
        let clause: Vec<Literal> = (0..6).map(|v| Literal::new(v, v % 2 == 0)).collect();
        let complement = clause.iter().map(|literal| literal.negation()).collect();
        let formula = Formula::new(7, vec![clause, complement]).expect("in range");
        let reversible = Reversible::new(&formula).expect("small");
        assert_eq!((reversible.formula(), reversible.switch()), (&formula, None));
        let short = vec![Literal::new(0, true), Literal::new(1, true)];
        let other = short.iter().map(|literal| literal.negation()).collect();
        check(&Formula::new(7, vec![short, other]).expect("in range"), "closed and short");
    }
}
