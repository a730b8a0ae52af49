//! Room on the disk, and what waits in the spool's folder.

use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::nodes::{Disk, Spool};

/// Ending of an event that waits to be stored, and of one that cannot be read (`voice::ingress::spool`).
const WAITING: &str = "event";
const UNREADABLE: &str = "unreadable";

/// Room on the file system of `dir`. Counts what an ordinary account may use, as the private database does.
pub fn room(dir: &Path) -> io::Result<Disk> {
    let stat = nix::sys::statvfs::statvfs(dir).map_err(io::Error::from)?;
    let unit = stat.fragment_size();
    Ok(Disk { free: stat.blocks_available() * unit, total: stat.blocks() * unit })
}

/// The events that were answered and are not stored yet. A folder that is not there is an empty one.
pub fn spool(dir: &Path) -> io::Result<Spool> {
    let mut found = Spool::default();
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some(UNREADABLE) => found.unreadable += 1,
            Some(WAITING) => match written_at(&entry) {
                Ok(at) => {
                    found.waiting += 1;
                    found.oldest = Some(found.oldest.map_or(at, |known| known.min(at)));
                }
                // Stored and removed since the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            },
            _ => {}
        }
    }
    Ok(found)
}

fn written_at(entry: &std::fs::DirEntry) -> io::Result<Timestamp> {
    Timestamp::try_from(entry.metadata()?.modified()?).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spool_is_counted_and_the_disk_has_room() {
        let dir = std::env::temp_dir().join(format!("voxanne-signs-{}", uuid::Uuid::now_v7()));
        assert_eq!(spool(&dir).unwrap(), Spool::default());
        std::fs::create_dir(&dir).unwrap();
        for name in ["a.-.-.event", "b.-.-.event", "c.-.-.unreadable", "d.-.-.part"] {
            std::fs::write(dir.join(name), b"x").unwrap();
        }
        let found = spool(&dir).unwrap();
        assert_eq!((found.waiting, found.unreadable), (2, 1));
        assert!(found.oldest.is_some());
        let Disk { free, total } = room(&dir).unwrap();
        assert!(free <= total && total > 0);
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(room(&dir).is_err(), "a disk that is not there is not fine");
    }
}
