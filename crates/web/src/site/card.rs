//! The picture that stands beside a shared link: the product's mark on the accent colour, drawn here, as PNG.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use platform::config::accent::Colour;

/// Width in pixels; what the networks ask for.
pub const WIDTH: u32 = 1200;
/// Height in pixels.
pub const HEIGHT: u32 = 630;

/// The mark's strokes in a square of 24: x, top, bottom. The same as `components::logo`.
const STROKES: [(f32, f32, f32); 5] =
    [(3.0, 10.0, 14.0), (7.5, 6.5, 17.5), (12.0, 3.0, 21.0), (16.5, 7.5, 16.5), (21.0, 10.0, 14.0)];
/// Pixels for one of the 24 units.
const SCALE: f32 = 17.0;
/// Shades between ground and mark, for smooth edges.
const SHADES: u8 = 15;

/// The picture's bytes.
pub fn draw(ground: Colour, mark: Colour) -> std::io::Result<Vec<u8>> {
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::best());
    let mut line = Vec::with_capacity(WIDTH as usize + 1);
    for y in 0..HEIGHT {
        line.clear();
        // Each line begins with its filter: none.
        line.push(0);
        line.extend((0..WIDTH).map(|x| shade(x, y)));
        pixels.write_all(&line)?;
    }
    let mut header = Vec::new();
    header.extend(WIDTH.to_be_bytes());
    header.extend(HEIGHT.to_be_bytes());
    // Eight bits, a palette, the only compression and filter there are, no interlacing.
    header.extend([8, 3, 0, 0, 0]);
    let palette: Vec<u8> = (0..=SHADES).flat_map(|step| between(ground, mark, step)).collect();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"PLTE", &palette);
    chunk(&mut file, *b"IDAT", &pixels.finish()?);
    chunk(&mut file, *b"IEND", &[]);
    Ok(file)
}

fn between(from: Colour, to: Colour, step: u8) -> [u8; 3] {
    let mix = |a: u8, b: u8| {
        let sum = u16::from(a) * u16::from(SHADES - step) + u16::from(b) * u16::from(step);
        u8::try_from(sum / u16::from(SHADES)).unwrap_or(u8::MAX)
    };
    [mix(from.0[0], to.0[0]), mix(from.0[1], to.0[1]), mix(from.0[2], to.0[2])]
}

/// How much of the mark a pixel has, by its distance from the nearest stroke.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixels of a small picture"
)]
fn shade(x: u32, y: u32) -> u8 {
    let unit = |pixel: u32, size: u32| (pixel as f32 - size as f32 / 2.0) / SCALE + 12.0;
    let (x, y) = (unit(x, WIDTH), unit(y, HEIGHT));
    let distance = STROKES
        .iter()
        .map(|(at, top, bottom)| (x - at).hypot(y - y.clamp(*top, *bottom)))
        .fold(f32::INFINITY, f32::min);
    let cover = ((1.0 - distance) * SCALE + 0.5).clamp(0.0, 1.0);
    (cover * f32::from(SHADES)) as u8
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], body: &[u8]) {
    let mut sum = flate2::Crc::new();
    sum.update(&kind);
    sum.update(body);
    file.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    file.extend(kind);
    file.extend(body);
    file.extend(sum.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_in_the_middle_and_the_file_is_small() {
        assert_eq!(shade(WIDTH / 2, HEIGHT / 2), SHADES);
        assert_eq!(shade(5, 5), 0);
        let file = draw(Colour([10, 107, 80]), Colour([255, 255, 255])).unwrap();
        assert!(file.starts_with(b"\x89PNG") && file.len() < 20_000, "{}", file.len());
    }
}
