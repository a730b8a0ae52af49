//! The sample call of the landing page: the words of `locales/`, spoken by `espeak-ng` where the building machine has it,
//! else tones of about the same timing. Nothing is downloaded and no recording of a person is used.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{hashed_name, read, save, text};

/// Language tags with the voice that speaks each.
const LANGUAGES: [(&str, &str); 6] =
    [("en", "en-gb"), ("fr", "fr-fr"), ("de", "de"), ("es", "es"), ("pt-BR", "pt-br"), ("ar", "ar")];
/// How the receptionist and the caller sound different.
const VARIANTS: [&str; 2] = ["+m3", "+f2"];
/// Turns of the dialogue; the receptionist begins.
const TURNS: usize = 8;
/// Samples a second. Half of what espeak-ng makes, and still wider than a telephone.
const RATE: u32 = 11_025;
/// Silence before the first turn and between turns, in samples.
const PAUSE: usize = 4_000;
/// Bars of the drawing.
const BARS: usize = 150;

struct Turn {
    start: usize,
    end: usize,
}

/// Makes the recordings and the table of them, `sample.rs`.
pub fn make(locales: &Path, out: &Path) -> Result<(), String> {
    let speaks = Command::new("espeak-ng").arg("--version").output().is_ok_and(|run| run.status.success());
    if !speaks {
        println!("cargo::warning=espeak-ng is not installed: the sample call on the landing page has tones for voices");
    }
    let mut table = format!("/// Whether a speech program spoke the words.\npub const SPOKEN: bool = {speaks};\n");
    writeln!(table, "/// By language.\npub const SAMPLES: [Sample; {}] = [", LANGUAGES.len())
        .map_err(|e| e.to_string())?;
    for (tag, voice) in LANGUAGES {
        let path = locales.join(tag).join("site.ftl");
        println!("cargo::rerun-if-changed={}", path.display());
        let words = dialogue(&text(read(&path)?, &path)?, &path)?;
        let mut sound = Vec::new();
        let mut turns = Vec::new();
        for (index, line) in words.iter().enumerate() {
            sound.resize(sound.len() + PAUSE, 0);
            let said = if speaks { speak(out, voice, index % 2, line)? } else { tones(index % 2, line) };
            turns.push(Turn { start: sound.len(), end: sound.len() + said.len() });
            sound.extend(said);
        }
        sound.resize(sound.len() + PAUSE, 0);
        let wav = wave(&sound);
        let file = hashed_name(&format!("{tag}.wav"), &wav);
        save(&out.join(&file), &wav)?;
        describe(&mut table, tag, &file, &sound, &turns).map_err(|e| e.to_string())?;
    }
    table.push_str("];\n");
    save(&out.join("sample.rs"), table.as_bytes())
}

fn dialogue(file: &str, path: &Path) -> Result<Vec<String>, String> {
    (1..=TURNS)
        .map(|turn| {
            let start = format!("site-sample-{turn} = ");
            file.lines()
                .find_map(|line| line.strip_prefix(&start))
                .map(str::to_owned)
                .ok_or_else(|| format!("{}: site-sample-{turn} is missing", path.display()))
        })
        .collect()
}

/// One turn by espeak-ng, at half its rate.
fn speak(out: &Path, voice: &str, part: usize, line: &str) -> Result<Vec<i16>, String> {
    let file = out.join("turn.wav");
    let run = Command::new("espeak-ng")
        .args(["-v", &format!("{voice}{}", VARIANTS[part]), "-s", "160", "-w"])
        .arg(&file)
        .arg(line)
        .output()
        .map_err(|e| format!("espeak-ng: {e}"))?;
    if !run.status.success() {
        return Err(format!("espeak-ng -v {voice}: {}", String::from_utf8_lossy(&run.stderr)));
    }
    let bytes = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let at = bytes.windows(4).position(|w| w == b"data").ok_or("espeak-ng wrote no sound")?;
    let samples: Vec<i32> =
        bytes[at + 8..].chunks_exact(2).map(|b| i32::from(i16::from_le_bytes([b[0], b[1]]))).collect();
    let first = samples.iter().position(|s| s.abs() > 200).unwrap_or(0);
    let last = samples.iter().rposition(|s| s.abs() > 200).unwrap_or(samples.len());
    Ok(halve(&samples[first..last]))
}

