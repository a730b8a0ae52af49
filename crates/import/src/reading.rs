//! Exports as they lie in a folder: which file is which table, and one row after the other, whatever their size.
//!
//! CSV (RFC 4180: quoted line breaks, CRLF or LF, with or without a byte order mark), JSON as one array, or JSON one object a
//! line. Never more than one row is held here; a row beyond [`MAX_ROW`] ends its file, because where it ends is not known.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::model::{Issue, Reason, Table};

/// Largest row that is read, in bytes. A transcript of a day fits many times.
pub const MAX_ROW: u64 = 16 << 20;
const BUFFER: usize = 64 << 10;
const BOM: &[u8] = "\u{feff}".as_bytes();

/// The columns of one row that have a value, by their names in lower case.
pub type Row = Map<String, Value>;

/// Why a folder cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("{path} cannot be read")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nothing in the folder is an export of a table that we know.
    #[error(
        "{0} holds no export of a table that is imported: name the files after their tables, for example call_logs.csv"
    )]
    NothingThere(PathBuf),
}

/// One export of one table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Export {
    /// What it holds.
    pub table: Table,
    /// Its name within the folder.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What lies in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// The exports, in the order in which they are imported.
    pub exports: Vec<Export>,
    /// Names of files that are not imported.
    pub others: Vec<String>,
}

impl Folder {
    /// Looks into a folder.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io { path: path.to_owned(), source };
        let mut folder = Self::default();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let kind = std::fs::metadata(&path).map_err(|source| ReadError::Io { path: path.clone(), source })?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match table_of(&name) {
                Some(table) if kind.is_file() => {
                    folder.exports.push(Export { table, name, path, bytes: kind.len() });
                }
                _ => folder.others.push(name),
            }
        }
        folder.exports.sort();
        folder.others.sort();
        if folder.exports.is_empty() {
            return Err(ReadError::NothingThere(path.to_owned()));
        }
        Ok(folder)
    }

    /// A digest of all exports: the same folder is known again, and a changed one is another.
    pub fn fingerprint(&self) -> Result<[u8; 32], ReadError> {
        let mut whole = Sha256::new();
        let mut buffer = vec![0; BUFFER];
        for export in &self.exports {
            let failed = |source| ReadError::Io { path: export.path.clone(), source };
            let mut file = File::open(&export.path).map_err(failed)?;
            let mut digest = Sha256::new();
            loop {
                let read = file.read(&mut buffer).map_err(failed)?;
                if read == 0 {
                    break;
                }
                digest.update(&buffer[..read]);
            }
            whole.update(export.name.len().to_le_bytes());
            whole.update(&export.name);
            whole.update(digest.finalize());
        }
        Ok(whole.finalize().into())
    }
}

/// The table that a file is named after: `call_logs.csv`, `public.call_logs.json`, `call_logs_rows.csv` (as a database console
/// names it) or `call_logs-2.jsonl` (one part of several).
fn table_of(name: &str) -> Option<Table> {
    let lower = name.to_ascii_lowercase();
    let (stem, ending) = lower.rsplit_once('.')?;
    if !matches!(ending, "csv" | "json" | "jsonl" | "ndjson") {
        return None;
    }
    let stem = stem.strip_prefix("public.").unwrap_or(stem);
    Table::ALL.into_iter().find(|table| {
        stem.strip_prefix(table.name()).is_some_and(|rest| {
            let rest = rest.strip_prefix("_rows").unwrap_or(rest);
            let part = rest.strip_prefix(['-', '_', '.', ' ']).unwrap_or(rest);
            rest.is_empty() || (!part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b"()- _".contains(&b)))
        })
    })
}

/// One row as it stands in its file.
#[derive(Debug, PartialEq)]
pub struct Record {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Bytes that it takes in the file, roughly.
    pub bytes: u64,
    /// The row, or why it is none.
    pub row: Result<Row, Issue>,
}

/// Reads the rows of one export.
pub struct Rows {
    format: Format,
    path: PathBuf,
    /// Bytes read from the file, with what is only buffered.
    consumed: Arc<AtomicU64>,
    /// False when what follows in the file cannot be read.
    is_whole: bool,
}

enum Format {
    Csv(Box<CsvRows>),
    Lines(Lines),
    Array(Array),
    Over,
}

