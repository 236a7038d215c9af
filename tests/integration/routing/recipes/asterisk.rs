//! `docs/integrations/asterisk.md`.

use super::super::agi::variables;
use super::{between, blocks, flat, get, service};

const PAGE: &str = include_str!("../../../../docs/integrations/asterisk.md");

#[tokio::test]
async fn the_dialplan_with_fastagi_uses_variables_that_are_set() {
    let service = service().await;
    let dialplan = blocks(PAGE, "ini").next().unwrap();
    let query = between(dialplan, "agi://127.0.0.1:4573/route", ')');
    assert_eq!(query, ["?trunk=provider"]);
    let set = variables(&service, "493023125001", query[0]).await;
    assert_eq!(set["PATRON_QUEUE"], "reception");
    let used = between(dialplan, "${PATRON_", '}');
    assert_eq!(used.len(), 4, "{used:?}");
    for name in &used {
        assert!(set.contains_key(&format!("PATRON_{name}")), "{name}");
    }
}

#[tokio::test]
async fn the_dialplan_with_curl_uses_keys_of_the_answer() {
    let service = service().await;
    let dialplan = blocks(PAGE, "ini").nth(1).unwrap();
    let url = between(dialplan, "CURL(http://127.0.0.1:50080", '}');
    let [url] = &url[..] else { panic!("{url:?}") };
    let address = service.app.http_address.unwrap();
    for (caller, queue) in [("%2B493023125001", "reception"), ("anonymous", "reception")] {
        let target = url.replace("${URIENCODE(${CALLERID(num)", caller);
        assert!(target.ends_with(caller), "{target}");
        let (status, body) = get(address, &target, "").await;
        assert_eq!(status, 200, "{body}");
        // HASH() takes what stands before the first = of each part as a key.
        let pairs = body.split('&').map(|pair| pair.split_once('=').unwrap());
        let hash: std::collections::BTreeMap<_, _> = pairs.collect();
        assert_eq!(hash["queue"], queue, "{body}");
        for key in between(dialplan, "HASH(patron,", ')') {
            assert!(hash.contains_key(key), "{key}");
        }
        // The same keys as the flat form.
        let (_, body) = get(address, &target.replace("format=kv", "format=flat"), "").await;
        assert_eq!(flat(&body).len(), hash.len());
    }
}