/// Every second sample, each the weighted middle of its neighbours, so that what the lower rate cannot carry is gone.
fn halve(samples: &[i32]) -> Vec<i16> {
    const WEIGHTS: [i32; 7] = [-2, 0, 18, 32, 18, 0, -2];
    samples
        .windows(WEIGHTS.len())
        .step_by(2)
        .map(|near| {
            let sum: i32 = near.iter().zip(WEIGHTS).map(|(sample, weight)| sample * weight).sum();
            i16::try_from(sum / 64).unwrap_or(if sum > 0 { i16::MAX } else { i16::MIN })
        })
        .collect()
}

/// A hum with a beat, as long as the words would take.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a few seconds of sound")]
fn tones(part: usize, line: &str) -> Vec<i16> {
    let length = line.chars().count() * RATE as usize / 16;
    let pitch = [150.0, 230.0][part];
    (0..length)
        .map(|n| {
            let t = n as f32 / RATE as f32;
            let beat = (std::f32::consts::PI * 4.0 * t).sin().abs();
            let edge = (t * 20.0).min((length - n) as f32 / RATE as f32 * 20.0).min(1.0);
            let hum = (std::f32::consts::TAU * pitch * t).sin() + 0.4 * (std::f32::consts::TAU * pitch * 2.0 * t).sin();
            (hum * beat * edge * 7_000.0) as i16
        })
        .collect()
}

/// A WAV file: 16 bits, one channel.
fn wave(sound: &[i16]) -> Vec<u8> {
    let size = u32::try_from(sound.len() * 2).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(sound.len() * 2 + 44);
    file.extend(b"RIFF");
    file.extend((size + 36).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 2).to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(16_u16.to_le_bytes());
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(sound.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

fn describe(table: &mut String, tag: &str, file: &str, sound: &[i16], turns: &[Turn]) -> Result<(), std::fmt::Error> {
    let millis = |samples: usize| samples * 1000 / RATE as usize;
    let times: Vec<String> = turns.iter().map(|t| format!("({}, {})", millis(t.start), millis(t.end))).collect();
    writeln!(
        table,
        "    Sample {{ tag: {tag:?}, url: \"/sample/{file}\", wav: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\")), \
         millis: {}, turns: &[{}], agent: {:?}, caller: {:?} }},",
        millis(sound.len()),
        times.join(", "),
        drawing(sound, turns, 0, 72)?,
        drawing(sound, turns, 1, 24)?,
    )
}

/// The loudness of one speaker over the call as an SVG path: a bar every three units around the middle.
fn drawing(sound: &[i16], turns: &[Turn], part: usize, middle: usize) -> Result<String, std::fmt::Error> {
    let loudest = sound.iter().map(|s| usize::from(s.unsigned_abs())).max().unwrap_or(1).max(1);
    let mut path = String::new();
    for bar in 0..BARS {
        let (from, to) = (bar * sound.len() / BARS, (bar + 1) * sound.len() / BARS);
        let peak = turns
            .iter()
            .skip(part)
            .step_by(2)
            .filter(|turn| turn.start < to && turn.end > from)
            .flat_map(|turn| &sound[turn.start.max(from)..turn.end.min(to)])
            .map(|s| usize::from(s.unsigned_abs()))
            .max()
            .unwrap_or(0);
        let half = (peak * 21 / loudest).max(1);
        write!(path, "M{} {}v{}", bar * 3 + 1, middle - half, half * 2)?;
    }
    Ok(path)
}