impl Rows {
    /// Opens an export.
    pub fn open(export: &Export) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io { path: export.path.clone(), source };
        let consumed = Arc::new(AtomicU64::new(0));
        let limit = Arc::new(AtomicU64::new(u64::MAX));
        let mut file = File::open(&export.path).map_err(failed)?;
        let mut begin = [0; 3];
        let mark =
            if file.read(&mut begin).map_err(failed)? == BOM.len() && begin == *BOM { BOM.len() as u64 } else { 0 };
        let open_end = open_end(&mut file, mark).map_err(failed)?;
        let metered = Metered { file, consumed: Arc::clone(&consumed), limit: Arc::clone(&limit) };
        let mut source = BufReader::with_capacity(BUFFER, metered);
        skip_bom(&mut source).map_err(failed)?;
        let format = if export.name.to_ascii_lowercase().ends_with(".csv") {
            Format::Csv(Box::new(CsvRows::new(source, limit, open_end)))
        } else {
            let (first, line) = skip_space(&mut source, 1).map_err(failed)?;
            if first == Some(b'[') {
                source.consume(1);
                Format::Array(Array { source, line })
            } else {
                Format::Lines(Lines { source, line })
            }
        };
        Ok(Self { format, path: export.path.clone(), consumed, is_whole: true })
    }

    /// The next row; none at the end.
    pub fn next_row(&mut self) -> Result<Option<Record>, ReadError> {
        let next = match &mut self.format {
            Format::Csv(csv) => csv.next_row(),
            Format::Lines(lines) => lines.next_row(),
            Format::Array(array) => array.next_row(),
            Format::Over => return Ok(None),
        };
        let next = next.map_err(|source| ReadError::Io { path: self.path.clone(), source })?;
        if let Some(Record { row: Err(issue), .. }) = &next
            && issue.reason.ends_the_file()
        {
            self.is_whole = false;
            self.format = Format::Over;
        }
        Ok(next)
    }

    /// How much of the file has been read, in bytes.
    pub fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// Whether everything up to here could be read.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }
}

/// Counts what is read, and stops when a row takes more than it may.
struct Metered {
    file: File,
    consumed: Arc<AtomicU64>,
    limit: Arc<AtomicU64>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.consumed.load(Ordering::Relaxed) > self.limit.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.file.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

fn skip_bom(source: &mut impl BufRead) -> io::Result<()> {
    if source.fill_buf()?.starts_with(BOM) {
        source.consume(BOM.len());
    }
    Ok(())
}

/// Skips white space; answers the byte after it and its line.
fn skip_space(source: &mut impl BufRead, mut line: u64) -> io::Result<(Option<u8>, u64)> {
    loop {
        let buffer = source.fill_buf()?;
        let Some(&byte) = buffer.first() else { return Ok((None, line)) };
        if !byte.is_ascii_whitespace() {
            return Ok((Some(byte), line));
        }
        line += u64::from(byte == b'\n');
        source.consume(1);
    }
}

// --- CSV ---------------------------------------------------------------------------------------------------------------

struct CsvRows {
    reader: csv::Reader<BufReader<Metered>>,
    /// Consumed bytes at which reading stops.
    limit: Arc<AtomicU64>,
    header: Option<Result<Vec<String>, Issue>>,
    record: csv::ByteRecord,
    /// Lines end in CRLF. The parser is told of LF only, because it would count the lines of CRLF wrongly.
    ends_in_cr: bool,
    /// Where the file ends when its last line is not closed, in bytes after the mark.
    open_end: Option<u64>,
}

impl CsvRows {
    fn new(source: BufReader<Metered>, limit: Arc<AtomicU64>, open_end: Option<u64>) -> Self {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(source);
        Self { reader, limit, header: None, record: csv::ByteRecord::new(), ends_in_cr: false, open_end }
    }

    fn next_row(&mut self) -> io::Result<Option<Record>> {
        loop {
            let begin = self.reader.position().clone();
            match self.read_record(begin.byte())? {
                None => return Ok(None),
                Some(false) => return Ok(Some(too_large(begin.line()))),
                Some(true) if self.is_blank() => {}
                Some(true) if self.header.is_none() => {
                    self.ends_in_cr = self.record.iter().next_back().is_some_and(|field| field.ends_with(b"\r"));
                    self.header = Some(header_of(&self.record));
                }
                Some(true) => {
                    let row = match &self.header {
                        Some(Ok(header)) => csv_row(header, &self.record, self.ends_in_cr),
                        Some(Err(issue)) => Err(issue.clone()),
                        None => Err(Issue::of_row(Reason::UnusableHeader)),
                    };
                    let bytes = self.reader.position().byte() - begin.byte();
                    return Ok(Some(Record { line: self.first_line(), bytes, row }));
                }
            }
        }
    }

    /// An empty line of a file whose lines end in CRLF. Others the parser leaves out.
    fn is_blank(&self) -> bool {
        self.record.len() == 1 && self.record.get(0) == Some(b"\r")
    }

    /// The line on which the record begins: as many before the end as it has line breaks in it.
    fn first_line(&self) -> u64 {
        let end = self.reader.position();
        let breaks = memchr::memchr_iter(b'\n', self.record.as_slice()).count() as u64;
        let closed = u64::from(self.open_end != Some(end.byte()));
        end.line().saturating_sub(breaks + closed)
    }

