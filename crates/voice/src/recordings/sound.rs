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
    let said = track.time_base.zip(track.duration).and_then(|(base, ticks)| {
        let seconds = ticks.get() as f64 * f64::from(base.numer.get()) / f64::from(base.denom.get());
        Duration::try_from_secs_f64(seconds).ok()
    });
    let channels =
        parameters.as_ref().and_then(|parameters| parameters.channels.as_ref()).map(|channels| channels.count());
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
            Ok(None) => break,
            // A recording that was cut off plays up to there.
            Err(DecodeError::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(DecodeError::ResetRequired) => break,
            Err(error) => return Err(not_audio(error)),
        };
        if packet.track_id != id {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(decoded) => {
                let count = decoded.spec().channels().count();
                rate = Some(decoded.spec().rate());
                decoded.copy_to_vec_interleaved(&mut samples);
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
    let seconds = rate.filter(|rate| *rate > 0).map(|rate| meter.frames as f64 / f64::from(rate));
    Ok(Measured {
        duration: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).or(said.duration),
        channels: u8::try_from(meter.channels).ok(),
        peaks: Some(meter.finish()),
    })
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
