//! The pages: the storefront and the console.
//!
//! They are files (`api/web`) that this service sends as they are; everything that changes comes from the API, by the
//! scripts of the pages. So each reply here is the same for everybody, and a CDN may keep it. Replies are views of bytes
//! that were compressed once. `PAGES=off` serves none of it.
//!
//! | module | owns |
//! | --- | --- |
//! | [`place`] | which address is what |
//! | [`site`] | the files and their version |
//! | [`settings`] | the settings |
//! | [`encoded`] | bytes in the forms in which they are served |
//! | [`template`] | the slots of the shells; escaping |

pub mod encoded;
pub mod place;
pub mod settings;
pub mod site;
pub mod template;

use poem::{
    PathPattern, Request, Response, Result,
    error::{MethodNotAllowedError, NotFoundError},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
};

use self::{
    encoded::Wanted,
    place::{ASSETS, Place},
    settings::{Pages, PagesSettings},
    site::{Shell, Sites},
};

/// What the pages may do: run and show their own files, call this service, and show pictures of products, which may be
/// anywhere. Scripts cannot write HTML.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https: http:; \
     connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);
/// What else browsers must know. The edge adds the headers that all replies have.
const GUARDS: [(HeaderName, HeaderValue); 3] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    // No other site's window can reach into one of ours.
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// Browsers ask again for each page. A CDN does so every five seconds, so that a crowd costs nothing and a page that
/// names files of an older version is soon gone.
const PAGE_CACHING: HeaderValue = HeaderValue::from_static("public, max-age=0, s-maxage=5");
/// A file of a version never changes.
const FILE_CACHING: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What a shop has changed is seen so many seconds later.
const OWN_CACHING: HeaderValue = HeaderValue::from_static("public, max-age=300");
const NO_CACHING: HeaderValue = HeaderValue::from_static("no-store");

/// The pages.
pub struct Web {
    sites: Sites,
    /// What a page's reply depends on.
    vary: HeaderValue,
}

impl Web {
    /// The pages of a shop; none if they are switched off. With `root_paths` old clients have routes at some of their
    /// addresses.
    pub fn of(settings: &PagesSettings, root_paths: bool) -> Option<Self> {
        (settings.pages == Pages::On).then(|| Self {
            sites: Sites::new("MinCommerce".to_owned(), "en".to_owned()),
            vary: if root_paths {
                HeaderValue::from_static("Accept, Accept-Encoding")
            } else {
                HeaderValue::from_static("Accept-Encoding")
            },
        })
    }

    /// Compresses everything: see [`Sites::prepare`].
    pub fn prepare(&self) {
        self.sites.prepare();
    }

    /// The answer to a request for one of the pages or their files; `None` if its address is no such one.
    pub fn answer(&self, request: &Request) -> Option<Result<Response>> {
        let path = request.uri().path();
        let place = Place::of(path)?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut error = poem::Error::from(MethodNotAllowedError);
            error.set_data(PathPattern(place.pattern().into()));
            return Some(Err(error));
        }
        let wanted = Wanted::of(request);
        let reply = match place {
            Place::Store | Place::Sale(_) => Ok(page(&self.sites.for_page().store, &wanted)),
            Place::Console => Ok(page(&self.sites.for_page().console, &wanted)),
            Place::Theme => self.own("theme.css", &wanted),
            Place::Logo => self.own("logo.svg", &wanted),
            Place::File { version, path } => self.file(version, path, &wanted),
        };
        Some(reply.map(|reply| self.guarded(reply)))
    }

    /// A file of the pages. A page that is older or newer than this process asks for another version: where several
    /// processes are replaced one after the other, or a tab stays open. The redirect gives it the file that there is,
    /// and all that this one imports in the same version. Without it that page would stop working.
    fn file(&self, version: &str, path: &str, wanted: &Wanted) -> Result<Response> {
        let site = self.sites.present();
        let file = site.file(path).ok_or(NotFoundError)?;
        if version == site.version {
            return Ok(file.reply(wanted, FILE_CACHING));
        }
        let is_version = version.len() == site.version.len()
            && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_version {
            return Err(NotFoundError.into());
        }
        let there = format!("{ASSETS}{}/{path}", site.version);
        Ok(Response::builder()
            .status(StatusCode::TEMPORARY_REDIRECT)
            .header(header::LOCATION, there)
            .header(header::CACHE_CONTROL, NO_CACHING)
            .finish())
    }

    fn guarded(&self, mut reply: Response) -> Response {
        let headers = reply.headers_mut();
        headers.insert(header::VARY, self.vary.clone());
        for (name, value) in GUARDS {
            headers.insert(name, value);
        }
        reply
    }

    fn own(&self, path: &str, wanted: &Wanted) -> Result<Response> {
        let site = self.sites.present();
        let file = site.file(path).ok_or(NotFoundError)?;
        Ok(file.reply(wanted, OWN_CACHING))
    }
}

fn page(shell: &Shell, wanted: &Wanted) -> Response {
    shell.plain.reply(wanted, PAGE_CACHING)
}

/// Whether a browser visits a page: it asks for HTML, which no client of the API does. At the root, old clients have
/// routes at addresses of the console.
pub fn is_visit(request: &Request, path: &str) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT);
    let mut accepted = accepted.iter().filter_map(|value| value.to_str().ok());
    matches!(*request.method(), Method::GET | Method::HEAD)
        && accepted.any(|types| types.contains("text/html"))
        && Place::of(path).is_some()
}
