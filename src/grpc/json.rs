//! The JSON form of messages (proto3 JSON), read and written by the descriptors that reflection serves.
//!
//! JSON is turned into the bytes of a message and back without a tree of values in between: a request of many small parts costs no more memory
//! than its message. Whatever does not fit the message is collected with the path of its field, so that a caller corrects all of it at once.
//! Source: <https://protobuf.dev/programming-guides/json>.

mod read;
mod scalar;
mod status;
mod well_known;
mod wire;
mod write;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DescriptorError, DescriptorPool, MessageDescriptor};
use prost_types::FileDescriptorSet;
use tonic::Status;

pub use self::status::http_status;
pub use self::wire::Malformed;

/// A descriptor set compiled into the program cannot be used for JSON.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The bytes are no descriptor set.
    #[error("the built-in descriptors cannot be decoded")]
    Undecodable(#[from] prost::DecodeError),
    /// The descriptors do not fit together.
    #[error("the built-in descriptors are inconsistent")]
    Inconsistent(#[from] DescriptorError),
}

/// The messages of every unary method, and those in the details of errors.
#[derive(Debug)]
pub struct Codec {
    pool: DescriptorPool,
    /// By path, the leading slash included.
    methods: HashMap<Box<str>, Arc<Shape>>,
}

/// The request and the response of a method.
#[derive(Debug)]
pub struct Shape {
    input: MessageDescriptor,
    output: MessageDescriptor,
}

impl Codec {
    /// A codec of all that these sets describe. A file that several sets have is taken from the first.
    ///
    /// # Errors
    /// When a set is none, or a type is missing.
    pub fn new(descriptor_sets: &[&[u8]]) -> Result<Self, CodecError> {
        let mut pool = DescriptorPool::new();
        for set in descriptor_sets {
            let files = FileDescriptorSet::decode(*set)?.file;
            let is_new = |name: &str| pool.get_file_by_name(name).is_none();
            let files: Vec<_> = files.into_iter().filter(|it| is_new(it.name())).collect();
            pool.add_file_descriptor_protos(files)?;
        }
        let mut methods = HashMap::new();
        for service in pool.services() {
            for method in service.methods() {
                if method.is_client_streaming() || method.is_server_streaming() {
                    continue;
                }
                let path = format!("/{}/{}", service.full_name(), method.name());
                let shape = Shape {
                    input: method.input(),
                    output: method.output(),
                };
                methods.insert(path.into(), Arc::new(shape));
            }
        }
        Ok(Self { pool, methods })
    }

    /// The messages of the unary method at a path; `None` for a stream, and for what does not exist.
    #[must_use]
    pub fn shape(&self, path: &str) -> Option<&Arc<Shape>> {
        self.methods.get(path)
    }
}

impl Shape {
    /// The bytes of the request message that a JSON text stands for.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with every field that does not fit, or with the place where the text is not JSON.
    pub fn read(&self, json: &[u8]) -> Result<Vec<u8>, Status> {
        read::read(&self.input, json)
    }

    /// A response message as JSON.
    ///
    /// # Errors
    /// When the bytes are not such a message.
    pub fn write(&self, message: &[u8]) -> Result<Bytes, Malformed> {
        // Names and marks take about twice the room of the fields.
        let mut json = Vec::with_capacity(3 * message.len() + 2);
        write::write(&self.output, message, &mut json)?;
        Ok(json.into())
    }
}

#[cfg(test)]
mod tests;
