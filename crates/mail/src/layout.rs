//! The frame that all mails share, and the plain text made of the same pieces, so that an author writes a mail once.
//!
//! Everything given is text and is escaped; nothing is markup. The HTML stands alone: styles are in it, because mail programs
//! fetch none, and no picture is loaded from anywhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use platform::i18n::Locale;

/// A mail in pieces, in the order in which they are read.
#[derive(Clone)]
pub struct Letter {
    locale: Locale,
    sender: String,
    heading: String,
    pieces: Vec<Piece>,
}

/// What [`Letter::write`] makes: the two forms of one mail.
#[derive(Clone)]
pub struct Written {
    /// For [`crate::Draft::text`].
    pub text: String,
    /// For [`crate::Draft::html`].
    pub html: String,
}

#[derive(Clone)]
enum Piece {
    Paragraph(String),
    Button { label: String, url: String },
    Facts(Vec<(String, String)>),
    Note(String),
}

impl Letter {
    /// Begins a mail. `sender` is the name of who writes, shown at its head and foot; `heading` says what it is about.
    pub fn new(locale: Locale, sender: impl Into<String>, heading: impl Into<String>) -> Self {
        Self { locale, sender: sender.into(), heading: heading.into(), pieces: Vec::new() }
    }

    /// Adds a paragraph. Line breaks in it are kept.
    #[must_use]
    pub fn paragraph(self, text: impl Into<String>) -> Self {
        self.with(Piece::Paragraph(text.into()))
    }

    /// Adds a link that stands out. Only addresses of the web, of mail and of telephones become links; anything else is
    /// shown as text.
    #[must_use]
    pub fn button(self, label: impl Into<String>, url: impl Into<String>) -> Self {
        self.with(Piece::Button { label: label.into(), url: url.into() })
    }

    /// Adds a list of names and values. Empty values are left out.
    #[must_use]
    pub fn facts<N: Into<String>, V: Into<String>>(self, facts: impl IntoIterator<Item = (N, V)>) -> Self {
        let facts = facts.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.with(Piece::Facts(facts.filter(|(_, value)| !value.trim().is_empty()).collect()))
    }

    /// Adds a paragraph in small letters: why somebody gets this, how long a link works.
    #[must_use]
    pub fn note(self, text: impl Into<String>) -> Self {
        self.with(Piece::Note(text.into()))
    }

    /// Makes both forms.
    pub fn write(&self) -> Written {
        Written { text: self.text(), html: self.html().into_string() }
    }

    fn with(mut self, piece: Piece) -> Self {
        self.pieces.push(piece);
        self
    }

    fn text(&self) -> String {
        let mut blocks = vec![self.heading.clone()];
        blocks.extend(self.pieces.iter().map(Piece::text));
        // The signature's mark of RFC 3676: programs hide what follows in answers.
        blocks.push(format!("-- \n{}", self.sender));
        let text = blocks.join("\n\n");
        text.lines().map(printable).collect::<Vec<_>>().join("\n") + "\n"
    }

    fn html(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(self.locale.tag()) dir=(self.locale.dir()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="supported-color-schemes" content="light dark";
                    title { (self.heading) }
                    style { (PreEscaped(DARK)) }
                }
                body class="b" style=(BODY) {
                    table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" { tr { td align="center" {
                        div class="c" style=(CARD) dir=(self.locale.dir()) {
                            p class="s" style=(SENDER) { bdi { (self.sender) } }
                            h1 class="t" style=(HEADING) { (self.heading) }
                            @for piece in &self.pieces { (piece.html()) }
                        }
                    } } }
                }
            }
        }
    }
}

impl Piece {
    fn text(&self) -> String {
        match self {
            Self::Paragraph(text) | Self::Note(text) => text.clone(),
            Self::Button { label, url } => format!("{label}:\n{url}"),
            Self::Facts(facts) => facts
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.replace('\n', "\n    ")))
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    fn html(&self) -> Markup {
        match self {
            Self::Paragraph(text) => html! { p class="t" style=(PARAGRAPH) { (lines(text)) } },
            Self::Note(text) => html! { p class="s" style=(NOTE) { (lines(text)) } },
            Self::Button { label, url } if is_link(url) => html! {
                p style=(BUTTON_ROW) { a class="a" href=(url) style=(BUTTON) { (label) } }
                // For who cannot press it, and so that it can be seen where it leads.
                p class="s" style=(NOTE) { bdi style="word-break:break-all" { (url) } }
            },
            Self::Button { label, url } => html! { p class="t" style=(PARAGRAPH) { (label) ": " bdi { (url) } } },
            Self::Facts(facts) => html! {
                table class="f" role="presentation" cellpadding="0" cellspacing="0" border="0" style=(FACTS) {
                    @for (name, value) in facts {
                        tr {
                            th class="s" scope="row" style=(FACT_NAME) { (name) }
                            td class="t" style=(FACT_VALUE) { bdi { (lines(value)) } }
                        }
                    }
                }
            },
        }
    }
}

