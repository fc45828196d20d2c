//! What containers may use beyond what they are given.

use std::collections::BTreeMap;

use crate::error::{Rejection, RejectionCode};
use crate::limit::{ContainerLimits, Limit};
use crate::resource::Scalar;
use crate::wire::v1;

/// Limits by the names of their resources. Whether they go with what is given is not judged here.
///
/// # Errors
/// [`RejectionCode::InvalidTask`] names a resource that has no limits, or an amount that is none.
pub fn limits_from_wire(limits: BTreeMap<String, v1::value::Scalar>) -> Result<ContainerLimits, Rejection> {
    const CODE: RejectionCode = RejectionCode::InvalidTask;
    let mut read = ContainerLimits::default();
    for (name, v1::value::Scalar { value }) in limits {
        let place = match name.as_str() {
            "cpus" => &mut read.cpus,
            "mem" => &mut read.mem,
            _ => {
                let shown: String = name.chars().take(64).collect();
                let what = format!("a limit of {shown:?}");
                return Err(Rejection::new(CODE, what, "limit nothing but cpus and mem"));
            }
        };
        let amount = || {
            Scalar::from_f64(value).map_err(|error| {
                Rejection::new(CODE, format!("the limit of {name}: {error}"), "give an amount, or Infinity")
            })
        };
        *place = Some(if value == f64::INFINITY { Limit::Infinite } else { Limit::Amount(amount()?) });
    }
    Ok(read)
}

/// Limits by the names of their resources.
#[must_use]
pub fn limits_to_wire(limits: &ContainerLimits) -> BTreeMap<String, v1::value::Scalar> {
    let one = |(name, limit): (&str, Limit)| (name.to_owned(), v1::value::Scalar { value: limit.to_f64() });
    limits.iter().map(one).collect()
}
