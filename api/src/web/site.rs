//! The files of `api/web`: the shells of the pages, and everything below `/assets/`.
//!
//! One name stands for all files below `/assets/` together. So a module's relative import stays within one version, and
//! browsers and CDNs may keep each file for ever. Release builds hold the files. Development builds read them from the
//! folder whenever a page is asked for, so that the name is always that of the files as they are.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use bytes::Bytes;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::{
    encoded::Encoded,
    place::ASSETS,
    template::{escaped, fill},
};
use crate::replies::name::name_of;

/// The files below `/assets/`.
#[derive(RustEmbed)]
#[folder = "web/assets/"]
struct Files;

/// The type of a page.
pub const HTML: &str = "text/html; charset=utf-8";
/// The type of a style sheet.
pub const CSS: &str = "text/css; charset=utf-8";

/// The slots of a shell that differ between its pages. All of it is HTML.
#[derive(Debug, Default, Clone)]
pub struct Words {
    /// The title of the page.
    pub title: String,
    /// What search engines and messengers show of the page.
    pub description: String,
    /// Elements that join the head of the page.
    pub head: String,
    /// The sale that the page shows.
    pub sale: String,
}

/// A page whose slots are not filled yet.
#[derive(Debug)]
pub struct Shell {
    template: Cow<'static, str>,
    assets: String,
    shop: String,
    language: String,
    /// The page that shows no sale.
    pub plain: Encoded,
}

impl Shell {
    fn new(template: Cow<'static, str>, version: &str, shop: &str, language: &str) -> Self {
        let mut shell = Self {
            template,
            assets: format!("{ASSETS}{version}"),
            shop: escaped(shop),
            language: escaped(language),
            plain: Encoded::new(HTML, Bytes::new()),
        };
        let words = Words {
            title: shell.shop.clone(),
            description: shell.shop.clone(),
            ..Words::default()
        };
        shell.plain = Encoded::new(HTML, shell.filled(&words));
        shell
    }

    /// The page with these words.
    pub fn filled(&self, words: &Words) -> String {
        let page = fill(&self.template, |slot| match slot {
            "assets" => Some(&self.assets),
            "shop" => Some(&self.shop),
            "lang" => Some(&self.language),
            "title" => Some(&words.title),
            "description" => Some(&words.description),
            "sale" => Some(&words.sale),
            _ => None,
        });
        match page.split_once("</head>") {
            Some((head, rest)) if !words.head.is_empty() => {
                format!("{head}{}</head>{rest}", words.head)
            }
            Some(_) | None => page,
        }
    }
}

/// One version of the pages.
#[derive(Debug)]
pub struct Site {
    /// The name of the files below `/assets/`.
    pub version: String,
    files: HashMap<String, Encoded>,
    /// The storefront.
    pub store: Shell,
    /// The console.
    pub console: Shell,
    /// The name of the shop.
    pub shop: String,
    /// The name of all of it.
    name: String,
}

impl Site {
    fn of(source: Source, shop: &str, language: &str) -> Self {
        let shell = |template| Shell::new(template, &source.version, shop, language);
        Self {
            store: shell(source.store),
            console: shell(source.console),
            files: source
                .files
                .into_iter()
                .map(|(path, bytes)| {
                    let file = Encoded::new(content_type(&path), bytes);
                    (path, file)
                })
                .collect(),
            shop: shop.to_owned(),
            version: source.version,
            name: source.name,
        }
    }

    /// The file with this path.
    pub fn file(&self, path: &str) -> Option<&Encoded> {
        self.files.get(path)
    }

    fn prepare(&self) {
        let shells = [&self.store.plain, &self.console.plain];
        shells
            .into_iter()
            .chain(self.files.values())
            .for_each(Encoded::prepare);
    }
}

/// What the pages are made of.
struct Source {
    files: Vec<(String, Bytes)>,
    store: Cow<'static, str>,
    console: Cow<'static, str>,
    version: String,
    name: String,
}

impl Source {
    fn read() -> Self {
        let mut files: Vec<(String, Bytes)> = Files::iter()
            .filter_map(|path| {
                let bytes = match Files::get(&path)?.data {
                    Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                    Cow::Owned(bytes) => bytes.into(),
                };
                Some((path.into_owned(), bytes))
            })
            .collect();
        files.sort_unstable();
        let [store, console] = shells();
        let mut hash = Sha256::new();
        for (path, bytes) in &files {
            add(&mut hash, path.as_bytes());
            add(&mut hash, bytes);
        }
        let version = name_of(hash.clone());
        add(&mut hash, store.as_bytes());
        add(&mut hash, console.as_bytes());
        Self {
            files,
            store,
            console,
            version,
            name: name_of(hash),
        }
    }
}

/// The length comes first, so that no two lists of files look the same to the hash.
fn add(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(bytes.len().to_be_bytes());
    hash.update(bytes);
}

/// The shells' texts. Release builds hold them.
#[cfg(not(debug_assertions))]
fn shells() -> [Cow<'static, str>; 2] {
    [
        include_str!("../../web/store.html").into(),
        include_str!("../../web/console.html").into(),
    ]
}

/// The shells' texts, as they are in the folder.
#[cfg(debug_assertions)]
fn shells() -> [Cow<'static, str>; 2] {
    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/web/");
    ["store.html", "console.html"].map(|name| {
        let text = std::fs::read_to_string(format!("{FOLDER}{name}")).inspect_err(|error| {
            tracing::error!(%error, "{name} cannot be read from {FOLDER}, and is empty");
        });
        text.unwrap_or_default().into()
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "js" => "text/javascript; charset=utf-8",
        "css" => CSS,
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

/// The pages of a shop, in their present version.
pub struct Sites {
    shop: String,
    language: String,
    site: RwLock<Arc<Site>>,
}

impl Sites {
    /// The pages of a shop of this name, in this language.
    pub fn new(shop: String, language: String) -> Self {
        let site = Site::of(Source::read(), &shop, &language);
        Self {
            site: RwLock::new(Arc::new(site)),
            shop,
            language,
        }
    }

    /// The present version.
    pub fn present(&self) -> Arc<Site> {
        let site = self.site.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&site)
    }

    /// The present version, for a page: what a page names must be the files as they are.
    pub fn for_page(&self) -> Arc<Site> {
        let present = self.present();
        if !cfg!(debug_assertions) {
            return present;
        }
        let source = Source::read();
        if source.name == present.name {
            return present;
        }
        let changed = Arc::new(Site::of(source, &self.shop, &self.language));
        let mut site = self.site.write().unwrap_or_else(PoisonError::into_inner);
        *site = Arc::clone(&changed);
        changed
    }

    /// Compresses everything. It takes tenths of a second of a processor, for which no request should wait.
    pub fn prepare(&self) {
        // In development the files change, and most are never asked for.
        if !cfg!(debug_assertions) {
            self.present().prepare();
        }
    }
}
