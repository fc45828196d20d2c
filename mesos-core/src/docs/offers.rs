//! Why did I get no offer?
//!
//! Somebody waits for an offer and none comes. Whoever runs the cluster asks the master, as
//! [`Explain`](crate::call::operator::Call::Explain); whoever writes an allocator or a test asks the
//! [allocator](crate::Allocator::explain) itself. The answer is an [`Explanation`](crate::provider::Explanation).
//!
//! # A dialogue
//!
//! > **Why do I get nothing of agent-7?** I am *reports*, under *eng/web*.
//! >
//! > reports got no offer of agent-7 under eng/web: nothing of its cpus:4;mem:4096 is free: billing (ops) has
//! > cpus:4;mem:4096. Besides, billing (ops) went first and took cpus:4;mem:4096, because ops had the smaller share (ops
//! > had 3 of 12 cpus at weight 1: a share of 0.250, with 2 grants, eng had 4 of 12 cpus at weight 1: a share of 0.333,
//! > with 2 grants). To get an offer: get cpus:0.01 from billing (ops) back. Or: raise the weight of eng to 1.334.
//! >
//! > **And if I need two cores, wherever they are?**
//! >
//! > reports got no offer under eng/web that holds cpus:2; on agent-3, which comes nearest, an offer would hold
//! > cpus:1;mem:100 only: cpus:1 is missing. Of 4 agents: refused on 1, nothing free on 2, too little for the need on 2. To
//! > get an offer: get cpus:1 from billing (ops) back. Or: add cpus:1 to the agent.
//! >
//! > **I had agent-5 an hour ago, and nobody uses it.**
//! >
//! > reports got no offer of agent-5 under eng/web: it refused cpus:1;mem:1024 of it, and that holds until 4000s, in 350s.
//! > To get an offer: wait until 4000s, in 350s.
//!
//! The first sentence is the answer. What else stands in the way comes next: all of it, since removing one obstacle of two
//! changes nothing. Then what would have been enough, as little as possible: *all* steps named together, and none of them
//! too much. If somebody else could have gone another way, that is named last.
//!
//! # As data
//!
//! Texts may change from one version to the next, [codes](crate::provider::explain::Reason::code) do not. As JSON, every
//! reason and every change carries its code beside what there is to say about it:
//!
//! ```
//! use mesos_core::provider::Explanation;
//!
//! let answer: Explanation = serde_json::from_str(r#"{
//!   "asked_at": 3650000000000,
//!   "framework": "reports",
//!   "role": "eng/web",
//!   "of": {"agent": "agent-5"},
//!   "verdict": "not_offered",
//!   "reasons": [
//!     {"code": "suppressed"},
//!     {"code": "filtered", "until": 4000000000000, "refused": []}
//!   ],
//!   "change": [{"code": "revive", "role": "eng/web"}]
//! }"#)?;
//! assert!(answer.has("suppressed") && answer.has("filtered"));
//! assert_eq!(answer.change[0].code(), "revive");
//! let told = answer.to_string();
//! assert!(told.starts_with("reports got no offer of agent-5 under eng/web: it said that it wants no offers"));
//! assert!(told.ends_with("To get an offer: revive eng/web."));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # Reasons
//!
//! In the order in which a round looks, which is the order in which they are told:
//!
//! | Code | What stands in the way | What would be enough |
//! |---|---|---|
//! | `framework_unknown`, `not_subscribed` | the framework, or the role it asks under | `subscribe` |
//! | `framework_inactive`, `suppressed` | it is away, or wants nothing | `reconnect`, `revive` |
//! | `recovery_hold_off` | after an election, most agents are still to come back | `wait` |
//! | `no_agents`, `agent_unknown` | there is nobody to offer anything of | `add_agent` |
//! | `agent_deactivated`, `not_whitelisted` | the agent serves nobody | `activate_agent`, `whitelist` |
//! | `nothing_free` | others have all of it: who has most, and how much | `free`, `add_capacity` |
//! | `capability_missing` | the framework, or the agent, cannot deal with something | `add_capability` |
//! | `constraint` | the framework's own constraints, by group | `relax_constraints` |
//! | `shown` | it was shown what is free, and did not answer yet | `answer` |
//! | `reserved` | what is free belongs to other roles | `unreserve` |
//! | `quota_limit` | a role on the path has what it may have | `raise_limit` |
//! | `headroom` | what is free is kept for guarantees | `lower_guarantee`, `add_capacity` |
//! | `own_maximum` | the framework wants smaller offers | `raise_maximum` |
//! | `below_minimum` | what is left is too little to be worth an offer | `lower_minimum`, `free` |
//! | `filtered` | the framework refused it | `wait` |
//! | `too_small` | there could be an offer, but not one that holds the need | `free`, `add_capacity` |
//! | `share_order` | somebody went first in the last round | `free`, `raise_weight`, `suppress` |
//! | `awaiting_round` | nothing any more; no round has looked yet | `wait` |
//!
//! Where others would be served first with what a step makes free, and take it, `suppress` names them as one more step: they
//! stand back, whatever the reason is.
//!
//! # What an answer is about
//!
//! * **Now.** What became true since the last round counts. If nothing stands in the way any more, the reason is
//!   `awaiting_round`, with the time of the next one.
//! * **The last round, for who went first.** The allocator notes whom its last round granted something of each agent, and
//!   facts put aside what they change since; so shares are told as they were at that moment, exactly. Where they part, two
//!   paths are compared: the smaller share by weight goes first, then fewer grants, then the name.
//! * **One agent, all else equal.** What would be enough is computed for the agent asked about, or for the nearest one of
//!   a need. Others may be quicker: if more is free, somebody with a smaller share may take it.
//! * **Nothing else.** An answer changes nothing. While nobody asks, a round pays a note of a few bytes for each agent.
