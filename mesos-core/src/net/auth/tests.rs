//! Who may do what, as a whole, and what must never work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderValue};

use super::*;
use crate::id::Principal;
use crate::net::tls::{Identity, Part};
use crate::time::{Now, WallTime};

#[derive(Debug)]
struct At(WallTime);

#[async_trait::async_trait]
impl crate::Clock for At {
    fn now(&self) -> Now {
        Now { wall: self.0, ..Now::default() }
    }

    async fn sleep_until(&self, _: crate::Instant) {}
}

fn at(secs: u64) -> WallTime {
    WallTime::from_nanos(secs * 1_000_000_000)
}

fn principal(name: &str) -> Principal {
    Principal::new(name).unwrap()
}

fn caller(name: &str, part: Part) -> Caller {
    Caller::of(principal(name)).with_claim(PART_CLAIM, part.name())
}

/// Every action for every kind of caller, to something of its own and to something of others.
#[test]
fn the_matrix_of_what_each_part_may_do_is_the_reviewed_one() {
    let callers = [
        ("anonymous", Caller::anonymous()),
        ("unknown part", Caller::of(principal("x"))),
        ("executor", Caller::anonymous().with_claim("fid", "f1").with_claim("eid", "e1")),
        ("agent", caller("x", Part::Agent)),
        ("framework", caller("x", Part::Framework)),
        ("operator", caller("x", Part::Operator)),
        ("master", caller("x", Part::Master)),
    ];
    let mut table = String::new();
    for action in Action::ALL {
        let cells = callers.iter().map(|(name, caller)| {
            let may = |object| Parts.allows(caller, *action, object);
            let what = match (may(Some("x")), may(Some("y")), may(None)) {
                (true, true, true) => "all",
                (true, false, false) => "own",
                (false, false, false) => "-",
                other => panic!("{name} {action}: {other:?} is no policy"),
            };
            format!("{name}:{what}")
        });
        table += &format!("{} {}\n", action.name(), cells.collect::<Vec<_>>().join(" "));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/net/auth/matrix.txt");
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    let reviewed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(table, reviewed, "review with UPDATE_MATRIX=1");
    for (name, _) in &callers[..3] {
        assert!(!table.contains(&format!("{name}:all")) && !table.contains(&format!("{name}:own")), "default deny");
    }
}

#[test]
fn the_first_rule_that_speaks_of_both_decides_and_no_rule_means_no() {
    let acls = Acls::parse(
        r#"{"register_frameworks": [
            {"principals": {"values": ["web"]}, "roles": {"values": ["web", "eng/%"]}},
            {"principals": {"values": ["web"]}, "roles": {"type": "NONE"}},
            {"principals": {"type": "ANY"}, "roles": {"values": ["*"]}}]}"#,
    )
    .unwrap();
    let may = |who: &str, role| acls.allows(&Caller::of(principal(who)), Action::RegisterFramework, Some(role));
    assert!(may("web", "web") && may("web", "eng/a") && may("web", "eng/a/b"));
    assert!(!may("web", "eng") && !may("web", "engineering") && !may("web", "*"), "NONE forbids what is left");
    assert!(may("other", "*") && !may("other", "web"));
    assert!(!acls.allows(&Caller::of(principal("web")), Action::TeardownFramework, Some("web")));
    let toml = "[[run_tasks]]\nprincipals = { values = [\"web\"] }\nusers = { type = \"ANY\" }\n";
    assert!(Acls::parse(toml).unwrap().allows(&Caller::of(principal("web")), Action::RunTask, Some("root")));
}

/// As Mesos' own examples have it (`docs/authorization.md`, `view_frameworks` and `access_sandboxes`).
#[test]
fn lists_of_mesos_that_speak_of_all_users_or_none_are_understood() {
    let acls = Acls::parse(
        r#"{"view_frameworks": [{"principals": {"values": ["ops"]}, "users": {"type": "ANY"}},
                                {"principals": {"type": "ANY"}, "users": {"type": "NONE"}}],
            "resize_volumes": [{"principals": {"values": ["ops"]}, "roles": {"values": ["web"]}}]}"#,
    )
    .unwrap();
    let may = |who: &str, action, object| acls.allows(&Caller::of(principal(who)), action, Some(object));
    assert!(may("ops", Action::ViewFramework, "web") && !may("web", Action::ViewFramework, "web"));
    assert!(may("ops", Action::ResizeVolume, "web") && !may("ops", Action::CreateVolume, "web"));
}

