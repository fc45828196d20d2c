//! Sessions with an allocator: the script is its master, and answers every grant with a fact.
//!
//! | Command | Meaning |
//! |---|---|
//! | `allocator [interval=1s] [role_sorter=random] [min=RES]` | makes it; first of all |
//! | `framework F ROLES [suppressed=] [inactive=true] [capabilities=]`, `update F ROLES ..`, `remove F` | frameworks |
//! | `framework F ROLES [minimum=cpus:1\|mem:32] [max_offer=cpus:4]` | the least and the most in an offer, under all its roles |
//! | `activate F`, `deactivate F`, `suppress F [roles=]`, `revive F [roles=]` | |
//! | `agent A RESOURCES [total=] [attributes=] [domain=] [capabilities=] used(F ROLE RES) ..`, `remove-agent A` | agents |
//! | `describe A [attributes=] [domain=] [capabilities=]`, `resize A RES`, `close A`, `open A` | what changes about them |
//! | `give-back F A ROLE [RES] [refuse=5s]`, `give-back F all` | recovered; with `refuse=` the framework said no |
//! | `constrain F [constraints=]` | what it demands of agents |
//! | `unavailable A [start=100s] [for=10s]`, `stays A`, `answer F A [refuse=5s]` | maintenance; an inverse offer ended |
//! | `whitelist all`, `whitelist -`, `whitelist a1,a2` | the hosts that are offered; an agent is its host |
//! | `claim F A ROLE RES`, `convert F A ROLE FROM TO`, `weight ROLE 2.5` | |
//! | `quota ROLE [guarantee=RES] [limit=RES] [exactly=RES]` | replaces what was set; nothing named removes it |
//! | `expect 5` | right after an election: so many agents are to come back |
//! | `advance 5s` | lets time pass, and rounds run when they are due |
//! | `view` | who has how much |
//! | `explain F ROLE A`, `explain F ROLE need=RES` | why there was no offer, and what would have been enough |
//!
//! A grant reads `grant F A ROLE RESOURCES`, an inverse offer `ask F A start= for=`. How constraints are written: see
//! `demand`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_core::kernel::{Handle, Rng};
use mesos_core::provider::explain::{Need, Question, Subject};
use mesos_core::provider::{AgentKey, Allocator, Fact, FrameworkKey, Grant, InverseGrant, Round, Used};
use mesos_core::resource::{Limits, Quantities};
use mesos_core::{AgentId, AgentInfo, Filters, FrameworkId, FrameworkInfo, Instant, Resources, Role, Weight};
use mesos_sched::allocator::{HierarchicalDrf, Options, SorterKind};

use super::argument::{Arguments, read, resources, span};
use super::demand::unavailability;
use super::{Command, Session, show};

/// A session with one allocator.
#[derive(Debug)]
pub struct AllocatorSession {
    options: Options,
    allocator: HierarchicalDrf,
    rng: Rng,
    now: Instant,
    frameworks: BTreeMap<String, FrameworkKey>,
    agents: BTreeMap<String, AgentKey>,
    infos: BTreeMap<AgentKey, Arc<AgentInfo>>,
    granted: Vec<Grant>,
}

impl Default for AllocatorSession {
    fn default() -> Self {
        Self {
            options: Options::default(),
            allocator: HierarchicalDrf::default(),
            rng: Rng::new(1),
            now: Instant::ZERO,
            frameworks: BTreeMap::new(),
            agents: BTreeMap::new(),
            infos: BTreeMap::new(),
            granted: Vec::new(),
        }
    }
}

impl AllocatorSession {
    /// A session with this defect planted.
    #[cfg(feature = "mutants")]
    #[must_use]
    pub fn with_mutant(mutant: mesos_core::kernel::Mutant) -> Self {
        let options = Options { mutant: Some(mutant), ..Options::default() };
        Self { allocator: HierarchicalDrf::new(options.clone()), options, ..Self::default() }
    }

