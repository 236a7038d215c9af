//! The OpenAPI 3.1 document of the HTTP listener, made from the descriptors of the API: every unary call with its messages, and their comments
//! as descriptions. `/v1/route` has no descriptor and is described by hand.

mod route;
mod schemas;

use std::sync::OnceLock;

use bytes::Bytes;
use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use serde_json::{Map, Value, json};

use self::schemas::Schemas;
use crate::pb;

/// Most of what a generator of clients shows before the calls.
const DESCRIPTION: &str = "Who a customer is, what they are worth and how to treat them. Every call is a POST to \
    /package.Service/Method with a JSON object, in the JSON form of protobuf: int64 as text, enum values by name, fields with a default \
    value omitted from responses. Fields that a later version adds may appear in responses. Telephone systems use /v1/route instead.";

/// The document as JSON, made at the first call; `None` if the built-in descriptors cannot be read, which a test rules out.
#[must_use]
pub fn document() -> Option<Bytes> {
    static DOCUMENT: OnceLock<Option<Bytes>> = OnceLock::new();
    let made = DOCUMENT.get_or_init(|| {
        let pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).ok()?;
        let mut json = serde_json::to_vec_pretty(&describe(&pool)).ok()?;
        json.push(b'\n');
        Some(json.into())
    });
    made.clone()
}

fn describe(pool: &DescriptorPool) -> Value {
    let mut schemas = Schemas::new(pool);
    let (mut paths, mut tags) = (Map::new(), vec![]);
    for service in pool.services() {
        let description = schemas.comment(&service.parent_file(), service.path());
        tags.push(json!({ "name": service.name(), "description": description }));
        for method in service.methods() {
            // Streams need gRPC.
            if method.is_client_streaming() || method.is_server_streaming() {
                continue;
            }
            let path = format!("/{}/{}", service.full_name(), method.name());
            let post = operation(&service, &method, &mut schemas);
            paths.insert(path, json!({ "post": post }));
        }
    }
    paths.insert("/v1/route".to_owned(), route::path_item());
    paths.insert("/v1/openapi.json".to_owned(), openapi_item());
    paths.insert("/v1/descriptors".to_owned(), descriptors_item());
    tags.push(json!({
        "name": "Listener",
        "description": "Call arrival for telephone systems, and descriptions of the API.",
    }));
    let mut all = schemas.into_map();
    all.insert("google.rpc.Status".to_owned(), status_schema());
    route::add_schemas(&mut all);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Patron",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT or Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        // The empty one: a server may run without identities.
        "security": [{ "token": [] }, {}],
        "components": {
            "securitySchemes": { "token": token_scheme() },
            "schemas": all,
            "responses": { "Error": error_response() },
            "parameters": parameters(),
        },
    })
}

fn token_scheme() -> Value {
    json!({
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "patron_ID.SECRET",
        "description": "A token of `patron token create`, where the server requires identities.",
    })
}

/// One call.
fn operation(
    service: &ServiceDescriptor,
    method: &MethodDescriptor,
    schemas: &mut Schemas,
) -> Value {
    let description = schemas.comment(&method.parent_file(), method.path());
    let summary = description.split_inclusive(". ").next().unwrap_or_default();
    json!({
        "operationId": format!("{}_{}", service.name(), method.name()),
        "tags": [service.name()],
        "summary": summary.trim().trim_end_matches('.'),
        "description": description,
        "parameters": [
            { "$ref": "#/components/parameters/timeout" },
            { "$ref": "#/components/parameters/request_id" },
        ],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": schemas.message(&method.input()) } },
        },
        "responses": {
            "200": {
                "description": "The answer",
                "content": { "application/json": { "schema": schemas.message(&method.output()) } },
            },
            "default": { "$ref": "#/components/responses/Error" },
        },
    })
}

fn parameters() -> Value {
    json!({
        "timeout": {
            "name": "Connect-Timeout-Ms",
            "in": "header",
            "description": "Time limit of the call in milliseconds. Without it, the server's default applies.",
            "schema": { "type": "integer", "minimum": 1, "maximum": 9_999_999_999_u64 },
        },
        "request_id": {
            "name": "X-Request-Id",
            "in": "header",
            "description": "Id of the call in logs and in the response, 1 to 64 visible ASCII characters. Without it, the server assigns one.",
            "schema": { "type": "string", "pattern": "^[!-~]{1,64}$" },
        },
    })
}

fn error_response() -> Value {
    json!({
        "description": "An error. The status is that of the code: 400 INVALID_ARGUMENT or FAILED_PRECONDITION, 404 NOT_FOUND, \
            409 ABORTED or ALREADY_EXISTS, 413 for a body that is too large, 429 RESOURCE_EXHAUSTED, 501 UNIMPLEMENTED, \
            503 UNAVAILABLE, 504 DEADLINE_EXCEEDED, 500 INTERNAL",
        "headers": {
            "Retry-After": {
                "description": "Seconds after which the same call may succeed. Present where a retry helps",
                "schema": { "type": "integer" },
            },
        },
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/google.rpc.Status" } } },
    })
}

/// `google.rpc.Status`, which the descriptors of the API do not contain.
fn status_schema() -> Value {
    json!({
        "type": "object",
        "description": "An error: https://google.aip.dev/193",
        "required": ["code", "message", "details"],
        "properties": {
            "code": { "type": "integer", "description": "google.rpc.Code" },
            "message": { "type": "string", "description": "What is wrong and what to do" },
            "details": {
                "type": "array",
                "description": "google.rpc.ErrorInfo with a stable reason, always; BadRequest, RetryInfo and ResourceInfo where they apply",
                "items": {
                    "type": "object",
                    "required": ["@type"],
                    "properties": { "@type": { "type": "string" } },
                    "additionalProperties": true,
                },
            },
        },
    })
}

fn openapi_item() -> Value {
    json!({ "get": {
        "operationId": "GetOpenApi",
        "tags": ["Listener"],
        "summary": "This document",
        "responses": { "200": {
            "description": "OpenAPI 3.1",
            "content": { "application/json": { "schema": { "type": "object" } } },
        } },
    } })
}

fn descriptors_item() -> Value {
    json!({ "get": {
        "operationId": "GetDescriptors",
        "tags": ["Listener"],
        "summary": "The descriptors of all services, for grpcurl, buf and Envoy",
        "responses": { "200": {
            "description": "A binary google.protobuf.FileDescriptorSet",
            "content": { "application/x-protobuf": {} },
        } },
    } })
}

#[cfg(test)]
mod tests;
