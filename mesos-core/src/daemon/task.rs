//! A task that ends with whoever holds it.

use std::future::Future;

use tokio::task::JoinHandle;

/// A spawned task, ended when this is dropped: nothing outlives the host that began it.
#[derive(Debug)]
pub struct Task<T = ()>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    /// Spawns a task.
    pub fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }

    /// Ends it, as if its process had died.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it was aborted or panicked.
    pub async fn join(mut self) -> Result<T, tokio::task::JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
