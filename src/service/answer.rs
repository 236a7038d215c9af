//! Answering: from a way of naming a customer to a finished answer about them.

pub mod classify;
pub mod explain;
pub mod profiles;
pub mod route;
pub mod subjects;
