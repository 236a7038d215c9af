//! Imports as messages.

use super::{
    facts::label,
    page::Page,
    timestamp_message,
    violations::{Checker, Violations},
};
use crate::{
    domain::text::Label,
    pb,
    service::ingest::{ImportedKind, StoredImport, UndoneImport},
};

/// Greatest length of the id of an import, in bytes.
const MAX_IMPORT_ID_BYTES: usize = 64;

/// The import that the items of a call belong to; `None` for none.
pub(crate) fn import_id(text: &str) -> Result<Option<Label>, Violations> {
    let mut violations = Violations::default();
    let id = read(text, &mut violations.at("import_id"));
    violations.into_result(id)
}

/// The id of an import that must be stated.
pub(crate) fn required_import_id(text: &str) -> Result<Label, Violations> {
    let mut violations = Violations::default();
    let mut check = violations.at("import_id");
    if text.is_empty() {
        check.refuse("REQUIRED", "is required: see ListImports");
    }
    read(text, &mut check).ok_or(violations)
}

fn read(text: &str, check: &mut Checker<'_>) -> Option<Label> {
    label(text, MAX_IMPORT_ID_BYTES, check)
}

/// The answer of `ListImports`.
pub(crate) fn list_response(page: Page, imports: Vec<StoredImport>) -> pb::ListImportsResponse {
    let (imports, next_page_token) = page.cut(imports, |import| import.number);
    pb::ListImportsResponse {
        imports: imports.iter().map(import).collect(),
        next_page_token,
    }
}

/// The answer of `UndoImport`.
pub(crate) fn undo_response(undone: &UndoneImport) -> pb::UndoImportResponse {
    pb::UndoImportResponse {
        import: Some(import(&undone.import)),
        customer_count: undone.customers,
        removed_customer_count: undone.removed,
        moved_back_fact_count: i64::try_from(undone.moved_back).unwrap_or(i64::MAX),
    }
}

fn import(stored: &StoredImport) -> pb::Import {
    use pb::import::State;
    let state = match (stored.undone_at, stored.is_undoing) {
        (Some(_), _) => State::Undone,
        (None, true) => State::Undoing,
        (None, false) => State::Active,
    };
    let counts = stored.counts.iter().map(|(kind, count)| pb::ImportCount {
        kind: kind_name(*kind).to_owned(),
        written_count: count.written,
        withdrawn_count: count.withdrawn,
        kept_count: count.kept,
    });
    pb::Import {
        import_id: stored.import_id.to_string(),
        state: state.into(),
        create_time: Some(timestamp_message(stored.began_at)),
        undo_time: stored.undone_at.map(timestamp_message),
        counts: counts.collect(),
    }
}

fn kind_name(kind: ImportedKind) -> &'static str {
    match kind {
        ImportedKind::Transaction => "transaction",
        ImportedKind::Contact => "contact",
        ImportedKind::Contract => "contract",
        ImportedKind::Customer => "customer",
        ImportedKind::Rate => "rate",
        ImportedKind::Attribute => "attribute",
        ImportedKind::Identifier => "identifier",
    }
}
