//! Arithmetic and rules: what a customer is, what they are worth, and why.
//!
//! Nothing here knows of time (the day is an argument), of tasks, files, networks, databases, logs or generated types.
