//! The server around the demo: started on a private cluster (or `DATABASE_URL`), filled as by any client, kept until Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{DemoArgs, check::check, run_demo};
use crate::app::run::App;
use crate::app::settings::Settings;
use crate::app::settings::identity::IdentityMode;
use crate::app::{logging, shutdown};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::serve;
use crate::clock::{Clock as _, SystemClock};
use crate::postgres::directory::default_data_dir;

/// Runs the demo.
///
/// # Errors
///
/// A failure to start the server or to fill it; with `--check`, an answer that is not as it should be.
pub fn run(args: &DemoArgs, output: &mut Output) -> Result<(), CliError> {
    let settings = settings(args)?;
    serve::check(&settings)?;
    logging::init(settings.log_format, &settings.log).map_err(CliError::from_cause)?;
    let done = serve::run_to_end(async |control| perform(args, &settings, output, control).await);
    if args.check {
        // The cluster has stopped: nothing of it is left to lose.
        let _ = std::fs::remove_dir_all(settings.data_dir());
    }
    done
}

async fn perform(
    args: &DemoArgs,
    settings: &Settings,
    output: &mut Output,
    control: Handle,
) -> Result<(), CliError> {
    let stop = shutdown::on_signal(&control).map_err(CliError::from_cause)?;
    output.note("starting a server for the demo");
    let app = serve::start(settings, stop.clone(), control).await?;
    let played = stop
        .run_until_cancelled(play(args, settings, &app, output))
        .await;
    match played {
        // Interrupted: what was loaded stays, the next start goes on from there.
        None => serve::wait(app, output).await,
        Some(Err(error)) => {
            app.stop().await.map_err(CliError::from_cause)?;
            Err(error)
        }
        Some(Ok(())) => {
            keep(args, &stop);
            serve::wait(app, output).await
        }
    }
}

/// Where the demo serves HTTP unless told.
const HTTP_PORT: u16 = 50080;

/// With `--check` the end has come; else the server stays until Ctrl-C.
fn keep(args: &DemoArgs, stop: &CancellationToken) {
    if args.check {
        stop.cancel();
    }
}

/// Fills the server and prints the page; with `--check`, calls every RPC.
async fn play(
    args: &DemoArgs,
    settings: &Settings,
    app: &App,
    output: &mut Output,
) -> Result<(), CliError> {
    let today = SystemClock.now().to_zoned_datetime(app.zone.clone()).date();
    let endpoint = app.endpoint();
    run_demo(&endpoint, app.http_address, args.options(today), output).await?;
    if args.check {
        check(&endpoint, output).await?;
    } else {
        output.note("the server runs until Ctrl-C");
        output.note(&removal(settings));
    }
    Ok(())
}

/// How to get rid of what the demo made, once it has stopped.
fn removal(settings: &Settings) -> String {
    let folder = settings.data_dir().display().to_string();
    match settings.external_database() {
        Some(_) => format!(
            "its customers are in the database in DATABASE_URL and its identifier key is in {folder}; remove both when you are done"
        ),
        None => format!(
            "its data stays in {folder}; to remove it, stop the demo, then: rm -r '{}'",
            folder.replace('\'', r"'\''")
        ),
    }
}

/// The settings given; the demo has a data directory of its own, and a check has everything of its own.
fn settings(args: &DemoArgs) -> Result<Settings, CliError> {
    let mut settings = args.settings.clone();
    if settings.tls.files().is_some() && !args.check {
        return Err(CliError::Usage {
            message: "the demo calls itself in plain text, so it has no TLS".to_owned(),
            hint: "remove --tls-certificate and --tls-key, or use `patron serve`".to_owned(),
        });
    }
    if settings.requires_identity() && !args.check {
        return Err(CliError::Usage {
            message: "the demo calls itself without a token".to_owned(),
            hint: "remove --identity required, or use `patron serve`".to_owned(),
        });
    }
    if args.check {
        settings.identity = IdentityMode::Off;
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        (settings.listen, settings.admin_listen) = (free, free);
        settings.http_listen = Some(free);
        settings.database_url = None;
        (
            settings.tls.tls_certificate,
            settings.tls.tls_key,
            settings.tls.tls_client_ca,
        ) = (None, None, None);
        settings.data_dir = Some(temporary_directory()?);
    } else {
        let http = SocketAddr::from((Ipv4Addr::LOCALHOST, HTTP_PORT));
        settings.http_listen = settings.http_listen.or(Some(http));
    }
    if !args.check && settings.data_dir.is_none() {
        // Beside the data of `patron serve`, never among them.
        settings.data_dir = Some(default_data_dir().with_file_name("patron-demo"));
    }
    Ok(settings)
}

fn temporary_directory() -> Result<PathBuf, CliError> {
    let path = std::env::temp_dir().join(format!("patron-check-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&path).map_err(CliError::from_cause)?;
    Ok(path)
}
