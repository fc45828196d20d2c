//! Offer constraints: whether a framework wants to hear of an agent at all.
//!
//! Constraints are checked when a framework sends them, compiled once for each of its roles, and judged once per agent:
//! the verdict is kept until the agent describes itself anew. A framework without constraints costs a round nothing.
//!
//! This is not about who may be offered an agent (see [`eligibility`](super::eligibility)), and not about resources.
//!
//! Semantics: Apache Mesos, `src/master/allocator/mesos/offer_constraints_filter.cpp`. There a pattern is bounded by what
//! RE2 makes of it: 4096 bytes and 100 instructions. The counterpart here is [`PATTERN_BYTES_MAX`] and
//! [`PROGRAM_BYTES_MAX`]; as there, matching takes time linear in the text, whatever the pattern.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use mesos_core::constraint::{AttributeConstraint, OfferConstraints, Predicate, Selector};
use mesos_core::kernel::Handle;
use mesos_core::provider::AgentKey;
use mesos_core::provider::explain::FailedConstraint;
use mesos_core::{AgentInfo, AttributeValue, Rejection, RejectionCode, Role};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::sorter::NodeKey;

/// Longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 512;

/// What one pattern may be compiled to, in bytes, forwards and where the library was built for speed also backwards. Holds
/// what 100 instructions of RE2 express, and one or two classes like `\w`, which know all scripts here and only ASCII there.
pub const PROGRAM_BYTES_MAX: usize = 64 * 1024;

/// Most constraints of one framework, over all its roles and groups; each is judged once per agent.
pub const CONSTRAINTS_MAX: usize = 256;

/// Names and texts of one framework's constraints together, in bytes.
pub const CONSTRAINT_TEXT_BYTES_MAX: usize = 32 * 1024;

/// How long a pattern may be, and what it may be compiled to; by default as long and as much as at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConstraintBounds {
    /// Longest pattern, in bytes; more than [`PATTERN_BYTES_MAX`] counts as that.
    pub pattern_bytes_max: usize,
    /// What one may be compiled to, in bytes; more than [`PROGRAM_BYTES_MAX`] counts as that.
    pub program_bytes_max: usize,
}

impl Default for ConstraintBounds {
    fn default() -> Self {
        Self { pattern_bytes_max: PATTERN_BYTES_MAX, program_bytes_max: PROGRAM_BYTES_MAX }
    }
}

/// Checks a framework's constraints: they are for its own roles, within the bounds, and every pattern can be compiled.
///
/// # Errors
/// [`Rejection`] with [`RejectionCode::InvalidConstraint`] names the role and what is wrong.
pub fn validate_constraints(constraints: &OfferConstraints, roles: &BTreeSet<Role>) -> Result<(), Rejection> {
    validate_constraints_within(constraints, roles, ConstraintBounds::default())
}

/// The same, within tighter bounds on patterns.
///
/// # Errors
/// As [`validate_constraints`].
pub fn validate_constraints_within(
    constraints: &OfferConstraints,
    roles: &BTreeSet<Role>,
    bounds: ConstraintBounds,
) -> Result<(), Rejection> {
    let all = || constraints.by_role.values().flatten().flatten();
    let groups: usize = constraints.by_role.values().map(Vec::len).sum();
    if all().count().max(groups) > CONSTRAINTS_MAX {
        let what = format!("there are {} offer constraints in {groups} groups", all().count());
        return Err(refuse(what, format!("send at most {CONSTRAINTS_MAX}")));
    }
    let bytes: usize = all().map(text_bytes).sum();
    if bytes > CONSTRAINT_TEXT_BYTES_MAX {
        let what = format!("the texts of offer constraints take {bytes} bytes");
        return Err(refuse(what, format!("send at most {CONSTRAINT_TEXT_BYTES_MAX}")));
    }
    for (role, groups) in &constraints.by_role {
        if !roles.contains(role) {
            let what = format!("offer constraints are set for role {role}, which the framework does not have");
            return Err(refuse(what, "set them for roles of the framework only"));
        }
        if groups.iter().any(Vec::is_empty) {
            let what = format!("a group of offer constraints for role {role} is empty");
            return Err(refuse(what, "leave the group out, or the whole role to demand nothing"));
        }
        for constraint in groups.iter().flatten() {
            compile(constraint, bounds)
                .map_err(|why| refuse(format!("an offer constraint for role {role}: {why}"), REMEDY))?;
        }
    }
    Ok(())
}

