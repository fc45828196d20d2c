//! Azure's public data: virtual machines, their packing, requests to language models; and Huawei's virtual machines.
//!
//! `vmtable`: seconds, cores, GB; in the second version cores and memory are buckets, with `>24` for the largest. Packing
//! 2020: times in days, amounts as parts of a machine by type, of which the largest over all kinds of machines counts; it is a
//! database, whose tables are read as `sqlite3 -header -csv packing_trace_zone_a_v1.sqlite 'select * from vm'` writes them, and
//! the same of `vmType`. LLM 2023: a request is a task whose time is that of its tokens. A machine that was still there at the
//! end of the trace runs to its end.

use std::collections::BTreeMap;

use super::builder::{Builder, Row};
use super::dated::Dated;
use super::fields::{Fields, Separator, number, parse};
use super::rule::{Refusal, Rule};
use super::table::Reader;

const MB_PER_GB: f64 = 1_024.0;
const DAY: f64 = 86_400.0;

/// A number, or the lower bound of an open bucket.
fn bucket(fields: &Fields<'_>, column: usize) -> Result<f64, Refusal> {
    let text = fields.name(column)?;
    parse(text.trim_start_matches('>'), "bucket")
}

#[derive(Debug, Default)]
pub(super) struct Vms;

impl Vms {
    pub(super) const COLUMNS: &'static [&'static str] = &[
        "vm id",
        "subscription id",
        "deployment id",
        "vm created",
        "vm deleted",
        "max cpu",
        "avg cpu",
        "p95 max cpu",
        "vm category",
        "vm core count",
        "vm memory",
    ];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for Vms {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let (created, deleted) = (fields.required(3)?, fields.number(4)?);
        let row = Row {
            name: fields.name(0)?.into_owned(),
            user: fields.text(1).unwrap_or_default().into_owned(),
            class: fields.text(8).unwrap_or_default().into_owned(),
            submit: created,
            run: deleted.map(|deleted| deleted - created),
            tasks: 1,
            cpus: bucket(fields, 9)?,
            mem: Some(bucket(fields, 10)? * MB_PER_GB),
            ..Row::default()
        };
        builder.job(row, line)
    }
}

/// Parts of a machine by type of virtual machine, until the machines come.
#[derive(Debug, Default)]
pub(super) struct PackingTypes;

