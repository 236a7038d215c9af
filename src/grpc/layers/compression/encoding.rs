//! gzip and zstd: which of them a call uses, and messages in and out of them.
//!
//! A message is inflated in one go on the thread that reads it, so at most one per thread is on its way; what comes out is bounded before it
//! is held. What a message says is not known here.

use std::io::{self, BufRead, Read, Write as _};

use bytes::{BufMut as _, Bytes, BytesMut};
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use http::header::AsHeaderName;
use http::{HeaderMap, HeaderValue};

use crate::grpc::layers::receive::PREFIX_BYTES;
use crate::metrics::CompressionFormat;

/// The header with the encoding of the messages of a request or an answer.
pub(crate) const ENCODING_HEADER: &str = "grpc-encoding";

/// The header with the encodings that a caller reads.
pub(crate) const ACCEPT_ENCODING_HEADER: &str = "grpc-accept-encoding";

/// Largest window of a zstd message, as a power of two: 8 MiB, which is what RFC 9659 allows in HTTP. A frame states how much memory it takes
/// to read it.
const ZSTD_WINDOW_LOG: u32 = 23;

/// The fastest level of each format. Chosen: a caller waits for the answer, and repeated names, most of what an answer is, shrink at any level.
const GZIP_LEVEL: u32 = 1;
const ZSTD_LEVEL: i32 = 1;

/// Bytes that are inflated at once, and the least that a caller is charged for more of them.
const PIECE_BYTES: usize = 16 * 1024;

/// A format of compressed messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// The messages of a call are compressed in a format that is not read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnknownEncoding;

/// Why a message cannot be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable<E> {
    /// It is larger than a message may be.
    TooLarge,
    /// The bytes are not of the format.
    Malformed,
    /// Its holder has no room for it.
    NoRoom(E),
}

impl Encoding {
    /// The name in headers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// As metrics count it.
    pub(crate) fn format(self) -> CompressionFormat {
        match self {
            Self::Gzip => CompressionFormat::Gzip,
            Self::Zstd => CompressionFormat::Zstd,
        }
    }

    /// The header with the name.
    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }

    /// The encoding of the messages of a request; `None` if they are not compressed.
    pub(crate) fn of_request(headers: &HeaderMap) -> Result<Option<Self>, UnknownEncoding> {
        let Some(stated) = headers.get(ENCODING_HEADER) else {
            return Ok(None);
        };
        match stated.as_bytes() {
            b"identity" => Ok(None),
            b"gzip" => Ok(Some(Self::Gzip)),
            b"zstd" => Ok(Some(Self::Zstd)),
            _ => Err(UnknownEncoding),
        }
    }

    /// The encoding that a caller reads; zstd where it reads both, which is faster and smaller.
    pub(crate) fn accepted(headers: &HeaderMap, name: impl AsHeaderName) -> Option<Self> {
        let mut accepted = None;
        let values = headers.get_all(name);
        for stated in values.iter().filter_map(|value| value.to_str().ok()) {
            for one in stated.split(',') {
                let (name, weight) = one.split_once(';').unwrap_or((one, ""));
                if is_zero(weight) {
                    continue;
                }
                match name.trim() {
                    "zstd" => return Some(Self::Zstd),
                    "gzip" => accepted = Some(Self::Gzip),
                    _ => {}
                }
            }
        }
        accepted
    }

    /// The message within `compressed`, with its prefix, of at most `max_bytes` without it. `hold` is asked for room before more bytes are
    /// held.
    pub(crate) fn inflate<E>(
        self,
        compressed: &[u8],
        max_bytes: usize,
        hold: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<BytesMut, Unreadable<E>> {
        match self {
            Self::Gzip => collect(MultiGzDecoder::new(compressed), max_bytes, hold),
            Self::Zstd => {
                let decoder = zstd_decoder(compressed).map_err(|_| Unreadable::Malformed)?;
                collect(decoder, max_bytes, hold)
            }
        }
    }

    /// A message as one frame that is compressed, or `None` if that would not make it smaller.
    pub(crate) fn deflate(self, message: &[u8]) -> Option<Bytes> {
        let mut framed = Vec::with_capacity(message.len() / 2);
        framed.put_slice(&[1, 0, 0, 0, 0]);
        let framed = match self {
            Self::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                let mut encoder = GzEncoder::new(framed, level);
                encoder.write_all(message).ok()?;
                encoder.finish().ok()?
            }
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(framed, ZSTD_LEVEL).ok()?;
                encoder
                    .set_pledged_src_size(Some(message.len() as u64))
                    .ok()?;
                encoder.write_all(message).ok()?;
                encoder.finish().ok()?
            }
        };
        let length = framed.len() - PREFIX_BYTES;
        if length >= message.len() {
            return None;
        }
        let mut framed = BytesMut::from(Bytes::from(framed));
        framed[1..PREFIX_BYTES].copy_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
        Some(framed.freeze())
    }
}

/// Whether a weight of an `accept-encoding` header is 0: the caller does not want the encoding.
fn is_zero(weight: &str) -> bool {
    let weight = weight.trim().strip_prefix("q=");
    weight.is_some_and(|it| it.trim().parse() == Ok(0.0))
}

fn zstd_decoder<R: BufRead>(compressed: R) -> io::Result<zstd::Decoder<'static, R>> {
    let mut decoder = zstd::Decoder::with_buffer(compressed)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

