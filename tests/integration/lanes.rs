//! Long work beside lookups: what a batch may cost, where it ends, that it stops with its caller, and who is refused.

mod batches;
mod refusals;
mod stopping;
