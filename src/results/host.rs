use std::fs;
use std::thread::available_parallelism;

use super::Host;

impl Host {
    /// The machine that this runs on, as far as it tells.
    pub fn here() -> Self {
        Host {
            system: system(),
            arch: std::env::consts::ARCH.to_owned(),
            processor: proc_field("/proc/cpuinfo", "model name"),
            cores: available_parallelism().map_or(1, usize::from),
            memory_bytes: memory_bytes(),
        }
    }
}

fn system() -> String {
    let name = std::env::consts::OS;
    match nix::sys::utsname::uname() {
        Ok(uname) => format!("{name} {}", uname.release().to_string_lossy()),
        Err(_) => name.to_owned(),
    }
}

/// Linux writes `MemTotal: 16384 kB`; other systems have no such file.
fn memory_bytes() -> Option<u64> {
    let field = proc_field("/proc/meminfo", "MemTotal")?;
    let kib: u64 = field.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The first `name : value` of one of Linux's lists.
fn proc_field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    field(&text, name)
}

fn field(text: &str, name: &str) -> Option<String> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "MemTotalX: 1 kB\nMemTotal:       16384 kB\nMemTotal: 2 kB\n";
        assert_eq!(field(text, "MemTotal").as_deref(), Some("16384 kB"));
        assert_eq!(field(text, "Mem"), None);
    }

    #[test]
    fn this_machine_has_a_name_and_a_processor() {
        let host = Host::here();
        assert!(host.system.starts_with(std::env::consts::OS));
        assert!(host.cores >= 1);
    }
}
