//! How far a long command is: a bar where a person looks, a line now and then where none does.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::output::Output;

/// Time between two lines where no bar is drawn: a log stays readable.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Progress towards a known total.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    total: u64,
    last_line: Instant,
}

impl Progress {
    /// Begins. `total` is in whatever unit [`Progress::at`] is told.
    #[must_use]
    pub fn begin(total: u64, output: &Output) -> Self {
        let bar = output.notes_are_seen().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}");
            let bar = ProgressBar::new(total);
            match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self {
            bar,
            total,
            last_line: Instant::now(),
        }
    }

    /// Says where things stand.
    pub fn at(&mut self, position: u64, message: &str, output: &mut Output) {
        if let Some(bar) = &self.bar {
            bar.set_position(position);
            bar.set_message(message.to_owned());
        } else if self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            let percent = position.saturating_mul(100) / self.total.max(1);
            output.note(&format!("{percent:>3} %  {message}"));
        }
    }

    /// Writes a line for the person at the terminal, above the bar.
    pub fn note(&self, text: &str, output: &mut Output) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output.note(text)),
            None => output.note(text),
        }
    }

    /// Ends; the bar goes away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
