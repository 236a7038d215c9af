//! Just enough of Rust's lexical rules to tell code from text and comments.

/// A file with its comments and tests taken away.
pub(super) struct Source {
    /// The code; a string literal is left as `""`.
    pub(super) code: String,
    pub(super) texts: Vec<Text>,
}

/// A string literal.
pub(super) struct Text {
    /// As written, without the quotes.
    pub(super) value: String,
    /// Where its quotes are in the code.
    pub(super) position: usize,
}

/// Reads a file, without the items marked `#[cfg(test)]`.
pub(super) fn read(text: &str) -> Source {
    without_tests(&lex(text))
}

/// The names of the modules that exist only in tests (`#[cfg(test)] mod name;`).
pub(super) fn list_test_modules(text: &str) -> Vec<String> {
    let code = lex(text).code;
    code.split("#[cfg(test)]")
        .skip(1)
        .filter_map(|after| {
            let declaration = after.split(['{', ';']).next()?;
            let name = declaration.split("mod ").nth(1)?;
            after[declaration.len()..]
                .starts_with(';')
                .then(|| name.trim().to_owned())
        })
        .collect()
}

fn lex(text: &str) -> Source {
    let mut source = Source {
        code: String::with_capacity(text.len()),
        texts: Vec::new(),
    };
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            rest = rest.split_once("*/").map_or("", |(_, after)| after);
        } else if let Some(length) = char_literal(rest) {
            source.code.push_str("' '");
            rest = &rest[length..];
        } else if let Some((value, length)) = string_literal(rest, &source.code) {
            let position = source.code.len();
            source.texts.push(Text { value, position });
            source.code.push_str("\"\"");
            rest = &rest[length..];
        } else {
            source.code.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    source
}

/// The length of a character literal, if there is one here and not a lifetime.
fn char_literal(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    let first = inner.chars().next()?;
    if first == '\\' {
        let end = inner[2..].find('\'')?;
        return Some(end + 4);
    }
    inner[first.len_utf8()..]
        .starts_with('\'')
        .then_some(first.len_utf8() + 2)
}

/// The value and length of a string literal, plain or raw, if there is one here. `before` tells `r"` from the end of a word.
fn string_literal(rest: &str, before: &str) -> Option<(String, usize)> {
    if let Some(inner) = rest.strip_prefix('"') {
        let mut escaped = false;
        let end = inner.find(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        })?;
        return Some((inner[..end].to_owned(), end + 2));
    }
    let in_word = before.ends_with(|letter: char| letter.is_alphanumeric() && letter != 'b');
    let marks = rest.strip_prefix('r').filter(|_| !in_word)?;
    let inner = marks.trim_start_matches('#');
    let count = marks.len() - inner.len();
    let inner = inner.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(count));
    let end = inner.find(&close)?;
    Some((inner[..end].to_owned(), 1 + count + 1 + end + close.len()))
}

fn without_tests(source: &Source) -> Source {
    let mut kept = Source {
        code: String::new(),
        texts: Vec::new(),
    };
    let mut from = 0;
    while let Some(found) = source.code[from..].find("#[cfg(test)]") {
        keep(source, from, from + found, &mut kept);
        from = end_of_item(&source.code, from + found);
    }
    keep(source, from, source.code.len(), &mut kept);
    kept
}

fn keep(source: &Source, from: usize, to: usize, kept: &mut Source) {
    for text in source
        .texts
        .iter()
        .filter(|text| (from..to).contains(&text.position))
    {
        kept.texts.push(Text {
            value: text.value.clone(),
            position: text.position - from + kept.code.len(),
        });
    }
    kept.code.push_str(&source.code[from..to]);
}

/// Behind the item that begins at `from`: its semicolon or its closing brace.
fn end_of_item(code: &str, from: usize) -> usize {
    let mut depth = 0;
    for (offset, letter) in code[from..].char_indices() {
        match letter {
            ';' if depth == 0 => return from + offset + 1,
            '{' => depth += 1,
            '}' if depth == 1 => return from + offset + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn comments_and_tests_are_no_code() {
    let source = read("use a; // use b\n/* use c */ #[cfg(test)]\nmod tests { use d; }\nuse e;");
    let words: Vec<_> = source.code.split_whitespace().collect();
    assert_eq!(words, ["use", "a;", "use", "e;"]);
}

#[test]
fn texts_are_found_in_every_form_and_quotes_do_not_confuse() {
    let source = read(r##"f("a\"b", r#"c"d"#, b"e", '"', 'x, '\'', "g")"##);
    let values: Vec<_> = source
        .texts
        .iter()
        .map(|text| text.value.as_str())
        .collect();
    assert_eq!(values, [r#"a\"b"#, r#"c"d"#, "e", "g"]);
}

#[test]
fn modules_only_for_tests_are_listed() {
    let modules = list_test_modules(
        "#[cfg(test)]\npub(crate) mod reference;\nmod a;\n#[cfg(test)]\nmod tests { }",
    );
    assert_eq!(modules, ["reference"]);
}
