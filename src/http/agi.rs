//! `FastAGI`, in which Asterisk asks over TCP: lines about the call, then commands that set variables of its channel.
//!
//! The protocol has no framing but lines, and no length: both sides of a dialogue are bounded here. Asterisk goes on with its dialplan when the
//! connection ends, so whatever goes wrong ends it; the dialplan then finds no `PATRON_VERDICT`.

use std::{borrow::Cow, io, time::Duration};

use prost::Message as _;
use tokio::{
    io::{
        AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
        BufReader,
    },
    time::timeout,
};

use super::{
    parameters::{self, Asked},
    render::pairs_of,
};
use crate::{api::routes::ContactRoutes, pb};

/// Most bytes of a line: the address of the script with its parameters.
const MAX_LINE_BYTES: u64 = 4 * 1024;
/// Most lines about a call: Asterisk sends some twenty, and one for each argument.
const MAX_LINES: usize = 200;
/// Time for the lines about the call, and for the answer to each command.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers one call: reads what Asterisk says about it, sets `PATRON_...` variables, and ends.
///
/// # Errors
/// When the peer is gone, does not answer in time, or says what is not the protocol.
pub async fn answer<S>(stream: S, routes: &ContactRoutes) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut peer = BufReader::new(stream);
    let call = timeout(PATIENCE, read_call(&mut peer)).await??;
    for (name, value) in variables(&call, routes).await {
        let command = ["SET VARIABLE ", &name, " \"", &escaped(&value), "\"\n"].concat();
        let answered = async {
            peer.write_all(command.as_bytes()).await?;
            peer.flush().await?;
            read_line(&mut peer).await
        };
        let Some(line) = timeout(PATIENCE, answered).await?? else {
            return Ok(()); // the caller hung up
        };
        if !line.starts_with("200 ") {
            return Ok(()); // HANGUP, or a channel that takes no variables
        }
    }
    Ok(())
}

/// What Asterisk says about a call: names and values, in its order.
async fn read_call<R>(peer: &mut R) -> io::Result<Vec<(String, String)>>
where
    R: tokio::io::AsyncBufRead + Unpin,
{
    let mut call = vec![];
    for _ in 0..MAX_LINES {
        let line = read_line(peer).await?;
        let line = line.ok_or(io::ErrorKind::UnexpectedEof)?;
        if line.is_empty() {
            return Ok(call);
        }
        let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
        call.push((
            name.to_owned(),
            value.strip_prefix(' ').unwrap_or(value).to_owned(),
        ));
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// A line without its end; `None` at the end of the stream.
async fn read_line<R>(peer: &mut R) -> io::Result<Option<String>>
where
    R: tokio::io::AsyncBufRead + Unpin,
{
    let mut line = vec![];
    let read = peer
        .take(MAX_LINE_BYTES)
        .read_until(b'\n', &mut line)
        .await?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::InvalidData.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let line = String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Some(line))
}

/// The variables of the answer to a call.
async fn variables(call: &[(String, String)], routes: &ContactRoutes) -> Vec<(String, String)> {
    let of = |name: &str| {
        let found = call.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    };
    // agi://host/route?trunk=...: what the dialplan states comes after what the channel knows, and so before it.
    let (_, query) = of("agi_request").split_once('?').unwrap_or_default();
    let channel = (Cow::Borrowed("number"), Cow::Borrowed(of("agi_callerid")));
    let dialled = Some(of("agi_dnid")).filter(|number| *number != "unknown");
    let dialled = dialled.map(|number| (Cow::Borrowed("dnid"), Cow::Borrowed(number)));
    let stated = form_urlencoded::parse(query.as_bytes());
    let Asked {
        contact,
        mask,
        language,
        ..
    } = match parameters::read(std::iter::once(channel).chain(dialled).chain(stated)) {
        Ok(asked) => asked,
        Err(error) => {
            let error = error.to_string().replace('\n', "; ");
            return vec![("PATRON_ERROR".to_owned(), error)];
        }
    };
    let answer = routes.answer_within_limit(&contact, mask).await;
    let answer = answer.ok();
    let answer = answer.and_then(|answer| pb::RouteContactResponse::decode(answer).ok());
    let pairs = answer.map(|answer| pairs_of(&answer, language));
    let named = |(key, value): (&str, String)| (format!("PATRON_{}", key.to_uppercase()), value);
    pairs.unwrap_or_default().into_iter().map(named).collect()
}

/// A value between quotation marks. Line ends would end the command; nothing that is stored has any.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
