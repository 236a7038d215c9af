//! Logs to stderr: text for people, JSON for machines.
//!
//! Text that came from outside can neither forge a line nor drive a terminal: control characters and marks that turn the writing direction
//! are shown as escapes, in messages as well as in fields. (tracing-subscriber alone escapes some of them in messages, line feeds not at
//! all, and nothing in field values that are displayed.) Colour only where there is a terminal and `NO_COLOR` is not set.

use std::fmt::{self, Write};
use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing_subscriber::Registry;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One line of text an event.
    Text,
    /// One JSON object an event.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter cannot be read.
    #[error("invalid log filter")]
    Filter(#[from] ParseError),
    /// It names a span or a field, which is accepted elsewhere.
    #[error("invalid log filter: remove the part in [ ]; spans and fields cannot be selected")]
    Span,
    /// The process logs already.
    #[error("logging is already set up")]
    Twice(#[from] TryInitError),
}

/// Sends the logs of the process to stderr. `filter` is in the syntax of `tracing-subscriber`: `info`, or `info,patron::store=debug`.
///
/// # Errors
///
/// [`LoggingError`] when the filter cannot be read or logging was set up before.
pub fn init(format: LogFormat, filter: &str) -> Result<(), LoggingError> {
    let filter = read_filter(filter)?;
    match format {
        LogFormat::Text => text(filter, colours(), io::stderr).try_init()?,
        LogFormat::Json => json(filter, io::stderr).try_init()?,
    }
    Ok(())
}

/// A comma too many is none: [`Targets`] takes the nothing behind it for a level, ERROR.
fn read_filter(text: &str) -> Result<Targets, LoggingError> {
    if text.contains('[') {
        return Err(LoggingError::Span);
    }
    let parts = text.split(',').map(str::trim);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    Ok(parts.join(",").parse()?)
}

/// Whether stderr may be coloured: it is a terminal, and the user did not ask for none (<https://no-color.org>).
fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn text<W>(filter: Targets, ansi: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let fields = debug_fn(|writer, field, value| match field.name() {
        "message" => write!(Escaping(writer), "{value:?}"),
        // sqlx's warning of a slow statement: a page of SQL beside a summary that says which it is. Machines get both.
        "db.statement" => Ok(()),
        name => {
            write!(writer, "{name}=")?;
            write!(Escaping(writer), "{value:?}")
        }
    })
    .delimited(" ");
    Registry::default().with(filter).with(
        tracing_subscriber::fmt::layer()
            .with_ansi(ansi)
            .fmt_fields(fields)
            .with_writer(writer),
    )
}

fn json<W>(filter: Targets, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    Registry::default().with(filter).with(
        tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true)
            .with_writer(writer),
    )
}

/// Passes text on with what could drive a terminal, forge a line or turn the writing direction shown as `\u{1b}`.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_unsafe) {
            let (clean, from) = rest.split_at(at);
            self.0.write_str(clean)?;
            let mut characters = from.chars();
            if let Some(character) = characters.next() {
                write!(self.0, "{}", character.escape_default())?;
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Control characters, line separators, and the marks of Unicode's bidirectional algorithm.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::{Arc, Mutex};

    /// Collects what is logged.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    /// A forged line, a colour, a terminal title, an 8-bit escape, NUL, DEL, and a mark that turns the direction.
    const POISON: &str =
        "Eve\n2026 ERROR forged \x1b[31mred\x1b]0;title\x07 \u{9b}31m \0 \x7f \u{202e}txt";

    fn log_poison() {
        let span = tracing::info_span!("grpc.call", request.id = POISON);
        let _entered = span.enter();
        let error = io::Error::other(POISON);
        tracing::info!(
            shown = %POISON,
            quoted = POISON,
            debugged = ?POISON,
            error = &error as &dyn std::error::Error,
            "hello {POISON}"
        );
    }

    #[test]
    fn a_slow_statement_is_a_line_for_people_and_whole_for_machines() {
        let warn = || {
            tracing::warn!(
                summary = "SELECT kind, …",
                db.statement = "SELECT kind, whole",
                "slow"
            );
        };
        let filter = || Targets::new().with_default(tracing::Level::INFO);
        let sink = Sink::default();
        let writer = sink.clone();
        tracing::subscriber::with_default(text(filter(), false, move || writer.clone()), warn);
        assert!(sink.text().contains("summary=\"SELECT kind, …\""));
        assert!(!sink.text().contains("whole"), "{}", sink.text());
        let sink = Sink::default();
        let writer = sink.clone();
        tracing::subscriber::with_default(json(filter(), move || writer.clone()), warn);
        assert!(
            sink.text().contains("SELECT kind, whole"),
            "{}",
            sink.text()
        );
    }

    #[test]
    fn text_from_outside_cannot_forge_lines_or_drive_a_terminal() {
        let sink = Sink::default();
        let writer = sink.clone();
        tracing::subscriber::with_default(
            text(
                Targets::new().with_default(tracing::Level::INFO),
                false,
                move || writer.clone(),
            ),
            log_poison,
        );
        let text = sink.text();
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.contains(is_unsafe), "{line:?}");
        assert!(line.contains(r"hello Eve\n2026"), "{line}");
        for field in ["request.id=", "shown=", "quoted=", "debugged=", "error="] {
            assert!(line.contains(field), "{field} in {line}");
        }
    }

    #[test]
    fn json_logs_are_one_object_a_line_with_the_spans_of_the_call() {
        let sink = Sink::default();
        let writer = sink.clone();
        tracing::subscriber::with_default(
            json(
                Targets::new().with_default(tracing::Level::INFO),
                move || writer.clone(),
            ),
            log_poison,
        );
        let text = sink.text();
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.contains(['\n', '\x1b', '\x07', '\0']), "{line:?}");
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["shown"], POISON);
        assert_eq!(event["spans"][0]["request.id"], POISON);
        assert_eq!(event["level"], "INFO");
    }

    #[test]
    fn a_coloured_log_still_escapes_what_came_from_outside() {
        let sink = Sink::default();
        let writer = sink.clone();
        tracing::subscriber::with_default(
            text(
                Targets::new().with_default(tracing::Level::INFO),
                true,
                move || writer.clone(),
            ),
            log_poison,
        );
        let text = sink.text();
        assert!(text.contains("\x1b[32m INFO"), "{text:?}");
        assert!(!text.contains("\x1b[31mred"), "{text:?}");
    }

    #[test]
    fn an_empty_part_of_the_filter_changes_nothing() {
        for text in ["info,", ",info", "info,,patron::store=debug", "info, "] {
            let filter = read_filter(text).unwrap();
            let info = filter.would_enable("patron", &tracing::Level::INFO);
            assert!(info, "{text:?}");
        }
    }

    #[test]
    fn a_filter_by_span_or_field_is_refused() {
        for text in ["info,patron[call]=debug", "[{customer=ada}]=debug"] {
            let refused = read_filter(text);
            assert!(matches!(refused, Err(LoggingError::Span)), "{text}");
        }
    }

    #[test]
    fn the_filter_is_checked() {
        assert!(matches!(
            init(LogFormat::Text, "patron=loud"),
            Err(LoggingError::Filter(_))
        ));
    }
}
