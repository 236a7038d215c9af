//! Rows of a query, as Postgres streams them: `COPY (query) TO STDOUT` sends a row when it has it, and no more than the reader takes.

use std::io::{self, Cursor, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use futures_util::StreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::app::settings::DatabaseUrl;
use crate::app::settings::encryption::DatabaseWaySettings;
use crate::cli::error::CliError;

/// Pieces of an answer that wait for the reader.
const WAITING: usize = 16;

/// A piece of the answer, or why there is none.
type Piece = Result<Vec<u8>, String>;

/// The answer of a query as CSV with a header.
pub(super) struct QueryRows {
    pieces: Receiver<Piece>,
    piece: Cursor<Vec<u8>>,
}

/// Runs a query in a session that can only read.
///
/// # Errors
///
/// Wrong usage for an address that is none; a failure to start.
pub(super) fn query(
    url: &DatabaseUrl,
    tls: &DatabaseWaySettings,
    query: &str,
) -> Result<QueryRows, CliError> {
    let target = tls.target(url).map_err(|_| CliError::Usage {
        message: "--from-sql is not the address of a Postgres database".to_owned(),
        hint: "write postgres://USER@HOST/DATABASE".to_owned(),
    })?;
    if let Some(problem) = tls.problems(url).first() {
        return Err(CliError::usage(format!("--from-sql: {}", problem.kind)));
    }
    let options = target.options("patron import");
    let query = query.trim().trim_end_matches(';').to_owned();
    let (sender, pieces) = sync_channel(WAITING);
    // A thread of its own: the reader of the rows waits for them without a runtime.
    thread::Builder::new()
        .name("import-query".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let ended = match runtime {
                Ok(runtime) => runtime.block_on(copy(options, &query, &sender)),
                Err(cause) => Err(cause.to_string()),
            };
            if let Err(problem) = ended {
                // Without a reader there is no one left to read the reason either.
                let _ = sender.send(Err(problem));
            }
        })
        .map_err(|cause| CliError::failed(format!("cannot start a thread: {cause}")))?;
    Ok(QueryRows {
        pieces,
        piece: Cursor::default(),
    })
}

async fn copy(
    options: PgConnectOptions,
    query: &str,
    sender: &SyncSender<Piece>,
) -> Result<(), String> {
    let text = |cause: sqlx::Error| match cause.as_database_error() {
        Some(error) => error.message().to_owned(),
        None => cause.to_string(),
    };
    let mut connection: PgConnection = options.connect().await.map_err(text)?;
    // In one transaction, which any pooler keeps in one session.
    for statement in [
        "START TRANSACTION READ ONLY",
        // Older servers round otherwise.
        "SET LOCAL extra_float_digits = 3",
    ] {
        connection.execute(statement).await.map_err(text)?;
    }
    let statement = ["COPY (", query, ") TO STDOUT WITH (FORMAT csv, HEADER)"].concat();
    let mut pieces = connection.copy_out_raw(&statement).await.map_err(text)?;
    while let Some(piece) = pieces.next().await {
        if sender.send(Ok(piece.map_err(text)?.to_vec())).is_err() {
            return Ok(());
        }
    }
    drop(pieces);
    connection.execute("COMMIT").await.map_err(text)?;
    connection.close().await.map_err(text)
}

impl Read for QueryRows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.piece.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            match self.pieces.recv() {
                Ok(Ok(piece)) => self.piece = Cursor::new(piece),
                Ok(Err(problem)) => return Err(io::Error::other(problem)),
                Err(_) => return Ok(0),
            }
        }
    }
}
