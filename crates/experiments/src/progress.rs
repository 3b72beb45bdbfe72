//! How far a run is, on the terminal.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Steps of the overall bar.
const STEPS: u64 = 1000;

/// How often a line is printed when standard error is no terminal.
const INTERVAL: Duration = Duration::from_secs(30);

/// One bar over all experiments, by estimated cost, and one over the rows of the one that runs.
///
/// When standard error is no terminal there are lines instead, at the start and the end of each experiment and every half minute.
pub struct Progress {
    overall: ProgressBar,
    current: ProgressBar,
    /// Lines instead of bars.
    plain: bool,
    printed: Instant,
    name: String,
    start: Instant,
    /// Estimated seconds on one core of all that is to be measured in this run.
    total: f64,
    done: f64,
    workers: usize,
}

impl Progress {
    /// Bars for so much work, in estimated seconds on one core.
    pub fn new(total: f64, workers: usize) -> Progress {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let style = |template: &str| {
            ProgressStyle::with_template(template).expect("the template is valid").progress_chars("━━╌")
        };
        let overall = bars
            .add(ProgressBar::new(STEPS).with_style(style("{prefix:>18} {bar:30} {percent:>3} %  {msg}")));
        let current =
            bars.add(ProgressBar::new(1).with_style(style("{prefix:>18} {bar:30} {pos}/{len} rows")));
        overall.set_prefix("all");
        Progress {
            plain: bars.is_hidden(),
            overall,
            current,
            printed: Instant::now(),
            name: String::new(),
            start: Instant::now(),
            total,
            done: 0.0,
            workers,
        }
    }

    /// No output at all.
    pub fn silent() -> Progress {
        let progress = Progress::new(0.0, 1);
        progress.overall.set_draw_target(ProgressDrawTarget::hidden());
        progress.current.set_draw_target(ProgressDrawTarget::hidden());
        Progress { plain: false, ..progress }
    }

    /// An experiment begins: so many rows, of which some are there.
    pub fn start(&mut self, name: &str, rows: usize, kept: usize) {
        self.name = name.to_string();
        self.current.reset();
        self.current.set_prefix(name.to_string());
        self.current.set_length(rows as u64);
        self.current.set_position(kept as u64);
        self.tick();
        if self.plain {
            let kept = if kept > 0 { format!(", {kept} there") } else { String::new() };
            self.line(&format!("{rows} rows{kept}"));
        }
    }

    /// A row is there.
    pub fn advance(&mut self, cost: f64) {
        self.done += cost;
        self.current.inc(1);
        self.tick();
    }

    /// Time passes.
    pub fn tick(&mut self) {
        let share = if self.total > 0.0 { (self.done / self.total).clamp(0.0, 1.0) } else { 0.0 };
        self.overall.set_position((share * STEPS as f64) as u64);
        self.overall.set_message(format!("about {} left", duration(self.left())));
        self.current.tick();
        if self.plain && self.printed.elapsed() >= INTERVAL {
            let (at, of) = (self.current.position(), self.current.length().unwrap_or(0));
            self.line(&format!(
                "{at}/{of} rows; {:.0} % of all, about {} left",
                100.0 * share,
                duration(self.left())
            ));
        }
    }

    /// An experiment ends.
    pub fn finish(&mut self, name: &str, rows: usize, planned: usize) {
        self.tick();
        if self.plain {
            self.name = name.to_string();
            self.line(&format!(
                "{rows} of {planned} rows after {}",
                duration(self.start.elapsed().as_secs_f64())
            ));
        }
    }

    /// The bars disappear.
    pub fn clear(&self) {
        self.current.finish_and_clear();
        self.overall.finish_and_clear();
    }

    /// Estimated seconds left: the costs are a guess, which the time taken so far corrects.
    fn left(&self) -> f64 {
        let remaining = (self.total - self.done).max(0.0);
        let guess = remaining / self.workers as f64;
        if self.done <= 0.0 {
            return guess;
        }
        // The guess counts as much as the first ten seconds.
        let elapsed = self.start.elapsed().as_secs_f64();
        let trust = elapsed / (elapsed + 10.0);
        trust * elapsed * remaining / self.done + (1.0 - trust) * guess
    }

    #[expect(clippy::print_stderr, reason = "progress of a program for the terminal")]
    fn line(&mut self, text: &str) {
        self.printed = Instant::now();
        eprintln!("{}: {text}", self.name);
    }
}

/// "40 s", "12 min", "2 h 05 min".
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6000 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(-1.0), "0 s");
        assert_eq!(duration(99.4), "99 s");
        assert_eq!(duration(100.0), "2 min");
        assert_eq!(duration(7500.0), "2 h 05 min");
    }

    #[test]
    fn the_time_left_starts_from_the_costs() {
        let mut progress = Progress::silent();
        progress.total = 120.0;
        progress.workers = 2;
        assert_eq!(progress.left(), 60.0);
        progress.advance(120.0);
        assert_eq!(progress.left(), 0.0);
    }
}
