//! The slots of the pages' shells, `{{name}}`, and HTML that cannot end where it should not.

/// Fills the slots of a template. What fills a slot is written as it is, and not searched for slots. A slot without a
/// value stays.
pub fn fill<'a>(template: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let slot = after.split_once("}}");
        let Some((value, after)) = slot.and_then(|(name, after)| Some((value(name)?, after)))
        else {
            filled.push_str("{{");
            rest = after;
            continue;
        };
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// A text as HTML shows it, also between the quotes of an attribute.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{escaped, fill};

    #[test]
    fn slots_are_filled_once_and_unknown_ones_stay() {
        let value = |name: &str| match name {
            "a" => Some("{{b}}"),
            "b" => Some("B"),
            _ => None,
        };
        for (template, filled) in [
            ("<{{a}}|{{b}}>", "<{{b}}|B>"),
            ("{{c}}{{b}}", "{{c}}B"),
            ("{{b", "{{b"),
            ("{{ {{b}}", "{{ B"),
            ("", ""),
        ] {
            assert_eq!(fill(template, value), filled, "{template}");
        }
    }

    #[test]
    fn no_text_ends_an_element_or_an_attribute() {
        assert_eq!(
            escaped("<script>alert(1)</script>\"'& é"),
            "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp; é"
        );
    }
}
