//! A contact that was recorded wrongly, the right one, and retractions of retractions.

use super::*;

/// A contact written as `ID DAY CHANNEL COST`, or a retraction as `ID DAY retracts ID`.
fn contact(text: &str) -> Contact {
    let words: Vec<&str> = text.split(' ').collect();
    Contact {
        key: key(words[0]),
        when: EventTime {
            day: day(words[1].parse().unwrap()),
            instant: None,
        },
        content: match words[2] {
            "retracts" => ContactContent::Retracts(words[3].into()),
            channel => ContactContent::Happened(Interaction {
                channel: channel.into(),
                topic: None,
                duration_seconds: None,
                cost: Some(Money {
                    amount_minor: words[3].parse().unwrap(),
                    currency: "EUR".parse().unwrap(),
                }),
                outcome: None,
            }),
        },
    }
}

fn facts(lines: &[&str]) -> Facts {
    Facts {
        contacts: lines.iter().map(|line| contact(line)).collect(),
        ..Facts::default()
    }
}

/// The contact days as `DAY:COUNTxCHANNEL(COST)`, then the number of unmatched retractions.
#[track_caller]
fn check(lines: &[&str], expected: &str) {
    let history = fold(History::default(), &facts(lines)).unwrap();
    let days = history.contacts.iter().map(|entry| {
        let (day, count) = (entry.day.number(), entry.count);
        format!("{day}:{count}x{}({}) ", entry.channel, entry.cost_minor)
    });
    let found = days.collect::<String>() + &history.unmatched_retraction_count.to_string();
    assert_eq!(found, expected);
}

#[test]
fn a_wrong_contact_is_corrected_by_a_retraction_and_a_new_one() {
    let corrected = [
        "a 5 phone 50000",
        "b 5 phone 300",
        "r 5 retracts a",
        "c 5 phone 500",
    ];
    check(&corrected[..3], "5:1xphone(300) 0");
    check(&corrected, "5:2xphone(800) 0");
    // The retraction may be there first.
    check(&["r 5 retracts a"], "1");
    check(&["r 5 retracts a", "a 5 phone 50000"], "0");
}

#[test]
fn a_retracted_retraction_never_was() {
    check(
        &["a 5 phone 300", "r 6 retracts a", "s 7 retracts r"],
        "5:1xphone(300) 0",
    );
}

#[test]
fn only_a_retraction_and_what_it_waits_for_ask_for_related_facts() {
    let history = |lines: &[&str]| fold(History::default(), &facts(lines)).unwrap();
    let again = |history, line| fold(history, &facts(&[line]));
    let asks = |folded: Result<History, NeedsRelated>| folded.is_err();
    assert!(asks(again(history(&["a 5 phone 300"]), "r 6 retracts a")));
    assert!(asks(again(history(&["r 6 retracts a"]), "a 5 phone 300")));
    assert!(!asks(again(history(&["a 5 phone 300"]), "b 6 phone 300")));
    let retracted = history(&["a 5 phone 300", "r 6 retracts a"]);
    assert!(!asks(again(retracted, "b 6 phone 300")));
}

#[test]
fn a_retraction_takes_its_contact_off_a_day_and_leaves_the_others() {
    let known = ["a 5 phone 300", "b 5 phone 20", "c 6 chat 1"];
    let history = fold(History::default(), &facts(&known)).unwrap();
    let (new, related) = (facts(&["r 9 retracts a"]), facts(&["a 5 phone 300"]));
    let folded = fold_related(history, &new, &related).unwrap();
    let all = [&known[..], &["r 9 retracts a"]].concat();
    assert_eq!(folded, fold(History::default(), &facts(&all)).unwrap());
}
