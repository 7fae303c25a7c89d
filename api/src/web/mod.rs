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
//! | [`sale_page`] | the page of a sale, with what can be read before scripts |
//! | [`shop`], [`theme`] | what is a shop's own, and its checks |

pub mod encoded;
pub mod place;
pub mod sale_page;
pub mod settings;
pub mod shop;
pub mod site;
pub mod template;
pub mod theme;

use std::{net::IpAddr, sync::Arc, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, ready},
};
use poem::{
    PathPattern, Request, Response, Result,
    error::{MethodNotAllowedError, NotFoundError},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
};
use sale::{ledger::Sale, model::SaleId};
use tokio::time::timeout;
use uuid::Uuid;

use self::{
    encoded::{Encoded, Wanted},
    place::{ASSETS, Place},
    sale_page::SalePages,
    settings::{Pages, PagesSettings},
    shop::{Shop, ShopError},
    site::{Shell, Sites},
};
use crate::{rate_limits::Class, services::Services};

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
/// What the replies of files depend on.
const BY_CODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");
/// What a logo may do where it is opened by itself: look as it should.
const LOGO_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
);

/// How long a page waits for the ledger's answer about its sale. After that the scripts of the page ask.
const WORDS_TIMEOUT: Duration = Duration::from_millis(500);

/// The pages.
pub struct Web {
    sites: Sites,
    sale_pages: SalePages,
    logo: Option<Encoded>,
    theme: Option<Encoded>,
    /// What the reply of a page depends on.
    vary: HeaderValue,
}

/// What is known about the sale of a page.
enum Known {
    Sale(Arc<Sale>),
    NoSale,
    /// Nobody could say, or too many have asked.
    Nothing,
}

impl Web {
    /// The pages of a shop; none if they are switched off. With `root_paths` old clients have routes at some of their
    /// addresses. Fails if a file of the shop's own cannot be used.
    pub fn of(settings: &PagesSettings, root_paths: bool) -> Result<Option<Self>, ShopError> {
        if settings.pages == Pages::Off {
            return Ok(None);
        }
        let shop = Shop::read(settings)?;
        Ok(Some(Self {
            sites: Sites::new(shop.name, shop.language),
            sale_pages: SalePages::default(),
            logo: shop.logo,
            theme: shop.theme,
            vary: if root_paths {
                HeaderValue::from_static("Accept, Accept-Encoding")
            } else {
                BY_CODING
            },
        }))
    }

    /// Compresses everything: see [`Sites::prepare`].
    pub fn prepare(&self) {
        self.sites.prepare();
        self.logo
            .iter()
            .chain(&self.theme)
            .for_each(Encoded::prepare);
    }

    /// The answer to a request for one of the pages or their files; `None` if its address is no such one.
    pub fn answer(
        &self,
        request: &Request,
        services: &Arc<Services>,
    ) -> Option<BoxFuture<'_, Result<Response>>> {
        let place = Place::of(request.uri().path())?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut error = poem::Error::from(MethodNotAllowedError);
            error.set_data(PathPattern(place.pattern().into()));
            return Some(ready(Err(error)).boxed());
        }
        let wanted = Wanted::of(request);
        let reply = match place {
            Place::Store => Ok(page(&self.sites.for_page().store, &wanted)),
            Place::Sale(id) => {
                let (id, address) = (id.parse().ok(), services.clients.address_of(request));
                let services = Arc::clone(services);
                return Some(
                    async move {
                        let reply = self.sale(id, address, &services, &wanted).await;
                        Ok(guarded(reply, self.vary.clone()))
                    }
                    .boxed(),
                );
            }
            Place::Console => Ok(page(&self.sites.for_page().console, &wanted)),
            Place::Theme => self.own(self.theme.as_ref(), "theme.css", &wanted),
            Place::Logo => self.logo(&wanted),
            Place::File { version, path } => self.file(version, path, &wanted),
        };
        let vary = match place {
            Place::Store | Place::Sale(_) | Place::Console => self.vary.clone(),
            Place::Theme | Place::Logo | Place::File { .. } => BY_CODING,
        };
        Some(ready(reply.map(|reply| guarded(reply, vary))).boxed())
    }

    /// The page of a sale. Scripts show the sale in any case, so a page never fails.
    async fn sale(
        &self,
        id: Option<Uuid>,
        address: IpAddr,
        services: &Services,
        wanted: &Wanted,
    ) -> Response {
        let site = self.sites.for_page();
        let shell = &site.store.plain;
        let Some(id) = id.map(SaleId::from_uuid) else {
            return shell.reply_with(StatusCode::NOT_FOUND, wanted, PAGE_CACHING);
        };
        match known(id, address, services).await {
            Known::Sale(sale) => {
                let page = self.sale_pages.of(&site, &sale).await;
                page.page.reply(wanted, PAGE_CACHING)
            }
            Known::NoSale => shell.reply_with(StatusCode::NOT_FOUND, wanted, PAGE_CACHING),
            Known::Nothing => {
                let kept = self.sale_pages.kept(&site, id).await;
                let page = kept.as_ref().map_or(shell, |kept| &kept.page);
                page.reply_with(StatusCode::OK, wanted, NO_CACHING)
            }
        }
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

    fn own(&self, own: Option<&Encoded>, path: &str, wanted: &Wanted) -> Result<Response> {
        if let Some(own) = own {
            return Ok(own.reply(wanted, OWN_CACHING));
        }
        let site = self.sites.present();
        let file = site.file(path).ok_or(NotFoundError)?;
        Ok(file.reply(wanted, OWN_CACHING))
    }

    fn logo(&self, wanted: &Wanted) -> Result<Response> {
        let mut reply = self.own(self.logo.as_ref(), "logo.svg", wanted)?;
        let headers = reply.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, LOGO_POLICY);
        Ok(reply)
    }
}

fn guarded(mut reply: Response, vary: HeaderValue) -> Response {
    let headers = reply.headers_mut();
    headers.insert(header::VARY, vary);
    for (name, value) in GUARDS {
        headers.entry(name).or_insert(value);
    }
    reply
}

fn page(shell: &Shell, wanted: &Wanted) -> Response {
    shell.plain.reply(wanted, PAGE_CACHING)
}

/// What this process knows about a sale. A look-up in the ledger counts as a reading of the address, because ids can be
/// made up. A remembered sale costs no look-up, however many visitors ask.
async fn known(id: SaleId, address: IpAddr, services: &Services) -> Known {
    let sales = services.sales.clone();
    let look = async {
        // In its own task: a page that stops waiting breaks no query off that others wait for.
        let asked = tokio::spawn(async move { sales.get(Some(id)).await });
        timeout(WORDS_TIMEOUT, asked).await
    };
    let looked = if services.sales.remembers(id) {
        look.await
    } else {
        let limits = &services.rate_limits;
        match limits.watch(Class::Reading, address, look).await.0 {
            Ok(looked) => looked,
            Err(_over_the_limit) => return Known::Nothing,
        }
    };
    match looked {
        Ok(Ok(Ok(Some(sale)))) => Known::Sale(sale),
        Ok(Ok(Ok(None))) => Known::NoSale,
        Ok(Ok(Err(_)) | Err(_)) | Err(_) => Known::Nothing,
    }
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
