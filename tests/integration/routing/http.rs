//! `/v1/route`: the same answers in the forms that telephone systems read, and what is refused.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{FIRM, service};
use crate::support::service::ServiceWithDatabase;

/// The status, head and body of the answer to a request as it stands on the wire, after which the connection is closed.
async fn send(service: &ServiceWithDatabase, request: &str) -> (u16, String, String) {
    let address = service.app.http_address.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    (status.unwrap_or(0), head.to_lowercase(), body.to_owned())
}

async fn get(service: &ServiceWithDatabase, target: &str) -> (u16, String, String) {
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    send(service, &request).await
}

async fn post(
    service: &ServiceWithDatabase,
    content_type: &str,
    body: &str,
) -> (u16, String, String) {
    let length = body.len();
    let request = format!(
        "POST /v1/route HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {content_type}\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    send(service, &request).await
}

#[tokio::test]
async fn a_call_is_answered_in_three_forms() {
    let service = service().await;
    let (status, head, body) = get(&service, "/v1/route?number=030+23125001").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(head.contains("cache-control: no-store"), "{head}");
    assert!(head.contains("x-request-id: "), "{head}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["verdict"], "resolved");
    assert_eq!(answer["queue"], "reception");
    assert_eq!(answer["fallback_queues"], json!(["voicemail"]));
    assert_eq!(answer["customer"]["id"], "ada");
    assert_eq!(answer["customer"]["unrated_reason"], "no_purchase");
    assert_eq!(answer["number"]["e164"], "+493023125001");

    let (_, _, body) = get(&service, "/v1/route?number=03023125001&format=flat").await;
    let flat: serde_json::Map<String, Value> = serde_json::from_str(&body).unwrap();
    assert!(flat.values().all(Value::is_string), "{body}");
    assert_eq!(flat["queue"], "reception");
    assert_eq!(flat["customer_id"], "ada");
    assert_eq!(flat["priority"], "10");
    assert_eq!(flat["skills"], "");

    let (_, head, body) = get(&service, "/v1/route?number=03023125001&format=kv").await;
    assert!(head.contains("content-type: application/x-www-form-urlencoded"));
    let pairs: Vec<&str> = body.split('&').collect();
    assert!(pairs.contains(&"queue=reception"), "{body}");
    assert!(pairs.contains(&"number=%2B493023125001"), "{body}");
    assert!(body.is_ascii());
    // The same keys in both, whatever is known.
    let keys = pairs.iter().map(|pair| pair.split('=').next().unwrap());
    let mut keys: Vec<&str> = keys.collect();
    keys.sort_unstable();
    let mut others: Vec<&String> = flat.keys().collect();
    others.sort_unstable();
    assert_eq!(keys, others);
    // And the page on call arrival lists them.
    let page = include_str!("../../../docs/call-arrival.md");
    let (_, table) = page.split_once("| key | example |").unwrap();
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap());
    let listed: Vec<&str> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let mut listed = listed;
    listed.sort_unstable();
    assert_eq!(listed, keys);
}

#[tokio::test]
async fn a_shared_line_and_strangers_are_answers_too() {
    let service = service().await;
    let number = FIRM.replace('+', "%2B");
    let (status, _, body) = get(&service, &format!("/v1/route?number={number}")).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &answer["verdict"]), (200, &json!("ambiguous")));
    assert_eq!(answer["candidate_count"], 8);
    assert_eq!(answer["queue"], "workshop");
    assert_eq!(answer["shared"]["kind"], "company");
    let small = format!("/v1/route?number={number}&fields=treatment");
    let (_, _, small) = get(&service, &small).await;
    assert!(small.len() < 300, "{small}");
    for (query, verdict, queue) in [
        ("number=anonymous", "withheld", "reception"),
        ("", "withheld", "reception"),
        ("number=030+5555555", "unknown", "newcomers"),
        ("number=%2B49+030+23125001&lang=de", "invalid", "exceptions"),
        (
            "asserted_identity=%3Ctel:%2B493023125001%3E&privacy=id",
            "withheld",
            "reception",
        ),
        ("number=%2B493023125001&privacy=id", "withheld", "reception"),
    ] {
        let (status, _, body) = get(&service, &format!("/v1/route?{query}&format=flat")).await;
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status, 200, "{query}");
        assert_eq!(answer["verdict"], verdict, "{query}");
        assert_eq!(answer["queue"], queue, "{query}");
    }
    let german = "/v1/route?number=030+5555555&format=flat&lang=de";
    let (_, _, body) = get(&service, german).await;
    assert!(body.contains("Nach dem Namen fragen"), "{body}");
}

