//! Everything that settings may not be, and that all of it is reported.

use std::path::PathBuf;

use super::*;

use crate::app::server::Limits;

use clap::Parser as _;

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    settings: Settings,
}

/// Settings from flags; the data directory is given, so that tests do not depend on a home.
fn settings(flags: &[&str]) -> Settings {
    let fixed = ["patron", "--data-dir", "/nonexistent/patron"];
    let flags = fixed.into_iter().chain(flags.iter().copied());
    Command::try_parse_from(flags).unwrap().settings
}

#[track_caller]
fn check(flags: &[&str], problems: &[&str]) {
    let found = match settings(flags).validate() {
        Ok(()) => Vec::new(),
        Err(invalid) => invalid.problems,
    };
    let found: Vec<_> = found.iter().map(|problem| problem.setting).collect();
    assert_eq!(found, problems, "{flags:?}");
}

#[test]
fn the_defaults_are_valid_and_are_the_limits_of_the_server() {
    check(&[], &[]);
    let limits = settings(&[]).limits();
    assert_eq!(format!("{limits:?}"), format!("{:?}", Limits::default()));
}

#[test]
fn only_the_loopback_may_be_listened_on_unless_insecure_is_given() {
    check(&["--listen", "127.0.0.1:0"], &[]);
    check(&["--listen", "127.8.9.10:1"], &[]);
    check(&["--listen", "[::1]:50051"], &[]);
    check(&["--listen", "0.0.0.0:50051"], &[names::LISTEN]);
    check(&["--listen", "[::]:50051"], &[names::LISTEN]);
    check(&["--listen", "192.168.1.5:50051"], &[names::LISTEN]);
    check(&["--admin-listen", "10.0.0.1:9464"], &[names::ADMIN_LISTEN]);
    check(
        &["--listen", "0.0.0.0:1", "--admin-listen", "0.0.0.0:2"],
        &[names::LISTEN, names::ADMIN_LISTEN],
    );
    check(
        &[
            "--insecure",
            "--listen",
            "0.0.0.0:1",
            "--admin-listen",
            "0.0.0.0:2",
        ],
        &[],
    );
    let refused = settings(&["--listen", "0.0.0.0:1"]).validate().unwrap_err();
    assert!(refused.to_string().contains("--insecure"), "{refused}");
}

#[test]
fn the_listeners_need_two_addresses() {
    let same = "127.0.0.1:7000";
    check(
        &["--listen", same, "--admin-listen", same],
        &[names::ADMIN_LISTEN],
    );
    let any = "127.0.0.1:0";
    check(&["--listen", any, "--admin-listen", any], &[]);
}

#[test]
fn an_empty_database_url_names_no_server() {
    check(&["--database-url="], &[]);
    assert_eq!(settings(&["--database-url="]).external_database(), None);
}

