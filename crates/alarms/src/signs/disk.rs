//! Room on the disk, and what waits in the spool's folder.

use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::model::Measurement;

/// Ending of an event that waits to be stored, and of one that cannot be read (`voice::ingress::spool`).
const WAITING: &str = "event";
const UNREADABLE: &str = "unreadable";

/// Room on the file system of `dir`. Counts what an ordinary account may use, as the private database does.
pub fn room(dir: &Path) -> io::Result<Measurement> {
    let stat = nix::sys::statvfs::statvfs(dir).map_err(io::Error::from)?;
    let unit = stat.fragment_size();
    Ok(Measurement::Disk { free: stat.blocks_available() * unit, total: stat.blocks() * unit })
}

/// The events that were answered and are not stored yet. A folder that is not there is an empty one.
pub fn spool(dir: &Path) -> io::Result<Measurement> {
    let (mut waiting, mut unreadable, mut oldest) = (0, 0, None);
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Measurement::Events { waiting, oldest, unreadable });
        }
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some(UNREADABLE) => unreadable += 1,
            Some(WAITING) => match written_at(&entry) {
                Ok(at) => {
                    waiting += 1;
                    oldest = Some(oldest.map_or(at, |known: Timestamp| known.min(at)));
                }
                // Stored and removed since the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            },
            _ => {}
        }
    }
    Ok(Measurement::Events { waiting, oldest, unreadable })
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
        assert_eq!(spool(&dir).unwrap(), Measurement::Events { waiting: 0, oldest: None, unreadable: 0 });
        std::fs::create_dir(&dir).unwrap();
        for name in ["a.-.-.event", "b.-.-.event", "c.-.-.unreadable", "d.-.-.part"] {
            std::fs::write(dir.join(name), b"x").unwrap();
        }
        let Measurement::Events { waiting, oldest, unreadable } = spool(&dir).unwrap() else { unreachable!() };
        assert_eq!((waiting, unreadable), (2, 1));
        assert!(oldest.is_some());
        let Measurement::Disk { free, total } = room(&dir).unwrap() else { unreachable!() };
        assert!(free <= total && total > 0);
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(room(&dir).is_err(), "a disk that is not there is not fine");
    }
}