    fn observe(&mut self, fact: Fact) {
        self.allocator.observe(self.now, fact);
    }

    fn framework(&self, arguments: &mut Arguments) -> Result<FrameworkKey, String> {
        let name = arguments.word("a framework")?;
        self.frameworks.get(&name).copied().ok_or_else(|| format!("there is no framework {name:?}"))
    }

    fn agent(&self, arguments: &mut Arguments) -> Result<AgentKey, String> {
        let name = arguments.word("an agent")?;
        self.agents.get(&name).copied().ok_or_else(|| format!("there is no agent {name:?}"))
    }

    fn make(&mut self, arguments: &mut Arguments) -> Result<(), String> {
        let mut options = self.options.clone();
        options.allocation_interval = arguments.span("interval")?.unwrap_or(options.allocation_interval);
        let sorter = |text: Option<String>| match text.as_deref() {
            None | Some("drf") => Ok(SorterKind::Drf),
            Some("random") => Ok(SorterKind::Random),
            Some(other) => Err(format!("{other:?} is no sorter")),
        };
        options.role_sorter = sorter(arguments.named("role_sorter"))?;
        options.framework_sorter = sorter(arguments.named("framework_sorter"))?;
        if let Some(min) = arguments.named("min") {
            options.min_allocatable = vec![resources(&min)?.quantities()];
        }
        self.allocator = HierarchicalDrf::new(options);
        Ok(())
    }

    fn describe(arguments: &mut Arguments, name: &str) -> Result<FrameworkInfo, String> {
        let roles = arguments.word("roles")?;
        let mut info = arguments.framework()?;
        info.roles = super::argument::list(&roles)?;
        info.name = name.into();
        if let Some(minimum) = arguments.named("minimum") {
            let amounts: Vec<Quantities> = minimum.split('|').map(read).collect::<Result<_, String>>()?;
            info.min_allocatable = info.roles.iter().map(|role| (role.clone(), amounts.clone())).collect();
        }
        if let Some(most) = arguments.optional::<Limits>("max_offer")? {
            info.max_offer = info.roles.iter().map(|role| (role.clone(), most.clone())).collect();
        }
        Ok(info)
    }

    fn add_framework(&mut self, arguments: &mut Arguments) -> Result<(), String> {
        let name = arguments.word("a name")?;
        let suppressed = arguments.roles("suppressed")?;
        let is_active = arguments.named("inactive").is_none();
        let info = Arc::new(Self::describe(arguments, &name)?);
        let id: FrameworkId = read(&name)?;
        let framework = self.intern(name);
        self.observe(Fact::FrameworkAdded { framework, id, info, suppressed, is_active });
        Ok(())
    }

    /// The handle of a framework; one that is known from agents only has it from then on.
    fn intern(&mut self, name: String) -> FrameworkKey {
        let slot = free_slot(self.frameworks.values().map(|key| key.slot()));
        *self.frameworks.entry(name).or_insert_with(|| FrameworkKey::from_slot(slot))
    }

    fn update_framework(&mut self, arguments: &mut Arguments) -> Result<(), String> {
        let framework = self.framework(arguments)?;
        let suppressed = arguments.roles("suppressed")?;
        let info = Arc::new(Self::describe(arguments, "updated")?);
        self.observe(Fact::FrameworkUpdated { framework, info, suppressed });
        Ok(())
    }

    /// What it holds was recovered before, as the master does it.
    fn remove_framework(&mut self, arguments: &mut Arguments) -> Result<(), String> {
        let framework = self.framework(arguments)?;
        self.give_all_back(framework);
        self.frameworks.retain(|_, key| *key != framework);
        self.observe(Fact::FrameworkRemoved { framework });
        Ok(())
    }