const REMEDY: &str = "send a shorter or simpler regular expression, or compare texts";

fn refuse(what: impl Into<String>, remedy: impl Into<String>) -> Rejection {
    Rejection::new(RejectionCode::InvalidConstraint, what, remedy)
}

fn text_bytes(constraint: &AttributeConstraint) -> usize {
    let name = match &constraint.selector {
        Selector::Attribute(name) => name.len(),
        _ => 0,
    };
    let text = match &constraint.predicate {
        Predicate::TextEquals(text)
        | Predicate::TextNotEquals(text)
        | Predicate::TextMatches(text)
        | Predicate::TextNotMatches(text) => text.len(),
        _ => 0,
    };
    name + text
}

/// One demand, ready to be judged.
#[derive(Debug)]
struct Compiled {
    selector: Selector,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Exists,
    NotExists,
    Equals(Arc<str>),
    NotEquals(Arc<str>),
    Matches(Pattern),
    NotMatches(Pattern),
}

/// What a selector finds on an agent.
#[derive(Debug, Clone, Copy)]
enum Found<'a> {
    Nothing,
    Text(&'a str),
    /// An attribute that is not text.
    Other,
}

fn compile(constraint: &AttributeConstraint, bounds: ConstraintBounds) -> Result<Compiled, String> {
    let test = match &constraint.predicate {
        Predicate::Exists => Test::Exists,
        Predicate::NotExists => Test::NotExists,
        Predicate::TextEquals(text) => Test::Equals(text.clone()),
        Predicate::TextNotEquals(text) => Test::NotEquals(text.clone()),
        Predicate::TextMatches(pattern) => Test::Matches(Pattern::new(whole(pattern, bounds)?)),
        Predicate::TextNotMatches(pattern) => Test::NotMatches(Pattern::new(whole(pattern, bounds)?)),
        _ => return Err("its predicate is not known to this version".into()),
    };
    match constraint.selector {
        Selector::Attribute(_) | Selector::Hostname | Selector::Region | Selector::Zone => {}
        _ => return Err("its selector is not known to this version".into()),
    }
    Ok(Compiled { selector: constraint.selector.clone(), test })
}

/// A pattern that matches whole texts only.
fn whole(pattern: &str, bounds: ConstraintBounds) -> Result<Regex, String> {
    let longest = bounds.pattern_bytes_max.min(PATTERN_BYTES_MAX);
    let largest = bounds.program_bytes_max.min(PROGRAM_BYTES_MAX);
    if pattern.len() > longest {
        return Err(format!("a regular expression of {} bytes is longer than {longest}", pattern.len()));
    }
    let build = |pattern: &str| {
        let built = RegexBuilder::new(pattern).size_limit(largest).nest_limit(50).build();
        built.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                format!("the regular expression {pattern:?} takes more than {largest} bytes when compiled")
            }
            // The message shows the pattern over several lines; its last one says what is wrong.
            other => {
                let message = other.to_string();
                let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
                format!("{pattern:?} is no regular expression: {reason}")
            }
        })
    };
    // Alone first: otherwise a text with a parenthesis too many could be whole only together with the frame.
    build(pattern)?;
    build(&format!(r"\A(?:{pattern})\z"))
}

/// A regular expression, and what it said of the texts it was asked about first: agents are many, and what their attributes
/// say of them is little.
#[derive(Debug)]
struct Pattern {
    whole: Regex,
    known: RefCell<Vec<(Box<str>, bool)>>,
}

