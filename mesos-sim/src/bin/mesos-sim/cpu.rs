//! Processor time: what the machine does beside does not count.

/// Processor time of this process, all its threads, in seconds.
pub(crate) fn of_process() -> f64 {
    read("/proc/self/stat")
}

/// Processor time of this thread, in seconds.
#[cfg(feature = "mutants")]
pub(crate) fn of_thread() -> f64 {
    read("/proc/thread-self/stat")
}

fn read(path: &str) -> f64 {
    // Fields 14 and 15 of the file, counted from 1, are the time in user and in kernel mode, in hundredths of a second.
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}
