//! Content codings: which of them a client takes (RFC 9110, 12.5.3), and bytes in them.

use std::io::{self, Write as _};

use brotli::{BrotliCompress, enc::BrotliEncoderParams};
use flate2::{Compression, write::GzEncoder};
use poem::http::{HeaderMap, header};

/// A way to compress a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// The smallest; every browser of today takes it.
    Brotli,
    /// Taken by everything else.
    Gzip,
}

impl Coding {
    /// Its name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Whether a client takes it. A client that does not say gets the plain form.
    pub fn is_taken(self, headers: &HeaderMap) -> bool {
        let takes = |wanted: &str| {
            let accepted = headers.get_all(header::ACCEPT_ENCODING);
            let mut codings = accepted
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','));
            codings.find_map(|coding| {
                let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
                let weight = parameters.trim().strip_prefix(['q', 'Q']);
                let weight = weight.and_then(|weight| weight.strip_prefix('='));
                let refused = weight.is_some_and(|weight| weight.parse() == Ok(0.0));
                name.trim().eq_ignore_ascii_case(wanted).then_some(!refused)
            })
        };
        takes(self.name()).or_else(|| takes("*")).unwrap_or(false)
    }

    /// Bytes in this coding, as small as it makes them. Fails only where memory cannot be written.
    pub fn compress(self, mut plain: &[u8]) -> io::Result<Vec<u8>> {
        let mut packed = Vec::new();
        match self {
            Self::Brotli => {
                let parameters = BrotliEncoderParams {
                    size_hint: plain.len(),
                    ..BrotliEncoderParams::default()
                };
                BrotliCompress(&mut plain, &mut packed, &parameters)?;
                Ok(packed)
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(packed, Compression::best());
                encoder.write_all(plain)?;
                encoder.finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use poem::http::{HeaderMap, HeaderValue, header};

    use super::Coding;

    #[test]
    fn a_coding_is_sent_to_clients_that_take_it() {
        for (accepted, gzip, brotli) in [
            ("gzip", true, false),
            ("deflate, GZIP;q=0.5", true, false),
            ("gzip, deflate, br, zstd", true, true),
            ("*", true, true),
            ("br", false, true),
            ("gzip;q=0", false, false),
            ("gzip; q=0.000, br", false, true),
            ("GZIP ;Q=0, br", false, true),
            ("*, gzip;q=0", false, true),
            ("*;q=0, gzip", true, false),
            ("", false, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(Coding::Gzip.is_taken(&headers), gzip, "{accepted}");
            assert_eq!(Coding::Brotli.is_taken(&headers), brotli, "{accepted}");
        }
        assert!(!Coding::Gzip.is_taken(&HeaderMap::new()));
    }
}
