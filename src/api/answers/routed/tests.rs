use super::*;

#[test]
fn the_mask_knows_every_field_of_the_answer() {
    // Taken apart without `..`: a field that is added does not compile here until the mask has it.
    let pb::RouteContactResponse {
        verdict: _,
        quality: _,
        fallback_reason: _,
        treatment: _,
        customer: _,
        candidates: _,
        candidate_count: _,
        shared: _,
        question: _,
        number: _,
        identified_by: _,
        provenance: _,
        claim_error: _,
        decision: _,
        times: _,
    } = pb::RouteContactResponse::default();
    let names = RouteMask::NAMES.map(|(name, _)| name);
    let mask = RouteMask::new(names).unwrap();
    for (name, field) in RouteMask::NAMES {
        assert!(mask.has(field), "{name}");
        let alone = RouteMask::new([name]).unwrap();
        let others = RouteMask::NAMES.iter().filter(|(other, _)| *other != name);
        assert!(others.into_iter().all(|(_, other)| !alone.has(*other)));
    }
    assert_eq!(RouteMask::new(["verdict", "quality"]), Ok(RouteMask(0)));
    assert_eq!(RouteMask::new(["*"]), Ok(RouteMask::ALL));
    assert_eq!(
        RouteMask::new(["queue", "treatment", ""]),
        Err(vec!["queue", ""])
    );
}
