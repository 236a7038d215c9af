//! Origins of web pages, as browsers send them.

/// Whether a text is an origin: scheme, host in lower case, and a port that is not that of the scheme. It is compared as text, so that no other
/// form would ever be found. `*` is none: every page that a colleague opens could read every customer.
pub(super) fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else {
        return false;
    };
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return false;
    };
    let usual = match scheme {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let port = uri.port();
    let port = port.as_ref().map(http::uri::Port::as_str);
    let written = match port {
        Some(port) if port == usual => return false,
        Some(port) => format!("{scheme}://{}:{port}", host.to_ascii_lowercase()),
        None => format!("{scheme}://{}", host.to_ascii_lowercase()),
    };
    written == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_send() {
        for origin in [
            "https://crm.example",
            "http://127.0.0.1:8080",
            "http://[::1]:3000",
            "https://crm.example:8443",
        ] {
            assert!(is_origin(origin), "{origin}");
        }
        for other in [
            "*",
            "null",
            "crm.example",
            "https://crm.example/",
            "https://crm.example/app",
            "https://CRM.example",
            "https://crm.example:443",
            "https://ann@crm.example",
            "ftp://crm.example",
            "https://",
            "https://crm.example?x",
        ] {
            assert!(!is_origin(other), "{other}");
        }
    }
}
