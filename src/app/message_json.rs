//! Responses in the JSON form of the API, for the command line: what HTTP answers to the same call.

use prost::Message;

use crate::{
    grpc::json::{Codec, CodecError, Malformed},
    pb,
};

/// A response that cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
pub enum MessageJsonError {
    /// The built-in descriptors cannot be used.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// There is no unary method with this name.
    #[error("no method {0}")]
    UnknownMethod(String),
    /// The message is not of the method.
    #[error("the message is not the response of the method")]
    Malformed(#[from] Malformed),
}

/// Writes responses of a method as JSON.
#[derive(Debug)]
pub struct ResponseJson {
    codec: Codec,
    path: String,
}

impl ResponseJson {
    /// For the responses of a method, for example "ScoringService/Classify".
    ///
    /// # Errors
    /// When the built-in descriptors cannot be used.
    pub fn new(method: &str) -> Result<Self, MessageJsonError> {
        Ok(Self {
            codec: Codec::new(&[pb::FILE_DESCRIPTOR_SET])?,
            path: format!("/patron.v1.{method}"),
        })
    }

    /// A response on one line.
    ///
    /// # Errors
    /// When there is no such method, or the message is not its response.
    pub fn write(&self, response: &impl Message) -> Result<String, MessageJsonError> {
        let shape = self.codec.shape(&self.path);
        let shape = shape.ok_or_else(|| MessageJsonError::UnknownMethod(self.path.clone()))?;
        let json = shape.write(&response.encode_to_vec())?;
        Ok(String::from_utf8_lossy(&json).into_owned())
    }
}