/// Everything that `decoder` gives, behind the prefix of a message.
fn collect<E>(
    mut decoder: impl Read,
    max_bytes: usize,
    mut hold: impl FnMut(usize) -> Result<(), E>,
) -> Result<BytesMut, Unreadable<E>> {
    let mut framed = BytesMut::zeroed(PREFIX_BYTES);
    let mut piece = [0; PIECE_BYTES];
    loop {
        let read = match decoder.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(_) => return Err(Unreadable::Malformed),
        };
        let length = framed.len() - PREFIX_BYTES + read;
        if length > max_bytes {
            return Err(Unreadable::TooLarge);
        }
        let capacity = framed.capacity();
        if framed.len() + read > capacity {
            // By doubling, so that what was inflated is copied a few times at most.
            let more = capacity.max(PIECE_BYTES);
            hold(more).map_err(Unreadable::NoRoom)?;
            framed.reserve(capacity + more - framed.len());
        }
        framed.put_slice(&piece[..read]);
    }
    // Messages are far below 4 GiB; the fallback is never taken.
    let length = u32::try_from(framed.len() - PREFIX_BYTES).unwrap_or(u32::MAX);
    framed[1..PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(framed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Encoding; 2] = [Encoding::Gzip, Encoding::Zstd];

    fn inflate(
        encoding: Encoding,
        compressed: &[u8],
        max_bytes: usize,
    ) -> Result<Vec<u8>, Unreadable<()>> {
        let inflated = encoding.inflate(compressed, max_bytes, |_| Ok(()))?;
        Ok(inflated[PREFIX_BYTES..].to_vec())
    }

    #[test]
    fn what_is_deflated_inflates_to_the_same_and_has_its_length() {
        let message = b"customer ".repeat(10_000);
        for encoding in BOTH {
            let framed = encoding.deflate(&message).unwrap();
            assert!(framed.len() < message.len() / 20, "{encoding:?}");
            let length = u32::from_be_bytes(framed[1..5].try_into().unwrap());
            assert_eq!((framed[0], length as usize), (1, framed.len() - 5));
            let inflated = encoding.inflate(&framed[5..], message.len(), |_| Ok::<_, ()>(()));
            let inflated = inflated.unwrap();
            let length = u32::from_be_bytes(inflated[1..5].try_into().unwrap());
            assert_eq!((inflated[0], length as usize), (0, message.len()));
            assert_eq!(&inflated[5..], message);
            assert_eq!(encoding.deflate(b"x"), None, "it would become larger");
        }
    }

    #[test]
    fn what_comes_out_is_bounded_and_asked_for_before_it_is_held() {
        let bomb = vec![0; 1 << 20];
        for encoding in BOTH {
            let framed = encoding.deflate(&bomb).unwrap();
            let at_most = |bytes| inflate(encoding, &framed[5..], bytes).map(|it| it.len());
            assert_eq!(at_most(bomb.len()), Ok(bomb.len()), "{encoding:?}");
            assert_eq!(at_most(bomb.len() - 1), Err(Unreadable::TooLarge));
            let mut room = 100_000;
            let refused = encoding.inflate(&framed[5..], bomb.len(), |bytes| {
                room -= i64::try_from(bytes).unwrap();
                if room < 0 { Err("full") } else { Ok(()) }
            });
            assert_eq!(refused, Err(Unreadable::NoRoom("full")));
        }
    }

    #[test]
    fn bytes_that_are_not_of_the_format_are_malformed() {
        for encoding in BOTH {
            let framed = encoding.deflate(&b"customer ".repeat(100)).unwrap();
            let whole = &framed[5..];
            for bytes in [
                &b"customer"[..],
                &whole[..whole.len() - 1],
                &[whole, b"x"].concat(),
            ] {
                assert_eq!(
                    inflate(encoding, bytes, 10_000),
                    Err(Unreadable::Malformed),
                    "{encoding:?}"
                );
            }
        }
    }

    #[test]
    fn a_zstd_frame_with_a_larger_window_than_http_allows_is_not_read() {
        let mut encoder = zstd::Encoder::new(vec![], 1).unwrap();
        encoder.window_log(ZSTD_WINDOW_LOG + 1).unwrap();
        encoder.write_all(b"customer").unwrap();
        let compressed = encoder.finish().unwrap();
        let refused = inflate(Encoding::Zstd, &compressed, 10_000);
        assert_eq!(refused, Err(Unreadable::Malformed));
    }

    #[test]
    fn the_best_encoding_that_a_caller_accepts_is_used() {
        for (stated, expected) in [
            (&["gzip"][..], Some(Encoding::Gzip)),
            (&["identity,gzip, zstd"], Some(Encoding::Zstd)),
            (&["gzip;q=0.5, zstd;q=0"], Some(Encoding::Gzip)),
            (&["br", "gzip"], Some(Encoding::Gzip)),
            (&["gzip;q=0.0"], None),
            (&["deflate, br"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for one in stated {
                headers.append(ACCEPT_ENCODING_HEADER, HeaderValue::from_static(one));
            }
            let accepted = Encoding::accepted(&headers, ACCEPT_ENCODING_HEADER);
            assert_eq!(accepted, expected, "{stated:?}");
        }
    }
}