    fn add_agent(&mut self, arguments: &mut Arguments) -> Result<(), String> {
        let name = arguments.word("a name")?;
        let declared = resources(&arguments.word("resources")?)?;
        let total = arguments.named("total").map(|text| resources(&text)).transpose()?;
        let mut info = AgentInfo::new(name.as_str(), declared.clone());
        arguments.describe_agent(&mut info)?;
        let agent = AgentKey::from_slot(free_slot(self.agents.values().map(|key| key.slot())));
        let mut used = Vec::new();
        while let Some(word) = arguments.next_word() {
            let (_, mut part) = Arguments::nested(&word)?;
            let (user, role) = (part.word("a framework")?, part.next::<Role>("a role")?);
            let framework = self.intern(user);
            let resources = resources(&part.word("resources")?)?;
            self.granted.push(Grant { framework, role: role.clone(), agent, resources: resources.clone() });
            used.push(Used { framework, role, resources });
        }
        let id: AgentId = read(&name)?;
        self.agents.insert(name, agent);
        let total = total.unwrap_or(declared);
        let info = Arc::new(info);
        self.infos.insert(agent, info.clone());
        self.observe(Fact::AgentAdded { agent, id, info, total, used });
        Ok(())
    }

    fn describe_agent(&mut self, arguments: &mut Arguments) -> Result<(), String> {
        let agent = self.agent(arguments)?;
        let info = Arc::make_mut(self.infos.get_mut(&agent).ok_or("the agent is not described")?);
        arguments.describe_agent(info)?;
        let info = self.infos[&agent].clone();
        self.observe(Fact::AgentUpdated { agent, info });
        Ok(())
    }

    fn remove_agent(&mut self, arguments: &mut Arguments) -> Result<(), String> {
        let agent = self.agent(arguments)?;
        self.granted.retain(|grant| grant.agent != agent);
        self.agents.retain(|_, key| *key != agent);
        self.observe(Fact::AgentRemoved { agent });
        Ok(())
    }

    fn give_all_back(&mut self, framework: FrameworkKey) {
        let held: Vec<Grant> = self.granted.extract_if(.., |grant| grant.framework == framework).collect();
        for Grant { framework, role, agent, resources } in held {
            self.observe(Fact::Recovered { framework, role, agent, resources, filters: None });
        }
    }

    /// Gives back what was granted, or the part of it that is named.
    fn give_back(&mut self, arguments: &mut Arguments) -> Result<(), String> {
        let framework = self.framework(arguments)?;
        if arguments.has_next("all") {
            self.give_all_back(framework);
            return Ok(());
        }
        let agent = self.agent(arguments)?;
        let role: Role = arguments.next("a role")?;
        let filters = arguments.span("refuse")?.map(Filters::refuse_for);
        let is_own = |grant: &Grant| grant.framework == framework && grant.agent == agent && grant.role == role;
        let all: Resources = self.granted.iter().filter(|grant| is_own(grant)).map(|grant| &grant.resources).sum();
        let part = arguments.next_word().map(|text| resources(&text)).transpose()?.unwrap_or_else(|| all.clone());
        let rest = all.checked_sub(&part).ok_or_else(|| format!("only {all} was granted"))?;
        self.granted.retain(|grant| !is_own(grant));
        if !rest.is_empty() {
            self.granted.push(Grant { framework, role: role.clone(), agent, resources: rest });
        }
        self.observe(Fact::Recovered { framework, role, agent, resources: part, filters });
        Ok(())
    }

    fn claim(&mut self, arguments: &mut Arguments) -> Result<(), String> {
        let (framework, agent) = (self.framework(arguments)?, self.agent(arguments)?);
        let role: Role = arguments.next("a role")?;
        let resources = resources(&arguments.word("resources")?)?;
        self.granted.push(Grant { framework, role: role.clone(), agent, resources: resources.clone() });
        self.observe(Fact::Claimed { framework, role, agent, resources });
        Ok(())
    }

