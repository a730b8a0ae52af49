//! The operator's accent colour, and the colours made from it so that every word stays readable.
//!
//! Contrast is that of WCAG 2.2 (1.4.3): text needs 4.5 to 1. The grounds are those of the design tokens; a test of the
//! pages compares them with the style sheet.

/// Least contrast of text on its ground.
const LEAST: f64 = 4.5;
/// Grounds of the light look: bg, surface, sunken, hover.
pub const LIGHT_GROUNDS: [Colour; 4] =
    [Colour([246, 247, 244]), Colour([255, 255, 255]), Colour([236, 238, 234]), Colour([241, 243, 239])];
/// Grounds of the dark look, in the same order.
pub const DARK_GROUNDS: [Colour; 4] =
    [Colour([15, 21, 19]), Colour([22, 30, 27]), Colour([11, 16, 14]), Colour([28, 38, 34])];

const BLACK: Colour = Colour([0, 0, 0]);
const WHITE: Colour = Colour([255, 255, 255]);

/// An sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let mut parts = [0; 3];
        hex::decode_to_slice(digits, &mut parts).ok()?;
        Some(Self(parts))
    }

    /// As `#rrggbb`.
    pub fn hex(self) -> String {
        format!("#{}", hex::encode(self.0))
    }

    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// WCAG contrast with another colour, 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// This colour with so many hundredths of another.
    fn mixed(self, other: Self, hundredths: u16) -> Self {
        let mut parts = self.0;
        for (part, other) in parts.iter_mut().zip(other.0) {
            let mixed = (u16::from(*part) * (100 - hundredths) + u16::from(other) * hundredths + 50) / 100;
            *part = u8::try_from(mixed).unwrap_or(u8::MAX);
        }
        Self(parts)
    }

    fn worst_on(self, grounds: &[Self]) -> f64 {
        grounds.iter().map(|ground| self.contrast(*ground)).fold(f64::INFINITY, f64::min)
    }

    /// The nearest colour on the way to `end` that every ground carries.
    fn until_readable(self, end: Self, grounds: &[Self], least: f64) -> Self {
        (0..=100).map(|step| self.mixed(end, step)).find(|colour| colour.worst_on(grounds) >= least).unwrap_or(end)
    }
}

/// The accent's colours in one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Links, the main button.
    pub accent: Colour,
    /// The same under the pointer.
    pub hover: Colour,
    /// Words on the main button.
    pub on_accent: Colour,
    /// A quiet ground.
    pub soft: Colour,
    /// Words on it.
    pub on_soft: Colour,
}

/// An accent colour that is readable in both looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    /// The light look has the colour as it was given.
    pub light: Palette,
    /// The dark look has it as light as it must be.
    pub dark: Palette,
}

impl Accent {
    /// Takes a colour, unless words in it could not be read on the light pages: then says how far it is and which darker
    /// one would do.
    pub fn new(given: Colour) -> Result<Self, String> {
        let reached = given.worst_on(&LIGHT_GROUNDS);
        if reached < LEAST {
            let darker = given.until_readable(BLACK, &LIGHT_GROUNDS, LEAST).hex();
            return Err(format!(
                "is too light: {} reaches a contrast of {reached:.1} to 1 on the pages and text needs 4.5 to 1; {darker} would do",
                given.hex()
            ));
        }
        let soft = given.mixed(WHITE, 87);
        let light = Palette {
            accent: given,
            hover: given.mixed(BLACK, 20),
            on_accent: WHITE,
            soft,
            on_soft: given.mixed(BLACK, 25).until_readable(BLACK, &[soft], LEAST),
        };
        let accent = given.until_readable(WHITE, &DARK_GROUNDS, 6.0);
        let soft = DARK_GROUNDS[0].mixed(accent, 22);
        let dark = Palette {
            accent,
            hover: accent.mixed(WHITE, 25),
            on_accent: given.mixed(BLACK, 70).until_readable(BLACK, &[accent], LEAST),
            soft,
            on_soft: accent.mixed(WHITE, 40).until_readable(WHITE, &[soft], LEAST),
        };
        Ok(Self { light, dark })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn our_own_green_passes_and_its_dark_twin_does_not() {
        assert!(Accent::new(Colour::parse("#0a6b50").unwrap()).is_ok());
        let refused = Accent::new(Colour::parse("#52c99d").unwrap()).unwrap_err();
        assert!(refused.starts_with("is too light: #52c99d reaches a contrast of 1."), "{refused}");
        let better = refused.split("; ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        assert!(Accent::new(Colour::parse(better).unwrap()).is_ok(), "{better}");
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 1e-9);
        // The example that WCAG's own understanding documents use for "just too light".
        let grey = Colour::parse("#777777").unwrap().contrast(WHITE);
        assert!((4.47..4.49).contains(&grey), "{grey}");
    }

    #[test]
    fn what_is_no_colour_is_not_read() {
        for text in ["", "#fff", "0a6b50", "#0a6b5g", "#0a6b500", "rgb(1,2,3)"] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_accepted_colour_is_readable_everywhere(parts: [u8; 3]) {
            if let Ok(accent) = Accent::new(Colour(parts)) {
                for (palette, grounds) in [(accent.light, LIGHT_GROUNDS), (accent.dark, DARK_GROUNDS)] {
                    prop_assert!(palette.accent.worst_on(&grounds) >= LEAST);
                    prop_assert!(palette.hover.worst_on(&grounds) >= LEAST);
                    prop_assert!(palette.on_accent.contrast(palette.accent) >= LEAST);
                    prop_assert!(palette.on_accent.contrast(palette.hover) >= LEAST);
                    prop_assert!(palette.on_soft.contrast(palette.soft) >= LEAST);
                }
            }
        }
    }
}
