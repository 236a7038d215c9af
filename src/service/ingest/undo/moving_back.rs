//! Facts that the import moved: without it they are where the other moves left them.

use std::collections::BTreeMap;

use super::{UndoMode, Undoing};
use crate::{
    domain::text::{CustomerId, Label},
    service::{
        error::ServiceError,
        ingest::{
            Ingest,
            locked::begin_limited,
            moves::{FactName, Move, Occasion, lock, move_locked},
        },
        retry::retry,
    },
    store::{
        self,
        error::StoreError,
        fact_keys::KeyedKind,
        fact_moves::{self, MovedFact},
    },
};

/// Facts that are looked at in one go.
const STEP: i64 = 500;

/// Gives the facts back that the import moved, before its own facts are taken out. Returns how many.
pub(super) async fn move_back(ingest: &Ingest, undoing: Undoing<'_>) -> Result<u64, ServiceError> {
    let number = undoing.import.number;
    let mut moved = 0;
    loop {
        let mut connection = ingest.read_pool.acquire().await?;
        if undoing.mode == UndoMode::Preview {
            let count = fact_moves::count_of_import(&mut connection, number).await?;
            return Ok(u64::try_from(count).unwrap_or_default());
        }
        let open = fact_moves::list_of_import(&mut connection, number, STEP).await?;
        drop(connection);
        if open.is_empty() {
            return Ok(moved);
        }
        for (way, facts) in by_way(open) {
            moved += move_group(ingest, undoing, way, facts).await?;
        }
    }
}

/// Whether the fact is not where it would be without the import.
fn is_elsewhere(fact: &MovedFact) -> bool {
    let owner = fact.owner.as_ref();
    owner.is_some_and(|owner| *owner != fact.otherwise)
}

/// From whom facts go and to whom; `None` where they stay.
type Way = Option<(CustomerId, CustomerId)>;

fn by_way(facts: Vec<MovedFact>) -> BTreeMap<Way, Vec<FactName>> {
    let mut groups: BTreeMap<Way, Vec<FactName>> = BTreeMap::new();
    for fact in facts {
        let goes = is_elsewhere(&fact);
        let way = fact.owner.filter(|_| goes);
        let way = way.map(|owner| (owner, fact.otherwise));
        groups.entry(way).or_default().push(FactName {
            kind: fact.kind,
            source: fact.source,
            id: fact.id,
        });
    }
    groups
}

/// Moves facts that go the same way. Where they cannot be moved together, one by one; one that cannot be moved, because its former customer was
/// erased or is merged with the present one, stays.
async fn move_group(
    ingest: &Ingest,
    undoing: Undoing<'_>,
    way: Way,
    facts: Vec<FactName>,
) -> Result<u64, ServiceError> {
    let Some((from, to)) = way else {
        retry(&ingest.pool, || forget(ingest, undoing, &facts)).await?;
        return Ok(0);
    };
    let mut moved = 0;
    let mut asked = Move { from, to, facts };
    match retry(&ingest.pool, || try_move_back(ingest, undoing, &asked)).await {
        Err(ServiceError::Correction(_)) => {}
        done => return done,
    }
    for fact in std::mem::take(&mut asked.facts) {
        let one = Move {
            facts: vec![fact],
            ..asked.clone()
        };
        match retry(&ingest.pool, || try_move_back(ingest, undoing, &one)).await {
            Err(ServiceError::Correction(_)) => {
                retry(&ingest.pool, || forget(ingest, undoing, &one.facts)).await?;
            }
            done => moved += done?,
        }
    }
    Ok(moved)
}

async fn try_move_back(
    ingest: &Ingest,
    undoing: Undoing<'_>,
    asked: &Move,
) -> Result<u64, ServiceError> {
    let number = undoing.import.number;
    let (mut tx, locked) = lock(ingest, asked, undoing.deadline).await?;
    // Another call may have moved some of them before the customers were locked.
    let open = fact_moves::list_of_import(&mut tx, number, STEP).await?;
    let way = Some((asked.from.clone(), asked.to.clone()));
    let mut open = by_way(open).remove(&way).unwrap_or_default();
    open.retain(|fact| asked.facts.contains(fact));
    if open.is_empty() {
        tx.rollback().await.map_err(StoreError::from)?;
        return Ok(0);
    }
    forget_names(&mut tx, number, &open).await?;
    let asked = Move {
        facts: open,
        ..asked.clone()
    };
    let why = (&asked, Occasion::Undone);
    move_locked(ingest, tx, locked, why, false, ingest.clock.now()).await?;
    Ok(asked.facts.len() as u64)
}

/// Forgets that the import moved facts.
async fn forget(
    ingest: &Ingest,
    undoing: Undoing<'_>,
    facts: &[FactName],
) -> Result<(), StoreError> {
    let mut tx = begin_limited(ingest, undoing.deadline).await?;
    forget_names(&mut tx, undoing.import.number, facts).await?;
    tx.commit().await?;
    Ok(())
}

async fn forget_names(
    tx: &mut sqlx::PgConnection,
    number: i64,
    facts: &[FactName],
) -> Result<(), StoreError> {
    let mut by_kind: BTreeMap<KeyedKind, Vec<(Label, Label)>> = BTreeMap::new();
    for fact in facts {
        let names = by_kind.entry(fact.kind).or_default();
        names.push((fact.source.clone(), fact.id.clone()));
    }
    for (kind, names) in by_kind {
        store::fact_moves::delete(tx, kind, &names, number).await?;
    }
    Ok(())
}
