//! Which address of the pages is what.

/// The page of all sales.
const STORE: &str = "/";
/// Below it, each sale has a page.
const SALES: &str = "/sales/";
/// The page of a buyer's orders.
const ORDERS: &str = "/orders";
/// The page on which people sign in.
const SIGN_IN: &str = "/sign-in";
/// The console. Everything below it belongs to it.
const CONSOLE: &str = "/admin";
const BELOW_CONSOLE: &str = "/admin/*path";
/// Below it, the name of a version of the files, and the files below that.
pub const ASSETS: &str = "/assets/";
/// The shop's own colours.
const THEME: &str = "/assets/theme.css";
/// The shop's own logo.
const LOGO: &str = "/assets/logo";

const SALE: &str = "/sales/:param0";
const FILES: &str = "/assets/*path";

/// The patterns of all addresses of the pages, for the table of routes.
pub const PATTERNS: [&str; 7] = [STORE, SALE, ORDERS, SIGN_IN, CONSOLE, BELOW_CONSOLE, FILES];

/// What is at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// A page of the storefront that names no sale.
    Store,
    /// The page of the sale that has this for an id.
    Sale(&'a str),
    /// A page of the console.
    Console,
    /// The shop's own colours.
    Theme,
    /// The shop's own logo.
    Logo,
    /// A file of the pages.
    File {
        /// The name of the version in which it is wanted.
        version: &'a str,
        /// Its path among the files.
        path: &'a str,
    },
}

impl<'a> Place<'a> {
    /// What is at this path, if it belongs to the pages.
    pub fn of(path: &'a str) -> Option<Self> {
        match path {
            STORE | ORDERS | SIGN_IN => return Some(Self::Store),
            CONSOLE => return Some(Self::Console),
            THEME => return Some(Self::Theme),
            LOGO => return Some(Self::Logo),
            _ => {}
        }
        if let Some(sale) = path.strip_prefix(SALES) {
            return (!sale.is_empty() && !sale.contains('/')).then_some(Self::Sale(sale));
        }
        if let Some(file) = path.strip_prefix(ASSETS) {
            let (version, path) = file.split_once('/')?;
            return Some(Self::File { version, path });
        }
        let below = path.strip_prefix(CONSOLE)?;
        below.starts_with('/').then_some(Self::Console)
    }

    /// One of [`PATTERNS`] that such an address fits. All of them take the same methods.
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Store => STORE,
            Self::Sale(_) => SALE,
            Self::Console => CONSOLE,
            Self::Theme | Self::Logo | Self::File { .. } => FILES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn each_address_of_the_pages_is_one_thing() {
        let file = |version, path| Place::File { version, path };
        for (path, place) in [
            ("/", Some(Place::Store)),
            ("/orders", Some(Place::Store)),
            ("/sign-in", Some(Place::Store)),
            ("/sales/1", Some(Place::Sale("1"))),
            ("/admin", Some(Place::Console)),
            ("/admin/sales/1", Some(Place::Console)),
            ("/assets/theme.css", Some(Place::Theme)),
            ("/assets/logo", Some(Place::Logo)),
            ("/assets/1/store/main.js", Some(file("1", "store/main.js"))),
            ("/assets/1", None),
            ("/assets", None),
            ("/sales", None),
            ("/sales/", None),
            ("/sales/1/orders", None),
            ("/orders/1", None),
            ("/administration", None),
            ("/api/purchase", None),
            ("/api-docs", None),
            ("*", None),
        ] {
            assert_eq!(Place::of(path), place, "{path}");
        }
    }
}