    /// None at the end, false when the record is too large.
    fn read_record(&mut self, begin: u64) -> io::Result<Option<bool>> {
        self.limit.store(begin.saturating_add(MAX_ROW), Ordering::Relaxed);
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => Ok(Some(true)),
            Ok(false) => Ok(None),
            Err(error) => match error.into_kind() {
                csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Some(false)),
                csv::ErrorKind::Io(error) => Err(error),
                // Lengths are not compared by the reader, and text is not decoded by it: nothing else is left.
                _ => Err(io::ErrorKind::InvalidData.into()),
            },
        }
    }
}

/// Where a file ends whose last line is not closed, in bytes after the mark at its beginning.
fn open_end(file: &mut File, mark: u64) -> io::Result<Option<u64>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut last = [b'\n'];
    if length > mark {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    file.rewind()?;
    Ok((last != *b"\n").then(|| length.saturating_sub(mark)))
}

fn too_large(line: u64) -> Record {
    Record { line, bytes: 0, row: Err(Issue::of_row(Reason::RowTooLarge)) }
}

fn header_of(record: &csv::ByteRecord) -> Result<Vec<String>, Issue> {
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    for field in record {
        let name = std::str::from_utf8(field).map_err(|_| Issue::of_row(Reason::UnusableHeader))?;
        let name = name.trim().to_ascii_lowercase();
        if name.is_empty() || names.contains(&name) {
            return Err(Issue { column: name, reason: Reason::UnusableHeader });
        }
        names.push(name);
    }
    // Columns that are not parted by commas: one name that is all of them.
    if names.len() == 1 && names.iter().any(|name| name.contains([';', '\t', '|'])) {
        return Err(Issue::of_row(Reason::UnusableHeader));
    }
    Ok(names)
}

fn csv_row(header: &[String], record: &csv::ByteRecord, ends_in_cr: bool) -> Result<Row, Issue> {
    if record.len() != header.len() {
        return Err(Issue::of_row(Reason::WrongNumberOfColumns));
    }
    let mut row = Row::new();
    for (place, (name, field)) in header.iter().zip(record).enumerate() {
        let is_last = place + 1 == header.len();
        let field = if ends_in_cr && is_last { field.strip_suffix(b"\r").unwrap_or(field) } else { field };
        let text = std::str::from_utf8(field).map_err(|_| Issue { column: name.clone(), reason: Reason::NotUtf8 })?;
        // No column of ours can hold a NUL; the ingest drops it too.
        let text = if text.contains('\0') { text.replace('\0', "") } else { text.to_owned() };
        if !text.is_empty() {
            row.insert(name.clone(), Value::String(text));
        }
    }
    Ok(row)
}

// --- JSON --------------------------------------------------------------------------------------------------------------

/// One object a line.
struct Lines {
    source: BufReader<Metered>,
    line: u64,
}

impl Lines {
    fn next_row(&mut self) -> io::Result<Option<Record>> {
        loop {
            let line = self.line;
            let mut text = Vec::new();
            let read = (&mut self.source).take(MAX_ROW + 1).read_until(b'\n', &mut text)? as u64;
            if read == 0 {
                return Ok(None);
            }
            if read > MAX_ROW {
                return Ok(Some(too_large(line)));
            }
            self.line += 1;
            if !text.trim_ascii().is_empty() {
                return Ok(Some(Record { line, bytes: read, row: json_row(&text) }));
            }
        }
    }
}

/// One array of objects.
struct Array {
    source: BufReader<Metered>,
    line: u64,
}

impl Array {
    fn next_row(&mut self) -> io::Result<Option<Record>> {
        let broken = |line| Record { line, bytes: 0, row: Err(Issue::of_row(Reason::BrokenJson)) };
        loop {
            let (first, line) = skip_space(&mut self.source, self.line)?;
            self.line = line;
            match first {
                Some(b',') => self.source.consume(1),
                Some(b']') => {
                    self.source.consume(1);
                    let (more, line) = skip_space(&mut self.source, self.line)?;
                    return Ok(more.map(|_| broken(line)));
                }
                // The array is never closed: what is missing cannot be known.
                None => return Ok(Some(broken(line))),
                Some(_) => return self.element(line).map(Some),
            }
        }
    }

