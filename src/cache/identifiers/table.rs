//! The memory of identifiers: small lists of entries of 40 bytes, each list replaced as a whole, so that lookups never wait for a change.
//!
//! A general cache takes 250 bytes for the links and counters of an entry, of which there are three to a customer. Here, a hand goes round the
//! lists (the "clock" of operating systems). Of a list, the strangers that nobody asked for again are given up; in a list without any, the names
//! of customers that nobody asked for; in a list without these too, each entry loses one use, and those that are left like such a name go.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU8, Ordering::Relaxed},
};

use arc_swap::{ArcSwap, ArcSwapOption};

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
/// Uses with which the name of a customer comes; that of a stranger comes with none. A batch about strangers pushes out no customer.
const KNOWN_USES: u8 = 1;
/// Uses that are counted of an entry: a name that is asked for stays where the hand passes it up to twice.
const MAX_USES: u8 = 4;
/// Lists that the hand passes for one insertion: of the next one it gives up entries although they are used.
const MAX_PASSED: usize = 64;

/// Entries whose keys are near each other.
type List = ArcSwapOption<Box<[Entry]>>;

/// An identifier, and who is found by it. The bytes of `uses` and `tick` are those that the variants of an enum leave empty.
#[derive(Debug)]
pub(super) struct Entry {
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
        let uses = if value.owners.is_empty() {
            0
        } else {
            KNOWN_USES
        };
        let (uses, tick) = (
            AtomicU8::new(uses),
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

/// Empty lists for a table of so many.
fn empty_lists(count: usize) -> Arc<Box<[List]>> {
    Arc::new((0..count).map(|_| List::empty()).collect())
}

/// The place among lists of the one of a key: digests are as good as drawn by lot, so that their first bytes are.
fn place(lists: &[List], key: &Key) -> usize {
    let [a, b, c, d, ..] = *key;
    let drawn = u32::from_be_bytes([a, b, c, d]);
    usize::try_from((u64::from(drawn) * lists.len() as u64) >> 32).unwrap_or(0)
}

/// Makes a list as much older as the hand makes it, and returns with how many uses its entries are given up.
fn age(list: &[Entry]) -> u8 {
    let uses = list.iter().map(|entry| entry.uses().load(Relaxed));
    let fewest = uses.min().unwrap_or(0);
    if fewest > KNOWN_USES {
        for entry in list {
            let left = entry.uses().load(Relaxed).saturating_sub(1);
            entry.uses().store(left, Relaxed);
        }
    }
    fewest.min(KNOWN_USES)
}

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    /// All of them at once, so that giving up everything is replacing one pointer. How many there are never changes.
    lists: ArcSwap<Box<[List]>>,
    max_weight: u64,
    /// Every change holds this lock.
    totals: Mutex<Totals>,
}

impl Table {
    fn totals(&self) -> MutexGuard<'_, Totals> {
        // They are of use for nothing but to tell when something is to be given up.
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find<T>(&self, digest: &IdentifierDigest, look: impl FnOnce(&Entry) -> T) -> Option<T> {
        let key = digest.half();
        let lists = self.lists.load();
        let list = lists[place(&lists, &key)].load();
        let entry = list.as_ref()?.iter().find(|entry| entry.key == key)?;
        Some(look(entry))
    }

    /// Replaces a list by those of its entries that are to stay, and `new`.
    fn change(
        list: &List,
        totals: &mut Totals,
        stays: impl Fn(&Entry, &Totals) -> bool,
        new: Option<Entry>,
    ) {
        let old = list.load_full();
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
        list.store(kept);
    }

    /// Gives up entries until the others are not too heavy.
    fn make_room(&self, totals: &mut Totals) {
        let lists = self.lists.load();
        for passed in 0.. {
            if totals.weight <= self.max_weight {
                return;
            }
            let list = &lists[totals.hand];
            totals.hand = (totals.hand + 1) % lists.len();
            let entries = list.load();
            let Some(entries) = entries.as_ref() else {
                continue;
            };
            let given_up = age(entries);
            let is_used = |entry: &Entry| entry.uses().load(Relaxed) > given_up;
            let stays = |entry: &Entry, totals: &Totals| {
                let is_forced = passed >= MAX_PASSED && totals.weight > self.max_weight;
                !is_forced && is_used(entry)
            };
            // Most lists of names that are all in use only grow older.
            if !entries.iter().all(|entry| stays(entry, totals)) {
                Self::change(list, totals, stays, None);
            }
        }
    }
}

impl Memory<IdentifierDigest, LookedUp> for Table {
    type Room = Arc<Box<[List]>>;

    fn with_capacity(max_bytes: u64) -> Self {
        let lists = usize::try_from(max_bytes / (LIST * USUAL_WEIGHT)).unwrap_or(usize::MAX);
        Self {
            lists: ArcSwap::new(empty_lists(lists.clamp(1, u32::MAX as usize))),
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
        let new = Entry::new(key, value);
        // Who asked for a name is not forgotten when a write changes what it stands for.
        let uses = self.find(&digest, |entry| entry.uses().load(Relaxed));
        new.uses().fetch_max(uses.unwrap_or(0), Relaxed);
        let lists = self.lists.load();
        let stays = |entry: &Entry, _: &Totals| entry.key != key;
        Self::change(&lists[place(&lists, &key)], totals, stays, Some(new));
        self.make_room(totals);
    }

    fn invalidate(&self, digest: &IdentifierDigest) {
        let key = digest.half();
        let totals = &mut self.totals();
        if self.contains_key(digest) {
            let lists = self.lists.load();
            let stays = |entry: &Entry, _: &Totals| entry.key != key;
            Self::change(&lists[place(&lists, &key)], totals, stays, None);
        }
    }

    fn room(&self) -> Self::Room {
        empty_lists(self.lists.load().len())
    }

    fn invalidate_all(&self, room: Self::Room) -> impl FnOnce() {
        let mut totals = self.totals();
        let old = self.lists.swap(room);
        *totals = Totals::default();
        drop(totals);
        move || {
            // One by one: were they left to the last who has them, that might be a lookup.
            for list in &**old {
                list.store(None);
            }
        }
    }

    fn measure(&self) -> (u64, u64) {
        let totals = self.totals();
        (totals.count, totals.weight)
    }
}

#[cfg(test)]
mod tests;
