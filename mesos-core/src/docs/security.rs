//! What went wrong elsewhere, and the test that keeps it from going wrong here.
//!
//! Each class is one that broke a system of this kind before. A test of the repository checks that every test named here is
//! there.
//!
//! # By what is open
//!
//! Nothing is: parts prove who they are by certificates of the cluster's authority, others by secrets or tokens, and what no
//! rule allows is forbidden. Whoever wants less says so with a flag that has `insecure` in its name, and the log repeats it.
//!
//! # What peers may cost
//!
//! Connections, requests, bodies, streams and what waits for them are bounded, on masters and on agents alike, and so is how
//! often a principal may ask where the operator says so (`--rate_limits`, `--operator_rate_limits`). Calls whose answers are
//! long in coming, as the end of a container is, hold none of the places of those that are not. At a bound it is the newcomer
//! who is refused: a master has room for 1,000 subscribers of its events, and one more is answered 503, where Mesos closes the
//! oldest stream. Whoever comes often could push out all others there.
//!
//! # Tokens of executors
//!
//! An agent gives an executor a token when it starts its process, signed with a key of the agent's own and saying framework,
//! executor and container. It says no time: an executor is told once, in its environment, may run for years, and existing
//! ones could not be told a second token, so that one with an end would cut off executors that did nothing wrong. Nor would
//! renewal keep out a thief: whoever has a token could renew it as well as its executor. What ends
//! a token is the end of its container: whoever takes one looks, at each call, whether the agent still has that container,
//! and no later one has its name. So it is also good across restarts of the agent, which take containers back. It is good
//! on that agent alone, for that executor's calls and for containers beside its own. What tasks run in never finds it; a
//! process that an executor starts by itself does, unless it is started
//! `without_credentials` (`mesos-exec/src/daemon/executor/environment.rs`). To void all tokens of an agent at once, end its
//! tasks and remove `executor.key` from its work directory before it is started again.
//!
//! # Classes
//!
//! | Class | Where it was found | Test |
//! |---|---|---|
//! | a malformed request ends the process | CVE-2017-7687 | `mesos-core/src/net/decoders.rs` `no_decoder_panics_at_the_corpus_and_what_is_made_of_it` |
//! | memory is used after it was freed | CVE-2017-9790 | `mesos-core/tests/security_classes.rs` `only_what_speaks_to_the_system_may_be_unsafe` |
//! | an assertion a peer can reach | CVE-2018-1330 | `mesos-core/tests/security_classes.rs` `what_reads_others_words_has_no_way_to_panic` |
//! | the same, whatever is sent | CVE-2018-1330 | `mesos-sched/tests/http/hostile.rs` `what_no_client_would_send_gets_a_status_and_a_sentence` |
//! | recursion without end | CVE-2018-11793 | `mesos-core/tests/wire_json.rs` `broken_and_bottomless_texts_are_refused` |
//! | a secret is guessed by the time a comparison takes | CVE-2018-8023 | `mesos-core/src/net/auth/tests.rs` `secrets_are_compared_in_one_way_only` |
//! | a secret is compared in another way | CVE-2018-8023 | `mesos-core/tests/security_classes.rs` `an_open_secret_is_compared_with_nothing` |
//! | a forged or expired token | CVE-2018-8023 | `mesos-core/src/net/auth/tests.rs` `a_token_is_good_for_its_time_and_for_nobody_who_changes_it` |
//! | a token is used by somebody else, or after its time | | `examples/custom_executor/test/credentials.rs` `a_token_speaks_for_its_own_executor_while_that_lives` |
//! | a task speaks for its executor | | `examples/custom_executor/test/credentials.rs` `no_task_finds_what_its_executor_proves_with_who_it_is` |
//! | the same by another transport | | `examples/custom_executor/test/connection.rs` `a_token_connects_its_own_executor_and_no_other` |
//! | who names no user is taken for the agent's own | | `mesos-core/src/net/auth/tests.rs` `who_names_no_user_needs_the_permission_for_all` |
//! | a task is somebody else by its check | | `mesos-sched/tests/http/authorization.rs` `an_operation_that_is_not_allowed_uses_up_no_offer` |
//! | root by way of a task, where root runs no framework | | `mesos-sched/tests/http/authorization.rs` `a_framework_does_not_become_root_by_its_tasks` |
//! | an executor runs a container as somebody else | | `examples/custom_executor/test/credentials.rs` `a_token_speaks_for_its_own_executor_while_that_lives` |
//! | a container changes a file of its host | CVE-2019-0204 | `mesos-exec/src/containerizer/process/sandbox.rs` `output_does_not_follow_what_an_earlier_container_planted` |
//! | a container changes the program that started it | CVE-2019-0204, CVE-2019-5736 | `mesos-exec/tests/shims.rs` `a_task_cannot_write_the_program_of_its_agent` |
//! | a link is followed out of where it may lead | CVE-2021-30465 | `mesos-core/src/net/http/files.rs` `nothing_leads_out_of_what_is_shown` |
//! | what is mounted or labelled is swapped meanwhile | CVE-2025-31133, CVE-2025-52565, CVE-2025-52881 | `mesos-core/tests/security_classes.rs` `nothing_is_mounted_or_labelled` |
//! | an open file of the host reaches a container | CVE-2024-21626 | `mesos-exec/tests/process_containerizer.rs` `no_open_file_of_the_host_reaches_the_container` |
//! | a name leads out of its folder | CVE-2026-7474 | `mesos-core/src/id.rs` `every_rule_has_its_case` |
//! | another user of the machine reads what a daemon keeps | | `mesos-exec/tests/process_containerizer.rs` `the_work_directory_is_closed_but_a_task_reaches_its_own_sandbox` |
//! | an archive is unpacked beside where it belongs | MESOS-9610 | `mesos-exec/src/daemon/fetch/tests.rs` `an_archive_does_not_leave_the_sandbox` |
//! | an archive that becomes too large | | `mesos-exec/src/daemon/fetch/tests.rs` `an_archive_that_grows_without_end_is_given_up` |
//! | a file of the host is fetched by who may not read it | | `mesos-exec/src/daemon/fetch/tests.rs` `a_file_is_read_as_the_owner_of_the_sandbox` |
//! | a cache is filled without end | | `mesos-exec/src/daemon/fetch/tests.rs` `the_cache_has_a_bound_and_what_was_asked_for_last_stays` |
//! | a view shows what its reader may not see | MESOS-9006 | `mesos-sched/tests/http/authorization.rs` `the_matrix_of_who_may_ask_and_see_what_is_the_reviewed_one` |
//! | another transport judges otherwise, on a master | | `mesos-sched/tests/http/grpc.rs` `who_may_do_what_is_the_same_as_over_http` |
//! | another transport judges otherwise, on an agent | | `examples/custom_executor/test/grpc.rs` `who_may_do_what_is_the_same_as_over_http` |
//! | a stream tells what its reader may not hear | MESOS-9006 | `mesos-sched/tests/http/authorization.rs` `subscribers_hear_of_what_they_may_see_and_of_nothing_else` |
//! | secrets in errors and flags | MESOS-7265, MESOS-7422 | `mesos-core/src/net/auth/tests.rs` `secrets_never_print` |
//! | secrets in logs and on command lines | MESOS-6566, MESOS-8413 | `examples/cli/tests/cluster.rs` `a_whole_cluster_says_no_secret_in_its_log_or_on_a_command_line` |
//! | another principal comes back under the same id | MESOS-2842 | `mesos-sched/src/master/validate/framework.rs` `a_principal_is_for_life` |
//! | a body without end | | `mesos-core/src/net/http/tests.rs` `a_body_is_bounded_whatever_its_pieces` |
//! | a peer that is slow on purpose | | `mesos-core/src/net/http/tests.rs` `a_peer_that_never_ends_its_head_is_cut_off_and_an_idle_one_is_not` |
//! | a subscriber that never reads | | `mesos-core/src/net/http/tests.rs` `a_peer_that_takes_nothing_is_cut_off_with_what_waits_for_it` |
//! | readers that take a byte now and then | | `mesos-sched/tests/http/hostile.rs` `readers_that_trickle_do_not_keep_the_state_from_others` |
//! | an operator's tool that asks without end | | `mesos-sched/tests/http/authorization.rs` `an_operator_that_calls_too_often_is_held_back_alone` |
//! | the same of an agent | | `examples/custom_executor/test/api.rs` `who_waits_for_long_takes_no_place_and_who_asks_too_often_is_held_back` |
//! | the same over gRPC | | `mesos-core/src/net/grpc/tests.rs` `nothing_is_kept_for_a_peer_that_was_cut_off_and_never_reads` |
//! | many subscribers that never read | | `mesos-core/src/daemon/peers.rs` `when_too_much_waits_for_all_the_one_that_holds_most_is_cut_off` |
//! | callers that wait and leave | | `mesos-exec/src/agent/tests/nested.rs` `so_many_wait_for_one_container_and_who_left_waits_no_more` |
//!
//! # Of offers and tasks
//!
//! Offers have no deadline unless `--offer_timeout` gives them one, as in Mesos: frameworks that exist keep offers until they
//! have work for them, and would lose them. What is offered counts as used where shares are compared, so that whoever hoards
//! is offered less; what is promised to others is taken back from hoarders when it is asked for. A framework that needs
//! little of an agent says how much it wants at most (`max_offer` in its offer filters), and the rest goes to others. A cluster
//! whose frameworks are not trusted to answer sets the flag: five minutes are plenty for any that does.
//!
//! | Class | Test |
//! |---|---|
//! | offers are hoarded | `mesos-sim/tests/scripts/master/offers.txt` |
//! | whole agents are held for a small part of each | `mesos-sim/tests/scripts/allocator/max_offer.txt` |
//! | one framework refuses so much that its refusals fill the memory | `mesos-sched/src/allocator/filter/tests.rs` `one_pair_has_few_filters_and_the_longest_stay` |
//! | the same, refused again and again | `mesos-sched/src/allocator/filter/tests.rs` `refusing_the_same_for_ever_takes_no_memory` |
//! | refusals of everything by everybody make rounds slower and slower | `mesos-sched/src/allocator/tests/costs.rs` `a_round_costs_the_same_at_the_end_of_a_storm_of_refusals` |
//! | whoever returns everything at once stands before those who would use it | `mesos-sched/src/allocator/tests/choices.rs` `who_waits_long_enough_goes_first_if_that_is_chosen` |
//! | revives without end make rounds without end | `mesos-sched/src/allocator/tests/costs.rs` `a_storm_of_revives_costs_one_round_over_what_is_open` |
//! | a role is taken that is somebody else's | `mesos-sched/tests/http/authorization.rs` `nobody_takes_a_role_that_is_somebody_elses` |
//! | the same over gRPC | `mesos-sched/tests/http/authorization.rs` `nobody_takes_a_role_that_is_somebody_elses_over_grpc` |
//! | an operation is smuggled into an accept | `mesos-sched/tests/http/authorization.rs` `an_operation_that_is_not_allowed_uses_up_no_offer` |
//! | a call is made with somebody else's stream | `mesos-sched/tests/http/authorization.rs` `every_scheduler_call_is_for_whoever_subscribed_alone` |
//! | the id of a task is used by several, or again | `mesos-sim/tests/scripts/master/task_ids.txt` |
//! | a task is run twice by its agent | `mesos-sim/tests/scripts/agent/duplicate_run.txt` |
//! | an accept from before a failover is said again | `mesos-sim/tests/scripts/master/failover.txt` |
//! | an agent speaks of tasks that are not its own | `mesos-sim/tests/scripts/master/wrong_agent.txt` |
//! | an agent reports what never was | `mesos-sim/tests/scripts/master/hostile_reports.txt` |
//! | an agent takes over the id of another | `mesos-sim/tests/scripts/master/impostor.txt` |
//! | an agent says that it is another | `mesos-core/src/net/auth/tests.rs` `an_agent_registers_as_who_it_proved_to_be` |
//! | an agent claims more than it has | `mesos-sim/tests/scripts/master/agent_claims_more.txt` |
//! | quota is used up by reservations | `mesos-sim/tests/scripts/master/quota_consumed.txt` |
//! | resources in a text that mean something else | `mesos-core/src/net/decoders.rs` `no_decoder_panics_at_the_corpus_and_what_is_made_of_it` |
//! | calls without end | `mesos-sched/tests/http/authorization.rs` `a_framework_that_calls_too_often_is_held_back_alone` |