fn lines(text: &str) -> Markup {
    html! {
        @for (at, line) in text.lines().enumerate() {
            @if at > 0 { br; }
            (printable(line))
        }
    }
}

/// Without characters that do something instead of showing something: terminal escapes, and the marks that turn the
/// direction of what follows (a file name or address read backwards).
fn printable(line: &str) -> String {
    let acts = |letter: &char| {
        (letter.is_control() && *letter != '\t')
            || matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    line.chars().filter(|letter| !acts(letter)).collect()
}

fn is_link(url: &str) -> bool {
    ["https://", "http://", "mailto:", "tel:"].iter().any(|scheme| url.starts_with(scheme))
        && !url.chars().any(|letter| letter.is_control() || letter.is_whitespace())
}

/// For the programs that know dark colours; the others take the styles of the elements.
const DARK: &str = "@media (prefers-color-scheme:dark){.b{background:#0f1513!important}.c{background:#161e1b!important;\
                    border-color:#2b3732!important}.t{color:#e8eeea!important}.s{color:#b2beb8!important}\
                    .a{background:#52c99d!important;color:#06231a!important}}";
const BODY: &str = "margin:0;padding:24px 12px;background:#f6f7f4;font-family:system-ui,-apple-system,'Segoe UI',Roboto,\
                    'Noto Sans',Arial,sans-serif";
const CARD: &str = "max-width:560px;margin:0 auto;padding:32px;background:#ffffff;border:1px solid #dadfd8;border-radius:10px;\
                    text-align:start";
const SENDER: &str = "margin:0 0 16px;font-size:14px;line-height:20px;color:#46534c";
const HEADING: &str = "margin:0 0 16px;font-size:22px;line-height:30px;font-weight:600;color:#16201b";
const PARAGRAPH: &str = "margin:0 0 16px;font-size:16px;line-height:24px;color:#16201b";
const NOTE: &str = "margin:0 0 16px;font-size:13px;line-height:20px;color:#46534c";
const BUTTON_ROW: &str = "margin:8px 0 16px";
const BUTTON: &str = "display:inline-block;padding:12px 20px;border-radius:6px;background:#0a6b50;color:#ffffff;\
                      font-size:16px;line-height:24px;font-weight:600;text-decoration:none";
const FACTS: &str = "margin:0 0 16px;border-collapse:collapse";
const FACT_NAME: &str = "padding:4px 0;padding-inline-end:16px;font-size:15px;line-height:22px;font-weight:400;color:#46534c;\
                         text-align:start;vertical-align:top";
// An address has no place to break, and is often longer than a phone is wide.
const FACT_VALUE: &str = "padding:4px 0;font-size:15px;line-height:22px;color:#16201b;text-align:start;vertical-align:top;\
                          word-break:break-word";

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(locale: Locale) -> Letter {
        Letter::new(locale, "Harbour Dental", "Your appointment")
            .paragraph("Hello <Ana> & co,\nsee you.")
            .facts([("When", "Tuesday"), ("Notes", "")])
            .button("See it", "https://voice.example.com/book/x?a=1&b=2")
            .note("Nobody else was told.")
    }

    #[test]
    fn both_forms_say_the_same() {
        let written = letter(Locale::En).write();
        for part in ["Your appointment", "see you.", "Tuesday", "See it", "Nobody else was told.", "Harbour Dental"] {
            assert!(written.text.contains(part) && written.html.contains(part), "{part}");
        }
        assert!(written.text.contains("See it:\nhttps://voice.example.com/book/x?a=1&b=2\n"), "{}", written.text);
        assert!(!written.text.contains("Notes"), "an empty fact is left out");
    }

    #[test]
    fn what_somebody_typed_is_never_markup() {
        let evil = "<img src=x onerror=alert(1)>\"'</p><script>";
        let html = Letter::new(Locale::En, evil, evil)
            .paragraph(evil)
            .facts([(evil, evil)])
            .button(evil, "javascript:alert(1)")
            .button("x", "https://a.example\" onclick=\"x")
            .note(evil)
            .write()
            .html;
        assert!(!html.contains("<img") && !html.contains("<script") && !html.contains("href=\"javascript"), "{html}");
        assert!(!html.contains("onclick=\"x"), "{html}");
    }

    #[test]
    fn arabic_runs_from_right_to_left() {
        let html = letter(Locale::Ar).write().html;
        assert!(html.contains("<html lang=\"ar\" dir=\"rtl\">"), "{html}");
    }

    #[test]
    fn marks_that_turn_the_direction_are_left_out() {
        let written = Letter::new(Locale::En, "x", "y").paragraph("gpj.\u{202E}exe\u{1b}[2J").write();
        assert!(!written.text.contains('\u{202E}') && !written.html.contains('\u{202E}'));
        assert!(!written.text.contains('\u{1b}'));
    }
}
