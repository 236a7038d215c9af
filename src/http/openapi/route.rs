//! The description of `/v1/route`, which no descriptor has.

use serde_json::{Map, Value, json};

/// Each parameter with its meaning. A test compares them with those that are read.
pub(super) const PARAMETERS: [(&str, &str); 25] = [
    (
        "number",
        "The caller's number as it arrives. Missing or empty: withheld",
    ),
    ("caller", "Same as number"),
    ("From", "Same as number"),
    ("callerid", "Same as number"),
    ("ani", "Same as number"),
    ("ANI", "Same as number"),
    (
        "dialled_number",
        "The number that was dialled, for routing rules",
    ),
    ("To", "Same as dialled_number"),
    ("called", "Same as dialled_number"),
    ("dnid", "Same as dialled_number"),
    ("dnis", "Same as dialled_number"),
    (
        "asserted_identity",
        "P-Asserted-Identity of a SIP request. Takes precedence over a number",
    ),
    ("remote_party_id", "Remote-Party-ID of a SIP request"),
    ("from_header", "From of a SIP request"),
    (
        "privacy",
        "Privacy of a SIP request. Counts next to a number, too",
    ),
    ("email", "E-mail address, for contacts that are not calls"),
    (
        "trunk",
        "Name of a trunk in the definitions, whose plan reads the number",
    ),
    (
        "number_plan",
        "Plan that reads the number instead: e164, e164_no_plus, national:DE, auto",
    ),
    (
        "claim",
        "Claimed identity: a customer id, or an id of claim_system",
    ),
    ("claim_system", "System that assigned the claimed id"),
    (
        "channel",
        "Channel of the contact, one of the definitions, for routing rules",
    ),
    (
        "intent",
        "What the contact is about, one of the definitions, for routing rules",
    ),
    (
        "fields",
        "Fields to return, with commas between them: treatment,candidate_count",
    ),
    (
        "format",
        "json, flat (one object from text to text) or kv (key=value&key=value)",
    ),
    ("lang", "Language of texts in flat and kv: en or de"),
];

pub(super) fn path_item() -> Value {
    let query = PARAMETERS.map(|(name, description)| {
        json!({ "name": name, "in": "query", "description": description, "schema": schema_of(name) })
    });
    let properties: Map<String, Value> = PARAMETERS
        .iter()
        .map(|(name, description)| {
            let mut schema = schema_of(name);
            if let Value::Object(schema) = &mut schema {
                schema.insert("description".to_owned(), (*description).into());
            }
            ((*name).to_owned(), schema)
        })
        .collect();
    let body = json!({ "schema": { "type": "object", "properties": properties } });
    let description = "Routes an arriving call: who calls, and how to treat the caller. Every request that can be read has an answer with \
        status 200; 4xx, with a sentence, is for mistakes of the integration.";
    json!({
        "get": {
            "operationId": "RouteByQuery",
            "tags": ["Listener"],
            "summary": "Route an arriving call",
            "description": description,
            "parameters": query,
            "responses": responses(),
        },
        "post": {
            "operationId": "RouteByBody",
            "tags": ["Listener"],
            "summary": "Route an arriving call",
            "description": description,
            "requestBody": { "content": {
                "application/json": body,
                "application/x-www-form-urlencoded": body,
            } },
            "responses": responses(),
        },
    })
}

fn schema_of(parameter: &str) -> Value {
    match parameter {
        "format" => json!({ "type": "string", "enum": ["json", "flat", "kv"] }),
        "lang" => json!({ "type": "string", "enum": ["en", "de"] }),
        _ => json!({ "type": "string" }),
    }
}

fn responses() -> Value {
    let sentence = json!({ "text/plain": { "schema": { "type": "string" } } });
    json!({
        "200": {
            "description": "The answer, in the requested format",
            "content": {
                "application/json": { "schema": { "anyOf": [
                    { "$ref": "#/components/schemas/RouteAnswer" },
                    { "$ref": "#/components/schemas/FlatRouteAnswer" },
                ] } },
                "application/x-www-form-urlencoded": { "schema": { "type": "string" } },
            },
        },
        "default": { "description": "A mistake of the integration, one sentence for each", "content": sentence },
    })
}

