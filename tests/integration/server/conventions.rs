//! What clients of any gRPC service expect: health, reflection, error details, request ids.

use patron::app::server::Limits;
use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use tokio_stream::once;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};
use tonic_types::StatusExt as _;

use super::{Running, raw, request, soon};
use crate::support::service::ServiceWithDatabase;

const SERVICES: [&str; 12] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "patron.v1.CorrectionService",
    "patron.v1.CustomerService",
    "patron.v1.DefinitionService",
    "patron.v1.IngestService",
    "patron.v1.ModelService",
    "patron.v1.RoutingService",
    "patron.v1.ScoringService",
    "patron.v1.ServiceDeskService",
    "patron.v1.TokenService",
];

#[tokio::test]
async fn reflection_v1_lists_all_services() {
    use v1::server_reflection_client::ServerReflectionClient;
    use v1::server_reflection_request::MessageRequest;
    use v1::server_reflection_response::MessageResponse;
    let server = Running::start(Limits::default()).await;
    let mut client = ServerReflectionClient::new(server.channel().await);
    let list = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = client.server_reflection_info(once(list)).await.unwrap();
    let answer = soon(answers.into_inner().message()).await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let mut names: Vec<_> = list.service.into_iter().map(|it| it.name).collect();
    names.sort();
    assert_eq!(names, SERVICES);
}

#[tokio::test]
async fn reflection_v1alpha_lists_all_services_and_describes_them() {
    use v1alpha::server_reflection_client::ServerReflectionClient;
    use v1alpha::server_reflection_request::MessageRequest;
    use v1alpha::server_reflection_response::MessageResponse;
    let server = Running::start(Limits::default()).await;
    let mut client = ServerReflectionClient::new(server.channel().await);
    let ask = |message| v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(message),
    };
    let questions = tokio_stream::iter([
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol(
            "patron.v1.ScoringService".to_owned(),
        )),
    ]);
    let answers = client.server_reflection_info(questions).await.unwrap();
    let mut answers = answers.into_inner();
    let answer = soon(answers.message()).await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let mut names: Vec<_> = list.service.into_iter().map(|it| it.name).collect();
    names.sort();
    assert_eq!(names, SERVICES);
    let answer = soon(answers.message()).await.unwrap().unwrap();
    let Some(MessageResponse::FileDescriptorResponse(files)) = answer.message_response else {
        panic!("{answer:?}");
    };
    assert!(!files.file_descriptor_proto.is_empty());
}

/// A client shows the details of an error by looking up the names in their `Any`.
#[tokio::test]
async fn reflection_describes_the_details_of_errors() {
    use v1::server_reflection_client::ServerReflectionClient;
    use v1::server_reflection_request::MessageRequest;
    use v1::server_reflection_response::MessageResponse;
    let server = Running::start(Limits::default()).await;
    let mut client = ServerReflectionClient::new(server.channel().await);
    let details = [
        "google.rpc.BadRequest",
        "google.rpc.ErrorInfo",
        "google.rpc.ResourceInfo",
        "google.rpc.RetryInfo",
    ];
    let questions = details.map(|name| v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(name.to_owned())),
    });
    let answers = client.server_reflection_info(tokio_stream::iter(questions));
    let mut answers = answers.await.unwrap().into_inner();
    for name in details {
        let answer = soon(answers.message()).await.unwrap().unwrap();
        let Some(MessageResponse::FileDescriptorResponse(files)) = answer.message_response else {
            panic!("{name}: {answer:?}");
        };
        let mut messages = Vec::new();
        for file in files.file_descriptor_proto {
            let file = FileDescriptorProto::decode(&*file).unwrap();
            let package = file.package().to_owned();
            let declared = file.message_type.into_iter();
            messages.extend(declared.map(|message| format!("{package}.{}", message.name())));
        }
        assert!(messages.iter().any(|it| it == name), "{name}: {messages:?}");
    }
}

