//! What a table holds and gives up.

use std::collections::HashMap;

use super::*;
use crate::{
    domain::{
        clv::random::Random,
        customer::{ExternalId, Identifier},
    },
    store::identifiers::IdentifierKey,
};

fn digest(number: usize) -> IdentifierDigest {
    let id = ExternalId::new("erp", &format!("{number:06}")).unwrap();
    let identifier = Identifier::External(id);
    IdentifierKey::new([7; 32]).digest(&identifier)
}

fn owners(ids: &[&str]) -> Owners {
    let ids = ids.iter().map(|id| CustomerId::new(id).unwrap());
    ids.collect::<Vec<_>>().into()
}

fn found(ids: &[&str], tick: i64) -> LookedUp {
    LookedUp {
        owners: owners(ids),
        tick,
    }
}

/// Ids and tick.
fn held(table: &Table, number: usize) -> Option<(Vec<String>, i64)> {
    let found = table.get(&digest(number))?;
    let ids = found.owners.iter().map(ToString::to_string);
    Some((ids.collect(), found.tick))
}

#[test]
fn it_holds_what_a_map_holds_whatever_the_order_of_changes() {
    // Few lists, so that many share one.
    let table = Table::with_capacity(40_000);
    let mut map = HashMap::new();
    let mut random = Random::new(1);
    let mut draw = |most: u64| usize::try_from((random.bits() >> 32) % most).unwrap();
    for step in 0..20_000 {
        let number = draw(200);
        match draw(100) {
            0 => {
                table.invalidate_all(table.room())();
                map.clear();
            }
            1..30 => {
                table.invalidate(&digest(number));
                map.remove(&number);
            }
            _ => {
                let ids = &["ada", "berta", "carl"][..draw(4)];
                table.insert(digest(number), found(ids, step));
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                map.insert(number, (ids, step));
            }
        }
        let number = draw(200);
        assert_eq!(held(&table, number), map.get(&number).cloned());
        assert_eq!(
            table.contains_key(&digest(number)),
            map.contains_key(&number)
        );
        let weights = map.values().map(|(ids, step)| {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            u64::from(found(&ids, *step).weight())
        });
        assert_eq!(table.measure(), (map.len() as u64, weights.sum()));
    }
}

#[test]
fn what_is_asked_for_stays_while_others_come_and_the_rest_goes() {
    let max_bytes = 100_000;
    let table = Table::with_capacity(max_bytes);
    for number in 0..200 {
        table.insert(digest(number), found(&["ada"], 1));
    }
    for number in 0..20_000 {
        table.insert(digest(1_000 + number), found(&[], 1));
        let _ = table.get(&digest(number % 200));
        let (count, weight) = table.measure();
        assert!(weight <= max_bytes && count > 0, "{weight}");
    }
    let stayed = (0..200).filter(|number| table.contains_key(&digest(*number)));
    assert!(stayed.count() >= 190);
    let (_, weight) = table.measure();
    assert!(weight >= max_bytes / 100 * 97, "{weight} of {max_bytes}");
}

#[test]
fn a_batch_about_everybody_leaves_most_of_those_who_were_asked_for() {
    let table = Table::with_capacity(200_000);
    let all = (0..).take_while(|number| {
        table.insert(digest(*number), found(&["ada"], 1));
        table.measure().1 < 199_000
    });
    let asked = all.count();
    for number in 0..asked {
        let _ = table.get(&digest(number));
    }
    for number in 0..20 * asked {
        table.insert(digest(asked + 1 + number), found(&["berta"], 1));
    }
    let stayed = (0..asked).filter(|number| table.contains_key(&digest(*number)));
    let stayed = stayed.count();
    assert!(stayed * 2 > asked, "{stayed} of {asked}");
}

#[test]
fn strangers_push_out_no_customer_though_nobody_asked_for_the_names() {
    let table = Table::with_capacity(200_000);
    // As at the start: loaded ahead, half of the room.
    let known = (0..).take_while(|number| {
        table.insert(digest(*number), found(&["ada"], 1));
        table.measure().1 < 100_000
    });
    let known = known.count();
    for number in 0..20 * known {
        table.insert(digest(known + 1 + number), found(&[], 1));
    }
    let stayed = (0..known).filter(|number| table.contains_key(&digest(*number)));
    let stayed = stayed.count();
    assert!(stayed * 100 >= known * 99, "{stayed} of {known}");
    // Others that nobody asked for do.
    for number in 0..20 * known {
        table.insert(digest(100 * known + number), found(&["berta"], 1));
    }
    let stayed = (0..known).filter(|number| table.contains_key(&digest(*number)));
    assert!(stayed.count() * 10 < known);
}

