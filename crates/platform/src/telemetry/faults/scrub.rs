//! Words of an error without what they may quote.

/// Longest words that are kept, in characters.
const LONGEST: usize = 300;
/// What stands for what was taken out.
const GONE: &str = "[…]";
/// Digits in one word from which on it may be somebody's number.
const MOST_DIGITS: usize = 4;

/// Takes out what an error's words may quote: everything in quotation marks, addresses of mail and of the web, and words with five
/// digits or more. What is left are the words of a program.
pub fn scrub(text: &str) -> String {
    let mut kept = String::new();
    for word in without_quotes(text).split_whitespace() {
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(if is_telling(word) { GONE } else { word });
    }
    // Numbers are written with blanks as well.
    let kept = without_digit_groups(&kept);
    kept.chars().take(LONGEST).collect()
}

fn is_telling(word: &str) -> bool {
    let digits = word.chars().filter(|letter| letter.is_numeric()).count();
    digits > MOST_DIGITS || word.contains('@') || word.contains("://") || word.contains("//") || word.contains('?')
}

/// Everything between two marks is taken out; what follows a mark that is never closed as well.
fn without_quotes(text: &str) -> String {
    let mut kept = String::new();
    let mut closing = None;
    let mut before = ' ';
    for letter in text.chars() {
        match closing {
            Some(mark) if letter == mark => {
                closing = None;
                kept.push_str(GONE);
            }
            Some(_) => {}
            None => match closes(letter, before) {
                Some(mark) => closing = Some(mark),
                None => kept.push(letter),
            },
        }
        before = letter;
    }
    if closing.is_some() {
        kept.push_str(GONE);
    }
    kept
}

/// The mark that ends what `letter` begins. An apostrophe within a word begins nothing.
fn closes(letter: char, before: char) -> Option<char> {
    match letter {
        '"' | '`' => Some(letter),
        '\'' if !before.is_alphanumeric() => Some('\''),
        '“' | '„' => Some('”'),
        '‘' => Some('’'),
        '«' => Some('»'),
        _ => None,
    }
}

/// Takes out neighbouring words of digits that have five or more together: `020 7946 0123`.
fn without_digit_groups(text: &str) -> String {
    let is_group = |word: &str| {
        word.chars().any(char::is_numeric)
            && word.chars().all(|letter| letter.is_numeric() || "+-.()/".contains(letter))
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut group: Vec<&str> = Vec::new();
    for word in text.split(' ') {
        if is_group(word) {
            group.push(word);
        } else {
            settle(&mut group, &mut kept);
            kept.push(word);
        }
    }
    settle(&mut group, &mut kept);
    kept.join(" ")
}

fn settle<'a>(group: &mut Vec<&'a str>, kept: &mut Vec<&'a str>) {
    let digits: usize = group.iter().map(|word| word.chars().filter(|letter| letter.is_numeric()).count()).sum();
    if digits > MOST_DIGITS {
        group.clear();
        kept.push(GONE);
    } else {
        kept.append(group);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_an_error_quotes_is_gone_and_what_it_says_stays() {
        for (said, kept) in [
            ("connection refused (os error 111)", "connection refused (os error 111)"),
            ("invalid input syntax for type uuid: \"Ana Lima\"", "invalid input syntax for type uuid: […]"),
            ("Key (email)=(ana@example.com) already exists", "Key […] already exists"),
            ("cannot call +442079460123 now", "cannot call […] now"),
            ("cannot call 020 7946 0123 now", "cannot call […] now"),
            ("GET https://a.example/x?token=1 failed", "GET […] failed"),
            ("it isn't there: 'wisdom tooth' and more", "it isn't there: […] and more"),
            ("an open \"quotation", "an open […]"),
        ] {
            assert_eq!(scrub(said), kept, "{said}");
        }
    }

    proptest! {
        /// Whatever stands round it, nothing quoted, no number and no address gets through.
        #[test]
        fn nothing_personal_gets_through(
            before in "[a-z ]{0,30}", after in "[a-z ]{0,30}", number in "\\+?[1-9][0-9]{6,14}", name in "[A-Z][a-z]{3,9} [A-Z][a-z]{3,9}",
            mail in "[a-z]{3,8}@[a-z]{3,8}\\.example", way in 0..4usize
        ) {
            let text = match way {
                0 => format!("{before} {number} {after}"),
                1 => format!("{before} {mail} {after}"),
                2 => format!("{before} \"{name}\" {after}"),
                _ => format!("{before} '{name} {number}' {mail}, {after}"),
            };
            let kept = scrub(&text);
            prop_assert!(!kept.contains(&number) && !kept.contains(&mail), "{kept}");
            prop_assert!(way < 2 || !kept.contains(&name), "{kept}");
        }

        /// It is short, and nothing is left to do the second time.
        #[test]
        fn it_is_short_and_settled(text in ".{0,500}") {
            let once = scrub(&text);
            prop_assert!(once.chars().count() <= 300);
            prop_assert!(once.matches(|letter: char| letter.is_ascii_digit()).count() <= 300);
        }
    }
}