#[tokio::test]
async fn forms_and_json_are_read() {
    let service = service().await;
    // As Twilio asks: many fields, of which one matters.
    let form = "ToCountry=DE&CallSid=CA1&Direction=inbound&From=%2B493023125001&To=%2B4930999";
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", form),
        (
            "application/json; charset=utf-8",
            r#"{"number": "+49 30 23125001", "attempt": 1, "list": [1]}"#,
        ),
    ] {
        let (status, _, body) = post(&service, content_type, body).await;
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &answer["customer"]["id"]), (200, &json!("ada")));
    }
    let masked = r#"{"number": "+493023125001", "fields": ["treatment"]}"#;
    let (_, _, body) = post(&service, "application/json", masked).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&answer["queue"], &answer["customer"]),
        (&json!("reception"), &Value::Null)
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_sentence() {
    let service = service().await;
    let long = "x".repeat(20_000);
    for (answer, status, sentence) in [
        (
            get(&service, "/v1/rout").await,
            404,
            "not found: ask /v1/route",
        ),
        (
            get(&service, "/v1/route?format=xml&number_plan=german").await,
            400,
            "format: \"xml\" is not json, flat or kv\nnumber_plan: is not a number plan: write e164, e164_no_plus, \
             national:REGION, international_prefix:DIGITS, auto or auto:REGION",
        ),
        (
            post(&service, "application/json", "[1]").await,
            400,
            "the body is not a JSON object",
        ),
        (
            post(&service, "application/json", r#"{"number": {"a": 1}}"#).await,
            400,
            "number: is a list or an object; send a text",
        ),
        (
            post(&service, "text/xml", "<a/>").await,
            415,
            "send application/x-www-form-urlencoded",
        ),
        (
            post(&service, "application/json", &long).await,
            413,
            "the body is longer than 16384 bytes",
        ),
        (
            send(
                &service,
                "DELETE /v1/route HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            )
            .await,
            405,
            "use GET or POST",
        ),
    ] {
        assert_eq!(answer.0, status, "{answer:?}");
        assert!(answer.2.starts_with(sentence), "{answer:?}");
    }
    let counted = &service.app.metrics.http;
    assert_eq!(counted.requests(404).get(), 1);
    assert_eq!(counted.requests(400).get(), 3);
    // What is not JSON is not repeated: it may be somebody's number.
    let (_, _, body) = post(&service, "application/json", "+493023125001").await;
    assert_eq!(body, "the body is not JSON: line 1, column 1\n");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up_and_counted() {
    let service = service().await;
    let head = "POST /v1/route HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 10\r\n\r\nnumber";
    let (status, _, body) = send(&service, head).await;
    assert_eq!(
        (status, &*body),
        (408, "the request did not arrive in time\n")
    );
    assert_eq!(service.app.metrics.http.requests(408).get(), 1);
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_turn_also_while_the_server_drains() {
    let service = service().await;
    let address = service.app.http_address.unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /v1/route?number=anonymous&fields=treatment HTTP/1.1\r\nhost: x\r\n\r\n";
    stream
        .write_all(request.repeat(3).as_bytes())
        .await
        .unwrap();
    let mut answers = vec![];
    while answers
        .windows(12)
        .filter(|it| it == b"HTTP/1.1 200")
        .count()
        < 3
    {
        stream.read_buf(&mut answers).await.unwrap();
    }
    // Idle connections do not hold up the stop.
    service.stop().await.unwrap();
    let mut rest = vec![];
    let _ = stream.read_to_end(&mut rest).await;
    assert!(TcpStream::connect(address).await.is_err());
}
