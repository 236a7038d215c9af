//! `patron serve`: runs the server.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::error::CliError;
use super::output::Output;
use crate::app::control::Control;
use crate::app::database::DatabaseError;
use crate::app::run::{App, StartError};
use crate::app::server::DrainOutcome;
use crate::app::settings::Settings;
use crate::app::tls::{CertificateInUse, ClientCertificates, Tls};
use crate::app::{logging, shutdown};
use crate::clock::SystemClock;

/// Options of `patron serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// How to serve
    #[command(flatten)]
    pub settings: Settings,
}

/// Runs the server until it is told to stop.
///
/// # Errors
///
/// Wrong configuration, or a failure to start or to serve.
pub fn run(args: &ServeArgs, output: &mut Output) -> Result<(), CliError> {
    check(&args.settings)?;
    logging::init(args.settings.log_format, &args.settings.log).map_err(CliError::from_cause)?;
    run_to_end(async |control| {
        let stop = shutdown::on_signal(&control).map_err(CliError::from_cause)?;
        let app = start(&args.settings, stop, control).await?;
        for line in banner(&app, args.settings.requires_identity()) {
            output.note(&line);
        }
        wait(app, output).await
    })
}

/// Refuses settings that cannot be meant, all of them at once.
pub(super) fn check(settings: &Settings) -> Result<(), CliError> {
    settings
        .validate()
        .map_err(|invalid| CliError::usage(invalid.to_string()))
}

/// Runs a server's work on a runtime of its own, beside a control runtime for what must happen on time. What still computes at its end,
/// such as a fit that nobody waits for, is not waited for: a stop ends in its time.
pub(super) fn run_to_end(
    work: impl AsyncFnOnce(Handle) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let control = Control::start()
        .map_err(|cause| CliError::failed(format!("cannot start the runtime: {cause}")))?;
    let runtime = runtime()?;
    let done = runtime.block_on(work(control.handle().clone()));
    runtime.shutdown_background();
    done
}

/// The runtime of a server.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let built = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    built.map_err(|cause| CliError::failed(format!("cannot start the runtime: {cause}")))
}

/// Starts the service until `stop`, with what must happen on time on `control`.
pub(super) async fn start(
    settings: &Settings,
    stop: CancellationToken,
    control: Handle,
) -> Result<App, CliError> {
    App::start_with(settings, Arc::new(SystemClock), stop, control)
        .await
        .map_err(|error| match error {
            StartError::Listen { address, cause }
                if cause.kind() == std::io::ErrorKind::AddrInUse =>
            {
                CliError::Failed {
                    message: format!("{address} is already in use by another server"),
                    hint: "stop it, or set other addresses with --listen, --http-listen, --agi-listen and --admin-listen"
                        .to_owned(),
                }
            }
            StartError::Database(DatabaseError::Stopped) => CliError::Stopped,
            StartError::Database(error) => database_failed(error),
            StartError::Listen { .. }
            | StartError::Certificate(_)
            | StartError::Threads(_)
            | StartError::Reflection(_)
            | StartError::Json(_)
            | StartError::Service(_) => CliError::from_cause(error),
        })
}

/// A failure of the database with what to do about it.
pub(super) fn database_failed(error: DatabaseError) -> CliError {
    let hint = error.hint().to_owned();
    CliError::from_cause(error).with_hint(hint)
}

/// What is said once the service answers.
fn banner(app: &App, requires_identity: bool) -> Vec<String> {
    let http = app.http_address;
    let http = http.map(|address| {
        let scheme = if app.tls.is_some() { "https" } else { "http" };
        let page = format!("{scheme}://{address}/v1");
        format!("call arrival over HTTP: {page}/route, all calls as JSON: {page}/openapi.json")
    });
    let mut lines = vec![format!(
        "patron {} serves gRPC on {}",
        env!("CARGO_PKG_VERSION"),
        app.address
    )];
    lines.extend(app.tls.as_deref().map(encryption));
    lines.extend(http);
    lines.extend(requires_identity.then(|| {
        "every call needs a token, or a client certificate with roles: see `patron token`"
            .to_owned()
    }));
    let agi = app.agi_address;
    lines.extend(agi.map(|address| format!("call arrival for Asterisk: agi://{address}/route")));
    lines.extend([
        format!("metrics and probes: http://{}/metrics", app.admin_address),
        format!(
            "schema version {}, days in {}, started in {}",
            app.schema_version,
            app.zone.iana_name().unwrap_or("UTC"),
            seconds(app.started_in)
        ),
    ]);
    lines
}

/// How connections are encrypted, and for whom.
fn encryption(tls: &Tls) -> String {
    let CertificateInUse {
        serial_number,
        not_after,
        ..
    } = tls.certificate();
    let clients = match (&tls.files().client_ca, tls.files().client_certificates) {
        (None, _) => "clients need no certificate",
        (Some(_), ClientCertificates::Required) => "clients need a certificate",
        (Some(_), ClientCertificates::Optional) => "clients may have a certificate",
    };
    format!("TLS with certificate {serial_number}, which expires {not_after}; {clients}")
}

/// Waits for the end of the service and says how it ended.
pub(super) async fn wait(app: App, output: &mut Output) -> Result<(), CliError> {
    match app.wait().await.map_err(CliError::from_cause)? {
        DrainOutcome::Drained => output.note("stopped: every call was answered"),
        DrainOutcome::Cut { connections } => {
            output.note(&format!(
                "stopped: {connections} connections were cut at the drain limit"
            ));
        }
    }
    Ok(())
}

/// A duration to the hundredth of a second.
fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
