//! Invented recordings: every word is a tone, the caller's higher than the agent's. The same call sounds the same every
//! time, and any part of it can be made on its own.

use std::f32::consts::TAU;
use std::ops::Range;

use crate::scenario::{Moment, Scenario};
use crate::script::Speaker;

/// Which sound of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Both sides mixed.
    Mono,
    /// The caller on the left, the agent on the right.
    Stereo,
    /// The agent alone.
    Assistant,
    /// The caller alone.
    Customer,
}

impl Channel {
    pub(super) const ALL: [Self; 4] = [Self::Mono, Self::Stereo, Self::Assistant, Self::Customer];

    /// The word in addresses.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Mono => "mono",
            Self::Stereo => "stereo",
            Self::Assistant => "assistant",
            Self::Customer => "customer",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == word)
    }

    /// The sides that each lane of the file holds.
    fn lanes(self) -> &'static [&'static [Speaker]] {
        match self {
            Self::Mono => &[&[Speaker::Caller, Speaker::Agent]],
            Self::Stereo => &[&[Speaker::Caller], &[Speaker::Agent]],
            Self::Assistant => &[&[Speaker::Agent]],
            Self::Customer => &[&[Speaker::Caller]],
        }
    }
}

/// How recordings are written: uncompressed WAV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoundFormat {
    /// Samples a second.
    pub rate: u32,
    /// 8 or 16 bits a sample.
    pub bits: u16,
}

impl Default for SoundFormat {
    /// Telephone quality: 8,000 samples of 16 bits.
    fn default() -> Self {
        Self { rate: 8_000, bits: 16 }
    }
}

/// Length of the header of a WAV file.
const HEADER: u64 = 44;
/// Half of full scale for one voice: two that speak at once still fit.
const LOUDNESS: f32 = 0.45;
/// Length of a recording of a call that was not played, in milliseconds.
const SILENCE_MS: u64 = 3_000;

/// A word as it sounds: samples since the beginning, and its pitch.
struct Word {
    speaker: Speaker,
    samples: Range<u64>,
    hertz: f32,
}

/// A recording that can be made piece by piece.
pub(super) struct Sound {
    format: SoundFormat,
    lanes: &'static [&'static [Speaker]],
    /// By beginning.
    words: Vec<Word>,
    /// Samples of each lane.
    samples: u64,
}

impl Sound {
    /// The recording of a call, filled up with silence to at least so many bytes.
    pub(super) fn of(scenario: Option<&Scenario>, channel: Channel, format: SoundFormat, bytes: Option<u64>) -> Self {
        let lanes = channel.lanes();
        let started = scenario.and_then(|scenario| scenario.started_at).unwrap_or(0);
        let millis = scenario.map_or(SILENCE_MS, |scenario| u64::from(scenario.ended_at - started));
        let mut sound = Self { format, lanes, words: Vec::new(), samples: millis * u64::from(format.rate) / 1_000 };
        for moment in scenario.iter().flat_map(|scenario| &scenario.moments) {
            if let Moment::Said { speaker, text, from, to } = moment {
                sound.say(*speaker, text, from.saturating_sub(started)..to.saturating_sub(started));
            }
        }
        let wanted = bytes.unwrap_or(0).saturating_sub(HEADER).div_ceil(sound.frame());
        sound.samples = sound.samples.max(wanted);
        sound
    }

    fn say(&mut self, speaker: Speaker, text: &str, millis: Range<u32>) {
        let letters: u64 = text.split_whitespace().map(|word| letters_of(word) + 1).sum();
        let base = if speaker == Speaker::Agent { 165.0 } else { 262.0 };
        let begin = u64::from(millis.start) * u64::from(self.format.rate) / 1_000;
        let length = u64::from(millis.end.saturating_sub(millis.start)) * u64::from(self.format.rate) / 1_000;
        let mut spoken = 0;
        for word in text.split_whitespace() {
            let at = |letter: u64| begin + length * letter / letters.max(1);
            let step = word.chars().fold(0_u32, |sum, letter| sum.wrapping_add(u32::from(letter))) % 8;
            let samples = at(spoken)..at(spoken + letters_of(word));
            self.words.push(Word { speaker, samples, hertz: base * (1.0 + small(step) / 16.0) });
            spoken += letters_of(word) + 1;
        }
    }

    /// Bytes of one sample of all lanes.
    fn frame(&self) -> u64 {
        u64::from(self.format.bits / 8) * self.lanes.len() as u64
    }

    /// Bytes of the file.
    pub(super) fn len(&self) -> u64 {
        HEADER + self.samples * self.frame()
    }

    /// Part of the file.
    pub(super) fn bytes(&self, range: Range<u64>) -> Vec<u8> {
        let mut made = Vec::new();
        let end = range.end.min(self.len());
        let mut at = range.start;
        if at < HEADER {
            let header = self.header();
            let (from, to) = (index(at), index(end.min(HEADER)));
            made.extend_from_slice(&header[from..to]);
            at = end.min(HEADER);
        }
        if at < end {
            let begun = HEADER + (at - HEADER) / self.frame() * self.frame();
            let mut samples = Vec::with_capacity(index(end - begun) + 4);
            for sample in (begun - HEADER) / self.frame()..(end - HEADER).div_ceil(self.frame()) {
                self.push_frame(sample, &mut samples);
            }
            made.extend_from_slice(&samples[index(at - begun)..index(end - begun)]);
        }
        made
    }