    /// One element: up to the comma or bracket that ends it, outside of any text or nested value.
    fn element(&mut self, line: u64) -> io::Result<Record> {
        let mut text = Vec::new();
        let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
        loop {
            let buffer = self.source.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Record { line, bytes: 0, row: Err(Issue::of_row(Reason::BrokenJson)) });
            }
            let mut used = 0;
            let mut is_over = false;
            for &byte in buffer {
                if in_string {
                    (in_string, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
                } else {
                    match byte {
                        b'"' => in_string = true,
                        b'{' | b'[' => depth += 1,
                        b']' | b',' if depth == 0 => is_over = true,
                        b'}' | b']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                }
                if is_over {
                    break;
                }
                self.line += u64::from(byte == b'\n');
                used += 1;
            }
            text.extend_from_slice(&buffer[..used]);
            self.source.consume(used);
            if is_over {
                return Ok(Record { line, bytes: text.len() as u64, row: json_row(&text) });
            }
            if text.len() as u64 > MAX_ROW {
                return Ok(too_large(line));
            }
        }
    }
}

/// Cleaned like a provider's message: no NUL, no half characters, no credentials.
fn json_row(text: &[u8]) -> Result<Row, Issue> {
    let cleaned = providers::vapi::redact(text).map_err(|error| match error {
        providers::vapi::ParseError::NotUtf8 => Issue::of_row(Reason::NotUtf8),
        _ => Issue::of_row(Reason::NotJson),
    })?;
    match serde_json::from_slice(&cleaned) {
        Ok(Value::Object(members)) => {
            let mut row = Row::new();
            for (name, value) in members {
                let name = name.trim().to_ascii_lowercase();
                let is_empty = matches!(&value, Value::Null) || value.as_str().is_some_and(str::is_empty);
                if row.contains_key(&name) {
                    return Err(Issue { column: name, reason: Reason::ColumnTwice });
                }
                if !is_empty {
                    row.insert(name, value);
                }
            }
            Ok(row)
        }
        _ => Err(Issue::of_row(Reason::NotAnObject)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_the_table_that_it_is_named_after() {
        for (name, table) in [
            ("call_logs.csv", Some(Table::CallLogs)),
            ("Calls.JSON", Some(Table::Calls)),
            ("public.call_transcripts.ndjson", Some(Table::CallTranscripts)),
            ("call_logs_rows.csv", Some(Table::CallLogs)),
            ("call_logs_rows (1).csv", Some(Table::CallLogs)),
            ("call_logs-2.jsonl", Some(Table::CallLogs)),
            ("call_logs.sql", None),
            ("calls_view.csv", None),
            ("recall_logs.csv", None),
            ("users.csv", None),
            ("calls", None),
        ] {
            assert_eq!(table_of(name), table, "{name}");
        }
    }

    fn read(name: &str, content: &[u8]) -> (Vec<Record>, bool) {
        let folder = std::env::temp_dir().join(format!("voxanne-reading-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(name), content).unwrap();
        let found = Folder::open(&folder).unwrap();
        let mut rows = Rows::open(&found.exports[0]).unwrap();
        let mut records = Vec::new();
        while let Some(record) = rows.next_row().unwrap() {
            records.push(record);
        }
        std::fs::remove_dir_all(folder).unwrap();
        (records, rows.is_whole())
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_ends_the_file_and_not_the_machine() {
        let mut content = b"id,transcript\n1,fine\n2,\"never closed\n".to_vec();
        content.resize(3 * usize::try_from(MAX_ROW).unwrap(), b'x');
        let (records, is_whole) = read("call_logs.csv", &content);
        assert_eq!(records.len(), 2);
        assert!(records[0].row.is_ok() && !is_whole);
        assert_eq!(records[1].row, Err(Issue::of_row(Reason::RowTooLarge)));

        let mut content = b"[{\"id\": 1}, {\"id\": \"".to_vec();
        content.resize(2 * usize::try_from(MAX_ROW).unwrap(), b'x');
        let (records, is_whole) = read("calls.json", &content);
        assert!(records[0].row.is_ok() && !is_whole);
        assert_eq!(records[1].row, Err(Issue::of_row(Reason::RowTooLarge)));
    }

    #[test]
    fn columns_that_are_parted_by_something_else_are_no_columns() {
        let (records, _) = read("leads.csv", b"id;org_id;phone\n1;2;3\n");
        assert_eq!(records[0].row, Err(Issue::of_row(Reason::UnusableHeader)));
    }

    #[test]
    fn a_row_says_on_which_line_it_begins() {
        let lines = |records: &[Record]| records.iter().map(|record| record.line).collect::<Vec<_>>();
        let (records, _) = read("leads.csv", b"id,name\r\n1,\"two\r\nlines\"\r\n\r\n2,x\r\n");
        assert_eq!(lines(&records), [2, 5]);
        let (records, _) = read("leads.json", b"\n[\n{\"id\": 1,\n\"name\": \"[}\\\"\"},\n {\"id\": 2}\n]\n");
        assert_eq!(lines(&records), [3, 5]);
        let (records, _) = read("leads.jsonl", b"\n{\"id\": 1}\n\n{\"id\": 2}");
        assert_eq!(lines(&records), [2, 4]);
    }
}