#[test]
fn a_name_that_is_asked_for_stays_so_when_it_is_written_anew() {
    let table = Table::with_capacity(10_000);
    let uses = || table.find(&digest(1), |entry| entry.uses().load(Relaxed));
    for (ids, expected) in [(&[][..], 0), (&["ada"], 1), (&[], 1)] {
        table.insert(digest(1), found(ids, 1));
        assert_eq!(uses(), Some(expected));
    }
    let _ = (table.get(&digest(1)), table.get(&digest(1)));
    table.insert(digest(1), found(&["ada"], 2));
    assert_eq!(uses(), Some(3));
}

#[test]
fn a_list_grows_older_only_without_names_that_nobody_asked_for() {
    let list: Vec<Entry> = (0..3)
        .map(|number| Entry::new(digest(number).half(), found(&["ada"], 1)))
        .collect();
    let set = |uses: [u8; 3]| {
        for (entry, uses) in list.iter().zip(uses) {
            entry.uses().store(uses, Relaxed);
        }
        let given_up = age(&list);
        let left: Vec<u8> = list.iter().map(|it| it.uses().load(Relaxed)).collect();
        (given_up, left)
    };
    assert_eq!(set([0, 1, 4]), (0, vec![0, 1, 4]));
    assert_eq!(set([1, 1, 4]), (1, vec![1, 1, 4]));
    assert_eq!(set([2, 3, 4]), (1, vec![1, 2, 3]));
    assert_eq!(set([3, 3, 4]), (1, vec![2, 2, 3]));
}

#[test]
fn all_that_is_given_up_is_freed_even_while_a_lookup_has_the_lists() {
    let table = Table::with_capacity(10_000);
    table.insert(digest(1), found(&["ada"], 1));
    let lookup = table.lists.load_full();
    let free = table.invalidate_all(table.room());
    assert_eq!((held(&table, 1), table.measure()), (None, (0, 0)));
    let list = &lookup[place(&lookup, &digest(1).half())];
    assert!(list.load().is_some());
    free();
    assert!(list.load().is_none());
}

#[test]
fn names_of_nobody_share_their_list() {
    let [one, other] = [owners(&[]), owners(&[])];
    match (one, other) {
        (Owners::Others(one), Owners::Others(other)) => assert!(Arc::ptr_eq(&one, &other)),
        found => panic!("{found:?}"),
    }
}

#[test]
fn a_table_of_which_all_is_asked_for_still_has_room_for_more() {
    let table = Table::with_capacity(1_000_000);
    let (mut number, is_full) = (0, |table: &Table| table.measure().1 > 999_850);
    while !is_full(&table) {
        table.insert(digest(number), found(&["ada"], 1));
        number += 1;
    }
    for number in 0..number {
        for _ in 0..=MAX_USES {
            assert!(table.get(&digest(number)).is_some());
        }
    }
    let before = table.totals().hand;
    table.insert(digest(number), found(&[&"x".repeat(128)], 1));
    let (after, lists) = (table.totals().hand, table.lists.load().len());
    let moved = (after + lists - before) % lists;
    assert!(
        lists > 10 * MAX_PASSED && (1..=MAX_PASSED + 1).contains(&moved),
        "{moved}"
    );
    assert!(table.measure().1 <= 1_000_000);
}

#[test]
fn a_tick_beyond_its_bytes_looks_older_than_it_is() {
    let table = Table::with_capacity(10_000);
    let greatest = i64::from(u32::MAX);
    for (tick, held_as) in [(7, 7), (greatest, greatest), (greatest + 5, greatest)] {
        table.insert(digest(1), found(&["ada"], tick));
        assert_eq!(held(&table, 1).unwrap().1, held_as);
    }
}

#[test]
fn a_reader_finds_what_is_not_changed_while_everything_else_is() {
    let table = Table::with_capacity(2_000);
    table.insert(digest(0), found(&["ada"], 1));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| (0..20_000).all(|_| held(&table, 0).is_some()));
        let mut number = 1;
        while !reader.is_finished() {
            table.insert(digest(number), found(&["berta"], 1));
            table.invalidate(&digest(number));
            number = number % 50 + 1;
        }
        assert!(reader.join().unwrap());
    });
}
