//! Amounts as people of a language write them.

use platform::config::Money;
use platform::i18n::Locale;

/// A space that no line break may part.
const TIED: char = '\u{a0}';

/// `£1,234.50`, `1.234,50 £`, `R$ 1.234,50`. Whole amounts have no decimals; others have two, or as many as they need.
pub fn amount(money: &Money, locale: Locale) -> String {
    let (group, decimal) = match locale {
        Locale::En | Locale::Ar => (',', '.'),
        Locale::Fr => ('\u{202f}', ','),
        Locale::De | Locale::Es | Locale::PtBr => ('.', ','),
    };
    let mut number = grouped(money.micros / 1_000_000, group);
    let fraction = format!("{:06}", money.micros % 1_000_000);
    let needed = fraction.trim_end_matches('0').len();
    if needed > 0 {
        number.push(decimal);
        number.push_str(&fraction[..needed.max(2)]);
    }
    let symbol = symbol(&money.currency);
    match locale {
        Locale::En if symbol.chars().all(char::is_alphabetic) => format!("{symbol}{TIED}{number}"),
        Locale::En => format!("{symbol}{number}"),
        Locale::PtBr => format!("{symbol}{TIED}{number}"),
        _ => format!("{number}{TIED}{symbol}"),
    }
}

fn grouped(whole: i64, mark: char) -> String {
    let digits = whole.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

/// The sign of a currency that has one of its own; a dollar that is not the American one keeps its code.
fn symbol(currency: &str) -> &str {
    match currency {
        "EUR" => "€",
        "GBP" => "£",
        "USD" => "$",
        "BRL" => "R$",
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_writes_amounts_its_own_way() {
        let money = |micros: i64, currency: &str| Money { micros, currency: currency.to_owned() };
        let fee = money(1_234_500_000, "GBP");
        assert_eq!(amount(&fee, Locale::En), "£1,234.50");
        assert_eq!(amount(&fee, Locale::De), "1.234,50\u{a0}£");
        assert_eq!(amount(&fee, Locale::Fr), "1\u{202f}234,50\u{a0}£");
        assert_eq!(amount(&money(500_000_000, "BRL"), Locale::PtBr), "R$\u{a0}500");
        assert_eq!(amount(&money(99_000_000, "CHF"), Locale::En), "CHF\u{a0}99");
        assert_eq!(amount(&money(5_000, "USD"), Locale::En), "$0.005");
        assert_eq!(amount(&money(1_000_000_000_000, "EUR"), Locale::Es), "1.000.000\u{a0}€");
    }
}
