//! Rows by the names of their columns.
//!
//! sqlx can derive this, but its derives compile its driver a second time, for the compiler: a twentieth of a cold build.

/// Reads each named field of a struct from the column of the same name.
macro_rules! from_row {
    ($row:ident { $($column:ident),+ $(,)? }) => {
        impl<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> for $row {
            fn from_row(row: &'r sqlx::postgres::PgRow) -> sqlx::Result<Self> {
                use sqlx::Row as _;
                Ok(Self {
                    $($column: row.try_get(stringify!($column))?),+
                })
            }
        }
    };
}

pub(in crate::store) use from_row;
