//! Reversible formulas as inputs and labels (Theorem 23).

use orthant_linalg::{Mat, MatRef};
use orthant_network::{Network, Samples};
use serde::{Deserialize, Serialize};

use crate::family::{Recipe, RecipeError};
use crate::formula::{
    Assignment, DEFAULT_STEPS, Formula, FormulaError, Reversible, Satisfiability, Solution, solve,
};
use crate::separability::{NotReversible, Separability};

/// Largest number of entries of the inputs, and of the labels: 0.8 GB each.
pub const MAX_ENTRIES: usize = 100_000_000;

/// What is given besides inputs and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// U is given: ones in the first two entries of its first row, zeros elsewhere.
    Fixed,
    /// U is to be found, too.
    Free,
}

/// What instance to make of a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether U is given. Default [`Variant::Fixed`].
    pub variant: Variant,
    /// Number of outputs, at least 1; those after the first are zero. Default 1.
    pub m: usize,
    /// Number of hidden units: at least 2 for U given, 2 for U free. Default 2.
    pub k: usize,
    /// Steps after which the solver gives up. Default [`DEFAULT_STEPS`].
    pub max_steps: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { variant: Variant::Fixed, m: 1, k: 2, max_steps: DEFAULT_STEPS }
    }
}

/// What cannot be made an instance.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InstanceError {
    /// The formula passes a limit when it is made reversible.
    #[error(transparent)]
    Formula(#[from] FormulaError),
    /// The formula is not reversible.
    #[error(transparent)]
    NotReversible(#[from] NotReversible),
    /// The recipe cannot be followed.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// No outputs.
    #[error("an instance has at least one output")]
    NoOutputs,
    /// A width for which there is no reduction.
    #[error("no reduction with {k} hidden units: at least 2 with U given, exactly 2 with U free")]
    Width {
        /// The width asked for.
        k: usize,
    },
    /// More than [`MAX_ENTRIES`] numbers.
    #[error("a matrix of {rows} x {cols} numbers, at most {MAX_ENTRIES} are allowed")]
    TooLarge {
        /// Rows of the inputs, the labels or V.
        rows: usize,
        /// Their columns.
        cols: usize,
    },
    /// Metadata that are not those of the formula.
    #[error("the metadata say {stated} {name}, the formula gives {found}")]
    Metadata {
        /// The number in question.
        name: &'static str,
        /// Its value in the metadata.
        stated: usize,
        /// The value that follows from the formula.
        found: usize,
    },
}

/// An instance in numbers. With the formula it was made from it determines the instance: [`Instance::rebuild`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Whether U is given.
    pub variant: Variant,
    /// Number of outputs.
    pub m: usize,
    /// Number of hidden units.
    pub k: usize,
    /// Number of inputs.
    pub d: usize,
    /// Number of samples.
    pub n: usize,
    /// Variables of the reversible formula.
    pub variables: usize,
    /// Clauses of the reversible formula.
    pub clauses: usize,
    /// Literals of its longest clause.
    pub longest_clause: usize,
    /// Variables of the formula it was made from: the first ones.
    pub original_variables: usize,
    /// The variable, from 0, that is true where an assignment of the original formula is to be complemented.
    pub switch: Option<usize>,
    /// Whether the formula is satisfiable, and so the instance solvable.
    pub satisfiable: Satisfiability,
    /// Whether the formula was made around an assignment.
    pub planted: bool,
    /// How the formula was drawn, with its seed; `None` for one that was given.
    pub recipe: Option<Recipe>,
}

/// Inputs X (d × n) and labels A (m × n) such that a network U f(VX) = A of k units exists exactly when a formula is satisfiable.
///
/// # Guarantee
/// With (P, Q) the [`Separability`] instance of the reversible formula, X = [P Q] and A = [0 1] in its first row, zero in the others.
///
/// *U given*, [1 1 0 …] in its first row and zero in the others: rows x and y of V solve U f(VX) = A exactly when they solve (P, Q). The
/// other rows of V have no effect.
///
/// *U free, k = 2*: one more coordinate and the samples e and −e of it, labelled 1. With all of them of one sign, one of the two
/// labels could not be positive, so one unit is active on each; hence both weights u₁, u₂ in the first row are positive, and u₁x, u₂y solve
/// the instance with U given. Conversely rows (x, 1), (y, −1) do. More outputs change nothing: solutions restrict to the first row,
/// and extend by zeros.
///
/// For U free and k > 2 there is no reduction here. Zero labels do not force the weights of further units to be zero, and with as
/// many units as samples on different rays any labels are fitted, whether the formula is satisfiable or not.
///
/// # Paper
/// Theorem 23. It prints V of size (r + s) × 2, which is d × 2 transposed; A' of length r + s + 4, which is r + s + 2; and x' = x/α₁,
/// which is α₁x. Its added row and columns are kept, though ±e_1 of Q (or e and −2e of an anchor) already force both weights to be
/// positive. Its α is U here.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    original: Option<Formula>,
    formula: Formula,
    metadata: Metadata,
    satisfying: Option<Assignment>,
    separability: Separability,
    x: Mat<f64>,
    a: Mat<f64>,
}