    fn convert(&mut self, arguments: &mut Arguments) -> Result<(), String> {
        let (framework, agent) = (self.framework(arguments)?, self.agent(arguments)?);
        let role: Role = arguments.next("a role")?;
        let (from, to) = (resources(&arguments.word("resources")?)?, resources(&arguments.word("resources")?)?);
        let held = self.granted.iter_mut().find(|grant| {
            grant.framework == framework
                && grant.agent == agent
                && grant.role == role
                && grant.resources.contains(&from)
        });
        let held = held.ok_or("that was not granted")?;
        held.resources = &(&held.resources - &from) + &to;
        self.observe(Fact::Converted { framework, role, agent, from, to });
        Ok(())
    }

    fn advance(&mut self, by: Duration, lines: &mut Vec<String>) {
        let end = self.now + by;
        while let Some(due) = self.allocator.deadline().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            let mut grants = Vec::new();
            self.allocator.allocate(Round { now: self.now, rng: &mut self.rng }, &mut grants);
            let mut asked = Vec::new();
            self.allocator.ask_back(self.now, &mut asked);
            if !(grants.is_empty() && asked.is_empty()) {
                lines.push(format!("at {}:", show::span(self.now.since(Instant::ZERO))));
            }
            lines.extend(grants.iter().map(|grant| self.show(grant)));
            lines.extend(asked.into_iter().map(|asked| self.show_asked(asked)));
            self.granted.append(&mut grants);
        }
        self.now = end;
    }

    fn show_asked(&self, asked: InverseGrant) -> String {
        let (framework, agent) = self.names(asked.framework, asked.agent);
        format!("ask {framework} {agent} {}", unavailability(asked.unavailability))
    }

    fn names(&self, framework: FrameworkKey, agent: AgentKey) -> (&str, &str) {
        let framework = self.frameworks.iter().find(|(_, key)| **key == framework).map_or("?", |(name, _)| name);
        (framework, self.agents.iter().find(|(_, key)| **key == agent).map_or("?", |(name, _)| name))
    }

    fn show(&self, grant: &Grant) -> String {
        let (framework, agent) = self.names(grant.framework, grant.agent);
        format!("grant {framework} {agent} {} {}", grant.role, grant.resources)
    }

    /// A framework or an agent that nobody knows may be asked about too.
    fn explain(&self, arguments: &mut Arguments, lines: &mut Vec<String>) -> Result<(), String> {
        const NOBODY: u32 = 1_000_000;
        let name = arguments.word("a framework")?;
        let framework = self.frameworks.get(&name).copied().unwrap_or(FrameworkKey(NOBODY));
        let role: Role = arguments.next("a role")?;
        let of = match arguments.named("need") {
            Some(need) => Subject::Need(Need::Resources(resources(&need)?)),
            None => {
                let name = arguments.word("an agent")?;
                Subject::Agent(self.agents.get(&name).copied().unwrap_or(AgentKey(NOBODY)))
            }
        };
        let answer = self.allocator.explain(self.now, &Question { framework, role, of }).ok_or("it cannot tell")?;
        lines.extend(answer.to_string().lines().map(str::to_owned));
        Ok(())
    }

    /// Facts about maintenance, hosts and demands.
    fn plan(&mut self, verb: &str, arguments: &mut Arguments) -> Result<(), String> {
        let fact = match verb {
            "constrain" => {
                let (framework, constraints) = (self.framework(arguments)?, arguments.constraints()?);
                Fact::ConstraintsSet { framework, constraints }
            }
            "unavailable" => {
                let (agent, unavailability) = (self.agent(arguments)?, Some(arguments.unavailability()?));
                Fact::UnavailabilitySet { agent, unavailability }
            }
            "stays" => Fact::UnavailabilitySet { agent: self.agent(arguments)?, unavailability: None },
            "answer" => {
                let (framework, agent) = (self.framework(arguments)?, self.agent(arguments)?);
                let filters = arguments.span("refuse")?.map(Filters::refuse_for);
                Fact::InverseOfferEnded { framework, agent, filters }
            }
            _ => Fact::WhitelistSet { hostnames: hosts(&arguments.word("hosts, all or -")?) },
        };
        self.observe(fact);
        Ok(())
    }

    fn view(&self, lines: &mut Vec<String>) {
        for (name, key) in &self.agents {
            lines.push(format!("agent {name} free={}", self.allocator.available(*key).unwrap_or_default()));
        }
        for share in self.allocator.shares() {
            lines.push(format!("role {} weight={} share={:.3}", share.role, share.weight, share.dominant_share));
            for framework in share.frameworks {
                let id = framework.id.as_ref().map_or("?", |id| id.as_str());
                let active = if framework.is_active { "" } else { " inactive" };
                lines.push(format!("  framework {id} share={:.3}{active}", framework.dominant_share));
            }
        }
        lines.push(format!("filters {}", self.allocator.filter_count()));
    }
}

