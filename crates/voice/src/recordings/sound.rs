//! What the bytes of a recording are: by their first ones, and by decoding them. Pure, apart from what it reads from.

use std::io::{Read, Seek};
use std::time::Duration;

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use tokio_util::sync::CancellationToken;

use super::model::{Media, Peaks, Reason};

/// Bytes that are needed to tell what they begin.
pub const SNIFF: usize = 64;
/// Most peaks of a channel; a long sound has between half as many and these.
const MOST_PEAKS: usize = 1024;
/// Most channels whose loudness is drawn.
const MOST_CHANNELS: usize = 8;

/// What begins with these bytes; a reason when it is nothing that plays.
pub fn sniff(head: &[u8]) -> Result<Media, Reason> {
    if head.is_empty() {
        return Err(Reason::Empty);
    }
    let at = |place: usize, magic: &[u8]| head.get(place..).is_some_and(|rest| rest.starts_with(magic));
    let text: String =
        head.iter().map(|byte| char::from(*byte)).skip_while(|c| !c.is_ascii_graphic()).take(15).collect();
    if text.to_ascii_lowercase().starts_with("<!doctype html") || text.to_ascii_lowercase().starts_with("<html") {
        return Err(Reason::WebPage);
    }
    match head {
        _ if at(0, b"RIFF") && at(8, b"WAVE") => Ok(Media::Wav),
        _ if at(4, b"ftyp") => Ok(Media::M4a),
        _ if at(0, b"OggS") => Ok(Media::Ogg),
        _ if at(0, &[0x1a, 0x45, 0xdf, 0xa3]) => Ok(Media::WebM),
        _ if at(0, b"ID3") => Ok(Media::Mp3),
        // ADTS: twelve bits of sync, layer 0. MPEG audio: eleven bits of sync, layer 3, neither a free nor a bad bit rate.
        [0xff, second, ..] if second & 0xf6 == 0xf0 => Ok(Media::Aac),
        [0xff, second, third, ..] if second & 0xe6 == 0xe2 && !matches!(third >> 4, 0 | 15) => Ok(Media::Mp3),
        _ => Err(Reason::NotAudio),
    }
}

/// Whether as many bytes came as the sound itself says it has; else how many that are.
///
/// Only WAV says so, and not where its length was unknown when it was begun.
pub fn whole(media: Media, head: &[u8], read: u64) -> Result<(), u64> {
    let Some(size) = head.get(4..8).and_then(|bytes| bytes.first_chunk::<4>()).filter(|_| media == Media::Wav) else {
        return Ok(());
    };
    let size = u32::from_le_bytes(*size);
    // What is written into a pipe has a size that is as good as none.
    let is_known = size > 0 && size < 0x7fff_0000;
    let announced = u64::from(size) + 8;
    if is_known && read < announced { Err(announced) } else { Ok(()) }
}

/// What decoding told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// How long it sounds.
    pub duration: Option<Duration>,
    /// Its channels.
    pub channels: Option<u8>,
    /// How loud it is where; nothing where we have no decoder (Opus).
    pub peaks: Option<Peaks>,
}

/// Why a sound could not be measured.
#[derive(Debug, PartialEq, Eq)]
pub enum MeasureError {
    /// It is no sound, whatever it begins with.
    NotAudio(String),
    /// It is a sound of no length.
    Silent,
    /// It could not be read from our storage.
    Unreadable(String),
    /// Told to stop.
    Stopped,
}