impl Pattern {
    /// So many texts are remembered; looking through them takes less than a match.
    const KNOWN_MAX: usize = 8;

    const fn new(whole: Regex) -> Self {
        Self { whole, known: RefCell::new(Vec::new()) }
    }

    fn is_match(&self, text: &str) -> bool {
        let mut known = self.known.borrow_mut();
        if let Some((_, is_match)) = known.iter().find(|(own, _)| **own == *text) {
            return *is_match;
        }
        let is_match = self.whole.is_match(text);
        if known.len() < Self::KNOWN_MAX {
            known.push((text.into(), is_match));
        }
        is_match
    }
}

impl Compiled {
    fn is_met(&self, agent: &AgentInfo) -> bool {
        self.test.is_met(find(&self.selector, agent))
    }

    /// As it was demanded, with what was found.
    fn failed(&self, group: usize, agent: &AgentInfo) -> FailedConstraint {
        let found = match find(&self.selector, agent) {
            Found::Text(text) => Some(text.to_owned()),
            Found::Nothing => None,
            Found::Other => Some("not a text".to_owned()),
        };
        let constraint = AttributeConstraint { selector: self.selector.clone(), predicate: self.test.predicate() };
        FailedConstraint { group, constraint, found }
    }
}

impl Test {
    fn predicate(&self) -> Predicate {
        let pattern = |pattern: &Pattern| {
            let framed = pattern.whole.as_str();
            let inner = framed.strip_prefix(r"\A(?:").and_then(|rest| rest.strip_suffix(r")\z"));
            Arc::from(inner.unwrap_or(framed))
        };
        match self {
            Self::Exists => Predicate::Exists,
            Self::NotExists => Predicate::NotExists,
            Self::Equals(text) => Predicate::TextEquals(text.clone()),
            Self::NotEquals(text) => Predicate::TextNotEquals(text.clone()),
            Self::Matches(whole) => Predicate::TextMatches(pattern(whole)),
            Self::NotMatches(whole) => Predicate::TextNotMatches(pattern(whole)),
        }
    }

    /// An attribute that is not text meets every demand on texts, either way.
    fn is_met(&self, found: Found<'_>) -> bool {
        match (self, found) {
            (Self::Exists, found) => !matches!(found, Found::Nothing),
            (Self::NotExists, found) => matches!(found, Found::Nothing),
            (_, Found::Other) => true,
            (Self::Equals(_) | Self::Matches(_), Found::Nothing) => false,
            (Self::NotEquals(_) | Self::NotMatches(_), Found::Nothing) => true,
            (Self::Equals(text), Found::Text(found)) => **text == *found,
            (Self::NotEquals(text), Found::Text(found)) => **text != *found,
            (Self::Matches(pattern), Found::Text(found)) => pattern.is_match(found),
            (Self::NotMatches(pattern), Found::Text(found)) => !pattern.is_match(found),
        }
    }
}

fn find<'a>(selector: &Selector, agent: &'a AgentInfo) -> Found<'a> {
    let domain = agent.domain.as_ref();
    match selector {
        Selector::Hostname => Found::Text(&agent.hostname),
        Selector::Region => domain.map_or(Found::Nothing, |domain| Found::Text(&domain.region)),
        Selector::Zone => domain.map_or(Found::Nothing, |domain| Found::Text(&domain.zone)),
        Selector::Attribute(name) => match agent.attributes.get(name) {
            Some(AttributeValue::Text(text)) => Found::Text(text),
            Some(_) => Found::Other,
            None => Found::Nothing,
        },
        _ => Found::Nothing,
    }
}

/// What a framework demands of agents in one role, ready to be judged.
#[derive(Debug)]
pub struct Demands {
    /// One group is enough; all of a group are needed.
    groups: Vec<Vec<Compiled>>,
}

