use std::iter;

use super::*;
use crate::{
    clock::FixedClock,
    domain::access::{CallQuota, Role, purpose::Purpose, token::Secret},
    metrics::Metrics,
    store::tokens::NewToken,
};

const NOW: &str = "2026-11-22T12:00:00Z";
const ID: &str = "0123456789abcdef";

/// Identities that were read, and the clock by which they expire.
struct Read {
    identities: Identities,
    clock: Arc<FixedClock>,
    metrics: Metrics,
}

fn secret() -> Secret {
    Secret::new([7; 32])
}

fn agent() -> NewToken {
    NewToken {
        id: ID.to_owned(),
        description: "desk".to_owned(),
        roles: vec![Role::Agent],
        purposes: vec![Purpose::new("service").unwrap()],
        quota: None,
        proof: Proof::Secret(secret().digest()),
        created_at: NOW.parse().unwrap(),
        creator_id: None,
        expires_at: None,
    }
}

fn stored(token: NewToken) -> StoredToken {
    StoredToken {
        token,
        number: 1,
        revoked_at: None,
    }
}

impl Read {
    fn new(tokens: Vec<NewToken>) -> Self {
        let clock = Arc::new(FixedClock::new(NOW.parse().unwrap()));
        let metrics = Metrics::new([]);
        let read = Self {
            identities: Identities::new(clock.clone(), metrics.callers.clone()),
            clock,
            metrics,
        };
        read.read_again(tokens);
        read
    }

    fn read_again(&self, tokens: Vec<NewToken>) {
        let before = self.identities.table.load();
        let tokens = tokens.into_iter().map(stored).collect();
        let table = Table::new(tokens, &before, &self.metrics.callers);
        self.identities.table.store(Arc::new(table));
    }

    fn call(&self, header: &str, scope: Scope) -> Result<Call, Refusal> {
        self.call_for(Some(header), None, &[], scope)
    }

    fn call_for(
        &self,
        header: Option<&str>,
        purpose: Option<&str>,
        names: &[&str],
        scope: Scope,
    ) -> Result<Call, Refusal> {
        let credentials = Credentials {
            authorization: header.map(str::as_bytes),
            purpose: purpose.map(str::as_bytes),
        };
        let path = "/patron.v1.TestService/Test";
        let names = names.iter().copied();
        self.identities
            .admit(credentials, names, path, Need::Scope(scope))
    }
}

fn header() -> String {
    format!("Bearer {}", secret().expose(ID))
}

#[test]
fn a_token_gets_what_its_roles_have_and_nothing_else() {
    let read = Read::new(vec![agent()]);
    let call = read.call(&header(), Scope::Lookup).unwrap();
    assert_eq!(call.caller_id(), ID);
    assert!(call.has(Scope::Route) && !call.has(Scope::TokenWrite));
    let lower = header().replace("Bearer", "bearer");
    read.call(&lower, Scope::Lookup).unwrap();
    let refused = read.call(&header(), Scope::CustomerErase).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "TestService/Test needs the scope customer.erase, which token {ID} lacks; roles with it: privacy-officer"
        )
    );
    let text = read.metrics.render();
    let admitted = format!("patron_caller_calls_total{{caller=\"{ID}\",purpose=\"\"}} 2");
    assert!(text.contains(&admitted), "{text}");
    let refused =
        format!("patron_caller_calls_refused_total{{caller=\"{ID}\",reason=\"scope\"}} 1");
    assert!(text.contains(&refused), "{text}");
}