/// Decodes a whole sound. Blocks; ends soon after `stop`.
pub fn measure(
    media: Media,
    source: impl Read + Seek + Send + Sync + 'static,
    size: u64,
    stop: &CancellationToken,
) -> Result<Measured, MeasureError> {
    let stream = MediaSourceStream::new(Box::new(Source { inner: source, size }), MediaSourceStreamOptions::default());
    let mut hint = Hint::new();
    hint.with_extension(media.extension());
    let not_audio = |error: DecodeError| match error {
        DecodeError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            MeasureError::Unreadable(error.to_string())
        }
        error => MeasureError::NotAudio(error.to_string()),
    };
    let mut format = symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(not_audio)?;
    let track =
        format.default_track(TrackType::Audio).ok_or_else(|| MeasureError::NotAudio("it holds no sound".to_owned()))?;
    let id = track.id;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio()).cloned();
    let said = track
        .time_base
        .zip(track.duration)
        .and_then(|(base, ticks)| sounding(u128::from(ticks.get()) * u128::from(base.numer.get()), base.denom.get()));
    let channels = parameters
        .as_ref()
        .and_then(|parameters| parameters.channels.as_ref())
        .map(symphonia::core::audio::Channels::count);
    let said = Measured { duration: said, channels: channels.and_then(|count| u8::try_from(count).ok()), peaks: None };
    let decoder = parameters
        .as_ref()
        .and_then(|it| symphonia::default::get_codecs().make_audio_decoder(it, &AudioDecoderOptions::default()).ok());
    let Some(mut decoder) = decoder else {
        return Ok(said);
    };
    let mut meter: Option<Meter> = None;
    let mut rate = parameters.and_then(|parameters| parameters.sample_rate);
    let mut samples: Vec<f32> = Vec::new();
    loop {
        if stop.is_cancelled() {
            return Err(MeasureError::Stopped);
        }
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) | Err(DecodeError::ResetRequired) => break,
            // A recording that was cut off plays up to there.
            Err(DecodeError::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(not_audio(error)),
        };
        if packet.track_id != id {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(sound) => {
                let count = sound.spec().channels().count();
                rate = Some(sound.spec().rate());
                sound.copy_to_vec_interleaved(&mut samples);
                meter.get_or_insert_with(|| Meter::new(count)).take(&samples, count);
            }
            // One bad frame among many is a click, not the end.
            Err(DecodeError::DecodeError(_)) => {}
            Err(error) => return Err(not_audio(error)),
        }
    }
    let Some(meter) = meter.filter(|meter| meter.frames > 0) else {
        return Err(if said.duration.is_some_and(|long| !long.is_zero()) {
            MeasureError::NotAudio("nothing of it can be decoded".to_owned())
        } else {
            MeasureError::Silent
        });
    };
    let long = rate.and_then(|rate| sounding(u128::from(meter.frames), rate));
    Ok(Measured {
        duration: long.or(said.duration),
        channels: u8::try_from(meter.channels).ok(),
        peaks: Some(meter.finish()),
    })
}

/// How long so many ticks are, of which there are `rate` in a second.
fn sounding(ticks: u128, rate: u32) -> Option<Duration> {
    let nanos = ticks.checked_mul(1_000_000_000)?.checked_div(u128::from(rate))?;
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

/// Collects the loudest samples of equally long pieces of a sound whose length is not known: whenever there are too many
/// pieces, each two become one.
struct Meter {
    channels: usize,
    frames: u64,
    /// Frames of a piece.
    width: u64,
    /// Complete pieces of each channel, and the one that is being filled.
    done: Vec<Vec<u8>>,
    filling: Vec<f32>,
    filled: u64,
}

impl Meter {
    fn new(channels: usize) -> Self {
        let drawn = channels.min(MOST_CHANNELS);
        Self { channels, frames: 0, width: 64, done: vec![Vec::new(); drawn], filling: vec![0.0; drawn], filled: 0 }
    }

    /// Takes interleaved samples in. A sound that changes its number of channels half-way is drawn by those it began with.
    fn take(&mut self, samples: &[f32], channels: usize) {
        for frame in samples.chunks_exact(channels.max(1)) {
            for (loudest, sample) in self.filling.iter_mut().zip(frame) {
                *loudest = loudest.max(sample.abs());
            }
            self.frames += 1;
            self.filled += 1;
            if self.filled == self.width {
                self.close_piece();
            }
        }
    }

    fn close_piece(&mut self) {
        for (done, loudest) in self.done.iter_mut().zip(&mut self.filling) {
            done.push(as_byte(std::mem::take(loudest)));
        }
        self.filled = 0;
        if self.done.first().is_some_and(|done| done.len() >= MOST_PEAKS) {
            for done in &mut self.done {
                *done = done.chunks(2).map(|two| two.iter().copied().max().unwrap_or_default()).collect();
            }
            self.width *= 2;
        }
    }

    fn finish(mut self) -> Peaks {
        if self.filled > 0 {
            self.close_piece();
        }
        Peaks { channels: self.done }
    }
}

/// 0 to 255 for 0 to full scale; not a number is silence.
fn as_byte(sample: f32) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255 just here")]
    let byte = (sample * 255.0).round().clamp(0.0, 255.0) as u8;
    byte
}

