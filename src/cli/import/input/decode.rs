//! From bytes to text in UTF-8 with plain line ends, whatever program wrote them.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding};

use super::{Bytes, CHUNK};
use crate::cli::error::CliError;

/// A byte that no UTF-8 has. It stands for what could not be decoded, so that exactly the row with it is refused.
const UNREADABLE: u8 = 0xff;

/// What separates the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// A comma, unless the first line is `sep=;` or the like.
    Usual,
    /// The one of `;`, tab, `|` and comma that the header has most often.
    Guessed,
    /// This one.
    Stated(u8),
}

impl Delimiter {
    /// Reads the option: one character, `tab` or `auto`.
    ///
    /// # Errors
    ///
    /// Wrong usage when it is none.
    pub fn parse(text: Option<&str>) -> Result<Self, CliError> {
        match text.map(str::as_bytes) {
            None => Ok(Self::Usual),
            Some(b"auto") => Ok(Self::Guessed),
            Some(b"tab" | b"\\t") => Ok(Self::Stated(b'\t')),
            Some([byte]) if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'"' => {
                Ok(Self::Stated(*byte))
            }
            Some(_) => Err(CliError::usage(format!(
                "--delimiter {:?} is not one ASCII character, \"tab\" or \"auto\"",
                text.unwrap_or_default()
            ))),
        }
    }

    /// The character, for a text.
    pub(super) fn character(self, decoded: &Decoded) -> u8 {
        match (self, decoded.sep) {
            (Self::Stated(delimiter), _) | (Self::Usual | Self::Guessed, Some(delimiter)) => {
                delimiter
            }
            (Self::Guessed, None) => guess(decoded.first_line()),
            (Self::Usual, None) => b',',
        }
    }
}

/// Of several that are equally frequent, the first.
fn guess(line: &[u8]) -> u8 {
    let count = |delimiter: u8| line.split(|byte| *byte == delimiter).count();
    let mut best = (1, b',');
    for delimiter in *b",;\t|" {
        if count(delimiter) > best.0 {
            best = (count(delimiter), delimiter);
        }
    }
    best.1
}

/// Text in UTF-8: without byte order mark, without `sep=;` in the first line, with `\n` at the end of each line.
pub(super) struct Decoded {
    bytes: Bytes,
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    text: Vec<u8>,
    /// How much of `text` was given out.
    given: usize,
    /// Whether the last byte was a carriage return.
    after_return: bool,
    last: u8,
    ended: bool,
    sep: Option<u8>,
}

impl Decoded {
    /// The text of bytes in an encoding. `None`: UTF-8, which is checked by row. A byte order mark stands before it.
    pub(super) fn new(bytes: Bytes, encoding: Option<&'static Encoding>) -> io::Result<Self> {
        let mut decoded = Self {
            bytes,
            decoder: encoding
                .filter(|encoding| *encoding != encoding_rs::UTF_8)
                .map(Encoding::new_decoder_without_bom_handling),
            raw: vec![0; CHUNK],
            text: Vec::with_capacity(CHUNK),
            given: 0,
            after_return: false,
            last: b'\n',
            ended: false,
            sep: None,
        };
        let begin = decoded.read_raw(4)?;
        let mut from = 0;
        if let Some((marked, length)) = Encoding::for_bom(&decoded.raw[..begin]) {
            let is_utf_8 = marked == encoding_rs::UTF_8;
            decoded.decoder = (!is_utf_8).then(|| marked.new_decoder_without_bom_handling());
            from = length;
        }
        decoded.add(from, begin);
        // The first line decides about the separator, and pipes give it in pieces.
        while !decoded.ended && !decoded.text.contains(&b'\n') && decoded.text.len() < CHUNK {
            let read = decoded.read_raw(1)?;
            decoded.add(0, read);
        }
        decoded.take_sep();
        Ok(decoded)
    }

