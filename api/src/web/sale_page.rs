//! The page of a sale, with what can be read before any script runs: name, picture, price, start.
//!
//! A page is written and compressed once for each change of what it says, and kept. A crowd gets the same bytes. What
//! changes while the sale sells, such as its stock, is not on the page: scripts show that.

use std::sync::Arc;

use chrono::{SecondsFormat, Utc};
use moka::future::Cache;
use sale::{ledger::Sale, model::SaleId};
use tokio::task::spawn_blocking;

use super::{
    encoded::Encoded,
    site::{HTML, Site, Words},
    template::escaped,
};

/// Pages that are kept. Each takes some ten kilobytes.
const PAGES_MAX: u64 = 1_000;
/// Characters of a product's description that search engines and messengers get.
const SUMMARY_CHARACTERS_MAX: usize = 200;

/// The pages of sales.
pub struct SalePages(Cache<SaleId, Arc<SalePage>>);

/// A sale's page.
#[derive(Debug)]
pub struct SalePage {
    site: Arc<Site>,
    sale: Arc<Sale>,
    /// The page.
    pub page: Encoded,
}

impl Default for SalePages {
    /// None is written yet.
    fn default() -> Self {
        Self(Cache::new(PAGES_MAX))
    }
}

impl SalePages {
    /// The page of a sale as it was last written, in this version of the site.
    pub async fn kept(&self, site: &Arc<Site>, sale: SaleId) -> Option<Arc<SalePage>> {
        let page = self.0.get(&sale).await;
        page.filter(|page| Arc::ptr_eq(&page.site, site))
    }

    /// The page of a sale in this version of the site.
    pub async fn of(&self, site: &Arc<Site>, sale: &Arc<Sale>) -> Arc<SalePage> {
        if let Some(page) = self.0.get(&sale.id).await
            && page.shows(site, sale)
        {
            return page;
        }
        let write = SalePage::write(Arc::clone(site), Arc::clone(sale));
        let entry = self.0.entry(sale.id);
        let written = entry.or_insert_with_if(write, |page| !page.shows(site, sale));
        written.await.into_value()
    }
}

impl SalePage {
    async fn write(site: Arc<Site>, sale: Arc<Sale>) -> Arc<Self> {
        let page = Encoded::new(HTML, site.store.filled(&words(&sale, &site.shop)));
        let page = Arc::new(Self { site, sale, page });
        let packed = Arc::clone(&page);
        // It takes milliseconds, for which no purchase should wait. Where it fails, a request compresses the page.
        let _ = spawn_blocking(move || packed.page.prepare()).await;
        page
    }

    /// Whether the page says what is now known of the sale.
    fn shows(&self, site: &Arc<Site>, sale: &Arc<Sale>) -> bool {
        let said = |sale: &Sale| (sale.price, sale.start);
        let known = &self.sale;
        Arc::ptr_eq(&self.site, site)
            && (Arc::ptr_eq(known, sale)
                || said(known) == said(sale)
                    && known.product_name == sale.product_name
                    && known.product_description == sale.product_description
                    && known.image_url == sale.image_url)
    }
}

/// What a sale's page says, as HTML.
fn words(sale: &Sale, shop: &str) -> Words {
    let name = escaped(&sale.product_name);
    let price = price(sale);
    let about = sale.product_description.as_deref().unwrap_or_default();
    let description = if about.trim().is_empty() {
        format!("{name}, {price}")
    } else {
        escaped(&shortened(about))
    };
    let title = format!("{name} · {}", escaped(shop));
    let property = |name: &str, content: &str| {
        format!("<meta property=\"og:{name}\" content=\"{content}\">\n")
    };
    let mut head = property("type", "website");
    head += &property("title", &name);
    head += &property("description", &description);
    head += &property("site_name", &escaped(shop));
    // Messengers take only whole addresses.
    if let Some(image) = sale
        .image_url
        .as_deref()
        .filter(|url| !url.starts_with('/'))
    {
        head += &property("image", &escaped(image));
    }
    Words {
        title,
        description,
        head,
        sale: article(sale, &name, &price, about),
    }
}

fn article(sale: &Sale, name: &str, price: &str, about: &str) -> String {
    let id = sale.id.uuid();
    let start = sale.start.with_timezone(&Utc);
    let instant = start.to_rfc3339_opts(SecondsFormat::Millis, true);
    let start = start.format("%Y-%m-%d %H:%M UTC");
    let image = sale.image_url.as_deref().map_or_else(String::new, |url| {
        let url = escaped(url);
        format!("<img src=\"{url}\" alt=\"\" referrerpolicy=\"no-referrer\" decoding=\"async\">")
    });
    let about = escaped(about);
    format!(
        "<article class=\"sale\" data-sale-id=\"{id}\">\n\
         <div class=\"picture\">{image}</div>\n\
         <div class=\"panel\">\n\
         <h1>{name}</h1>\n\
         <p class=\"price\">{price}</p>\n\
         <p class=\"when\"><time datetime=\"{instant}\">{start}</time></p>\n\
         </div>\n\
         <p class=\"about\">{about}</p>\n\
         </article>"
    )
}

/// The price in no language: scripts write it as the visitor does.
fn price(sale: &Sale) -> String {
    format!("{} {}", sale.price, sale.price.currency())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SUMMARY_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{SUMMARY_CHARACTERS_MAX, shortened};

    #[test]
    fn a_long_description_ends_with_a_character_and_an_ellipsis() {
        assert_eq!(shortened(" short "), "short");
        let long = "é".repeat(SUMMARY_CHARACTERS_MAX + 1);
        let short = shortened(&long);
        assert_eq!(short.chars().count(), SUMMARY_CHARACTERS_MAX + 1);
        assert!(short.ends_with("é…"), "{short}");
        let most = "é".repeat(SUMMARY_CHARACTERS_MAX);
        assert_eq!(shortened(&most), most);
    }
}