/// Every unary method, `patron.v1.ScoringService/Classify`.
fn unary_methods() -> Vec<String> {
    let set = FileDescriptorSet::decode(patron::pb::FILE_DESCRIPTOR_SET).unwrap();
    let mut methods = vec![];
    for file in set.file.iter().filter(|it| it.package() == "patron.v1") {
        for service in &file.service {
            let unary = service
                .method
                .iter()
                .filter(|it| !it.client_streaming() && !it.server_streaming());
            methods.extend(unary.map(|it| format!("patron.v1.{}/{}", service.name(), it.name())));
        }
    }
    methods
}

/// Whatever lane a method runs in: [`raw::exchange_bytes`] holds that an error is trailers alone.
#[tokio::test]
async fn the_grpc_core_reads_the_errors_of_every_method() {
    let service = ServiceWithDatabase::start().await;
    let methods = unary_methods();
    assert!(methods.len() > 40, "{methods:?}");
    for method in methods {
        let malformed = raw::framed(b"\xff\xff\xff");
        let answer = raw::exchange_bytes(service.app.address, &method, &malformed, &[]).await;
        assert_eq!(answer.0["grpc-status"], "3", "{method}");
        assert!(answer.0.contains_key("grpc-status-details-bin"), "{method}");
    }
}

#[tokio::test]
async fn every_service_has_a_health_of_its_own() {
    let server = Running::start(Limits::default()).await;
    let mut client = HealthClient::new(server.channel().await);
    let mut check = async |service: &str| {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = soon(client.check(request)).await;
        answer.map(|answer| answer.into_inner().status())
    };
    for service in ["", "patron.v1.ScoringService", "patron.v1.IngestService"] {
        let status = check(service).await.unwrap();
        assert_eq!(status, ServingStatus::Serving, "{service:?}");
    }
    let unknown = check("patron.v1.NoService").await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    server
        .shared
        .health
        .set("patron.v1.IngestService", false)
        .await;
    let ingest = check("patron.v1.IngestService").await.unwrap();
    assert_eq!(ingest, ServingStatus::NotServing);
    assert_eq!(check("").await.unwrap(), ServingStatus::Serving);
}

#[tokio::test]
async fn an_error_carries_its_reason_and_what_it_is_about() {
    let server = Running::start(Limits::default()).await;
    let mut client = server.client().await;
    let error = client.classify(request("fail")).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    let info = error.get_details_error_info().unwrap();
    assert_eq!(
        (&*info.reason, &*info.domain),
        ("CUSTOMER_NOT_FOUND", "patron")
    );
    let about = error.get_details_resource_info().unwrap();
    assert_eq!(about.resource_type, "patron.v1.Customer");
    assert_eq!(about.resource_name, "fail");
}

#[tokio::test]
async fn a_sane_request_id_comes_back_with_answers_and_errors() {
    let server = Running::start(Limits::default()).await;
    let mut client = server.client().await;
    for command in ["anna", "fail"] {
        let mut call = Request::new(request(command));
        let id = "call-4711/~";
        call.metadata_mut()
            .insert("x-request-id", id.parse().unwrap());
        let metadata = match client.classify(call).await {
            Ok(answer) => answer.metadata().clone(),
            Err(error) => error.metadata().clone(),
        };
        assert_eq!(metadata.get("x-request-id").unwrap(), id, "{command}");
    }
}

#[tokio::test]
async fn a_call_without_a_sane_request_id_gets_one() {
    let server = Running::start(Limits::default()).await;
    let mut client = server.client().await;
    let long = "x".repeat(65);
    for sent in [None, Some("two words"), Some(&*long)] {
        let mut call = Request::new(request("anna"));
        if let Some(sent) = sent {
            call.metadata_mut()
                .insert("x-request-id", sent.parse().unwrap());
        }
        let answer = client.classify(call).await.unwrap();
        let given = answer.metadata().get("x-request-id").unwrap();
        let given = given.to_str().unwrap();
        let uuid = uuid::Uuid::parse_str(given).unwrap();
        assert_eq!(uuid.get_version_num(), 7, "{sent:?}");
    }
}
