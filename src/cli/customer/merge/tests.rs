use super::*;

fn state(id: &str, value_minor: i64) -> pb::Classification {
    pb::Classification {
        customer_id: id.to_owned(),
        kind: pb::CustomerKind::Person.into(),
        lifetime_value: Some(pb::Money {
            amount_minor: value_minor,
            currency: "EUR".to_owned(),
        }),
        ..Default::default()
    }
}

fn answer() -> Answer {
    let phone = pb::MaskedIdentifier {
        kind: "phone".to_owned(),
        display: "+49********01".to_owned(),
    };
    Answer {
        merge: pb::CustomerMerge {
            merged_customer_id: "ada-2".to_owned(),
            customer_id: "ada".to_owned(),
            reason: "typed twice".to_owned(),
            ..Default::default()
        },
        effect: Some(pb::MergeEffect {
            facts: vec![pb::MergedFacts {
                kind: "transaction".to_owned(),
                count: 3,
                shared_count: 1,
                differing_count: 0,
            }],
            identifiers: vec![phone.clone()],
            shared_identifiers: vec![phone],
            attributes: vec![pb::DifferingAttribute {
                name: "city".to_owned(),
                ..Default::default()
            }],
            before: vec![state("ada", 1_000), state("ada-2", 2_000)],
            after: vec![state("ada", 2_500)],
        }),
        is_unmerge: false,
        preview: true,
    }
}

#[test]
fn a_preview_shows_what_follows_and_both_customers_before_and_after() {
    let page = answer().page();
    for line in [
        "State              unchanged (preview)",
        "Merge              ada-2 into ada",
        "Reason             typed twice",
        "Facts that follow  3 transactions",
        "Counted once       1 transaction, 0 with other content",
        "Identifiers        phone +49********01",
        "Of both            phone +49********01",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    assert!(page.contains("before  ada-2"), "{page}");
    assert!(page.contains("25.00 EUR"), "{page}");
}

#[test]
fn who_is_merged_already_is_said_to_be() {
    let already = Answer {
        effect: None,
        preview: false,
        ..answer()
    };
    assert_eq!(
        already.page(),
        "State  unchanged: merged already\nMerge  ada-2 into ada"
    );
}

#[test]
fn a_list_names_every_merge_and_when_it_ended() {
    assert_eq!(list_page(&[]), "No merges.");
    let merge = pb::CustomerMerge {
        unmerge_time: Some(prost_types::Timestamp {
            seconds: 1_700_000_000,
            nanos: 0,
        }),
        ..answer().merge
    };
    let page = list_page(&[merge]);
    assert!(page.contains("2023-11-14T22:13:20Z"), "{page}");
    assert!(page.contains("typed twice"), "{page}");
}
