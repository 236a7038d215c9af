//! The recipes that are programs: Lambda and Zendesk in Python, `FreeSWITCH` in Lua.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{HTTP_ADDRESS, block, get, has, moved, service};

const CONNECT: &str = include_str!("../../../../docs/integrations/amazon-connect.md");
const FREESWITCH: &str = include_str!("../../../../docs/integrations/freeswitch.md");
const ZENDESK: &str = include_str!("../../../../docs/integrations/zendesk.md");

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// What a Python program prints, as JSON.
async fn python(program: String, variables: Vec<(&'static str, String)>) -> Value {
    let run = move || {
        let mut command = Command::new("python3");
        let output = command.args(["-c", &program]).envs(variables).output();
        let output = output.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lambda_function_returns_contact_attributes() {
    if !has("python3") {
        return;
    }
    let service = service().await;
    let address = service.app.http_address.unwrap();
    // The parts of an event that a flow sends.
    let event = |number: Value| {
        json!({"Name": "ContactFlowEvent", "Details": {"Parameters": {}, "ContactData": {
            "Attributes": {}, "Channel": "VOICE", "ContactId": "4a57",
            "CustomerEndpoint": number,
            "SystemEndpoint": {"Address": "+4930999", "Type": "TELEPHONE_NUMBER"},
        }}})
    };
    let known = json!({"Address": "+493023125001", "Type": "TELEPHONE_NUMBER"});
    for (number, address, verdict, queue) in [
        (known.clone(), address, "resolved", "reception"),
        (Value::Null, address, "withheld", "reception"),
        (known, nobody(), "", "service"),
    ] {
        let call = "print(json.dumps(lambda_handler(json.loads(os.environ['EVENT']), None)))";
        let program = format!("{}\n\n{call}\n", block(CONNECT, "python"));
        let variables = vec![
            ("PATRON_URL", format!("http://{address}")),
            ("EVENT", event(number).to_string()),
        ];
        let answer = python(program, variables).await;
        assert_eq!(answer["verdict"], verdict, "{answer}");
        assert_eq!(answer["queue"], queue, "{answer}");
        // STRING_MAP: texts only, of 32,768 bytes in all.
        let attributes = answer.as_object().unwrap();
        assert!(attributes.values().all(Value::is_string), "{answer}");
        assert!(answer.to_string().len() < 32_768);
    }
}

/// Takes one request as Zendesk does, and returns it.
fn zendesk(listener: &TcpListener) -> (String, Value) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let created = r#"{"ticket": {"id": 7}}"#;
    let answer = format!(
        "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{created}",
        created.len()
    );
    stream.write_all(answer.as_bytes()).unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_middleware_opens_a_ticket_for_the_agent() {
    if !has("python3") {
        return;
    }
    let service = service().await;
    let address = service.app.http_address.unwrap();
    for (address, subject, queue) in [
        (address, "Call from an unknown caller", "reception"),
        (nobody(), "Call from an unknown caller", "service"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let desk = listener.local_addr().unwrap();
        let taken = tokio::task::spawn_blocking(move || zendesk(&listener));
        let call = "print(json.dumps(call_arrives('+493023125001', 42)))";
        let program = format!("{}\n\n{call}\n", block(ZENDESK, "python"));
        let variables = vec![
            ("PATRON_URL", format!("http://{address}")),
            ("ZENDESK_URL", format!("http://{desk}")),
            ("ZENDESK_TOKEN", "dGVzdA==".to_owned()),
        ];
        assert_eq!(python(program, variables).await, json!([queue, 7]));
        let (head, body) = taken.await.unwrap();
        assert!(
            head.starts_with("POST /api/v2/channels/voice/tickets.json "),
            "{head}"
        );
        assert_eq!(body["display_to_agent"], 42);
        assert_eq!(body["ticket"]["subject"], subject);
        assert_eq!(body["ticket"]["tags"], json!([format!("queue_{queue}")]));
        assert_eq!(body["ticket"]["comment"]["public"], false);
    }
}

/// What `FreeSWITCH` is to a script: variables of the channel, `url_encode` and `url_decode`, and `mod_curl`, which asks through the test.
const FREESWITCH_API: &str = r#"
variables = { caller_id_number = os.getenv("NUMBER") }
local function encode(text)
  return (text:gsub("[^%w%-%._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end
local function decode(text)
  return (text:gsub("%%(%x%x)", function(c) return string.char(tonumber(c, 16)) end))
end
freeswitch = { API = function()
  return { execute = function(_, name, text)
    if name == "url_encode" then return encode(text) end
    assert(name == "url_decode", name)
    return decode(text)
  end }
end }
session = {
  getVariable = function(_, name) return variables[name] end,
  setVariable = function(_, name, value) variables[name] = value end,
  execute = function(_, application, url)
    assert(application == "curl", application)
    print(url) io.stdout:flush()
    variables.curl_response_code = io.read("l")
    variables.curl_response_data = io.read("l")
  end,
}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lua_script_sets_channel_variables() {
    if !has("lua5.4") {
        return;
    }
    let service = service().await;
    let http = service.app.http_address.unwrap();
    let script = block(FREESWITCH, "lua");
    let end = "for name, value in pairs(variables) do print(name .. '=' .. value) end";
    let program = format!("{FREESWITCH_API}\n{script}\n{end}\n");
    for (number, is_there, queue, id) in [
        ("+493023125001", true, "reception", "ada"),
        ("anonymous", true, "reception", ""),
        ("+493023125001", false, "service", ""),
    ] {
        let mut lua = Command::new("lua5.4");
        let lua = lua.args(["-e", &program]).env("NUMBER", number);
        let mut lua = lua
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(lua.stdout.take().unwrap());
        let mut url = String::new();
        said.read_line(&mut url).unwrap();
        let start = format!("http://{HTTP_ADDRESS}");
        let target = url.trim().strip_prefix(&start).unwrap();
        let (status, body) = if is_there {
            get(http, target, "").await
        } else {
            (0, String::new())
        };
        let mut heard = lua.stdin.take().unwrap();
        heard
            .write_all(format!("{status}\n{body}\n").as_bytes())
            .unwrap();
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert!(lua.wait().unwrap().success());
        let lines: Vec<&str> = rest.lines().collect();
        assert!(lines.contains(&&*format!("patron_queue={queue}")), "{rest}");
        let has_id = lines.contains(&&*format!("patron_customer_id={id}"));
        assert_eq!(has_id, is_there, "{rest}");
    }
    // The dialplan sends the call to the variable that the script always sets.
    assert!(block(FREESWITCH, "xml").contains("${patron_queue}@default"));
    assert!(moved(script, &[(HTTP_ADDRESS, "x")]).contains("x/v1/route"));
}
