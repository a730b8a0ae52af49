//! What processes cost, read from `/proc`. Linux only, like the measurements.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// Ticks per second of `/proc/<pid>/stat`: `USER_HZ`, 100 on every Linux that runs here.
const TICKS_PER_SECOND: u64 = 100;

/// One line of `/proc/<pid>/stat`.
struct Stat {
    parent: u32,
    /// User and system time of the process itself.
    own: u64,
    /// The same of its ended and awaited children.
    ended_children: u64,
}

fn stat(pid: u32) -> anyhow::Result<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may contain anything, also brackets; the fields begin after its last one.
    let fields: Vec<&str> = text.rsplit_once(") ").context("unreadable stat")?.1.split(' ').collect();
    let field = |number: usize| -> anyhow::Result<u64> { Ok(fields.get(number - 3).context("short stat")?.parse()?) };
    Ok(Stat {
        parent: u32::try_from(field(4)?)?,
        own: field(14)? + field(15)?,
        ended_children: field(16)? + field(17)?,
    })
}

/// CPU time of one process.
pub fn cpu(pid: u32) -> anyhow::Result<Duration> {
    Ok(ticks(stat(pid)?.own))
}

/// CPU time of a PostgreSQL server: the postmaster, its processes, and those that have ended.
pub fn cpu_with_children(pid: u32) -> anyhow::Result<Duration> {
    let postmaster = stat(pid)?;
    let mut total = postmaster.own + postmaster.ended_children;
    for entry in fs::read_dir("/proc")? {
        let Some(child) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that ends while it is looked at is counted with the ended ones the next time.
        if let Ok(stat) = stat(child)
            && stat.parent == pid
        {
            total += stat.own;
        }
    }
    Ok(ticks(total))
}

fn ticks(count: u64) -> Duration {
    Duration::from_millis(count * 1000 / TICKS_PER_SECOND)
}

/// Resident memory in bytes.
pub fn resident(pid: u32) -> anyhow::Result<u64> {
    memory(pid, "VmRSS:")
}

/// The most resident memory, in bytes, since [`forget_peak`].
pub fn peak(pid: u32) -> anyhow::Result<u64> {
    memory(pid, "VmHWM:")
}

/// Lets the peak begin anew.
pub fn forget_peak(pid: u32) -> anyhow::Result<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

fn memory(pid: u32, name: &'static str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).context(name)?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes * 1024)
}

/// The load averages, as a text.
pub fn load() -> anyhow::Result<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

/// Time that all processors spent working, and in all; for how busy the machine was beside us.
pub fn processor_time() -> anyhow::Result<(Duration, Duration)> {
    let text = fs::read_to_string("/proc/stat")?;
    let fields: Vec<u64> = text
        .lines()
        .next()
        .context("empty /proc/stat")?
        .split_whitespace()
        .skip(1)
        .filter_map(|n| n.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal; what follows is part of user and nice.
    let all: u64 = fields.iter().take(8).sum();
    let idle: u64 = fields.iter().skip(3).take(2).sum();
    Ok((ticks(all - idle), ticks(all)))
}

/// Model of the processor and how many there are.
pub fn processors() -> anyhow::Result<String> {
    let text = fs::read_to_string("/proc/cpuinfo")?;
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_start_matches([' ', '\t', ':']);
    let count = text.lines().filter(|line| line.starts_with("processor")).count();
    Ok(format!("{count} x {model}"))
}

/// CPU time of a process and of its children that have ended.
pub fn cpu_with_ended_children(pid: u32) -> anyhow::Result<Duration> {
    let stat = stat(pid)?;
    Ok(ticks(stat.own + stat.ended_children))
}
