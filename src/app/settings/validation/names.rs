//! Names of the settings as users write them.

pub(in crate::app::settings) const LISTEN: &str = "--listen (PATRON_LISTEN)";
pub(in crate::app::settings) const ADMIN_LISTEN: &str = "--admin-listen (PATRON_ADMIN_LISTEN)";
pub(in crate::app::settings) const DATABASE_URL: &str = "--database-url (DATABASE_URL)";
pub(in crate::app::settings) const DATABASE_ROOT: &str =
    "--database-root-certificate (PATRON_DATABASE_ROOT_CERTIFICATE)";
pub(in crate::app::settings) const DATABASE_PASSWORD: &str =
    "--database-password-file (PATRON_DATABASE_PASSWORD_FILE)";
pub(in crate::app::settings) const TLS_CERTIFICATE: &str =
    "--tls-certificate (PATRON_TLS_CERTIFICATE)";
pub(in crate::app::settings) const TLS_KEY: &str = "--tls-key (PATRON_TLS_KEY)";
pub(in crate::app::settings) const TLS_CLIENT_CA: &str = "--tls-client-ca (PATRON_TLS_CLIENT_CA)";
pub(super) const TLS_RELOAD: &str = "--tls-reload-seconds (PATRON_TLS_RELOAD_SECONDS)";
pub(super) const DATA_DIR: &str = "--data-dir (PATRON_DATA_DIR)";
pub(super) const TIME_ZONE: &str = "--time-zone (PATRON_TIME_ZONE)";
pub(super) const KEY_FILE: &str = "--identifier-key-file (PATRON_IDENTIFIER_KEY_FILE)";
pub(super) const CACHE_MEMORY: &str = "--cache-memory (PATRON_CACHE_MEMORY)";
pub(super) const STREAMS: &str = "--max-concurrent-streams (PATRON_MAX_CONCURRENT_STREAMS)";
pub(super) const CONNECTIONS: &str = "--max-connections (PATRON_MAX_CONNECTIONS)";
pub(super) const IN_FLIGHT: &str = "--max-in-flight (PATRON_MAX_IN_FLIGHT)";
pub(super) const MESSAGE: &str = "--max-message-bytes (PATRON_MAX_MESSAGE_BYTES)";
pub(super) const DEADLINE: &str = "--default-deadline-ms (PATRON_DEFAULT_DEADLINE_MS)";
pub(super) const DATABASE_WAIT: &str = "--database-wait (PATRON_DATABASE_WAIT)";
pub(super) const FENCE: &str = "--fence-wait-seconds (PATRON_FENCE_WAIT_SECONDS)";
pub(super) const SHARED: &str = "--shared (PATRON_SHARED)";
pub(super) const LOG_HOURS: &str = "--change-log-hours (PATRON_CHANGE_LOG_HOURS)";
pub(in crate::app::settings) const AGI_LISTEN: &str = "--agi-listen (PATRON_AGI_LISTEN)";
pub(in crate::app::settings) const HTTP_LISTEN: &str = "--http-listen (PATRON_HTTP_LISTEN)";
pub(super) const ORIGINS: &str = "--http-allowed-origins (PATRON_HTTP_ALLOWED_ORIGINS)";
pub(super) const ROUTE_BUDGET: &str = "--route-budget-ms (PATRON_ROUTE_BUDGET_MS)";
pub(super) const AGE: &str = "--max-connection-age-seconds (PATRON_MAX_CONNECTION_AGE_SECONDS)";
pub(super) const GRACE: &str =
    "--max-connection-grace-seconds (PATRON_MAX_CONNECTION_GRACE_SECONDS)";
pub(super) const DRAIN: &str = "--drain-limit-seconds (PATRON_DRAIN_LIMIT_SECONDS)";
pub(super) const LAME_DUCK: &str = "--lame-duck-ms (PATRON_LAME_DUCK_MS)";
pub(super) const LOG: &str = "--log (PATRON_LOG)";
pub(super) const LOOKUP_THREADS: &str = "--lookup-threads (PATRON_LOOKUP_THREADS)";
pub(super) const READ_POOL: &str = "--read-pool (PATRON_READ_POOL)";
pub(super) const WRITE_POOL: &str = "--write-pool (PATRON_WRITE_POOL)";
