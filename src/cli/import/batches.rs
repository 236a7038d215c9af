//! `patron import list` and `patron import undo`: every run of an import is a batch with an id, by which it can be withdrawn.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use crate::cli::connection::{Connection, ConnectionArgs, READ_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::pages::{self, PAGE_SIZE};
use crate::cli::text::{self, Align};
use crate::pb;
use crate::pb::import::State;

/// How long an undoing may take before it has to be continued by another call.
const UNDO_TIMEOUT: Duration = Duration::from_hours(1);
/// Most characters of the name of a file in an id.
const NAME_CHARS: usize = 40;

/// Options of `patron import list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Maximum number of imports
    #[arg(long, default_value = "100", value_name = "NUMBER")]
    limit: NonZeroUsize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Options of `patron import undo`.
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// Id of the import, as its summary and `patron import list` print it
    #[arg(value_name = "IMPORT")]
    import_id: String,
    /// Print what would be withdrawn and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// An id for an import of what is called `name`: that name, and 48 random bits.
#[must_use]
pub fn new_id(name: &str) -> String {
    let kept = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    let name: String = name.chars().filter(kept).take(NAME_CHARS).collect();
    // The standard library seeds it from the system: no two are the same.
    let random = RandomState::new().build_hasher().finish() >> 16;
    format!("{name}-{random:012x}")
}

fn state(import: &pb::Import) -> &'static str {
    match import.state() {
        State::Active => "active",
        State::Undoing => "being undone",
        State::Undone => "undone",
        State::Unspecified => "unknown",
    }
}

/// Runs `patron import list`.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
pub async fn list(args: &ListArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, READ_TIMEOUT).await?;
    let mut client = connection.corrections();
    let listed = pages::list(args.limit.get(), async |page_token| {
        let request = connection.request(pb::ListImportsRequest {
            page_size: PAGE_SIZE,
            page_token,
        });
        let page = client.list_imports(request).await?.into_inner();
        Ok((page.imports, page.next_page_token))
    });
    let listed = listed.await?;
    if args.json {
        let response = pb::ListImportsResponse {
            imports: listed.items,
            next_page_token: String::new(),
        };
        return output.response("CorrectionService/ListImports", &response);
    }
    output.line(&list_page(&listed.items))?;
    listed.note_more(output);
    Ok(())
}

fn list_page(imports: &[pb::Import]) -> String {
    if imports.is_empty() {
        return "No import has written a fact: run `patron import transactions FILE.csv`."
            .to_owned();
    }
    let header = [
        ("import", Align::Left),
        ("began", Align::Left),
        ("state", Align::Left),
        ("written", Align::Left),
    ];
    let row = |import: &pb::Import| {
        let written = import.counts.iter().filter(|count| count.written_count > 0);
        let mut written: Vec<String> = written
            .map(|count| text::counted(count.written_count, &count.kind))
            .collect();
        if written.is_empty() {
            written.push("only duplicates".to_owned());
        }
        vec![
            import.import_id.clone(),
            text::time_text(import.create_time.as_ref()).unwrap_or_default(),
            state(import).to_owned(),
            written.join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = imports.iter().map(row).collect();
    text::table(&header, &rows)
}

/// Runs `patron import undo`.
///
/// # Errors
///
/// No server, no such import, an error of the server.
pub async fn undo(args: &UndoArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, UNDO_TIMEOUT).await?;
    let request = connection.request(pb::UndoImportRequest {
        import_id: args.import_id.clone(),
        validate_only: args.dry_run,
    });
    let undone = connection.corrections().undo_import(request).await?;
    let undone = undone.into_inner();
    let import = undone.import.clone().unwrap_or_default();
    if args.json {
        return output.response("CorrectionService/UndoImport", &undone);
    }
    output.line(&undo_page(&undone, &import, args.dry_run))
}

fn undo_page(undone: &pb::UndoImportResponse, import: &pb::Import, dry_run: bool) -> String {
    let counted = |of: fn(&pb::ImportCount) -> i64| {
        let counts = import.counts.iter().filter(|count| of(count) > 0);
        let counts: Vec<String> = counts
            .map(|count| text::counted(of(count), &count.kind))
            .collect();
        if counts.is_empty() {
            "nothing".to_owned()
        } else {
            counts.join(", ")
        }
    };
    let state = if dry_run {
        "unchanged (dry run)"
    } else {
        state(import)
    };
    let mut rows = vec![
        ("Import", import.import_id.clone()),
        ("State", state.to_owned()),
        ("Withdrawn", counted(|count| count.withdrawn_count)),
        ("Kept", counted(|count| count.kept_count)),
        (
            "Customers",
            format!(
                "{}, {} of them not known any more",
                undone.customer_count, undone.removed_customer_count
            ),
        ),
    ];
    if undone.moved_back_fact_count > 0 {
        let moved = text::counted(undone.moved_back_fact_count, "fact");
        rows.push(("Moved", format!("{moved} back to former customers")));
    }
    text::labelled(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_shows_the_file_and_never_comes_twice() {
        let name = "Ümsatz 2026.csv";
        let (one, other) = (new_id(name), new_id(name));
        assert!(one.starts_with("msatz2026.csv-"), "{one}");
        assert_ne!(one, other);
        let long = "x".repeat(200);
        assert!(new_id(&long).len() <= 64);
    }

    #[test]
    fn the_pages_show_what_was_written_and_what_was_taken_back() {
        let count = |kind: &str, written, withdrawn, kept| pb::ImportCount {
            kind: kind.to_owned(),
            written_count: written,
            withdrawn_count: withdrawn,
            kept_count: kept,
        };
        let import = pb::Import {
            import_id: "a.csv-1".to_owned(),
            state: State::Undone.into(),
            counts: vec![count("transaction", 3, 2, 1), count("customer", 1, 0, 0)],
            ..pb::Import::default()
        };
        let listed = list_page(std::slice::from_ref(&import));
        assert!(listed.contains("undone"), "{listed}");
        assert!(listed.contains("3 transactions, 1 customer"), "{listed}");
        let undone = pb::UndoImportResponse {
            import: None,
            customer_count: 2,
            removed_customer_count: 1,
            moved_back_fact_count: 0,
        };
        assert_eq!(
            undo_page(&undone, &import, false),
            "Import     a.csv-1\nState      undone\nWithdrawn  2 transactions\nKept       1 transaction\n\
             Customers  2, 1 of them not known any more"
        );
        let moved = pb::UndoImportResponse {
            moved_back_fact_count: 1,
            ..undone
        };
        let page = undo_page(&moved, &import, false);
        assert!(
            page.ends_with("\nMoved      1 fact back to former customers"),
            "{page}"
        );
        assert!(list_page(&[]).contains("patron import"));
    }
}