#[test]
fn what_does_not_prove_an_identity_is_refused() {
    let read = Read::new(vec![agent()]);
    let other = Secret::new([8; 32]);
    for (header, refusal) in [
        (format!("Bearer {}", other.expose(ID)), Refusal::Invalid),
        (
            format!("Bearer {}", secret().expose("ffffffffffffffff")),
            Refusal::Invalid,
        ),
        (secret().expose(ID), Refusal::Malformed),
        ("Bearer".to_owned(), Refusal::Malformed),
        ("Bearer ".to_owned(), Refusal::Malformed),
        ("Basic dXNlcjpwYXNz".to_owned(), Refusal::Malformed),
        ("ä".to_owned(), Refusal::Malformed),
    ] {
        let refused = read.call(&header, Scope::Lookup).unwrap_err();
        assert_eq!(refused, refusal, "{header}");
    }
    let nothing = read.call_for(None, None, &[], Scope::Lookup).unwrap_err();
    assert_eq!(nothing, Refusal::NoCredentials);
    let text = read.metrics.render();
    for line in [
        "patron_calls_not_identified_total{reason=\"invalid\"} 2",
        "patron_calls_not_identified_total{reason=\"malformed\"} 5",
        "patron_calls_not_identified_total{reason=\"nothing\"} 1",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn a_token_expires_to_the_microsecond() {
    let token = NewToken {
        expires_at: Some("2026-11-23T00:00:00Z".parse().unwrap()),
        ..agent()
    };
    let read = Read::new(vec![token]);
    read.clock
        .set("2026-11-22T23:59:59.999999Z".parse().unwrap());
    let call = read.call(&header(), Scope::Lookup).unwrap();
    assert!(call.is_valid(read.clock.now()));
    read.clock.set("2026-11-23T00:00:00Z".parse().unwrap());
    let refused = read.call(&header(), Scope::Lookup).unwrap_err();
    assert!(matches!(refused, Refusal::Expired { .. }), "{refused}");
    assert!(!call.is_valid(read.clock.now()), "a stream ends too");
}

#[test]
fn a_revoked_token_ends_and_others_keep_what_they_used() {
    let limited = NewToken {
        id: "1111111111111111".to_owned(),
        quota: Some(CallQuota {
            calls_per_second: 1,
            burst: 1,
        }),
        ..agent()
    };
    let read = Read::new(vec![agent(), limited.clone()]);
    let call = read.call(&header(), Scope::Lookup).unwrap();
    let own = format!("Bearer {}", secret().expose(&limited.id));
    read.call(&own, Scope::Lookup).unwrap();
    read.read_again(vec![limited]);
    assert_eq!(
        read.call(&header(), Scope::Lookup).unwrap_err(),
        Refusal::Invalid
    );
    assert!(!call.is_valid(read.clock.now()));
    let refused = read.call(&own, Scope::Lookup).unwrap_err();
    let Refusal::QuotaExceeded { retry_after, .. } = refused else {
        panic!("{refused}");
    };
    assert!(retry_after <= Duration::from_secs(1), "{retry_after:?}");
}

#[test]
fn a_purpose_is_one_of_the_token() {
    let read = Read::new(vec![agent()]);
    let for_purpose = |purpose| read.call_for(Some(&header()), Some(purpose), &[], Scope::Lookup);
    let call = for_purpose("service").unwrap();
    assert_eq!(call.purpose(), Some("service"));
    let text = read.metrics.render();
    let counted = format!("patron_caller_calls_total{{caller=\"{ID}\",purpose=\"service\"}} 1");
    assert!(text.contains(&counted), "{text}");
    for (stated, shown) in [("marketing", "\"marketing\""), ("x\u{7}y", "\"?\"")] {
        let refused = for_purpose(stated).unwrap_err().to_string();
        assert!(refused.contains(shown), "{refused}");
        assert!(refused.contains("its purposes: service"), "{refused}");
    }
}

#[test]
fn a_name_in_a_certificate_identifies_and_a_token_goes_before_it() {
    let crm = NewToken {
        id: "2222222222222222".to_owned(),
        roles: vec![Role::Importer],
        proof: Proof::Certificate("spiffe://bank/crm".to_owned()),
        ..agent()
    };
    let read = Read::new(vec![agent(), crm]);
    let by =
        |names: &[&str], header: Option<&str>, scope| read.call_for(header, None, names, scope);
    let call = by(&["crm.bank", "spiffe://bank/crm"], None, Scope::Ingest).unwrap();
    assert_eq!(call.caller_id(), "2222222222222222");
    let unknown = by(&["spiffe://bank/other"], None, Scope::Ingest).unwrap_err();
    assert!(
        unknown.to_string().contains("spiffe://bank/other"),
        "{unknown}"
    );
    let call = by(&["spiffe://bank/crm"], Some(&header()), Scope::Lookup).unwrap();
    assert_eq!(call.caller_id(), ID);
    // A wrong token is not made good by a certificate.
    let wrong = format!("Bearer {}", Secret::new([8; 32]).expose(ID));
    let refused = by(&["spiffe://bank/crm"], Some(&wrong), Scope::Ingest).unwrap_err();
    assert_eq!(refused, Refusal::Invalid);
    // Nobody proves a certificate by a secret.
    let as_token = format!("Bearer {}", secret().expose("2222222222222222"));
    let refused = read.call(&as_token, Scope::Ingest).unwrap_err();
    assert_eq!(refused, Refusal::Invalid);
}

#[test]
fn what_needs_no_scope_needs_an_identity_and_what_declares_none_is_refused() {
    let read = Read::new(vec![agent()]);
    let text = header();
    let by = |authorization: Option<&str>, need| {
        let credentials = Credentials {
            authorization: authorization.map(str::as_bytes),
            purpose: None,
        };
        read.identities
            .admit(credentials, iter::empty(), "/a/B", need)
    };
    by(Some(&text), Need::Identity).unwrap();
    assert_eq!(
        by(None, Need::Identity).unwrap_err(),
        Refusal::NoCredentials
    );
    let refused = by(Some(&text), Need::Undeclared).unwrap_err();
    assert!(matches!(refused, Refusal::Undeclared { .. }), "{refused}");
}

#[test]
fn no_debug_text_has_a_secret() {
    let read = Read::new(vec![agent()]);
    let text = header();
    let credentials = Credentials {
        authorization: Some(text.as_bytes()),
        purpose: None,
    };
    let shown = format!("{credentials:?} {:?} {:?}", read.identities, agent());
    let (_, plain) = text.split_once('.').unwrap();
    assert!(!shown.contains(&plain[..6]), "{shown}");
    assert!(shown.contains(ID), "{shown}");
}
