//! What the server serves, read from the descriptor sets compiled into the program.

use std::collections::HashSet;

use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic_reflection::server::Builder;

use crate::grpc::json::{Codec, CodecError};

/// Descriptor sets of our services, of the ones every server has, and of the messages in the details of an error, which no service names.
const DESCRIPTOR_SETS: [&[u8]; 5] = [
    crate::pb::FILE_DESCRIPTOR_SET,
    tonic_types::pb::FILE_DESCRIPTOR_SET,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// A descriptor set compiled into the program cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve the built-in descriptors")]
pub struct ReflectionError(#[from] tonic_reflection::server::Error);

/// A reflection service of all services; each version lists the other as well.
pub(super) fn builder() -> Builder<'static> {
    DESCRIPTOR_SETS.into_iter().fold(
        Builder::configure().include_reflection_service(false),
        Builder::register_encoded_file_descriptor_set,
    )
}

/// A codec of the messages of all services.
pub(super) fn codec() -> Result<Codec, CodecError> {
    Codec::new(&DESCRIPTOR_SETS)
}

/// The descriptors of all services as one binary `FileDescriptorSet`, each file behind those that it imports.
#[must_use]
pub fn descriptor_set() -> Vec<u8> {
    let mut names = HashSet::new();
    let mut set = |encoded: &[u8]| {
        let files = FileDescriptorSet::decode(encoded).unwrap_or_default().file;
        let file = files.into_iter();
        let file = file.filter(|file| names.insert(file.name().to_owned()));
        FileDescriptorSet {
            file: file.collect(),
        }
    };
    let [ours, others @ ..] = DESCRIPTOR_SETS;
    set(ours);
    // As they are: decoded, our files would lose their options, such as the scopes of methods. Sets one behind the other are one set.
    let mut all = ours.to_vec();
    for other in others {
        all.extend(set(other).encode_to_vec());
    }
    all
}

/// Services and their methods, `(patron.v1.ScoringService, [Classify, ...])`.
fn served() -> impl Iterator<Item = (String, Vec<String>)> {
    DESCRIPTOR_SETS
        .into_iter()
        // The sets were encoded by the build and decode; a test holds the number of services.
        .filter_map(|encoded| FileDescriptorSet::decode(encoded).ok())
        .flat_map(|set| set.file)
        .flat_map(|file| {
            let package = file.package().to_owned();
            file.service.into_iter().map(move |service| {
                let methods = service
                    .method
                    .iter()
                    .map(|method| method.name().to_owned())
                    .collect();
                (format!("{package}.{}", service.name()), methods)
            })
        })
}

/// Full names of all services.
pub(super) fn services() -> Vec<String> {
    served().map(|(service, _)| service).collect()
}

/// Full names of all methods, `patron.v1.ScoringService/Classify`.
#[must_use]
pub fn methods() -> Vec<String> {
    served()
        .flat_map(|(service, methods)| {
            methods
                .into_iter()
                .map(move |method| format!("{service}/{method}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_keep_the_scopes_of_methods() {
        let pool = prost_reflect::DescriptorPool::decode(&*descriptor_set()).unwrap();
        let scope = pool.get_extension_by_name("patron.v1.scope").unwrap();
        let scoring = pool.get_service_by_name("patron.v1.ScoringService");
        let classify = scoring
            .unwrap()
            .methods()
            .find(|it| it.name() == "Classify");
        let options = classify.unwrap().options();
        let lookup = crate::pb::Scope::Lookup.into();
        assert_eq!(options.get_extension(&scope).as_enum_number(), Some(lookup));
        assert!(pool.get_service_by_name("grpc.health.v1.Health").is_some());
    }

    #[test]
    fn all_services_and_methods_are_known() {
        let services = services();
        for service in [
            "patron.v1.ScoringService",
            "patron.v1.IngestService",
            "patron.v1.ModelService",
            "patron.v1.CustomerService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ] {
            assert!(services.iter().any(|it| it == service), "{service}");
        }
        let methods = methods();
        assert!(
            methods
                .iter()
                .any(|it| it == "patron.v1.ScoringService/Classify")
        );
        assert!(methods.iter().any(|it| it == "grpc.health.v1.Health/Watch"));
    }
}