impl Instance {
    /// Makes any formula reversible, decides it, and makes it an instance.
    ///
    /// # Errors
    /// [`InstanceError`].
    ///
    /// # Cost
    /// (v + 3)(c + 2v + 7) numbers for v variables and c clauses of the reversible formula, and the steps of [`solve`].
    pub fn from_formula(formula: &Formula, options: &Options) -> Result<Instance, InstanceError> {
        // Whatever is too large is refused before the search.
        let reversible = Reversible::new(formula)?;
        Self::check(reversible.formula(), options.variant, options.m, options.k)?;
        let instance = Self::from_solution(&reversible, &solve(formula, options.max_steps), options)?;
        Ok(Instance { original: Some(formula.clone()), ..instance })
    }

    /// Draws a formula by a recipe and makes it an instance.
    ///
    /// # Errors
    /// [`InstanceError`].
    ///
    /// # Cost
    /// That of [`Recipe::draw`], and as [`Instance::from_formula`].
    pub fn from_recipe(recipe: &Recipe, options: &Options) -> Result<Instance, InstanceError> {
        // Whatever is too large is refused before the search. Formulas of one recipe differ little in size.
        let check = |formula: &Formula| Self::check(formula, options.variant, options.m, options.k);
        let first = recipe.first()?;
        check(&Formula::new(first.variables(), Vec::new())?)?;
        check(Reversible::new(&first)?.formula())?;
        let (formula, solution) = recipe.draw(options.max_steps)?;
        let mut instance = Self::from_solution(&Reversible::new(&formula)?, &solution, options)?;
        instance.original = Some(formula);
        instance.metadata.planted = recipe.family == crate::family::Family::Planted;
        instance.metadata.recipe = Some(*recipe);
        Ok(instance)
    }

    /// The instance of a reversible formula, with what is known about the formula it was made from, which is taken over unchecked.
    ///
    /// # Errors
    /// [`InstanceError`].
    ///
    /// # Panics
    /// When an assignment has not one value for each variable of the original formula.
    ///
    /// # Cost
    /// As [`Instance::from_formula`], without the steps of [`solve`].
    pub fn from_solution(
        reversible: &Reversible,
        solution: &Solution,
        options: &Options,
    ) -> Result<Instance, InstanceError> {
        let formula = reversible.formula();
        let (d, n) = Self::check(formula, options.variant, options.m, options.k)?;
        let metadata = Metadata {
            variant: options.variant,
            m: options.m,
            k: options.k,
            d,
            n,
            variables: formula.variables(),
            clauses: formula.clauses().len(),
            longest_clause: formula.longest_clause(),
            original_variables: reversible.original_variables(),
            switch: reversible.switch(),
            satisfiable: solution.satisfiability(),
            planted: false,
            recipe: None,
        };
        let satisfying = solution.assignment().map(|assignment| reversible.extend(assignment));
        Self::assemble(formula.clone(), metadata, satisfying)
    }

    /// The instance again, from its metadata and the formula it was made from. What the metadata say about satisfiability is taken over.
    ///
    /// # Errors
    /// [`InstanceError::Metadata`] when they do not belong together, and as [`Instance::from_formula`].
    ///
    /// # Cost
    /// That of [`Instance::from_formula`] without the search.
    pub fn rebuild(metadata: &Metadata, original: &Formula) -> Result<Instance, InstanceError> {
        let reversible = Reversible::new(original)?;
        let formula = reversible.formula();
        let (d, n) = Self::check(formula, metadata.variant, metadata.m, metadata.k)?;
        // Counted from 1, so that 0 stands for none.
        let number = |switch: Option<usize>| switch.map_or(0, |s| s.saturating_add(1));
        let numbers = [
            ("variables", metadata.variables, formula.variables()),
            ("clauses", metadata.clauses, formula.clauses().len()),
            ("literals in the longest clause", metadata.longest_clause, formula.longest_clause()),
            ("inputs", metadata.d, d),
            ("samples", metadata.n, n),
            ("original variables", metadata.original_variables, reversible.original_variables()),
            ("as switch (from 1)", number(metadata.switch), number(reversible.switch())),
        ];
        if let Some(&(name, stated, found)) = numbers.iter().find(|(_, stated, found)| stated != found) {
            return Err(InstanceError::Metadata { name, stated, found });
        }
        let instance = Self::assemble(formula.clone(), metadata.clone(), None)?;
        Ok(Instance { original: Some(original.clone()), ..instance })
    }

