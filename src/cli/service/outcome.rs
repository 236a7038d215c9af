//! `patron service outcome`: records how a contact ended, as a telephone or ticket system does at its end.

use clap::Args;

use crate::cli::connection::{Connection, ConnectionArgs, WRITE_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::pb;
use crate::pb::contact_outcome::When;

/// Options of `patron service outcome`.
#[derive(Debug, Args)]
pub struct OutcomeArgs {
    /// The customer's id
    #[arg(value_name = "CUSTOMER")]
    customer: String,
    /// Id of the contact, for example the call id
    #[arg(value_name = "CONTACT")]
    contact: String,
    /// The system that recorded the contact
    #[arg(long, value_name = "NAME")]
    source: String,
    /// Day of the contact, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    on: String,
    /// Channel
    #[arg(long, default_value = "phone", value_name = "NAME")]
    channel: String,
    /// Topic
    #[arg(long, value_name = "TEXT")]
    topic: Option<String>,
    /// The queue that handled it last
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// The agent who handled it last
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Whether it was passed on to another queue or agent
    #[arg(long, value_name = "true|false")]
    transferred: Option<bool>,
    /// Whether it was resolved at the first contact
    #[arg(long, value_name = "true|false")]
    resolved: Option<bool>,
    /// Stated satisfaction, 1 to 5
    #[arg(long, value_name = "1-5", value_parser = clap::value_parser!(i32).range(1..=5))]
    satisfaction: Option<i32>,
    /// Stated effort, 1 (low) to 7 (high)
    #[arg(long, value_name = "1-7", value_parser = clap::value_parser!(i32).range(1..=7))]
    effort: Option<i32>,
    /// Duration in seconds
    #[arg(long, value_name = "SECONDS")]
    duration: Option<i32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Sends the outcome and prints whether it was new.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
pub(super) async fn run(args: &OutcomeArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, WRITE_TIMEOUT).await?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let outcome = pb::ContactOutcome {
        customer_id: args.customer.clone(),
        source: args.source.clone(),
        contact_id: args.contact.clone(),
        when: Some(When::OccurredOn(args.on.clone())),
        channel: args.channel.clone(),
        topic: text(&args.topic),
        queue: text(&args.queue),
        agent: text(&args.agent),
        transferred: args.transferred,
        resolved_at_first_contact: args.resolved,
        satisfaction: args.satisfaction,
        effort: args.effort,
        duration_seconds: args.duration,
        customer_kind: 0,
    };
    let request = connection.request(pb::RecordContactOutcomeRequest {
        outcome: Some(outcome),
    });
    let answer = connection.desk().record_contact_outcome(request).await?;
    let answer = answer.into_inner();
    if args.json {
        return output.response("ServiceDeskService/RecordContactOutcome", &answer);
    }
    let is_new = answer.outcome() == pb::item_result::Outcome::Written;
    output.line(if is_new {
        "recorded"
    } else {
        "nothing new: this outcome was recorded before"
    })
}
