//! What a patch states of identifiers. Every statement that says something new is recorded; which of them hold, their days and sources decide.

use super::{CustomerPatch, IdentifierStatement};
use crate::{
    domain::{customer::Identifier, text::Label},
    service::ingest::Ingest,
    store::{
        identifiers::{IdentifierDigest, IdentifierFact, IdentifierState},
        repeats::RepeatedFact,
    },
};

/// What a patch states.
pub(super) struct Stated {
    /// To be recorded.
    pub(super) new: Vec<IdentifierFact>,
    /// Recorded already.
    pub(super) repeated: Vec<RepeatedFact>,
}

/// For whom a statement about an identifier is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Statement {
    /// The source has it.
    Begins,
    /// The source does not have it any more.
    EndsOfSource,
    /// It is not the customer's, whichever source states it.
    EndsOfAll,
}

/// Whether a patch states nothing of identifiers.
pub(super) fn is_unstated(patch: &CustomerPatch) -> bool {
    patch.add_identifiers.is_empty()
        && patch.end_identifiers.is_empty()
        && patch.statement.replaces.is_empty()
}

/// What a patch states; `states`, all recorded statements about the customer, is brought up to date.
pub(super) fn state(
    ingest: &Ingest,
    patch: &CustomerPatch,
    states: &mut Vec<IdentifierState>,
    profile_version: i64,
) -> Stated {
    let digested = |identifiers: &[Identifier]| -> Vec<(IdentifierDigest, String)> {
        let digests = identifiers.iter();
        digests
            .map(|it| (ingest.key.digest(it), it.masked()))
            .collect()
    };
    let added = digested(&patch.add_identifiers);
    let ended = digested(&patch.end_identifiers);
    let named = added.iter().chain(&ended).map(|(digest, _)| *digest);
    let replaced = list_replaced(&patch.statement, &named.collect::<Vec<_>>(), states);
    let of = |statement| move |(digest, display)| (digest, display, statement);
    let all = ended.into_iter().map(of(Statement::EndsOfAll));
    let all = all.chain(replaced.into_iter().map(of(Statement::EndsOfSource)));
    let all = all.chain(added.into_iter().map(of(Statement::Begins)));
    let mut outcome = Stated {
        new: vec![],
        repeated: vec![],
    };
    for (digest, display, statement) in all {
        let of_identifier = states.iter().filter(|it| it.digest == digest);
        match find_repeated(&patch.statement, statement, of_identifier) {
            Novelty::New => {}
            Novelty::Repeats(known) => {
                let repeated = RepeatedFact::identifier(&patch.customer_id, known);
                outcome.repeated.push(repeated);
                continue;
            }
            Novelty::Nothing => continue,
        }
        let state = IdentifierState {
            digest,
            display,
            begins: statement == Statement::Begins,
            observed_on: patch.statement.observed_on,
            source: patch.statement.source.clone(),
            of_all_sources: statement == Statement::EndsOfAll,
            is_canonical: true,
            profile_version,
        };
        outcome.new.push(IdentifierFact {
            customer_id: patch.customer_id.clone(),
            digest,
            display: state.display.clone(),
            begins: state.begins,
            observed_on: state.observed_on,
            source: state.source.clone(),
            of_all_sources: state.of_all_sources,
            profile_version,
        });
        states.push(state);
    }
    outcome
}

/// The identifiers of the kinds that a source states completely, that it had at some time until the day of the statement and does not list;
/// `named` are those that the patch names. Also those that have ended: the import that ended them may be undone.
fn list_replaced(
    statement: &IdentifierStatement,
    named: &[IdentifierDigest],
    states: &[IdentifierState],
) -> Vec<(IdentifierDigest, String)> {
    let mut replaced: Vec<(IdentifierDigest, String)> = vec![];
    let begun = states.iter().filter(|it| {
        it.begins
            && it.source == statement.source
            && it.observed_on <= statement.observed_on
            && statement.replaces.contains(&it.digest.kind())
    });
    for state in begun.filter(|it| !named.contains(&it.digest)) {
        if replaced.iter().all(|(known, _)| *known != state.digest) {
            replaced.push((state.digest, state.display.clone()));
        }
    }
    replaced
}

/// The last of the statements that concern a new one, of those until its day.
fn last_until<'a>(
    states: impl Iterator<Item = &'a IdentifierState>,
    statement: &IdentifierStatement,
    concerns: impl Fn(&IdentifierState) -> bool,
) -> Option<&'a IdentifierState> {
    let until = states.filter(|it| it.observed_on <= statement.observed_on);
    until
        .filter(|it| concerns(it))
        .max_by_key(|it| it.position())
}

/// What a statement adds to the recorded ones.
enum Novelty<'a> {
    /// Something new.
    New,
    /// The same as this one.
    Repeats(&'a IdentifierState),
    /// Nothing.
    Nothing,
}

/// Compares a statement with those about its identifier.
fn find_repeated<'a>(
    new: &IdentifierStatement,
    statement: Statement,
    states: impl Iterator<Item = &'a IdentifierState>,
) -> Novelty<'a> {
    let source: Option<&Label> = new.source.as_ref();
    let concerns = |it: &IdentifierState| match statement {
        Statement::Begins | Statement::EndsOfSource => it.is_of(source),
        Statement::EndsOfAll => it.begins || it.of_all_sources,
    };
    let Some(last) = last_until(states, new, concerns) else {
        // The end of what never began matters to an older message that comes later.
        let is_news = statement == Statement::Begins || new.is_dated;
        return if is_news {
            Novelty::New
        } else {
            Novelty::Nothing
        };
    };
    let is_same = last.begins == (statement == Statement::Begins);
    // Of a later day the same stands against what is older than that.
    let adds_day = new.is_dated && last.observed_on < new.observed_on;
    let confirms = last.begins && !last.is_canonical;
    if is_same && !adds_day && !confirms {
        Novelty::Repeats(last)
    } else {
        Novelty::New
    }
}
