//! Layers around services of HTTP, each of use alone: tower layers for whoever answers requests with
//! [`Response`](super::http::Response)s.
//!
//! ```text
//!   request ──▶ Trace ──▶ Measure ──▶ LimitConcurrency, Timeout (503) ──▶ Authenticate ──▶ RateLimit ──▶ Authorize ──▶ LimitBody ──▶ handler
//! ```
//!
//! * [`Authenticate`]: finds out who asks. Those behind it find the [`Caller`](super::http::Caller) in the extensions.
//! * [`Authorize`]: lets through to a path whoever may have it; what no rule names needs permission by its path.
//! * [`Firewall`]: paths that answer nobody.
//! * [`RateLimit`]: so many requests per second of one principal; tells the others when to come again.
//! * [`LimitBody`]: no body is longer.
//! * [`LimitConcurrency`]: so many requests at one time, and others are told to come again.
//! * [`Timeout`]: an answer that does not begin in time is given up. A handler that must take longer says so with
//!   [`LongAnswer`], and takes no place of the layer before from then on.
//! * [`Trace`]: a span per request.
//! * [`Measure`]: counts of requests by path and status, and how long they took.
//!
//! The first five are [`Admission`]s: they look at a request's head and let it pass or refuse it. How many connections there
//! may be at one time, and how slow a peer may be, are [`Limits`](super::http::Limits) of the server.
//!
//! ```
//! use std::sync::Arc;
//!
//! use mesos_core::net::auth::{Parts, RateLimits};
//! use mesos_core::net::http::axum::{Router, routing::get};
//! use mesos_core::net::layer::{Admit, Authorize, LimitBody, Rules};
//!
//! let rules = Rules::new().open("/health");
//! let router: Router = Router::new()
//!     .route("/health", get(async || "well"))
//!     .layer(Admit(LimitBody::new(64 << 10)))
//!     .layer(Admit(Authorize::new(Arc::new(Parts), rules)));
//! ```

mod admission;
mod authenticate;
mod authorize;
mod body;
mod concurrency;
mod firewall;
mod long;
mod measure;
mod observation;
mod rate;
mod scope;
#[cfg(test)]
mod tests;
mod timeout;
mod trace;

pub use admission::{Admission, Admit, Admitted};
pub use authenticate::Authenticate;
pub use authorize::{Authorize, Needs, Rules};
pub use body::LimitBody;
pub use concurrency::{Concurrent, LimitConcurrency};
pub use firewall::Firewall;
pub use long::LongAnswer;
pub use measure::{Measure, PathTotals, RequestTotals, Unanswered};
pub use observation::{Observation, Observe, Observed};
pub use rate::RateLimit;
pub use timeout::{Hurried, Timeout};
pub use trace::Trace;