#[test]
fn a_list_nobody_would_apply_is_refused() {
    for (bad, says) in [
        (r#"{"register_framework": []}"#, "known are"),
        (r#"{"run_tasks": [{"principals": {"values": ["a"]}, "roles": {"type": "ANY"}}]}"#, "users"),
        (r#"{"run_tasks": [{"principals": {"values": [1]}}]}"#, "values"),
        (r#"{"view_tasks": [{"users": {"values": ["web"]}}]}"#, "name those as principals_of_frameworks"),
        (
            r#"{"view_tasks": [{"users": {"type": "ANY"}, "principals_of_frameworks": {"type": "ANY"}}]}"#,
            "leave users out",
        ),
        (r#"{"view_roles": [{"users": {"type": "ANY"}}]}"#, "it has principals and roles"),
        (r#"{"run_tasks": [{"principals": {"type": "ALL"}}]}"#, "ANY"),
        (r#"{"permissive": "yes"}"#, "true or false"),
        ("run_tasks = 1", "list of rules"),
    ] {
        let error = Acls::parse(bad).unwrap_err().to_string();
        assert!(error.contains(says), "{bad}: {error}");
    }
}

fn headers(authorization: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(authorization).unwrap())])
}

fn basic(pair: &str) -> HeaderMap {
    headers(&format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
}

fn authenticator(now: u64) -> Authenticator {
    let credentials = r#"{"credentials": [{"principal": "web", "secret": "s3"}, {"principal": "ops", "secret": "x:y", "part": "operator"}]}"#;
    Authenticator::new(Arc::new(At(at(now))))
        .with_credentials(Credentials::parse(credentials).unwrap())
        .with_tokens(TokenKey::new(&Secret::new(*b"a key that is long enough for us")))
}

#[test]
fn people_are_known_by_certificate_secret_or_token_and_nobody_else_is() {
    let none = Extensions::new();
    let known = authenticator(100);
    assert_eq!(known.authenticate(&basic("web:s3"), &none).unwrap(), caller("web", Part::Framework));
    assert_eq!(known.authenticate(&basic("ops:x:y"), &none).unwrap(), caller("ops", Part::Operator));
    for wrong in ["web:s", "web:s33", "web:", "nobody:s3", ":s3", "web", "\u{0}:"] {
        assert_eq!(known.authenticate(&basic(wrong), &none).unwrap_err().status, 401, "{wrong}");
    }
    for wrong in ["Basic", "Basic %%%", "Bearer ", "Bearer a.b.c", "Digest x", "basic"] {
        assert_eq!(known.authenticate(&headers(wrong), &none).unwrap_err().status, 401, "{wrong}");
    }
    assert_eq!(known.authenticate(&HeaderMap::new(), &none).unwrap_err().status, 401);

    let mut shown = Extensions::new();
    shown.insert(Identity::new(Part::Agent, principal("a1")));
    assert_eq!(known.authenticate(&HeaderMap::new(), &shown).unwrap(), caller("a1", Part::Agent));
    assert!(
        known.authenticate(&basic("web:wrong"), &shown).is_err(),
        "a wrong secret is not made good by a certificate"
    );
    let open = authenticator(100).admitting_anonymous();
    assert_eq!(open.authenticate(&HeaderMap::new(), &none).unwrap(), Caller::anonymous());
    assert!(open.authenticate(&basic("web:wrong"), &none).is_err(), "who says something wrong is not nobody");
}

#[test]
fn a_token_is_good_for_its_time_and_for_nobody_who_changes_it() {
    let key = TokenKey::new(&Secret::new(*b"a key that is long enough for us"));
    let claims = Claims::valid_for(at(100), Duration::from_secs(60)).with("fid", "f1").with("eid", "e1");
    let token = key.sign(&claims);
    assert_eq!(key.verify(&token, at(159)).unwrap(), claims);
    assert_eq!(key.verify(&token, at(160)), Err(InvalidToken::Expired));
    let known = authenticator(100).authenticate(&headers(&format!("Bearer {token}")), &Extensions::new()).unwrap();
    assert_eq!(known.claims, BTreeMap::from([("fid".into(), "f1".into()), ("eid".into(), "e1".into())]));
    assert_eq!(known.principal, None);

    let other = TokenKey::new(&Secret::random());
    assert_eq!(other.verify(&token, at(100)), Err(InvalidToken::Forged));
    for at_byte in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at_byte] = if changed[at_byte] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(changed == token || key.verify(&changed, at(100)).is_err(), "{at_byte}");
    }
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(r#"{"sub":"ops","exp":9999999999}"#));
    assert_eq!(key.verify(&unsigned, at(100)), Err(InvalidToken::Forged));
    assert_eq!(key.verify(&"x".repeat(1 << 20), at(100)), Err(InvalidToken::Malformed));
}

#[test]
fn several_keys_may_sign_and_what_has_no_time_is_ended_by_something_else() {
    let (one, other) = (Secret::random(), Secret::random());
    let known = authenticator(100).with_tokens(TokenKey::new(&one)).with_tokens(TokenKey::new(&other));
    for secret in [&one, &other] {
        let token = TokenKey::new(secret).sign(&Claims::default().with("cid", "e1.1"));
        let caller = known.authenticate(&headers(&format!("Bearer {token}")), &Extensions::new()).unwrap();
        assert_eq!(caller.claims["cid"], "e1.1");
        assert_eq!(TokenKey::new(secret).verify(&token, at(u32::MAX.into())).unwrap().expires_at_secs, None);
    }
    let forged = TokenKey::new(&Secret::random()).sign(&Claims::default());
    assert!(known.authenticate(&headers(&format!("Bearer {forged}")), &Extensions::new()).is_err());
}

#[test]
fn secrets_never_print() {
    let secret = "hunter2hunter2hunter2hunter2hunter2";
    let credentials =
        Credentials::parse(&format!(r#"{{"credentials":[{{"principal":"p","secret":"{secret}"}}]}}"#)).unwrap();
    let key = TokenKey::new(&Secret::new(secret.as_bytes().to_vec()));
    let dialer = crate::net::grpc::Dialer::plaintext().with_credential(HeaderValue::try_from(secret).unwrap());
    let shown = format!("{credentials:?} {key:?} {dialer:?} {:?}", Secret::new(secret.as_bytes().to_vec()));
    assert!(!shown.contains("hunter2"), "{shown}");
    for broken in [format!("p {secret} {secret}"), format!(r#"{{"credentials":[{{"principal":"p","secret":"{secret}""#)]
    {
        let error = Credentials::parse(&broken).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_framework_subscribes_as_who_it_proved_to_be() {
    use crate::call::scheduler::Call;
    use crate::framework::FrameworkInfo;
    use crate::role::Role;
    let subscribe = |says: Option<&str>| {
        let mut info = FrameworkInfo::new("f", Role::new("web").unwrap());
        info.principal = says.map(principal);
        Call::Subscribe { info: Box::new(info), suppressed: Default::default(), constraints: Default::default() }
    };
    let web = caller("web", Part::Framework);
    let mut silent = subscribe(None);
    judge_scheduler(&Parts, &web, &mut silent).unwrap();
    assert_eq!(silent, subscribe(Some("web")));
    judge_scheduler(&Parts, &web, &mut subscribe(Some("web"))).unwrap();
    let spoofed = judge_scheduler(&Parts, &web, &mut subscribe(Some("ops"))).unwrap_err();
    assert_eq!(spoofed.code, RejectionCode::NotYours);
    assert!(judge_scheduler(&Parts, &Caller::anonymous(), &mut subscribe(None)).is_err());
    assert!(judge_scheduler(&Parts, &caller("a1", Part::Agent), &mut subscribe(None)).is_err());
}

#[test]
fn who_names_no_user_needs_the_permission_for_all() {
    use crate::call::scheduler::Call;
    use crate::framework::FrameworkInfo;
    let may = |users: &str, user: &str| {
        let acls = format!(
            r#"{{"register_frameworks": [{{"principals": {{"type": "ANY"}}, "roles": {{"type": "ANY"}}}}],
                "run_tasks": [{{"principals": {{"values": ["web"]}}, "users": {users}}}]}}"#
        );
        let mut info = FrameworkInfo::new("f", crate::Role::any());
        info.user = user.into();
        let mut subscribe =
            Call::Subscribe { info: Box::new(info), suppressed: Default::default(), constraints: Default::default() };
        judge_scheduler(&Acls::parse(&acls).unwrap(), &Caller::of(principal("web")), &mut subscribe).is_ok()
    };
    let nobody = r#"{"values": ["nobody"]}"#;
    assert!(may(nobody, "nobody") && !may(nobody, "root"));
    assert!(!may(nobody, ""), "its tasks would run as the agent's own user, which often is root");
    assert!(may(r#"{"type": "ANY"}"#, "") && !may(r#"{"type": "NONE"}"#, ""));
}

#[test]
fn an_operator_that_moves_a_reservation_may_undo_the_one_and_make_the_other() {
    use crate::call::operator::Call;
    use crate::resource::{Reservation, Resources};
    let acls = |made: &str, undone: &str| {
        let text = format!(
            r#"{{"reserve_resources": [{{"principals": {{"values": ["ops"]}}, "roles": {{"values": ["{made}"]}}}}],
                "unreserve_resources": [{{"principals": {{"values": ["ops"]}},
                    "reserver_principals": {{"values": ["{undone}"]}}}}]}}"#
        );
        Acls::parse(&text).unwrap()
    };
    let push = |below: &Resources, role: &str, by: &str| {
        let role = crate::Role::new(role).unwrap();
        below.push_reservation(&Reservation::dynamic(role, Some(principal(by)))).unwrap()
    };
    let move_up = |source: &Resources, resources: &Resources| Call::Reserve {
        agent_id: "a".parse().unwrap(),
        source: source.clone(),
        resources: resources.clone(),
    };
    let may = |acls: Acls, call: &Call| judge_operator(&acls, &Caller::of(principal("ops")), call, &|_| None).is_ok();
    let free: Resources = "cpus:1".parse().unwrap();
    let (web, db) = (push(&free, "web", "alice"), push(&free, "db", "bob"));
    let moved = move_up(&web, &db);
    assert!(may(acls("db", "alice"), &moved));
    assert!(!may(acls("db", "bob"), &moved) && !may(acls("web", "alice"), &moved));
    // What both have in common stays, and needs nothing.
    let refined = move_up(&web, &push(&web, "web/a", "carol"));
    assert!(may(acls("web/a", "nobody"), &refined) && !may(acls("web", "alice"), &refined));
    let two_levels = move_up(&push(&web, "web/a", "carol"), &db);
    assert!(!may(acls("db", "alice"), &two_levels), "carol's is undone as well");
}

/// Whatever it says itself: the master compares this with whom it admitted under the id.
#[test]
fn an_agent_registers_as_who_it_proved_to_be() {
    use crate::call::agent::ToMaster;
    use crate::net::grpc::Admit as _;
    use crate::{AgentInfo, Resources};
    let register = |says: Option<&str>| {
        let mut info = AgentInfo::new("host", Resources::new());
        info.principal = says.map(principal);
        ToMaster::Register { info: info.into(), total: Resources::new() }
    };
    let admitted = |caller: Caller| {
        let mut who = Extensions::new();
        who.insert(caller);
        Doorman::new(Arc::new(Open)).agent(&who).unwrap()
    };
    for says in [None, Some("a"), Some("b")] {
        for (caller, proved) in [(caller("b", Part::Agent), Some("b")), (Caller::anonymous(), None)] {
            let mut message = register(says);
            admitted(caller)(&mut message).unwrap();
            assert_eq!(message, register(proved));
        }
    }
    let mut anonymous = Extensions::new();
    anonymous.insert(Caller::anonymous());
    assert!(Doorman::new(Arc::new(Parts)).agent(&anonymous).is_err());
}

/// The compiler cannot tell which of the two is meant when a secret has an equality of its own: this would not build.
#[test]
fn secrets_are_compared_in_one_way_only() {
    trait HasNoEquality<Proof> {
        fn holds() {}
    }
    impl<T: ?Sized> HasNoEquality<()> for T {}
    struct Equal;
    impl<T: ?Sized + PartialEq> HasNoEquality<Equal> for T {}
    struct Ordered;
    impl<T: ?Sized + PartialOrd> HasNoEquality<Ordered> for T {}
    <Secret as HasNoEquality<_>>::holds();
    <TokenKey as HasNoEquality<_>>::holds();

    // And that way is right for what is longer, shorter, empty, and different in its last byte.
    let secret = Secret::new(*b"a secret");
    assert!(secret.matches(b"a secret"));
    for other in [&b"a secres"[..], b"a secret ", b"a secre", b"", b"b secret"] {
        assert!(!secret.matches(other));
    }
}