impl Demands {
    /// Reads what is demanded.
    ///
    /// # Errors
    /// What is wrong with a constraint, as [`validate_constraints`] says it.
    pub fn new(groups: &[Vec<AttributeConstraint>]) -> Result<Self, String> {
        let ready = |one| compile(one, ConstraintBounds::default());
        let groups = groups.iter().map(|group| group.iter().map(ready).collect()).collect::<Result<_, _>>()?;
        Ok(Self { groups })
    }

    /// Whether an agent is kept out of offers.
    #[must_use]
    pub fn exclude(&self, agent: &AgentInfo) -> bool {
        let is_met = |group: &Vec<Compiled>| group.iter().all(|constraint| constraint.is_met(agent));
        !self.groups.is_empty() && !self.groups.iter().any(is_met)
    }
}

/// The demands of one client, and what is known of agents.
#[derive(Debug)]
struct Demand {
    demands: Demands,
    /// By agent slot; nothing where the agent was not judged since it described itself.
    verdicts: RefCell<Vec<Option<bool>>>,
}

/// The demands of all clients that have any.
#[derive(Debug, Default)]
pub(super) struct ConstraintTable {
    /// By client slot.
    by_client: Vec<Option<Demand>>,
    /// How many there are.
    count: usize,
}

impl ConstraintTable {
    /// Replaces what a client demands.
    ///
    /// # Panics
    /// When they were not [validated](validate_constraints).
    pub(super) fn set(&mut self, client: NodeKey, groups: &[Vec<AttributeConstraint>]) {
        self.forget_client(client);
        if groups.is_empty() {
            return;
        }
        if self.by_client.len() <= client.slot() {
            self.by_client.resize_with(client.slot() + 1, || None);
        }
        let demands = Demands::new(groups);
        let demands = demands.unwrap_or_else(|why| panic!("constraints came without validation: {why}"));
        self.by_client[client.slot()] = Some(Demand { demands, verdicts: RefCell::default() });
        self.count += 1;
    }

    /// A client demands nothing any more, or is gone.
    pub(super) fn forget_client(&mut self, client: NodeKey) {
        if self.by_client.get_mut(client.slot()).and_then(Option::take).is_some() {
            self.count -= 1;
        }
    }

    /// Whether a client demands anything of agents.
    pub(super) fn has(&self, client: NodeKey) -> bool {
        self.by_client.get(client.slot()).is_some_and(Option::is_some)
    }

    /// An agent is another one than before, or is gone.
    pub(super) fn forget_agent(&mut self, agent: AgentKey) {
        if self.count == 0 {
            return;
        }
        for demand in self.by_client.iter_mut().flatten() {
            if let Some(verdict) = demand.verdicts.get_mut().get_mut(agent.slot()) {
                *verdict = None;
            }
        }
    }

    /// Of every group, what an agent does not meet; nothing if it is what the client demands.
    pub(super) fn failed(&self, client: NodeKey, info: &AgentInfo) -> Vec<Vec<FailedConstraint>> {
        let Some(Some(demand)) = self.by_client.get(client.slot()) else { return Vec::new() };
        let failed_of = |(group, all): (usize, &Vec<Compiled>)| {
            let failed = all.iter().filter(|constraint| !constraint.is_met(info));
            failed.map(|constraint| constraint.failed(group, info)).collect::<Vec<_>>()
        };
        let failed: Vec<_> = demand.demands.groups.iter().enumerate().map(failed_of).collect();
        if failed.iter().any(Vec::is_empty) { Vec::new() } else { failed }
    }

    /// Whether an agent is what a client demands.
    pub(super) fn admit(&self, client: NodeKey, agent: AgentKey, info: &AgentInfo) -> bool {
        if self.count == 0 {
            return true;
        }
        let Some(Some(demand)) = self.by_client.get(client.slot()) else { return true };
        let mut verdicts = demand.verdicts.borrow_mut();
        if verdicts.len() <= agent.slot() {
            verdicts.resize(agent.slot() + 1, None);
        }
        *verdicts[agent.slot()].get_or_insert_with(|| !demand.demands.exclude(info))
    }
}

