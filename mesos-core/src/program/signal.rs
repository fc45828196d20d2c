//! When somebody wants a program to end.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves at the first SIGTERM or SIGINT, with its name. From the call on they do not end the process by themselves.
///
/// # Errors
/// When signals cannot be taken over.
pub fn terminated() -> std::io::Result<impl Future<Output = &'static str>> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