    fn header(&self) -> Vec<u8> {
        // A file of 4 GB and more cannot say how long it is.
        let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
        let lanes = u16::try_from(self.lanes.len()).unwrap_or(1);
        let frame = u16::try_from(self.frame()).unwrap_or(2);
        let mut header = Vec::with_capacity(44);
        header.extend(b"RIFF");
        header.extend(size(self.len() - 8));
        header.extend(b"WAVEfmt ");
        header.extend(16_u32.to_le_bytes());
        header.extend(1_u16.to_le_bytes());
        header.extend(lanes.to_le_bytes());
        header.extend(self.format.rate.to_le_bytes());
        header.extend((self.format.rate * u32::from(frame)).to_le_bytes());
        header.extend(frame.to_le_bytes());
        header.extend(self.format.bits.to_le_bytes());
        header.extend(b"data");
        header.extend(size(self.len() - HEADER));
        header
    }

    fn push_frame(&self, sample: u64, frame: &mut Vec<u8>) {
        for lane in self.lanes {
            let value: f32 = lane.iter().map(|speaker| self.value(*speaker, sample)).sum();
            #[expect(clippy::cast_possible_truncation, reason = "two voices of less than half of full scale each")]
            let value = (value * 32_767.0) as i16;
            if self.format.bits == 8 {
                frame.push((i32::from(value) / 256 + 128).clamp(0, 255).to_le_bytes()[0]);
            } else {
                frame.extend(value.to_le_bytes());
            }
        }
    }

    /// One voice at one moment, from -0.45 to 0.45.
    fn value(&self, speaker: Speaker, sample: u64) -> f32 {
        let after = self.words.partition_point(|word| word.samples.start <= sample);
        // People may speak into each other: the last words that began before are looked at.
        let word = self.words[after.saturating_sub(24)..after]
            .iter()
            .rev()
            .find(|word| word.speaker == speaker && word.samples.contains(&sample));
        let Some(word) = word else { return 0.0 };
        let (since, length) = (sample - word.samples.start, word.samples.end - word.samples.start);
        let seconds = float(since) / float(u64::from(self.format.rate));
        let envelope = (float(since) / float(length.max(1)) * TAU / 2.0).sin();
        let phase = seconds * word.hertz * TAU;
        LOUDNESS * envelope * (phase.sin() + 0.35 * (2.0 * phase).sin()) / 1.35
    }
}

fn letters_of(word: &str) -> u64 {
    word.chars().count() as u64
}

fn small(number: u32) -> f32 {
    f32::from(u16::try_from(number).unwrap_or(u16::MAX))
}

#[expect(clippy::cast_precision_loss, reason = "samples within one word, far below 2^24")]
fn float(number: u64) -> f32 {
    number as f32
}

/// An offset within a buffer of a few bytes.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::practice::practices;
    use crate::rng;
    use crate::script::library;
    use crate::target::Target;

    fn scenario() -> Scenario {
        let target = Target::of_practice(&practices()[0], "http://127.0.0.1:9", None, "secret");
        let script = library().iter().find(|script| script.id == "opening-hours").unwrap();
        Scenario::draw(&mut rng::stream(3, "audio"), &target, script, Timestamp::UNIX_EPOCH)
    }

    fn sound(channel: Channel) -> Sound {
        Sound::of(Some(&scenario()), channel, SoundFormat::default(), None)
    }

    #[test]
    fn a_file_is_as_long_as_the_call_and_the_same_in_pieces() {
        let scenario = scenario();
        let seconds = u64::from(scenario.ended_at - scenario.started_at.unwrap()) / 1_000;
        for channel in Channel::ALL {
            let sound = sound(channel);
            let whole = sound.bytes(0..sound.len());
            assert_eq!(whole.len() as u64, sound.len());
            let lanes = if channel == Channel::Stereo { 2 } else { 1 };
            assert_eq!((sound.len() - HEADER) / (16_000 * lanes), seconds, "{channel:?}");
            let mut pieces = Vec::new();
            for start in (0..sound.len()).step_by(9_973) {
                pieces.extend(sound.bytes(start..start + 9_973));
            }
            assert!(whole == pieces, "{channel:?}: the pieces are not the whole");
        }
    }

    #[test]
    fn each_side_has_a_lane_of_its_own_and_both_speak() {
        let file = {
            let sound = sound(Channel::Stereo);
            sound.bytes(HEADER..sound.len())
        };
        let mut loud = [0_usize; 2];
        for frame in file.chunks_exact(4) {
            for (lane, sample) in frame.chunks_exact(2).enumerate() {
                loud[lane] += usize::from(i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 2_000);
            }
        }
        assert!(loud.iter().all(|samples| *samples > 8_000), "{loud:?}");
        let alone = {
            let sound = sound(Channel::Customer);
            sound.bytes(HEADER..sound.len())
        };
        let left: Vec<u8> = file.chunks_exact(4).flat_map(|frame| frame[..2].to_vec()).collect();
        assert!(alone == left, "the left lane is the caller's");
    }

    #[test]
    fn a_recording_can_be_filled_up_to_any_size() {
        let sound = Sound::of(None, Channel::Mono, SoundFormat::default(), Some(50_000_000));
        assert_eq!(sound.len(), 50_000_000);
    }
}