/// `all`, `-` for none, or names with commas between them.
pub(super) fn hosts(text: &str) -> Option<BTreeSet<Arc<str>>> {
    match text {
        "all" => None,
        "-" => Some(BTreeSet::new()),
        names => Some(names.split(',').map(Arc::from).collect()),
    }
}

fn free_slot(taken: impl Iterator<Item = usize> + Clone) -> u32 {
    (0..).find(|slot| !taken.clone().any(|own| own == *slot as usize)).unwrap_or_default()
}

impl Session for AllocatorSession {
    fn command(&mut self, command: &Command, lines: &mut Vec<String>) -> Result<(), String> {
        let mut arguments = Arguments::of(command);
        match command.verb.as_str() {
            "allocator" => self.make(&mut arguments)?,
            "framework" => self.add_framework(&mut arguments)?,
            "update" => self.update_framework(&mut arguments)?,
            "remove" => self.remove_framework(&mut arguments)?,
            verb @ ("activate" | "deactivate" | "suppress" | "revive") => {
                let framework = self.framework(&mut arguments)?;
                let roles = arguments.roles("roles")?;
                self.observe(match verb {
                    "activate" => Fact::FrameworkActivated { framework },
                    "deactivate" => Fact::FrameworkDeactivated { framework },
                    "suppress" => Fact::RolesSuppressed { framework, roles },
                    _ => Fact::RolesRevived { framework, roles },
                });
            }
            "agent" => self.add_agent(&mut arguments)?,
            "remove-agent" => self.remove_agent(&mut arguments)?,
            verb @ ("open" | "close") => {
                let agent = self.agent(&mut arguments)?;
                let is_open = verb == "open";
                self.observe(if is_open { Fact::AgentActivated { agent } } else { Fact::AgentDeactivated { agent } });
            }
            "describe" => self.describe_agent(&mut arguments)?,
            verb @ ("constrain" | "unavailable" | "stays" | "answer" | "whitelist") => {
                self.plan(verb, &mut arguments)?;
            }
            "resize" => {
                let agent = self.agent(&mut arguments)?;
                let total = resources(&arguments.word("resources")?)?;
                self.observe(Fact::AgentResized { agent, total });
            }
            "give-back" => self.give_back(&mut arguments)?,
            "claim" => self.claim(&mut arguments)?,
            "convert" => self.convert(&mut arguments)?,
            "weight" => {
                let role = arguments.next("a role")?;
                let weight = Weight::new(arguments.next("a weight")?).map_err(|error| error.to_string())?;
                self.observe(Fact::WeightSet { role, weight });
            }
            "quota" => {
                let (role, quota) = (arguments.next("a role")?, arguments.quota()?);
                self.observe(Fact::QuotaSet { role, quota });
            }
            "expect" => {
                let count = arguments.next("a number of agents")?;
                self.observe(Fact::AgentsExpected { count });
            }
            "advance" => self.advance(span(&arguments.word("a time span")?)?, lines),
            "view" => self.view(lines),
            "explain" => self.explain(&mut arguments, lines)?,
            other => return Err(format!("{other:?} is no command here")),
        }
        arguments.finish()
    }
}
