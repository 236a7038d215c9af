//! The basis in force: built completely, then swapped in whole.

mod build;

use std::sync::{
    Arc, Mutex as StdMutex, PoisonError,
    atomic::{AtomicBool, AtomicI32, Ordering},
};
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus_client::metrics::gauge::Gauge;
use sqlx::{Postgres, Transaction};
use tokio::{sync::Mutex, time::Instant};

use self::build::build;
use crate::{
    domain::{
        basis::Basis,
        calendar::Day,
        definitions::{Definitions, ValueBasis},
        money::Currency,
    },
    service::{completion::spawn_to_completion, error::ServiceError, follow::Announcements},
    store::{self, error::StoreError, pool::Pool},
};

/// So long after its connection broke a commit may still take effect: what is left of it is to flush the log and to hear from standbys.
const LATE_COMMIT: Duration = Duration::from_mins(1);

/// The basis in force, and how it is renewed.
pub struct CurrentBasis {
    current: ArcSwap<Basis>,
    /// Renewals come one after another, so that an older one never replaces a newer one. Holds the currencies in use from which no rate
    /// leads to the reporting currency.
    renewing: Mutex<Vec<Currency>>,
    /// How many these are.
    without_rate: Gauge,
    /// Whether the last renewal failed, so that what is stored is ahead of the basis in force.
    behind: AtomicBool,
    /// Until when a commit whose answer was lost may still change what the basis is built of.
    unclear_until: StdMutex<Option<Instant>>,
    /// The day of anybody's last purchase, as far as this process knows; [`i32::MIN`] before the first.
    last_purchase: AtomicI32,
    /// The same of purchases noted since the last recount began.
    noted_purchase: AtomicI32,
    /// Recounts come one after another.
    recounting: Mutex<()>,
    /// The definitions that were checked last, with their document: they are published next. Reading a long document takes seconds.
    checked: StdMutex<Option<Checked>>,
    pool: Pool,
    /// Where writes are announced to other processes.
    announcements: Announcements,
}

/// A document that was found sound.
struct Checked {
    document: String,
    definitions: Arc<Definitions>,
}

impl CurrentBasis {
    /// The basis of what is stored now. `without_rate` is told how many currencies are in use from which no rate leads to the reporting
    /// currency.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn load(pool: Pool, without_rate: Gauge) -> Result<Self, ServiceError> {
        let (basis, currencies) = build(&pool, None, None).await?;
        let last_purchase = find_last_purchase(&pool).await?;
        let inconvertible = inconvertible(&basis, &currencies);
        warn_of(&inconvertible, &basis);
        without_rate.set(gauge_value(&inconvertible));
        Ok(Self {
            current: ArcSwap::from_pointee(basis),
            renewing: Mutex::new(inconvertible),
            without_rate,
            behind: AtomicBool::new(false),
            unclear_until: StdMutex::default(),
            last_purchase: AtomicI32::new(number_of(last_purchase)),
            noted_purchase: AtomicI32::new(i32::MIN),
            recounting: Mutex::default(),
            checked: StdMutex::default(),
            pool,
            announcements: Announcements::default(),
        })
    }

    /// The same, announcing what this process writes.
    #[must_use]
    pub fn announced_by(self, announcements: Announcements) -> Self {
        Self {
            announcements,
            ..self
        }
    }

    /// Where this process announces what it writes, to the basis or to anything else.
    #[must_use]
    pub fn announcements(&self) -> &Announcements {
        &self.announcements
    }

    /// Takes note of a purchase.
    pub fn note_purchase(&self, day: Day) {
        // In this order, so that a recount misses none: it reads them in the other one.
        self.noted_purchase
            .fetch_max(day.number(), Ordering::SeqCst);
        self.last_purchase.fetch_max(day.number(), Ordering::SeqCst);
    }

    /// Looks for the last purchase again, after purchases were taken back.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn recount_last_purchase(&self) -> Result<(), ServiceError> {
        let _turn = self.recounting.lock().await;
        self.noted_purchase.store(i32::MIN, Ordering::SeqCst);
        let found = find_last_purchase(&self.pool).await?;
        // What was committed after the look is noted.
        self.last_purchase.store(number_of(found), Ordering::SeqCst);
        let noted = self.noted_purchase.load(Ordering::SeqCst);
        self.last_purchase.fetch_max(noted, Ordering::SeqCst);
        Ok(())
    }

    /// The day of anybody's last purchase; `None` before the first.
    #[must_use]
    pub fn last_purchase(&self) -> Option<Day> {
        Day::from_number(self.last_purchase.load(Ordering::Relaxed)).ok()
    }

    /// The basis in force.
    #[must_use]
    pub fn current(&self) -> Arc<Basis> {
        self.current.load_full()
    }

    /// Keeps the definitions of a document that is to be published, so that the next renewal need not read it again.
    pub fn remember(&self, document: &str, definitions: Arc<Definitions>) {
        let document = document.to_owned();
        *self.checked() = Some(Checked {
            document,
            definitions,
        });
    }

    fn checked(&self) -> std::sync::MutexGuard<'_, Option<Checked>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits a transaction that changes what the basis is built of, and puts the new basis in force. Goes on when the caller gives
    /// up: whatever came of the commit, the basis is then that of what is stored.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn commit_and_renew(
        self: &Arc<Self>,
        tx: Transaction<'static, Postgres>,
    ) -> Result<(), ServiceError> {
        let bases = Arc::clone(self);
        spawn_to_completion(async move {
            bases.pool.check_open()?;
            let committing = async { Ok::<_, StoreError>(tx.commit().await?) };
            let committed = bases.pool.endure(committing).await;
            if committed.is_err() {
                bases.invalidate_unsure();
            }
            bases.announcements.announce();
            bases.renew().await?;
            Ok(committed?)
        })
        .await
    }

    /// Builds the basis of what is stored now and puts it in force. To be run to its end (see `finish`) after what it renews for.
    ///
    /// # Errors
    /// When the database cannot be asked; then the old one stays, and [`Self::catch_up`] tries again.
    pub async fn renew(&self) -> Result<(), ServiceError> {
        self.renew_from(Some(self.current())).await
    }

    /// The same without anything of the basis in force: in a database that went back, other definitions, models and rates may have its numbers.
    ///
    /// # Errors
    /// As there.
    pub async fn renew_anew(&self) -> Result<(), ServiceError> {
        self.renew_from(None).await
    }

    async fn renew_from(&self, base: Option<Arc<Basis>>) -> Result<(), ServiceError> {
        let mut known = self.renewing.lock().await;
        self.behind.store(true, Ordering::Relaxed);
        let is_anew = base.is_none();
        let checked = self.checked().take();
        let (basis, currencies) = build(&self.pool, base, checked).await?;
        let inconvertible = inconvertible(&basis, &currencies);
        if inconvertible != *known {
            warn_of(&inconvertible, &basis);
        }
        self.without_rate.set(gauge_value(&inconvertible));
        *known = inconvertible;
        // One that is equal is left in place: answers are kept for the very basis that they were made with.
        if is_anew || basis.id() != self.current().id() {
            self.current.store(Arc::new(basis));
        }
        self.behind.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Renews the basis unless `holds` finds in it what was just read: a commit whose answer was lost may have come after the renewal that
    /// followed it, and a caller who sends the call again learns that it is done.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn renew_unless(
        self: &Arc<Self>,
        holds: impl FnOnce(&Basis) -> bool,
    ) -> Result<(), ServiceError> {
        if holds(&self.current()) {
            return Ok(());
        }
        let bases = Arc::clone(self);
        spawn_to_completion(async move { bases.renew().await }).await
    }

    /// Notes that a commit came to an unknown end, so that the renewal after it may have come too early.
    pub fn invalidate_unsure(&self) {
        *self.unclear_until() = Some(Instant::now() + LATE_COMMIT);
    }

    fn is_unclear(&self) -> bool {
        self.unclear_until()
            .is_some_and(|until| Instant::now() < until)
    }

    fn unclear_until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        let until = self.unclear_until.lock();
        until.unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews the basis if the last renewal failed, or may have come before a commit that it was for. To be called from time to time.
    pub async fn catch_up(&self) {
        if (self.behind.load(Ordering::Relaxed) || self.is_unclear())
            && let Err(error) = self.renew().await
        {
            tracing::warn!(error.cause = %error, "could not refresh the basis, which is out of date; retrying");
        }
    }
}