    /// What stands before the same rows in UTF-8: a byte order mark, which is stronger than a stated encoding, and the line of the separator.
    pub(super) fn preface(&self) -> String {
        let mark = if self.decoder.is_some() {
            "\u{feff}"
        } else {
            ""
        };
        let sep = self.sep.map(|sep| format!("sep={}\n", char::from(sep)));
        format!("{mark}{}", sep.unwrap_or_default())
    }

    /// How many lines were taken off before the header.
    pub(super) fn lines_before(&self) -> u64 {
        u64::from(self.sep.is_some())
    }

    /// The first line, as far as it was read.
    pub(super) fn first_line(&self) -> &[u8] {
        let text = &self.text[self.given..];
        let end = text.iter().position(|byte| *byte == b'\n');
        &text[..end.unwrap_or(text.len())]
    }

    /// Reads bytes, at least so many if there are.
    fn read_raw(&mut self, least: usize) -> io::Result<usize> {
        let mut filled = 0;
        while filled < least {
            match self.bytes.read(&mut self.raw[filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Excel's first line, which states the separator of columns.
    fn take_sep(&mut self) {
        let line = self.first_line();
        let [s, e, p, b'=', delimiter] = *line else {
            return;
        };
        let length = line.len();
        if [s, e, p].eq_ignore_ascii_case(b"sep") && self.text.len() > length {
            self.sep = Some(delimiter);
            self.given = length + 1;
        }
    }

    /// Decodes what was read and appends it to the text.
    fn add(&mut self, from: usize, to: usize) {
        if let Some(mut decoder) = self.decoder.take() {
            let raw = std::mem::take(&mut self.raw);
            let decoded = decode(&mut decoder, &raw[from..to], self.ended);
            self.append(&decoded);
            self.raw = raw;
            self.decoder = Some(decoder);
        } else {
            let raw = std::mem::take(&mut self.raw);
            self.append(&raw[from..to]);
            self.raw = raw;
        }
        if self.ended && self.last != b'\n' {
            self.text.push(b'\n');
            self.last = b'\n';
        }
    }

    /// Appends text with `\n` for each of `\r\n` and `\r`.
    fn append(&mut self, mut text: &[u8]) {
        if let Some((first, rest)) = text.split_first() {
            if self.after_return && *first == b'\n' {
                text = rest;
            }
            self.after_return = false;
        }
        while let Some(at) = text.iter().position(|byte| *byte == b'\r') {
            self.text.extend_from_slice(&text[..at]);
            self.text.push(b'\n');
            text = &text[at + 1..];
            match text.split_first() {
                Some((b'\n', rest)) => text = rest,
                Some(_) => {}
                None => self.after_return = true,
            }
        }
        self.text.extend_from_slice(text);
        if let Some(last) = self.text.last() {
            self.last = *last;
        }
    }
}

/// Decodes bytes; each that means nothing becomes one that no text has.
fn decode(decoder: &mut Decoder, mut bytes: &[u8], last: bool) -> Vec<u8> {
    // Room for all of it: an unknown size would be a chunk beyond the address space.
    let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
    let mut text = vec![0; room.unwrap_or(CHUNK) + 16];
    let mut written = 0;
    loop {
        let (result, read, wrote) =
            decoder.decode_to_utf8_without_replacement(bytes, &mut text[written..], last);
        bytes = &bytes[read..];
        written += wrote;
        match result {
            DecoderResult::InputEmpty => break,
            DecoderResult::Malformed(..) if written < text.len() => {
                text[written] = UNREADABLE;
                written += 1;
            }
            DecoderResult::Malformed(..) | DecoderResult::OutputFull => {
                text.resize(text.len() * 2, 0);
            }
        }
    }
    text.truncate(written);
    text
}

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if self.ended {
                return Ok(0);
            }
            self.text.clear();
            self.given = 0;
            let read = self.read_raw(1)?;
            self.add(0, read);
        }
        let ready = &self.text[self.given..];
        let count = ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&ready[..count]);
        self.given += count;
        Ok(count)
    }
}