#[cfg(test)]
mod tests {
    use mesos_core::{FaultDomain, Resources};

    use super::super::sorter::Tree;
    use super::*;

    fn agent(attributes: &str) -> AgentInfo {
        let mut info = AgentInfo::new("node-7.example", Resources::new());
        info.attributes = attributes.parse().unwrap();
        info.domain = Some(FaultDomain { region: "eu".into(), zone: "eu-1".into() });
        info
    }

    fn one(selector: Selector, predicate: Predicate) -> AttributeConstraint {
        AttributeConstraint { selector, predicate }
    }

    fn attribute(name: &str, predicate: Predicate) -> AttributeConstraint {
        one(Selector::Attribute(name.into()), predicate)
    }

    fn is_met(constraint: &AttributeConstraint, info: &AgentInfo) -> bool {
        compile(constraint, ConstraintBounds::default()).unwrap().is_met(info)
    }

    fn web() -> Role {
        Role::new("web").unwrap()
    }

    fn validate(groups: Vec<Vec<AttributeConstraint>>) -> Result<(), Rejection> {
        let constraints = OfferConstraints { by_role: [(web(), groups)].into() };
        validate_constraints(&constraints, &[web()].into())
    }

    fn pattern(text: &str) -> Vec<Vec<AttributeConstraint>> {
        vec![vec![attribute("a", Predicate::TextMatches(text.into()))]]
    }

    #[test]
    fn every_predicate_about_text_nothing_and_other_things() {
        use Predicate::{Exists, NotExists, TextEquals, TextMatches, TextNotEquals, TextNotMatches};
        let t = |text: &str| Arc::<str>::from(text);
        let info = agent("rack:r7;slots:[1-4];speed:2.5;rack:r8");
        // Met by `rack:r7`, by an attribute that is not there, by one that is not text.
        for (predicate, expected) in [
            (Exists, [true, false, true]),
            (NotExists, [false, true, false]),
            (TextEquals(t("r7")), [true, false, true]),
            (TextEquals(t("r8")), [false, false, true]),
            (TextNotEquals(t("r7")), [false, true, true]),
            (TextNotEquals(t("r8")), [true, true, true]),
            (TextMatches(t("r[0-9]")), [true, false, true]),
            (TextMatches(t("r")), [false, false, true]),
            (TextNotMatches(t("r[0-9]")), [false, true, true]),
            (TextNotMatches(t("7")), [true, true, true]),
        ] {
            let found = ["rack", "none", "slots"].map(|name| is_met(&attribute(name, predicate.clone()), &info));
            assert_eq!(found, expected, "{predicate:?}");
            let number = is_met(&attribute("speed", predicate.clone()), &info);
            assert_eq!(number, expected[2], "{predicate:?} of a number");
        }
    }

    #[test]
    fn host_name_and_fault_domain_are_texts() {
        let equals = |text: &str| Predicate::TextEquals(text.into());
        let (here, nowhere) = (agent(""), AgentInfo::new("lonely", Resources::new()));
        assert!(is_met(&one(Selector::Hostname, Predicate::TextMatches(r"node-\d+\.example".into())), &here));
        assert!(is_met(&one(Selector::Region, equals("eu")), &here));
        assert!(is_met(&one(Selector::Zone, equals("eu-1")), &here));
        assert!(!is_met(&one(Selector::Zone, Predicate::Exists), &nowhere));
        assert!(is_met(&one(Selector::Region, Predicate::TextNotEquals("eu".into())), &nowhere));
    }

    #[test]
    fn a_pattern_matches_the_whole_text_or_not() {
        let info = agent("a:xy");
        for (text, expected) in
            [("x|xy", true), ("x", false), ("y", false), ("^xy$", true), ("(?i)XY", true), ("x.", true)]
        {
            assert_eq!(is_met(&attribute("a", Predicate::TextMatches(text.into())), &info), expected, "{text}");
        }
    }

