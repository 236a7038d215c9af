//! The memory of identifiers: small lists of entries of 40 bytes, each list replaced as a whole, so that lookups never wait for a change.
//!
//! A general cache takes 250 bytes for the links and counters of an entry, of which there are three to a customer. Here, a hand goes round the
//! lists (the "clock" of operating systems). It gives up the entries of a list that were never used since they came; in a list without any, it
//! takes one use from each entry and gives up those that have none left.

use std::{
    mem::take,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwapOption;

use super::{LookedUp, Owners};
use crate::{
    cache::{memory::Memory, read_through::Versioned},
    domain::text::CustomerId,
    store::identifiers::IdentifierDigest,
};

/// Half of a digest. No two of billions of identifiers share it.
type Key = [u8; 16];

/// Entries of a list when the table is full, on average.
const LIST: u64 = 8;
/// Weight of an entry with an id of usual length, in bytes.
const USUAL_WEIGHT: u64 = 96;
/// Uses that are counted of an entry: so often the hand passes it.
const MAX_USES: u8 = 3;
/// Lists that the hand passes for one insertion: of the next one it gives up entries although they are used.
const MAX_PASSED: usize = 64;

/// An identifier, and who is found by it. The bytes of `uses` and `tick` are those that the variants of an enum leave empty.
#[derive(Debug)]
struct Entry {
    key: Key,
    found: Found,
}

#[derive(Debug)]
enum Found {
    One {
        uses: AtomicU8,
        /// As in [`LookedUp`]; the greatest one also stands for all after it, which makes it look older than it is.
        tick: u32,
        customer: CustomerId,
    },
    Others {
        uses: AtomicU8,
        tick: u32,
        customers: Arc<[CustomerId]>,
    },
}

const _: () = assert!(
    size_of::<Entry>() == 40,
    "the documents say how much a name takes"
);

impl Entry {
    fn new(key: Key, value: LookedUp) -> Self {
        let (uses, tick) = (
            AtomicU8::new(0),
            u32::try_from(value.tick).unwrap_or(u32::MAX),
        );
        let found = match value.owners {
            Owners::One(customer) => Found::One {
                uses,
                tick,
                customer,
            },
            Owners::Others(customers) => Found::Others {
                uses,
                tick,
                customers,
            },
        };
        Self { key, found }
    }

    fn value(&self) -> LookedUp {
        let (tick, owners) = match &self.found {
            Found::One { tick, customer, .. } => (tick, Owners::One(customer.clone())),
            Found::Others {
                tick, customers, ..
            } => (tick, Owners::Others(Arc::clone(customers))),
        };
        LookedUp {
            owners,
            tick: i64::from(*tick),
        }
    }

    fn weight(&self) -> u64 {
        self.value().weight().into()
    }

    fn uses(&self) -> &AtomicU8 {
        match &self.found {
            Found::One { uses, .. } | Found::Others { uses, .. } => uses,
        }
    }

    fn copy(&self) -> Self {
        let copy = Self::new(self.key, self.value());
        copy.uses().store(self.uses().load(Relaxed), Relaxed);
        copy
    }
}

/// What changes together.
#[derive(Debug, Default)]
struct Totals {
    count: u64,
    weight: u64,
    /// The list where the hand is.
    hand: usize,
}

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    lists: Box<[ArcSwapOption<Box<[Entry]>>]>,
    max_weight: u64,
    /// Taken by who changes the table.
    totals: Mutex<Totals>,
}

impl Table {
    fn totals(&self) -> MutexGuard<'_, Totals> {
        // They are of use for nothing but to tell when something is to be given up.
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of the list of a key: digests are as good as drawn by lot, so that their first bytes are.
    fn place(&self, key: &Key) -> usize {
        let [a, b, c, d, ..] = *key;
        let (drawn, lists) = (u32::from_be_bytes([a, b, c, d]), self.lists.len() as u64);
        usize::try_from((u64::from(drawn) * lists) >> 32).unwrap_or(0)
    }

