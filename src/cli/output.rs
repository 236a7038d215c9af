//! The only place that writes to the terminal: data to standard output, everything else to standard error.

use std::io::{ErrorKind, IsTerminal as _, Write};

use prost::Message;
use serde::Serialize;

use super::error::CliError;
use super::paint::Paint;
use crate::app::message_json::{MessageJsonError, ResponseJson};

/// Where a command writes.
pub struct Output {
    data: Box<dyn Write + Send>,
    notes: Box<dyn Write + Send>,
    notes_are_seen: bool,
    paint: Paint,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

impl Output {
    /// Standard output and standard error of the process.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            data: Box::new(std::io::stdout()),
            notes: Box::new(std::io::stderr()),
            notes_are_seen: std::io::stderr().is_terminal(),
            paint: Paint::of_standard_output(),
        }
    }

    /// Writes to the two given sinks, which are taken for files: no progress bar is drawn.
    pub fn to(data: impl Write + Send + 'static, notes: impl Write + Send + 'static) -> Self {
        Self {
            data: Box::new(data),
            notes: Box::new(notes),
            notes_are_seen: false,
            paint: Paint::Plain,
        }
    }

    /// How data may be marked: in colour for a person at a terminal, not at all for a file or another program.
    #[must_use]
    pub fn paint(&self) -> Paint {
        self.paint
    }

    /// Whether a person sees standard error as it is written, so that a progress bar makes sense.
    #[must_use]
    pub fn notes_are_seen(&self) -> bool {
        self.notes_are_seen
    }

    /// Writes a line (or several) of data.
    ///
    /// # Errors
    ///
    /// [`CliError::BrokenPipe`] when the reader went away, else a failure to write.
    pub fn line(&mut self, text: &str) -> Result<(), CliError> {
        self.data
            .write_all(format!("{text}\n").as_bytes())
            .and_then(|()| self.data.flush())
            .map_err(|cause| {
                if cause.kind() == ErrorKind::BrokenPipe {
                    CliError::BrokenPipe
                } else {
                    CliError::failed(format!("cannot write the output: {cause}"))
                }
            })
    }

    /// Writes a value as indented JSON.
    ///
    /// # Errors
    ///
    /// As [`Output::line`].
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let text = to_json(value)?;
        self.line(&text)
    }

    /// Writes the response of a method in the JSON form of the API, indented; `method` is for example "ScoringService/Classify".
    ///
    /// # Errors
    ///
    /// As [`Output::line`].
    pub fn response(&mut self, method: &str, response: &impl Message) -> Result<(), CliError> {
        let json = ResponseJson::new(method).and_then(|writer| writer.write(response));
        self.line(&indented(&json.map_err(|cause| no_json(&cause))?))
    }

    /// Writes a line for the person at the terminal. What cannot be written there is lost: there is nobody left to tell.
    pub fn note(&mut self, text: &str) {
        let _ = self.notes.write_all(format!("{text}\n").as_bytes());
        let _ = self.notes.flush();
    }
}

/// That a response cannot be written as JSON.
#[must_use]
pub fn no_json(cause: &MessageJsonError) -> CliError {
    CliError::failed(format!("cannot write JSON: {cause}"))
}

/// JSON with a line for each member, and members in their order.
#[must_use]
pub fn indented(json: &str) -> String {
    let mut out = String::with_capacity(2 * json.len());
    let (mut depth, mut in_text, mut escaped) = (0, false, false);
    let mut letters = json.chars().peekable();
    while let Some(letter) = letters.next() {
        if in_text {
            out.push(letter);
            in_text = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        let newline = |out: &mut String, depth| {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        };
        match letter {
            '{' | '[' => {
                out.push(letter);
                if let Some(end) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    newline(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                newline(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                newline(&mut out, depth);
            }
            ':' => out.push_str(": "),
            '"' => {
                in_text = true;
                out.push(letter);
            }
            other => out.push(other),
        }
    }
    out
}

/// A value as indented JSON.
///
/// # Errors
///
/// A failure when a value cannot be written as JSON.
pub fn to_json(value: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string_pretty(value)
        .map_err(|cause| CliError::failed(format!("cannot write JSON: {cause}")))
}

/// A sink that tests read back.
#[cfg(test)]
#[derive(Clone, Default)]
pub(crate) struct Captured(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

#[cfg(test)]
impl Captured {
    /// What was written so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// An output into two sinks: data and notes.
    pub(crate) fn output() -> (Output, Self, Self) {
        let (data, notes) = (Self::default(), Self::default());
        (Output::to(data.clone(), notes.clone()), data, notes)
    }
}

#[cfg(test)]
impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_ends_the_command_quietly() {
        let error = Output::to(Closed, Closed).line("data").unwrap_err();
        assert!(matches!(error, CliError::BrokenPipe));
    }

    #[test]
    fn json_is_indented_as_other_json_is() {
        let value = serde_json::json!({
            "a": [1, {"b": "x,\"{:\\"}, []], "c": {}, "d": null, "e": [[true]],
        });
        assert_eq!(indented(&value.to_string()), to_json(&value).unwrap());
    }

    #[test]
    fn data_and_notes_go_to_different_places() {
        let (mut output, data, notes) = Captured::output();
        output.json(&serde_json::json!({"a": 1})).unwrap();
        output.note("done");
        assert_eq!(data.text(), "{\n  \"a\": 1\n}\n");
        assert_eq!(notes.text(), "done\n");
    }
}