    #[test]
    fn patterns_are_bounded() {
        for text in
            [r"rack-\w+", "[a-z0-9-]{1,63}", r"\d{4}-\d{2}", "(a|b|c|d|e|f|g|h)*", &"x".repeat(PATTERN_BYTES_MAX)]
        {
            assert_eq!(validate(pattern(text)), Ok(()), "{text}");
        }
        for text in ["(a{100}){100}", r"\w{50}", &"x".repeat(PATTERN_BYTES_MAX + 1), "(", "a)(?:b", "a)|(b", "(?x)a #"]
        {
            let refused = validate(pattern(text)).unwrap_err();
            assert_eq!(refused.code, RejectionCode::InvalidConstraint, "{text}");
        }
    }

    #[test]
    fn tighter_bounds_refuse_what_wider_ones_allow_and_none_are_wider_than_the_widest() {
        let validate = |text: &str, bounds: ConstraintBounds| {
            let constraints = OfferConstraints { by_role: [(web(), pattern(text))].into() };
            validate_constraints_within(&constraints, &[web()].into(), bounds)
        };
        let most = ConstraintBounds::default();
        let (short, small) =
            (ConstraintBounds { pattern_bytes_max: 4, ..most }, ConstraintBounds { program_bytes_max: 600, ..most });
        assert_eq!([validate("a|bc", short), validate("r[0-9]{30}", most)], [Ok(()), Ok(())]);
        assert!(validate("a|bcd", short).unwrap_err().to_string().contains("longer than 4"));
        assert!(validate("r[0-9]{30}", small).unwrap_err().to_string().contains("more than 600 bytes"));
        let endless = ConstraintBounds { pattern_bytes_max: usize::MAX, program_bytes_max: usize::MAX };
        assert!(validate(&"x".repeat(PATTERN_BYTES_MAX + 1), endless).is_err());
        assert!(validate("(a{100}){100}", endless).is_err());
    }

    #[test]
    fn constraints_are_few_and_for_own_roles() {
        let exists = || attribute("a", Predicate::Exists);
        let many = |count| vec![std::iter::repeat_with(exists).take(count).collect()];
        assert_eq!(validate(many(CONSTRAINTS_MAX)), Ok(()));
        assert!(validate(many(CONSTRAINTS_MAX + 1)).is_err());
        assert!(validate(vec![vec![]]).is_err());
        assert_eq!(validate(vec![]), Ok(()));
        let long = attribute(&"n".repeat(CONSTRAINT_TEXT_BYTES_MAX + 1), Predicate::Exists);
        assert!(validate(vec![vec![long]]).is_err());
        let constraints = OfferConstraints { by_role: [(web(), vec![vec![exists()]])].into() };
        assert!(validate_constraints(&constraints, &BTreeSet::new()).is_err());
    }

    #[test]
    fn a_verdict_holds_until_the_agent_changes() {
        let mut table = ConstraintTable::default();
        let mut tree = Tree::new(Vec::new());
        let (client, other) = (tree.add_client(&web(), "f".into()), tree.add_client(&web(), "g".into()));
        let key = AgentKey(5);
        table.set(
            client,
            &[
                vec![attribute("rack", Predicate::TextEquals("r1".into())), attribute("ssd", Predicate::Exists)],
                vec![attribute("rack", Predicate::TextEquals("r2".into()))],
            ],
        );
        assert!(!table.admit(client, key, &agent("rack:r1")), "half a group is not enough");
        assert!(!table.admit(client, key, &agent("rack:r2")), "the agent did not say that it changed");
        table.forget_agent(key);
        assert!(table.admit(client, key, &agent("rack:r2")));
        assert!(table.admit(other, AgentKey(6), &agent("")), "others demand nothing");
        table.forget_client(client);
        assert!(table.admit(client, AgentKey(7), &agent("")));
    }
}