    fn find<T>(&self, digest: &IdentifierDigest, look: impl FnOnce(&Entry) -> T) -> Option<T> {
        let key = digest.half();
        let list = self.lists[self.place(&key)].load();
        let entry = list.as_ref()?.iter().find(|entry| entry.key == key)?;
        Some(look(entry))
    }

    /// Replaces the list at a place by those of its entries that are to stay, and `new`.
    fn change(
        &self,
        totals: &mut Totals,
        place: usize,
        mut stays: impl FnMut(&Entry, &mut Totals) -> bool,
        new: Option<Entry>,
    ) {
        let old = self.lists[place].load_full();
        let mut kept = Vec::with_capacity(old.as_ref().map_or(0, |old| old.len()) + 1);
        for entry in old.iter().flat_map(|old| old.iter()) {
            if stays(entry, totals) {
                kept.push(entry.copy());
            } else {
                totals.count -= 1;
                totals.weight -= entry.weight();
            }
        }
        if let Some(new) = new {
            totals.count += 1;
            totals.weight += new.weight();
            kept.push(new);
        }
        let kept = (!kept.is_empty()).then(|| Arc::new(kept.into_boxed_slice()));
        self.lists[place].store(kept);
    }

    /// Gives up entries until the others are not too heavy.
    fn make_room(&self, totals: &mut Totals) {
        for passed in 0.. {
            if totals.weight <= self.max_weight {
                return;
            }
            let place = totals.hand;
            totals.hand = (place + 1) % self.lists.len();
            let list = self.lists[place].load();
            let list = list.as_ref().map_or(&[][..], |list| list);
            // Entries that were never used go first, so that a batch about everybody pushes out little but itself.
            let has_unused = list.iter().any(|entry| entry.uses().load(Relaxed) == 0);
            let stays = |entry: &Entry, totals: &mut Totals| {
                if passed >= MAX_PASSED && totals.weight > self.max_weight {
                    return false;
                }
                let left = entry
                    .uses()
                    .load(Relaxed)
                    .saturating_sub(u8::from(!has_unused));
                entry.uses().store(left, Relaxed);
                left > 0
            };
            self.change(totals, place, stays, None);
        }
    }
}

impl Memory<IdentifierDigest, LookedUp> for Table {
    fn with_capacity(max_bytes: u64) -> Self {
        let lists = usize::try_from(max_bytes / (LIST * USUAL_WEIGHT)).unwrap_or(usize::MAX);
        let lists = (0..lists.clamp(1, u32::MAX as usize)).map(|_| ArcSwapOption::empty());
        Self {
            lists: lists.collect(),
            max_weight: max_bytes,
            totals: Mutex::default(),
        }
    }

    fn get(&self, digest: &IdentifierDigest) -> Option<LookedUp> {
        self.find(digest, |entry| {
            let uses = entry.uses().load(Relaxed);
            if uses < MAX_USES {
                // Of two at a time one may be lost.
                entry.uses().store(uses + 1, Relaxed);
            }
            entry.value()
        })
    }

    fn contains_key(&self, digest: &IdentifierDigest) -> bool {
        self.find(digest, |_| ()).is_some()
    }

    fn insert(&self, digest: IdentifierDigest, value: LookedUp) {
        let key = digest.half();
        let totals = &mut self.totals();
        let stays = |entry: &Entry, _: &mut Totals| entry.key != key;
        let new = Entry::new(key, value);
        self.change(totals, self.place(&key), stays, Some(new));
        self.make_room(totals);
    }

    fn invalidate(&self, digest: &IdentifierDigest) {
        let key = digest.half();
        let totals = &mut self.totals();
        if self.contains_key(digest) {
            let stays = |entry: &Entry, _: &mut Totals| entry.key != key;
            self.change(totals, self.place(&key), stays, None);
        }
    }

    fn invalidate_all(&self) {
        let mut totals = self.totals();
        for list in &self.lists {
            list.store(None);
        }
        let _ = take(&mut *totals);
    }

    fn measure(&self) -> (u64, u64) {
        let totals = self.totals();
        (totals.count, totals.weight)
    }
}

#[cfg(test)]
mod tests;
