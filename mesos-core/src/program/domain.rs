//! Where a part of a cluster stands, as flags say it.

use serde::Deserialize;

use super::given_text;
use crate::agent::FaultDomain;

/// As Apache Mesos writes it (`docs/fault-domains.md`).
#[derive(Deserialize)]
struct Domain {
    fault_domain: Written,
}

#[derive(Deserialize)]
struct Written {
    region: Named,
    zone: Named,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Reads a fault domain: `region/zone`, the JSON of Mesos, or `file://` and the path of a file with one of them.
///
/// # Errors
/// Says what is wrong with it, and what would be right.
pub fn fault_domain(text: &str) -> Result<FaultDomain, String> {
    const RIGHT: &str = r#"write region/zone, or {"fault_domain": {"region": {"name": …}, "zone": {"name": …}}}"#;
    let given = match text.starts_with("file://") {
        true => given_text(text).map_err(|error| error.to_string())?,
        false => text.to_owned(),
    };
    let given = given.trim();
    let (region, zone) = if given.starts_with('{') {
        let domain: Domain = serde_json::from_str(given).map_err(|error| format!("{error}; {RIGHT}"))?;
        (domain.fault_domain.region.name, domain.fault_domain.zone.name)
    } else {
        match given.split('/').collect::<Vec<_>>()[..] {
            [region, zone] => (region.to_owned(), zone.to_owned()),
            _ => return Err(RIGHT.to_owned()),
        }
    };
    if region.is_empty() || zone.is_empty() {
        return Err(format!("region and zone have names; {RIGHT}"));
    }
    Ok(FaultDomain { region: region.into(), zone: zone.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_written_short_or_as_in_mesos() {
        let json = r#" {"fault_domain": {"region": {"name": "eu"}, "zone": {"name": "eu-1"}}}"#;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("domain.json");
        std::fs::write(&path, json).unwrap();
        for right in ["eu/eu-1", json.trim(), json, &format!("file://{}", path.display())] {
            let domain = fault_domain(right).unwrap();
            assert_eq!((&*domain.region, &*domain.zone), ("eu", "eu-1"), "{right}");
        }
        for wrong in ["", "x", "x/", "/y", "x/y/z", "{}", r#"{"fault_domain": {"region": {"name": "eu"}}}"#] {
            assert!(fault_domain(wrong).unwrap_err().contains("write region/zone"), "{wrong}");
        }
        assert!(fault_domain("file:///nowhere/domain").unwrap_err().starts_with("/nowhere/domain"));
    }
}