    /// Checks the sizes before anything is allocated; returns d and n.
    fn check(
        formula: &Formula,
        variant: Variant,
        m: usize,
        k: usize,
    ) -> Result<(usize, usize), InstanceError> {
        if m == 0 {
            return Err(InstanceError::NoOutputs);
        }
        if k < 2 || (variant == Variant::Free && k != 2) {
            return Err(InstanceError::Width { k });
        }
        let free = usize::from(variant == Variant::Free);
        let d = formula.variables() + 2 + free;
        let n = formula.simplified().clauses().len() + 2 * formula.variables() + 5 + 2 * free;
        for (rows, cols) in [(d, n), (m, n), (k, d), (m, k)] {
            if rows.checked_mul(cols).is_none_or(|entries| entries > MAX_ENTRIES) {
                return Err(InstanceError::TooLarge { rows, cols });
            }
        }
        Ok((d, n))
    }

    fn assemble(
        formula: Formula,
        metadata: Metadata,
        satisfying: Option<Assignment>,
    ) -> Result<Instance, InstanceError> {
        let separability = Separability::new(&formula)?;
        let n_zero = separability.p().len();
        let points: Vec<&Vec<f64>> = separability.p().iter().chain(separability.q()).collect();
        let x = Mat::from_fn(metadata.d, metadata.n, |r, j| match points.get(j) {
            Some(point) => point.get(r).copied().unwrap_or(0.0),
            None if r + 1 < metadata.d => 0.0,
            None if j == points.len() => 1.0,
            None => -1.0,
        });
        let a = Mat::from_fn(metadata.m, metadata.n, |o, j| f64::from(u8::from(o == 0 && j >= n_zero)));
        Ok(Instance { original: None, formula, metadata, satisfying, separability, x, a })
    }

    /// The formula that the reversible one was made from; `None` after [`Instance::from_solution`].
    pub fn original(&self) -> Option<&Formula> {
        self.original.as_ref()
    }

    /// The reversible formula.
    pub fn formula(&self) -> &Formula {
        &self.formula
    }

    /// The numbers of the instance.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The points P and Q.
    pub fn separability(&self) -> &Separability {
        &self.separability
    }

    /// An assignment that satisfies the reversible formula, where one is planted or was found. A rebuilt instance has none.
    pub fn satisfying(&self) -> Option<&Assignment> {
        self.satisfying.as_ref()
    }

    /// Inputs, d × n.
    pub fn x(&self) -> MatRef<'_, f64> {
        self.x.as_ref()
    }

    /// Labels, m × n.
    pub fn a(&self) -> MatRef<'_, f64> {
        self.a.as_ref()
    }

    /// Inputs and labels.
    pub fn samples(&self) -> Samples<'_> {
        Samples::new(self.x(), self.a()).expect("an instance has samples, and they are finite")
    }

    /// U (m × k) where it is given.
    pub fn u(&self) -> Option<Mat<f64>> {
        (self.metadata.variant == Variant::Fixed).then(|| self.output_weights())
    }

    fn output_weights(&self) -> Mat<f64> {
        Mat::from_fn(self.metadata.m, self.metadata.k, |o, i| f64::from(u8::from(o == 0 && i < 2)))
    }

    /// U (m × k) and V (k × d) of an assignment of the reversible formula: all entries are 0, ±1 or −1/2, so that U f(VX) has no rounding
    /// error, and is A exactly when the assignment satisfies the formula.
    ///
    /// # Panics
    /// When the assignment has not one value for each variable of the reversible formula.
    pub fn weights_of(&self, assignment: &Assignment) -> (Mat<f64>, Mat<f64>) {
        let (x, y) = self.separability.vectors(assignment);
        let v = Mat::from_fn(self.metadata.k, self.metadata.d, |i, r| match i {
            0 => x.get(r).copied().unwrap_or(1.0),
            1 => y.get(r).copied().unwrap_or(-1.0),
            _ => 0.0,
        });
        (self.output_weights(), v)
    }

    /// [`Instance::weights_of`] as a network. Its normal form divides rows of V by their norm, so that it fits to rounding.
    ///
    /// # Panics
    /// As [`Instance::weights_of`].
    pub fn network_of(&self, assignment: &Assignment) -> Network {
        let (u, v) = self.weights_of(assignment);
        Network::new(u, v, None, None).expect("shapes fit, weights are finite")
    }
}
