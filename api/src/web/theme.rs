//! Checks a shop's theme: a style sheet that sets custom properties and `color-scheme`. So a shop changes colours, and
//! cannot break the layout of a page by accident. A value may still name a picture by `url(...)`.

/// The rules around declarations that a theme may have: when they hold, and in which layer.
const AT_RULES: [&str; 3] = ["@layer", "@media", "@supports"];

/// What is wrong with a theme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct ThemeError {
    line: usize,
    fault: String,
}

/// Checks a style sheet.
pub fn check(text: &str) -> Result<(), ThemeError> {
    let mut sheet = Sheet {
        depth: 0,
        line: 1,
        statement: String::new(),
        began: 1,
    };
    let mut characters = text.chars().peekable();
    let mut parentheses = 0_usize;
    while let Some(character) = characters.next() {
        match character {
            '/' if characters.peek() == Some(&'*') => {
                characters.next();
                let mut last = ' ';
                loop {
                    let Some(next) = characters.next() else {
                        return Err(sheet.fault("this comment does not end"));
                    };
                    sheet.line += usize::from(next == '\n');
                    if last == '*' && next == '/' {
                        break;
                    }
                    last = next;
                }
                sheet.push(' ');
            }
            '"' | '\'' => {
                sheet.push(character);
                loop {
                    match characters.next() {
                        None | Some('\n') => return Err(sheet.fault("this text does not end")),
                        Some('\\') => {
                            characters.next();
                        }
                        Some(next) if next == character => break,
                        Some(_) => {}
                    }
                }
            }
            '\\' => {
                sheet.push(character);
                characters.next();
            }
            '(' => {
                parentheses += 1;
                sheet.push(character);
            }
            ')' => {
                parentheses = parentheses.saturating_sub(1);
                sheet.push(character);
            }
            '{' if parentheses == 0 => sheet.open()?,
            '}' if parentheses == 0 => sheet.close()?,
            ';' if parentheses == 0 => sheet.end_statement()?,
            other => sheet.push(other),
        }
    }
    sheet.end(parentheses)
}

/// How far the check has come.
struct Sheet {
    depth: usize,
    line: usize,
    /// What was read since the last brace or semicolon.
    statement: String,
    /// The line on which that began.
    began: usize,
}

impl Sheet {
    fn push(&mut self, character: char) {
        if self.statement.is_empty() && character.is_whitespace() {
            self.line += usize::from(character == '\n');
            return;
        }
        if self.statement.is_empty() {
            self.began = self.line;
        }
        self.line += usize::from(character == '\n');
        self.statement.push(character);
    }

    fn take(&mut self) -> String {
        std::mem::take(&mut self.statement).trim().to_owned()
    }

    fn open(&mut self) -> Result<(), ThemeError> {
        let prelude = self.take();
        if prelude.starts_with('@') && !is_allowed(&prelude) {
            return Err(self.refused(&prelude));
        }
        if prelude.starts_with("--") {
            return Err(self.fault("a custom property of a theme has no braces"));
        }
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self) -> Result<(), ThemeError> {
        self.end_statement()?;
        let depth = self.depth.checked_sub(1);
        self.depth = depth.ok_or_else(|| self.fault("this brace closes nothing"))?;
        Ok(())
    }

    fn end_statement(&mut self) -> Result<(), ThemeError> {
        let statement = self.take();
        let name = statement.split(':').next().unwrap_or_default().trim();
        let is_property = name.starts_with("--") || name == "color-scheme";
        let is_layer = statement.starts_with("@layer");
        if statement.is_empty() || is_layer || is_property && self.depth > 0 {
            return Ok(());
        }
        Err(self.refused(name))
    }

    fn end(&mut self, parentheses: usize) -> Result<(), ThemeError> {
        if self.depth > 0 || parentheses > 0 {
            return Err(self.fault("a brace or a parenthesis is not closed"));
        }
        self.end_statement()
    }

    fn refused(&self, what: &str) -> ThemeError {
        let what: String = what.chars().take(40).collect();
        ThemeError {
            line: self.began,
            fault: format!(
                "a theme sets custom properties (--accent-hue: 20;) and color-scheme alone, and not {what}"
            ),
        }
    }

    fn fault(&self, fault: &str) -> ThemeError {
        ThemeError {
            line: self.line,
            fault: fault.to_owned(),
        }
    }
}

fn is_allowed(prelude: &str) -> bool {
    AT_RULES.iter().any(|rule| {
        let rest = prelude.strip_prefix(rule);
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
    })
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_theme_sets_custom_properties() {
        for theme in [
            "",
            "/* nothing; { */",
            ":root { --accent-hue: 20 }",
            ":root { --a: 1; --b: \"};\"; color-scheme: dark; }\n",
            "@layer a, b;\n@layer theme { :root { --accent: oklch(0.5 0.1 20); } }",
            "@media (prefers-color-scheme: dark) { :root { --paper: light-dark(#fff, #000); } }",
            ":root[lang=\"a{b\"] { --a: url(data:image/png;base64,xyz); }",
        ] {
            assert_eq!(check(theme), Ok(()), "{theme}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_line() {
        for (theme, line, word) in [
            (":root {\n  --a: 1;\n  color: red;\n}", 3, "color"),
            ("@import \"other.css\";", 1, "@import"),
            ("\n@font-face { }", 2, "@font-face"),
            ("@mediaeval { }", 1, "@mediaeval"),
            (":root { --a: 1;", 1, "not closed"),
            (":root { --a: (1; }", 1, "not closed"),
            (":root { } }", 1, "closes nothing"),
            ("--a: 1;", 1, "--a"),
            (":root { --a: { b: c } }", 1, "no braces"),
            ("/* a\n b", 2, "does not end"),
            (":root { --a: \"b\n\" }", 1, "does not end"),
        ] {
            let error = check(theme).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line {line}: ")), "{error}");
            assert!(error.contains(word), "{error}");
        }
    }
}