/// A source whose length is known.
struct Source<R> {
    inner: R,
    size: u64,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.inner.read(into)
    }
}

impl<R: Seek> Seek for Source<R> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}

impl<R: Read + Seek + Send + Sync> MediaSource for Source<R> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.size)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// Sixteen bits at 8,000 samples a second; `tag` 1 is linear and 7 μ-law of eight bits.
    fn wav(tag: u16, channels: u16, data: &[u8]) -> Vec<u8> {
        let width = if tag == 7 { 1 } else { 2 };
        let mut bytes = b"RIFF".to_vec();
        bytes.extend_from_slice(&u32::try_from(38 + data.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(b"WAVEfmt \x12\0\0\0");
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&channels.to_le_bytes());
        bytes.extend_from_slice(&8_000_u32.to_le_bytes());
        bytes.extend_from_slice(&(8_000 * u32::from(channels * width)).to_le_bytes());
        bytes.extend_from_slice(&(channels * width).to_le_bytes());
        bytes.extend_from_slice(&(width * 8).to_le_bytes());
        bytes.extend_from_slice(b"\0\0data");
        bytes.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    fn measured(bytes: Vec<u8>) -> Result<Measured, MeasureError> {
        let media = sniff(&bytes[..bytes.len().min(SNIFF)]).unwrap();
        let size = bytes.len() as u64;
        measure(media, Cursor::new(bytes), size, &CancellationToken::new())
    }

    /// MPEG-1 layer 3, 128 kbit/s, 44,100 Hz, stereo, silence: 1,152 samples in 417 bytes.
    fn mp3(frames: usize) -> Vec<u8> {
        let mut frame = vec![0xff, 0xfb, 0x90, 0x64];
        frame.resize(417, 0);
        frame.repeat(frames)
    }

    #[test]
    fn the_first_bytes_tell_what_it_is() {
        let cases: [(&[u8], Result<Media, Reason>); 15] = [
            (b"RIFF\x24\0\0\0WAVEfmt ", Ok(Media::Wav)),
            (b"ID3\x04\0\0\0\0\0\0", Ok(Media::Mp3)),
            (&[0xff, 0xfb, 0x90, 0x64], Ok(Media::Mp3)),
            (&[0xff, 0xf3, 0x40, 0xc4], Ok(Media::Mp3)),
            (&[0xff, 0xf1, 0x50, 0x80], Ok(Media::Aac)),
            (b"\0\0\0\x20ftypM4A ", Ok(Media::M4a)),
            (b"OggS\0\x02", Ok(Media::Ogg)),
            (&[0x1a, 0x45, 0xdf, 0xa3], Ok(Media::WebM)),
            (b"", Err(Reason::Empty)),
            (b"<!DOCTYPE html>", Err(Reason::WebPage)),
            (b"\xef\xbb\xbf\r\n  <HTML lang=en>", Err(Reason::WebPage)),
            (b"RIFF\x24\0\0\0AVI LIST", Err(Reason::NotAudio)),
            (b"{\"error\":\"no\"}", Err(Reason::NotAudio)),
            (&[0xff, 0xff, 0xff, 0xff], Err(Reason::NotAudio)),
            (b"MZ", Err(Reason::NotAudio)),
        ];
        for (head, expected) in cases {
            assert_eq!(sniff(head), expected, "{head:?}");
        }
    }

    #[test]
    fn a_wav_is_measured_by_its_samples() {
        let loud_then_quiet: Vec<u8> =
            [i16::MIN, 3_277].iter().flat_map(|sample| sample.to_le_bytes().repeat(8_000)).collect();
        let found = measured(wav(1, 1, &loud_then_quiet)).unwrap();
        assert_eq!((found.duration, found.channels), (Some(Duration::from_secs(2)), Some(1)));
        let peaks = &found.peaks.unwrap().channels[0];
        assert_eq!((peaks[0], peaks[peaks.len() - 1]), (255, 26));

        let mu_law = measured(wav(7, 2, &[0x80; 16_000])).unwrap();
        assert_eq!((mu_law.duration, mu_law.channels), (Some(Duration::from_secs(1)), Some(2)), "as telephones speak");
        assert!(mu_law.peaks.unwrap().channels[1].iter().all(|peak| *peak > 240));
    }

    #[test]
    fn an_mp3_is_measured_by_its_frames() {
        let found = measured(mp3(100)).unwrap();
        let seconds = found.duration.unwrap().as_secs_f64();
        assert!((2.5..2.7).contains(&seconds), "{seconds}");
        assert_eq!(found.channels, Some(2));
    }

    #[test]
    fn what_only_looks_like_a_sound_is_none() {
        assert_eq!(measured(wav(1, 1, &[])), Err(MeasureError::Silent));
        assert!(matches!(
            measured(b"OggS this goes on as something else entirely, for a while".to_vec()),
            Err(MeasureError::NotAudio(_))
        ));
        assert!(matches!(
            measured(b"\0\0\0\x20ftypM4A and no more of it than that".to_vec()),
            Err(MeasureError::NotAudio(_))
        ));
    }

    #[test]
    fn measuring_stops_when_it_is_told_to() {
        let stop = CancellationToken::new();
        stop.cancel();
        let bytes = wav(1, 1, &[0; 16_000]);
        let size = bytes.len() as u64;
        assert_eq!(measure(Media::Wav, Cursor::new(bytes), size, &stop), Err(MeasureError::Stopped));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn peaks_are_few_and_none_is_forgotten(frames in 1..400_000_usize, at: u32, channels in 1..3_usize) {
            let at = at as usize % frames;
            let mut meter = Meter::new(channels);
            for begin in (0..frames).step_by(4_096) {
                let samples: Vec<f32> = (begin..frames.min(begin + 4_096))
                    .flat_map(|frame| vec![if frame == at { -1.0 } else { 0.0 }; channels])
                    .collect();
                meter.take(&samples, channels);
            }
            let peaks = meter.finish();
            prop_assert_eq!(peaks.channels.len(), channels);
            for peaks in peaks.channels {
                prop_assert!(peaks.len() <= MOST_PEAKS);
                let loud: Vec<usize> = (0..peaks.len()).filter(|piece| peaks[*piece] == 255).collect();
                prop_assert_eq!(loud.len(), 1);
                // A piece is a small part of a long sound, and stands where it sounds.
                let place = loud[0] * frames / peaks.len();
                prop_assert!(frames < 100_000 || place.abs_diff(at) <= frames / 100, "{place} for {at} of {frames}");
            }
        }

        #[test]
        fn no_bytes_make_measuring_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..2_000), kind in 0..6_usize) {
            let heads: [&[u8]; 6] = [
                b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data\xff\xff\xff\xff",
                b"OggS", b"\0\0\0\x20ftypM4A ", &[0x1a, 0x45, 0xdf, 0xa3], &[0xff, 0xfb, 0x90, 0x64], &[0xff, 0xf1, 0x50, 0x80],
            ];
            let mut whole = heads[kind].to_vec();
            whole.append(&mut bytes);
            let _either = measured(whole);
        }
    }
}
