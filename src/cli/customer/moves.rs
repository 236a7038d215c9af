//! `patron customer move`: facts that belong to another customer.

use clap::Args;

use crate::cli::connection::{Connection, ConnectionArgs, WRITE_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::text::{self, Align};
use crate::pb;

/// Options of `patron customer move`.
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// Id of the customer who has the facts
    from: String,
    /// Id of the customer to whom they belong
    to: String,
    /// Facts to move, KIND:SOURCE:ID with the kind transaction, contact or contract, for example transaction:shop:1001
    #[arg(required = true, value_name = "FACT", value_parser = parse_fact)]
    facts: Vec<pb::FactName>,
    /// Print what would be moved and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

const KINDS: [(&str, pb::FactKind); 3] = [
    ("transaction", pb::FactKind::Transaction),
    ("contact", pb::FactKind::Contact),
    ("contract", pb::FactKind::Contract),
];

fn parse_fact(text: &str) -> Result<pb::FactName, String> {
    let mut parts = text.splitn(3, ':');
    let (Some(kind), Some(source), Some(id)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("write KIND:SOURCE:ID, for example transaction:shop:1001".to_owned());
    };
    let known = KINDS.iter().find(|(name, _)| *name == kind);
    let Some((_, kind)) = known else {
        return Err(format!(
            "{kind:?} is no kind: use transaction, contact or contract"
        ));
    };
    Ok(pb::FactName {
        kind: (*kind).into(),
        source: source.to_owned(),
        id: id.to_owned(),
    })
}

fn kind_name(fact: &pb::FactName) -> &'static str {
    let known = KINDS.iter().find(|(_, kind)| *kind == fact.kind());
    known.map_or("unknown", |(name, _)| name)
}

/// Runs the command.
///
/// # Errors
///
/// No server, an error of the server, or no reader.
pub(super) async fn run(args: &MoveArgs, output: &mut Output) -> Result<(), CliError> {
    let connection = Connection::open(&args.connection, WRITE_TIMEOUT).await?;
    let request = connection.request(pb::MoveFactsRequest {
        customer_id: args.from.clone(),
        to_customer_id: args.to.clone(),
        facts: args.facts.clone(),
        validate_only: args.dry_run,
    });
    let mut client = connection.corrections();
    let response = client.move_facts(request).await?.into_inner();
    if args.json {
        return output.response("CorrectionService/MoveFacts", &response);
    }
    output.line(&page(&response))?;
    if args.dry_run {
        output.note("nothing was moved (dry run)");
    }
    Ok(())
}

fn page(response: &pb::MoveFactsResponse) -> String {
    let header = [
        ("kind", Align::Left),
        ("source", Align::Left),
        ("id", Align::Left),
        ("note", Align::Left),
    ];
    let rows: Vec<Vec<String>> = response
        .facts
        .iter()
        .map(|moved| {
            let fact = moved.fact.clone().unwrap_or_default();
            let mut notes = vec![];
            if moved.related {
                notes.push("related to a named fact");
            }
            if moved.repeated {
                notes.push("both customers had it: counts once now");
            }
            vec![
                kind_name(&fact).to_owned(),
                fact.source,
                fact.id,
                notes.join("; "),
            ]
        })
        .collect();
    text::table(&header, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_written_as_kind_source_and_id() {
        let fact = parse_fact("transaction:shop:A:1").unwrap();
        assert_eq!(
            (kind_name(&fact), &*fact.source, &*fact.id),
            ("transaction", "shop", "A:1")
        );
        assert!(parse_fact("transaction:shop").is_err());
        assert!(parse_fact("order:shop:1").unwrap_err().contains("contract"));
    }
}
