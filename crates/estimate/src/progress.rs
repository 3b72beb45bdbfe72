//! Progress and cancellation.

use std::ops::ControlFlow;

/// What a search is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Name of the stage, fit for display.
    pub stage: &'static str,
    /// Units found so far.
    pub found: usize,
    /// Units wanted.
    pub wanted: usize,
    /// Starts, pins or blocks done in this stage.
    pub attempts: usize,
}

/// Called between bounded pieces of work; `Break` cancels.
pub type Callback<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// The caller asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// Hands progress to the caller's callback.
pub struct Reporter<'a> {
    callback: &'a mut Callback<'a>,
}

impl<'a> Reporter<'a> {
    /// Wraps a callback.
    pub fn new(callback: &'a mut Callback<'a>) -> Reporter<'a> {
        Reporter { callback }
    }

    /// Reports, and says whether to stop.
    ///
    /// # Errors
    /// [`Cancelled`] when the callback breaks.
    pub fn report(
        &mut self,
        stage: &'static str,
        found: usize,
        wanted: usize,
        attempts: usize,
    ) -> Result<(), Cancelled> {
        match (self.callback)(Progress { stage, found, wanted, attempts }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Cancelled),
        }
    }
}
