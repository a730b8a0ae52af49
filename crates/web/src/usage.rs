//! How much disk the files of the installation take.

use std::path::{Path, PathBuf};

/// Most files looked at, so that a page never waits for a million recordings.
const MOST_FILES: usize = 200_000;

/// What lies in a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Bytes of the files looked at.
    pub(crate) bytes: u64,
    /// There were more files than were looked at.
    pub(crate) cut: bool,
}

/// Bytes of all files under `root`, those of the private database cluster left out. A file that goes while we look is
/// not there.
pub(crate) fn measure(root: &Path) -> std::io::Result<Usage> {
    let mut usage = Usage::default();
    let mut files = 0;
    let mut waiting: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let is_database = folder == root && matches!(entry.file_name().to_str(), Some("pgdata" | "pgdata.init"));
            let kind = entry.file_type()?;
            if kind.is_dir() && !is_database {
                waiting.push(entry.path());
            } else if kind.is_file() {
                files += 1;
                if files > MOST_FILES {
                    return Ok(Usage { cut: true, ..usage });
                }
                match entry.metadata() {
                    Ok(metadata) => usage.bytes += metadata.len(),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_and_the_database_does_not() {
        let root = std::env::temp_dir().join(format!("voxanne-usage-{}", uuid::Uuid::now_v7()));
        for (path, size) in [("a.bin", 10), ("deep/er/b.bin", 20), ("pgdata/base/1", 4_000), ("deep/pgdata/c", 3)] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, vec![0; size]).unwrap();
        }
        assert_eq!(measure(&root).unwrap(), Usage { bytes: 33, cut: false });
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(measure(&root).unwrap(), Usage::default(), "nothing is there yet");
    }
}