#[test]
fn all_problems_are_reported_at_once() {
    let flags = [
        "--admin-listen=0.0.0.0:1",
        "--http-allowed-origins=*",
        "--tls-certificate=/none.pem",
        "--tls-key=/none.key",
        "--tls-client-ca=/none.ca",
        "--tls-reload-seconds=0",
        "--database-root-certificate=/none.pem",
        "--database-url=mysql://ann:s3cret@host/db",
        "--data-dir=/dev/null",
        "--time-zone=Europe/Atlantis",
        "--identifier-key-file=/",
        "--cache-memory=1k",
        "--max-concurrent-streams=0",
        "--max-connections=0",
        "--max-in-flight=0",
        "--max-message-bytes=1GiB",
        "--default-deadline-ms=0",
        "--drain-limit-seconds=3601",
        "--lame-duck-ms=3600001",
        "--read-pool=0",
        "--write-pool=1001",
        "--log=patron=loud",
    ];
    let command = Command::try_parse_from(["patron"].into_iter().chain(flags)).unwrap();
    let refused = command.settings.validate().unwrap_err();
    let text = refused.to_string();
    assert_eq!(refused.problems.len(), flags.len(), "{text}");
    assert_eq!(text.lines().count(), flags.len(), "{text}");
    for flag in flags {
        let (name, _) = flag.split_once('=').unwrap();
        let line = format!("{name} (");
        assert!(
            text.lines().any(|it| it.starts_with(&line)),
            "{name} in {text}"
        );
    }
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn every_setting_is_documented_and_has_a_variable() {
    use clap::CommandFactory as _;
    let command = Command::command();
    for argument in command.get_arguments() {
        let id = argument.get_id();
        if id == "help" {
            continue;
        }
        assert!(argument.get_help().is_some(), "{id}");
        let variable = argument.get_env().unwrap().to_str().unwrap();
        assert!(
            variable.starts_with("PATRON_") || variable == "DATABASE_URL",
            "{variable}"
        );
    }
}

#[test]
fn help_and_debug_never_show_the_password() {
    use clap::CommandFactory as _;
    let settings = settings(&["--database-url", "postgres://ann:s3cret@host/db"]);
    assert!(!format!("{settings:?}").contains("s3cret"));
    let url = Command::command();
    let url = url.get_arguments().find(|it| it.get_id() == "database_url");
    assert!(url.unwrap().is_hide_env_values_set());
}

#[test]
fn files_are_found_in_the_data_directory() {
    let given = settings(&[]);
    assert_eq!(given.data_dir(), PathBuf::from("/nonexistent/patron"));
    assert_eq!(
        given.identifier_key_file(),
        PathBuf::from("/nonexistent/patron/identifier.key")
    );
    let elsewhere = settings(&["--identifier-key-file", "/etc/patron.key"]);
    assert_eq!(
        elsewhere.identifier_key_file(),
        PathBuf::from("/etc/patron.key")
    );
}

#[test]
fn tls_and_identity_together_take_the_place_of_insecure() {
    // The files are not there: each is reported, and the addresses are none of the problems.
    let tls = ["--tls-certificate=/none.pem", "--tls-key=/none.key"];
    let open = ["--listen=0.0.0.0:1", "--http-listen=0.0.0.0:2"];
    let files = [names::TLS_CERTIFICATE, names::TLS_KEY];
    let addresses = [names::LISTEN, names::HTTP_LISTEN];
    let required = "--identity=required";
    let check = |more: &[&str], problems: &[&[&str]]| {
        check(&[&open, more].concat(), &problems.concat());
    };
    let with_tls = |more: &[&'static str]| [&tls, more].concat();
    check(&[], &[&addresses]);
    check(&[required], &[&addresses]);
    check(&tls, &[&addresses, &files]);
    check(&with_tls(&[required]), &[&files]);
    check(&["--insecure"], &[]);
    // A certificate is no identity with roles.
    let certificates = with_tls(&["--tls-client-ca=/none.ca"]);
    let client_ca = [names::TLS_CLIENT_CA];
    check(&certificates, &[&addresses, &files, &client_ca]);
    // These are never encrypted.
    let others = ["--agi-listen=0.0.0.0:3", "--admin-listen=0.0.0.0:4"];
    let others = with_tls(&[required, others[0], others[1]]);
    check(
        &others,
        &[&[names::AGI_LISTEN, names::ADMIN_LISTEN], &files],
    );
}

#[test]
fn what_is_missing_of_a_reachable_listener_is_named() {
    let text = |flags: &[&str]| settings(flags).validate().unwrap_err().to_string();
    let open = "--listen=0.0.0.0:1";
    let plain = text(&[open, "--identity=required"]);
    assert!(
        plain.contains("tokens would be sent in plain text"),
        "{plain}"
    );
    assert!(plain.contains("--tls-certificate"), "{plain}");
    let open_to_all = text(&[open, "--tls-certificate=/a", "--tls-key=/b"]);
    assert!(open_to_all.contains("--identity required"), "{open_to_all}");
}

#[test]
fn fastagi_is_no_way_around_identities() {
    let agi = "--agi-listen=127.0.0.1:0";
    check(&[agi], &[]);
    check(&[agi, "--identity=required"], &[names::AGI_LISTEN]);
    check(&[agi, "--identity=required", "--insecure"], &[]);
}

#[test]
fn tls_needs_certificate_and_key() {
    check(&["--tls-certificate=/none.pem"], &[names::TLS_KEY]);
    check(&["--tls-key=/none.key"], &[names::TLS_CERTIFICATE]);
    check(
        &["--tls-client-ca=/none.ca"],
        &[names::TLS_CERTIFICATE, names::TLS_KEY],
    );
    check(&["--tls-reload-seconds=0"], &[names::TLS_RELOAD]);
}

#[test]
fn a_database_on_another_machine_is_encrypted() {
    let plain = "--database-url=postgres://ann@db.example/shop";
    check(&[plain], &[names::DATABASE_URL]);
    check(&[plain, "--allow-plain-database"], &[]);
    check(
        &[plain, "--database-root-certificate=/none.pem"],
        &[names::DATABASE_ROOT],
    );
    check(&["--database-url=postgres://ann@127.0.0.1/shop"], &[]);
    check(
        &["--database-url=postgres:///shop?host=/run/postgresql"],
        &[],
    );
    let verified = "--database-url=postgres://db.example/shop?sslmode=verify-full";
    check(&[verified], &[]);
}

#[test]
fn each_of_several_hosts_is_on_this_machine_or_encrypted() {
    let url = |hosts: &str| format!("--database-url=postgres://ann@{hosts}/shop");
    check(&[&url("127.0.0.1,localhost:6000")], &[]);
    check(&[&url("127.0.0.1,db.example")], &[names::DATABASE_URL]);
    let standby = url("db1.example,db2.example") + "?target_session_attrs=standby";
    check(&[&standby], &[names::DATABASE_URL]);
    check(&[&url("127.0.0.1:none")], &[names::DATABASE_URL]);
}

#[test]
fn the_password_is_in_one_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("--database-password-file={}", path.display())
    };
    let (password, empty) = (file("password", "s3cret\n"), file("empty", "\n"));
    let url = "--database-url=postgres://ann@localhost/shop";
    check(&[url, &password], &[]);
    check(&[url, &empty], &[names::DATABASE_PASSWORD]);
    let none = "--database-password-file=/none";
    check(&[url, none], &[names::DATABASE_PASSWORD]);
    for with_password in [
        "--database-url=postgres://ann:other@localhost/shop",
        "--database-url=postgres://ann@localhost/shop?password=other",
    ] {
        check(&[with_password, &password], &[names::DATABASE_URL]);
    }
}