/// The schemas that the answers refer to.
pub(super) fn add_schemas(schemas: &mut Map<String, Value>) {
    let flat = json!({
        "type": "object",
        "description": "The answer as one object from text to text. Always the same keys; one without a value is empty",
        "required": ["verdict", "quality", "queue"],
        "additionalProperties": { "type": "string" },
    });
    schemas.insert("FlatRouteAnswer".to_owned(), flat);
    schemas.insert("RouteAnswer".to_owned(), answer());
    schemas.insert("RouteCustomer".to_owned(), customer());
    schemas.insert("RouteTreatment".to_owned(), treatment());
    schemas.insert("RouteText".to_owned(), text());
}

fn list(of: &Value) -> Value {
    json!({ "type": "array", "items": of })
}

/// The answer; a key that has no value is absent.
fn answer() -> Value {
    let string = json!({ "type": "string" });
    let integer = json!({ "type": "integer" });
    let texts = list(&string);
    let text = json!({ "$ref": "#/components/schemas/RouteText" });
    let customer = json!({ "$ref": "#/components/schemas/RouteCustomer" });
    let who = json!({
        "type": "object",
        "required": ["verdict", "quality"],
        "properties": {
            "verdict": { "type": "string", "enum": ["resolved", "ambiguous", "unknown", "withheld", "invalid"] },
            "quality": { "type": "string", "enum": ["full", "stale", "partial", "fallback"] },
            "fallback_reason": { "type": "string", "enum": ["too_late", "database", "overloaded", "internal"] },
            "customer": customer,
            "candidates": list(&customer),
            "candidate_count": integer,
            "shared": { "type": "object", "properties": { "kind": string, "tier": string } },
            "question": { "type": "object", "properties": {
                "asks_for": string,
                "text": text,
                "answers": list(&json!({ "type": "object", "properties": {
                    "value": string, "candidate_count": integer, "queue": string,
                } })),
            } },
            "number": { "type": "object", "properties": {
                "e164": string, "form": string, "extension": string, "is_valid": { "type": "boolean" },
                "readings": texts, "error": string, "number_plan": string, "metadata_version": string,
            } },
            "claim_error": string, "identified_by": string, "as_of": string, "basis_id": string,
        },
    });
    json!({
        "description": "Who calls and how to treat the call",
        "allOf": [who, { "$ref": "#/components/schemas/RouteTreatment" }],
    })
}

/// How to treat the call, and what the contact changed about it; a key that has no value is absent.
fn treatment() -> Value {
    let string = json!({ "type": "string" });
    let integer = json!({ "type": "integer" });
    let instant = json!({ "type": "string", "format": "date-time" });
    let texts = list(&string);
    let text = json!({ "$ref": "#/components/schemas/RouteText" });
    json!({
        "type": "object",
        "properties": {
            "queue": string, "fallback_queues": texts, "priority": integer,
            "skills": texts, "roles": texts, "channels": texts, "services": texts, "articles": texts, "request_forms": texts,
            "response_minutes": integer, "resolution_minutes": integer, "service_hours": string,
            "service_calendar": string, "service_extent": text,
            "automation_allowed": { "type": "boolean" },
            "language": string, "tone": text, "playbook": list(&text),
            "calendar": string, "open_now": { "type": "boolean" }, "opens_time": instant, "closes_time": instant, "holiday": text,
            "response_due_time": instant, "resolution_due_time": instant,
            "rules": texts, "closed_queues": texts, "unknown_fields": texts,
            "priority_reasons": list(&json!({ "type": "object", "properties": { "source": string, "amount": integer } })),
        },
    })
}

fn customer() -> Value {
    let string = json!({ "type": "string" });
    let text = json!({ "$ref": "#/components/schemas/RouteText" });
    json!({
        "type": "object",
        "required": ["id", "kind", "segments"],
        "properties": {
            "id": string, "name": string, "kind": string, "tier": string,
            "tier_rank": { "type": "integer" },
            "unrated_reason": string,
            "lifetime_value": { "type": "object", "properties": {
                "amount_minor": { "type": "integer", "format": "int64" }, "currency": string,
            } },
            "segments": list(&json!({ "type": "object", "properties": {
                "name": string, "title": text, "reasons": list(&text),
            } })),
            "next_check_in": { "type": "string", "format": "date" },
            "references": list(&json!({ "type": "object", "properties": {
                "system": string, "attribute": string, "ids": list(&string),
            } })),
        },
    })
}

fn text() -> Value {
    json!({
        "type": "object",
        "description": "A text in the languages of the definitions",
        "required": ["en"],
        "properties": { "en": { "type": "string" }, "de": { "type": "string" } },
    })
}