impl PackingTypes {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["id", "vmTypeId", "machineId", "core", "memory", "hdd", "ssd", "nic"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for PackingTypes {
    fn row(&mut self, fields: &Fields<'_>, _line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let parts = [fields.required(3)?, fields.required(4)?];
        if let Some(odd) = parts.iter().find(|part| !(0.0..=1.0).contains(*part)) {
            return Err(Refusal::new(Rule::AbsurdSize, "core", &odd.to_string()));
        }
        let own = builder.lore.vm_types.entry(fields.name(1)?.into_owned()).or_insert([0.0; 2]);
        own.iter_mut().zip(parts).for_each(|(own, part)| *own = own.max(part));
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(super) struct PackingVms;

impl PackingVms {
    pub(super) const COLUMNS: &'static [&'static str] =
        &["vmId", "tenantId", "vmTypeId", "priority", "starttime", "endtime"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for PackingVms {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let kind = fields.name(2)?;
        let [core, memory] = builder
            .lore
            .vm_types
            .get(&*kind)
            .copied()
            .ok_or_else(|| Refusal::new(Rule::OutOfNowhere, "vmTypeId", &kind))?;
        let starts = fields.required(4)?;
        let ends = fields.text(5).filter(|text| !text.eq_ignore_ascii_case("null"));
        let ends = ends.map(|text| parse(&text, "endtime"));
        let is_low = match fields.code(3)? {
            0 => false,
            1 => true,
            other => return Err(Refusal::new(Rule::UnknownState, "priority", &other.to_string())),
        };
        let (unit_cpus, unit_mem) = (builder.options.unit_cpus, builder.options.unit_mem);
        let row = Row {
            name: fields.name(0)?.into_owned(),
            user: fields.text(1).unwrap_or_default().into_owned(),
            class: if is_low { "low".into() } else { "high".into() },
            submit: starts * DAY,
            run: ends.transpose()?.map(|ends| (ends - starts) * DAY),
            tasks: 1,
            cpus: core * unit_cpus,
            mem: Some(memory * unit_mem),
            priority: i32::from(!is_low),
            ..Row::default()
        };
        builder.job(row, line)
    }
}

/// Seconds to read a token of the prompt and to make one of the answer, on one GPU of 2023: about 4,000 and 30 a second,
/// orders of magnitude published with the traces' models. One core is asked for.
const READ_SECS: f64 = 1.0 / 4_000.0;
const MAKE_SECS: f64 = 1.0 / 30.0;

#[derive(Debug)]
pub(super) struct Llm(Dated);

impl Default for Llm {
    fn default() -> Self {
        Self(Dated::in_order())
    }
}

impl Llm {
    pub(super) const COLUMNS: &'static [&'static str] = &["TIMESTAMP", "ContextTokens", "GeneratedTokens"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

/// Seconds of `2023-11-16 18:17:03.9799600` since the beginning of 1970, without regard to zones behind it.
pub(super) fn timestamp(text: &str) -> Option<f64> {
    let (day, clock) = text.trim().split_once([' ', 'T'])?;
    let clock = clock.split('+').next()?.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == ' ');
    let mut date = day.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = clock.splitn(3, ':').map(number);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let is_clock = (0.0..24.0).contains(&hour) && (0.0..60.0).contains(&minute) && (0.0..61.0).contains(&second);
    if !is_clock || !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(0..=9_999).contains(&year) {
        return None;
    }
    // Days before this date in the Gregorian calendar, with years that begin in March (Hinnant).
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let days = i32::try_from(days).ok()?;
    Some(f64::from(days) * DAY + hour * 3_600.0 + minute * 60.0 + second)
}

impl Reader for Llm {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let text = fields.name(0)?;
        let at = timestamp(&text).ok_or_else(|| Refusal::new(Rule::NotANumber, "TIMESTAMP", &text))?;
        let (read, made) = (fields.required(1)?, fields.required(2)?);
        if read < 0.0 || made < 0.0 {
            return Err(Refusal::new(Rule::NegativeTime, "ContextTokens", &read.min(made).to_string()));
        }
        let row = Row {
            user: "requests".into(),
            class: "requests".into(),
            submit: at,
            run: Some(read * READ_SECS + made * MAKE_SECS),
            tasks: 1,
            cpus: 1.0,
            is_invented: true,
            ..Row::default()
        };
        self.0.take(row, line, builder)
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        self.0.finish(builder);
    }
}

/// Huawei VM placement: created and finished, seconds, cores, GB.
#[derive(Debug, Default)]
pub(super) struct HuaweiVms {
    open: BTreeMap<String, (Row, u64)>,
}

impl HuaweiVms {
    pub(super) const COLUMNS: &'static [&'static str] = &["vmid", "cpu", "memory", "time", "type"];
    pub(super) const SEPARATOR: Separator = Separator::Comma;
}

impl Reader for HuaweiVms {
    fn row(&mut self, fields: &Fields<'_>, line: u64, builder: &mut Builder<'_>) -> Result<(), Refusal> {
        let (id, at) = (fields.name(0)?.into_owned(), fields.required(3)?);
        builder.see(at)?;
        match &*fields.name(4)? {
            "0" | "create" => {
                if self.open.contains_key(&id) {
                    return Err(Refusal::new(Rule::Overlapping, "vmid", &id));
                }
                let row = Row {
                    user: "vms".into(),
                    class: "vms".into(),
                    submit: at,
                    tasks: 1,
                    cpus: fields.required(1)?,
                    mem: fields.known(2)?.map(|gb| gb * MB_PER_GB),
                    ..Row::default()
                };
                self.open.insert(id, (row, line));
                Ok(())
            }
            "1" | "finish" => {
                let (row, begun) =
                    self.open.remove(&id).ok_or_else(|| Refusal::new(Rule::OutOfNowhere, "vmid", &id))?;
                builder.job(Row { run: Some(at - row.submit), ..row }, begun)
            }
            other => Err(Refusal::new(Rule::UnknownState, "type", other)),
        }
    }

    fn finish(&mut self, builder: &mut Builder<'_>) {
        for (_, (row, line)) in std::mem::take(&mut self.open) {
            if let Err(refusal) = builder.job(row, line) {
                builder.refuse(&refusal, line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn calendar_times_become_seconds() {
        assert_eq!(timestamp("1970-01-02 00:00:01.5"), Some(86_401.5));
        assert_eq!(timestamp("2023-11-16 18:17:03"), Some(1_700_158_623.0));
        assert_eq!(timestamp("2000-02-29T00:00:00Z"), Some(951_782_400.0));
        assert_eq!(timestamp("2017-10-03 00:08:00 PDT"), Some(1_506_989_280.0));
        for text in
            ["2000-13-01 00:00:00", "2000-01-01 NaN:00:00", "2000-01-01 00:00:1e9", "2000-01-01 24:00:00", "now"]
        {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }
}
