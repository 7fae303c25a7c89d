//! The text of a request, of buyers and of an admin.

use std::{fmt::Arguments, io::Write};

use sale::model::SaleId;
use system::client::Buyer;

#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: Arguments<'a>,
    pub host: &'a str,
    /// The token of the caller; `None` without a login.
    pub token: Option<&'a str>,
    /// Further lines of the head, each with its end.
    pub headers: &'a str,
    pub body: Option<&'a str>,
}

impl Request<'_> {
    pub fn write(&self, text: &mut Vec<u8>) {
        let Self {
            method, path, host, ..
        } = self;
        // Writing into memory does not fail.
        let _ = write!(text, "{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
        if let Some(token) = self.token {
            let _ = write!(text, "Authorization: Bearer {token}\r\n");
        }
        text.extend_from_slice(self.headers.as_bytes());
        let body = self.body.unwrap_or_default();
        if self.body.is_some() {
            let _ = write!(
                text,
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            );
        }
        let _ = write!(text, "\r\n{body}");
    }
}

pub fn write_purchase(text: &mut Vec<u8>, host: &str, sale: SaleId, buyer: &Buyer) {
    let body = format!(r#"{{"saleId":"{sale}"}}"#);
    Request {
        method: "POST",
        path: format_args!("/api/purchase"),
        host,
        token: Some(&buyer.token),
        headers: "",
        body: Some(&body),
    }
    .write(text);
}

pub fn write_look(text: &mut Vec<u8>, host: &str, sale: SaleId, token: Option<&str>) {
    Request {
        method: "GET",
        path: format_args!("/api/flash-sale/status?saleId={sale}"),
        host,
        token,
        headers: "",
        body: None,
    }
    .write(text);
}
