//! Who falls back on the pooled parameters, and what cannot be asked for.

use patron::domain::clv::random::Random;
use patron::pb;
use patron::pb::CustomerKind;
use patron::pb::attribute_value::Value;
use tonic::Code;

use super::super::evaluate;
use super::{WEEKS, by_kind, covariates, expected};
use crate::models::planted::{DEFINITIONS, FIRST, PERSONS, purchases, write};
use crate::support::messages::{attribute, patch, reason, violated};
use crate::support::service::ServiceWithDatabase;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_falls_back_is_counted_with_the_reason_and_what_cannot_be_meant_is_refused() {
    let service = ServiceWithDatabase::start().await;
    let mut random = Random::new(23);
    let (mut facts, mut patches) = (vec![], vec![]);
    for at in 0..600 {
        let id = format!("c{at}");
        let company = at % 8 == 0;
        let kind = if company {
            CustomerKind::Company
        } else {
            CustomerKind::Person
        };
        let recent = attribute("recent", Some(Value::BoolValue(true)));
        patches.push(pb::CustomerPatch {
            kind: kind.into(),
            attributes: vec![pb::AttributeValue {
                // 31 days before the split: older than its definition allows.
                observed_on: "2024-11-29".to_owned(),
                ..recent
            }],
            ..patch(&id)
        });
        facts.extend(purchases(&id, PERSONS, FIRST, WEEKS, &mut random));
    }
    write(&service, &patches, &facts).await;
    let found = evaluate(&service, by_kind()).await.unwrap();
    let sets: Vec<i64> = found.parameters.iter().map(|it| it.customers).collect();
    assert_eq!(sets, [75, 525, 0]);
    let companies = &found.parameters[2];
    assert_eq!(companies.customer_kind(), CustomerKind::Company);
    assert!(
        companies.pooled_reason.contains("75 customers"),
        "{companies:?}"
    );
    assert!(companies.parameters.is_empty());
    let [model, pooled] = expected(&found.groups[2]);
    assert!((model - pooled).abs() < 1e-12);

    let refused =
        async |asked: pb::EvaluateModelRequest| evaluate(&service, asked).await.unwrap_err();
    let status = refused(covariates(&["recent"])).await;
    assert_eq!(
        violated(&status),
        ["covariates"],
        "nothing is published: {status:?}"
    );
    service.publish(DEFINITIONS).await;
    let status = refused(covariates(&["recent"])).await;
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason(&status), "NOTHING_TO_EVALUATE");
    assert!(
        status.message().contains("none of the 600 customers"),
        "{status:?}"
    );
    let status = refused(covariates(&["membr", "region", "income", "member"])).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    let all = ["covariates[0]", "covariates[1]", "covariates[2]"];
    assert_eq!(violated(&status), all);
    assert!(
        status.message().contains(r#"did you mean "member"?"#),
        "{status:?}"
    );
    let both = pb::EvaluateModelRequest {
        covariates: vec!["member".to_owned()],
        ..by_kind()
    };
    assert_eq!(violated(&refused(both).await), ["grouping"]);
    let with_version = pb::EvaluateModelRequest {
        kind: 0,
        version: 1,
        ..covariates(&["member"])
    };
    assert_eq!(violated(&refused(with_version).await), ["covariates"]);
}