/// The day of anybody's last purchase.
async fn find_last_purchase(pool: &Pool) -> Result<Option<Day>, StoreError> {
    pool.read_patiently(|connection| {
        Box::pin(store::evaluation_input::find_last_purchase_day(connection))
    })
    .await
}

/// The number of a day, or one before all.
fn number_of(day: Option<Day>) -> i32 {
    day.map_or(i32::MIN, Day::number)
}

/// The booked currencies and, where contacts count, theirs, by code.
pub(super) fn valued_currencies(
    basis: &Basis,
    booked: Vec<Currency>,
    of_contacts: Vec<Currency>,
) -> Vec<Currency> {
    let mut valued = booked;
    let settings = basis.value_settings();
    if settings.is_some_and(|settings| settings.basis == ValueBasis::Contribution) {
        valued.extend(of_contacts);
        valued.sort();
        valued.dedup();
    }
    valued
}

/// The currencies in use from which no rate leads to the reporting currency, on no day; all, when several are in use and nothing says
/// which of them to report in.
fn inconvertible(basis: &Basis, currencies: &[Currency]) -> Vec<Currency> {
    let mut out = currencies.to_vec();
    match basis.reporting_currency {
        Some(reporting) => out.retain(|&currency| {
            currency != reporting && basis.rates.first_day(currency, reporting).is_none()
        }),
        None if out.len() < 2 => out.clear(),
        None => {}
    }
    out
}

fn gauge_value(currencies: &[Currency]) -> i64 {
    i64::try_from(currencies.len()).unwrap_or(i64::MAX)
}

/// Says what to do about currencies that cannot be converted; nothing when there are none.
fn warn_of(inconvertible: &[Currency], basis: &Basis) {
    let codes: Vec<&str> = inconvertible
        .iter()
        .map(|currency| currency.code())
        .collect();
    let codes = codes.join(", ");
    match basis.reporting_currency {
        _ if inconvertible.is_empty() => {}
        Some(reporting) => tracing::warn!(
            currency.codes = codes,
            currency.reporting = reporting.code(),
            "no rate from {codes} to {reporting}: customers with such amounts have no value (NO_RATE); record rates with `patron import rates`"
        ),
        None => tracing::warn!(
            currency.codes = codes,
            "amounts are in {codes} without a reporting currency: no customer has a value (NO_RATE); run `patron definitions publish`"
        ),
    }
}
