//! Services that cannot run here: what they send is sent, and what they read from the answer must be there.

use serde_json::Value;

use super::{between, block, exchange, flat, get, service};

const GENESYS: &str = include_str!("../../../../docs/integrations/genesys.md");
const SALESFORCE: &str = include_str!("../../../../docs/integrations/salesforce.md");
const TWILIO: &str = include_str!("../../../../docs/integrations/twilio.md");

/// The numbers that the services below send, encoded as `URLEncoder` of Java and `encodeURIComponent` do; and what becomes of each.
const CALLERS: [(&str, &str, &str); 3] = [
    ("%2B493023125001", "resolved", "ada"),
    ("anonymous", "withheld", ""),
    ("%2B266696687", "withheld", ""),
];

#[tokio::test]
async fn genesys_maps_the_answer_to_its_schema() {
    let service = service().await;
    let address = service.app.http_address.unwrap();
    let action: Value = serde_json::from_str(block(GENESYS, "json")).unwrap();
    let template = action["config"]["request"]["requestUrlTemplate"].as_str();
    let target = template
        .unwrap()
        .strip_prefix("https://patron.example.com")
        .unwrap();
    for (caller, verdict, id) in CALLERS.into_iter().chain([
        ("tel%3A%2B493023125001", "resolved", "ada"),
        ("sip%3A%2B493023125001%40example.com", "resolved", "ada"),
    ]) {
        let target = target.replace("$esc.url(${input.ANI})", caller);
        assert!(target.ends_with(caller), "{target}");
        let (status, body) = get(address, &target, "").await;
        assert_eq!(status, 200);
        let answer = flat(&body);
        // The translation map, then the template of the success.
        let response = &action["config"]["response"];
        let mut success = response["successTemplate"].as_str().unwrap().to_owned();
        for (name, path) in response["translationMap"].as_object().unwrap() {
            let key = path.as_str().unwrap().strip_prefix("$.").unwrap();
            let value = Value::from(answer[key].clone()).to_string();
            let variable = format!("${{{name}}}");
            assert!(success.contains(&variable), "{variable}");
            success = success.replace(&variable, &value);
            let default = &response["translationMapDefaults"][name];
            assert_eq!(default, "\"\"", "{name}");
        }
        let success: Value = serde_json::from_str(&success).unwrap();
        assert_eq!(success["verdict"], verdict, "{caller}");
        assert_eq!(success["customer_id"], id, "{caller}");
        let schema = &action["contract"]["output"]["successSchema"]["properties"];
        let (declared, mapped) = (schema.as_object().unwrap(), success.as_object().unwrap());
        assert!(declared.keys().eq(mapped.keys()), "{success}");
        assert!(mapped.values().all(Value::is_string), "{success}");
    }
}

#[tokio::test]
async fn twilio_sends_its_form_and_reads_the_parsed_answer() {
    let service = service().await;
    let address = service.app.http_address.unwrap();
    let [url] = between(TWILIO, "`https://patron.example.com", '`')[..] else {
        panic!("one address");
    };
    let row = TWILIO
        .lines()
        .find(|line| line.contains("trigger.call.From"));
    assert!(row.unwrap().starts_with("| Parameter `number` |"));
    for (caller, verdict, id) in CALLERS {
        // The widget sends its parameter; a voice webhook sends From among some forty fields.
        let webhook = format!(
            "AccountSid=AC1&ApiVersion=2010-04-01&CallSid=CA1&CallStatus=ringing&Called=%2B4930999&Caller={caller}\
             &CallerCountry=DE&Direction=inbound&From={caller}&To=%2B4930999&ToCountry=DE&StirVerstat=TN-Validation-Passed-A"
        );
        for form in [format!("number={caller}"), webhook] {
            let length = form.len();
            let request = format!(
                "POST {url} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded; charset=utf-8\r\n\
                 content-length: {length}\r\nx-twilio-signature: x\r\n\r\n{form}"
            );
            let (status, body) = exchange(address, &request).await;
            assert_eq!(status, 200, "{body}");
            let answer = flat(&body);
            assert_eq!(
                (&*answer["verdict"], &*answer["customer_id"]),
                (verdict, id)
            );
            let used = between(block(TWILIO, "liquid"), "{{widgets.patron.parsed.", '}');
            assert_eq!(used.len(), 3);
            assert!(used.iter().all(|key| answer.contains_key(*key)), "{used:?}");
        }
    }
}

#[tokio::test]
async fn the_apex_class_reads_keys_of_the_answer() {
    let service = service().await;
    let address = service.app.http_address.unwrap();
    let class = block(SALESFORCE, "apex");
    let [target] = between(class, "'callout:Patron", '\'')[..] else {
        panic!("one address");
    };
    assert!(class.contains("EncodingUtil.urlEncode(caller, 'UTF-8')"));
    for (caller, verdict, id) in CALLERS {
        let (status, body) = get(address, &format!("{target}{caller}"), "").await;
        assert_eq!(status, 200, "{body}");
        let answer = flat(&body);
        assert_eq!(
            (&*answer["verdict"], &*answer["customer_id"]),
            (verdict, id)
        );
        let used = between(class, "flat.get('", '\'');
        assert_eq!(used.len(), 4);
        assert!(used.iter().all(|key| answer.contains_key(*key)), "{used:?}");
    }
}
