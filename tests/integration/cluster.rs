//! The private cluster against what a machine does to it: kills, leftovers, awkward paths, other owners.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use patron::postgres::cluster::Cluster;
use patron::postgres::discover::find_server;
use patron::postgres::error::Error;
use sqlx::{Connection as _, PgConnection};

use crate::support::{eventually, is_gone, place};

/// Generous: a checkpoint on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Set in the process that is to be killed.
const OWNER_VARIABLE: &str = "PATRON_TEST_OWNER_DIRECTORY";

async fn connect(cluster: &Cluster) -> PgConnection {
    PgConnection::connect(&cluster.url()).await.unwrap()
}

async fn make_table(cluster: &Cluster) -> PgConnection {
    let mut connection = connect(cluster).await;
    sqlx::query("CREATE TABLE kept (number bigint NOT NULL)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection
}

async fn insert(connection: &mut PgConnection, number: i64) {
    sqlx::query("INSERT INTO kept (number) VALUES ($1)")
        .bind(number)
        .execute(connection)
        .await
        .unwrap();
}

async fn list_kept(cluster: &Cluster) -> Vec<i64> {
    sqlx::query_scalar("SELECT number FROM kept ORDER BY number")
        .fetch_all(&mut connect(cluster).await)
        .await
        .unwrap()
}

/// The only cluster in the directory.
fn data(root: &Path) -> PathBuf {
    let major = find_server().unwrap().major;
    root.join(format!("pg{major}"))
}

/// A program run by the account that the server runs under.
fn as_server_account(program: impl AsRef<std::ffi::OsStr>, data: &Path) -> Command {
    let mut command = Command::new(program);
    let account = fs::metadata(data).unwrap();
    if fs::metadata(data.parent().unwrap()).unwrap().uid() != account.uid() {
        command.uid(account.uid()).gid(account.gid());
    }
    command
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[tokio::test]
async fn an_ephemeral_cluster_leaves_no_process_and_no_directory() {
    let cluster = Cluster::start_ephemeral().unwrap();
    let (process_id, directory) = (cluster.process_id(), cluster.directory().to_path_buf());
    make_table(&cluster).await;
    assert!(!is_gone(process_id));
    cluster.stop();
    assert!(is_gone(process_id));
    assert!(!directory.exists(), "{}", directory.display());
}

#[tokio::test]
async fn rows_are_there_after_a_stop_and_a_warm_start() {
    let place = place();
    let cluster = Cluster::start(place.path()).unwrap();
    insert(&mut make_table(&cluster).await, 7).await;
    cluster.stop();
    let cluster = Cluster::start(place.path()).unwrap();
    assert_eq!(list_kept(&cluster).await, [7]);
}

#[tokio::test]
async fn a_durable_cluster_syncs_and_listens_on_no_port() {
    let place = place();
    let cluster = Cluster::start(place.path()).unwrap();
    let settings: (String, String, String) = sqlx::query_as(
        "SELECT current_setting('fsync'), current_setting('listen_addresses'), current_setting('TimeZone')",
    )
    .fetch_one(&mut connect(&cluster).await)
    .await
    .unwrap();
    assert_eq!(settings, ("on".into(), String::new(), "UTC".into()));
    let mode = fs::metadata(data(place.path())).unwrap().mode();
    assert_eq!(
        mode & 0o777,
        0o700,
        "only the server's account may reach the socket"
    );
}

#[test]
fn a_second_owner_is_refused_and_the_first_is_left_alone() {
    let place = place();
    let cluster = Cluster::start(place.path()).unwrap();
    let refused = Cluster::start(place.path()).unwrap_err();
    assert!(matches!(refused, Error::InUse { .. }), "{refused}");
    assert!(!is_gone(cluster.process_id()));
}

#[tokio::test]
async fn a_path_may_hold_a_space_a_quote_a_comma_and_a_percent_sign() {
    let place = place();
    let path = place.path().join(r#"o'brien "x", 100%20 ü"#);
    let cluster = Cluster::start(&path).unwrap();
    insert(&mut make_table(&cluster).await, 1).await;
    assert_eq!(list_kept(&cluster).await, [1]);
}

#[tokio::test]
async fn a_path_may_be_longer_than_a_socket_address() {
    let place = place();
    let path = place.path().join("long".repeat(40));
    let cluster = Cluster::start(&path).unwrap();
    insert(&mut make_table(&cluster).await, 1).await;
    assert_eq!(list_kept(&cluster).await, [1]);
    let url = cluster.url();
    let socket = url.split_once("host=").unwrap().1.replace("%2F", "/");
    assert!(Path::new(&socket).is_dir(), "{socket}");
    cluster.stop();
    assert!(!Path::new(&socket).exists(), "{socket}");
}

#[test]
fn root_is_told_which_directory_bars_the_servers_account() {
    let place = place();
    fs::set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
    let is_root = fs::metadata(place.path()).unwrap().uid() == 0;
    match Cluster::start(&place.path().join("inner")) {
        Ok(_) => assert!(!is_root),
        Err(refused) => {
            assert!(
                is_root && matches!(refused, Error::NotReachable { .. }),
                "{refused}"
            );
            assert!(
                refused.to_string().contains(place.path().to_str().unwrap()),
                "{refused}"
            );
        }
    }
}

#[tokio::test]
async fn a_process_id_file_of_a_process_that_is_gone_is_no_obstacle() {
    let place = place();
    let cluster = Cluster::start(place.path()).unwrap();
    insert(&mut make_table(&cluster).await, 1).await;
    let gone = cluster.process_id();
    cluster.stop();
    write_process_id(place.path(), gone);
    let cluster = Cluster::start(place.path()).unwrap();
    assert_eq!(list_kept(&cluster).await, [1]);
}

#[tokio::test]
async fn a_process_id_file_that_names_another_program_is_no_obstacle_and_no_harm_to_it() {
    let place = place();
    Cluster::start(place.path()).unwrap().stop();
    let mut other = as_server_account("cat", &data(place.path()))
        .spawn()
        .unwrap();
    write_process_id(place.path(), other.id());
    let cluster = Cluster::start(place.path()).unwrap();
    connect(&cluster).await;
    assert!(
        other.try_wait().unwrap().is_none(),
        "the other program was stopped"
    );
    other.kill().unwrap();
    other.wait().unwrap();
}

/// The first process of a container often waits for nobody: what it inherits stays in the table of processes.
#[tokio::test]
async fn a_process_id_file_of_a_process_that_nobody_waited_for_is_no_obstacle() {
    let place = place();
    let cluster = Cluster::start(place.path()).unwrap();
    insert(&mut make_table(&cluster).await, 1).await;
    cluster.stop();
    if !Path::new("/proc/self/stat").exists() {
        return eprintln!("no zombies are told from others on this system");
    }
    let mut ended = as_server_account("true", &data(place.path()))
        .spawn()
        .unwrap();
    let stat = format!("/proc/{}/stat", ended.id());
    let is_zombie = || fs::read_to_string(&stat).is_ok_and(|line| line.contains(") Z "));
    eventually(LIMIT, "the process ended and is not waited for", is_zombie);
    write_process_id(place.path(), ended.id());
    let cluster = Cluster::start(place.path()).unwrap();
    assert_eq!(list_kept(&cluster).await, [1]);
    assert!(is_zombie(), "it was a zombie throughout");
    ended.wait().unwrap();
}

#[tokio::test]
async fn a_killed_server_is_started_again() {
    let place = place();
    let cluster = Cluster::start(place.path()).unwrap();
    insert(&mut make_table(&cluster).await, 1).await;
    let first = cluster.process_id();
    let kill = format!("kill -KILL {first}");
    let sent = Command::new("/bin/sh").args(["-c", &kill]).status();
    assert!(sent.unwrap().success());
    let runs = || ![0, first].contains(&cluster.process_id());
    eventually(LIMIT, "another server runs", runs);
    assert_eq!(list_kept(&cluster).await, [1]);
    let second = cluster.process_id();
    cluster.stop();
    assert!(is_gone(second));
}

fn write_process_id(root: &Path, process_id: u32) {
    let data = data(root);
    let text = format!("{process_id}\n{}\n1700000000\n5432\n", data.display());
    fs::write(data.join("postmaster.pid"), text).unwrap();
}

#[tokio::test]
async fn a_server_that_nobody_owns_any_more_is_stopped_first() {
    let place = place();
    let cluster = Cluster::start(place.path()).unwrap();
    insert(&mut make_table(&cluster).await, 1).await;
    cluster.stop();
    let data = data(place.path());
    let program = find_server().unwrap().bindir.join("postgres");
    let sockets = format!("unix_socket_directories={}", data.display());
    let mut stray = as_server_account(program, &data)
        .arg("-D")
        .arg(&data)
        .args(["-c", "listen_addresses=", "-c", &sockets])
        .spawn()
        .unwrap();
    let file = data.join("postmaster.pid");
    let ready = || fs::read_to_string(&file).is_ok_and(|text| text.contains("ready"));
    eventually(LIMIT, "the stray server is ready", ready);
    let cluster = Cluster::start(place.path()).unwrap();
    assert!(
        stray.try_wait().unwrap().is_some(),
        "the stray server still runs"
    );
    assert_eq!(list_kept(&cluster).await, [1]);
}

#[test]
fn an_interrupted_initdb_is_done_again() {
    let place = place();
    let unfinished = data(place.path()).with_extension("unfinished");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("PG_VERSION"), "15\n").unwrap();
    Cluster::start(place.path()).unwrap().stop();
    assert!(!unfinished.exists());
}

#[test]
fn a_cluster_of_another_release_is_refused_and_left_alone() {
    let place = place();
    let other = place.path().join("pg99");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("PG_VERSION"), "99\n").unwrap();
    let refused = Cluster::start(place.path()).unwrap_err().to_string();
    assert!(refused.contains("pg99 needs PostgreSQL 99"), "{refused}");
    assert!(other.join("PG_VERSION").exists());
    assert!(!data(place.path()).exists());
}

#[tokio::test]
async fn a_killed_server_loses_no_acknowledged_row() {
    let place = place();
    let cluster = Cluster::start(place.path()).unwrap();
    let mut connection = make_table(&cluster).await;
    for number in 0..100 {
        insert(&mut connection, number).await;
    }
    let process_id = cluster.process_id();
    let kill = format!("kill -KILL {process_id}");
    assert!(
        Command::new("/bin/sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
    eventually(LIMIT, "the server is gone", || is_gone(process_id));
    drop(cluster);
    let cluster = Cluster::start(place.path()).unwrap();
    assert_eq!(list_kept(&cluster).await, (0..100).collect::<Vec<_>>());
}

/// Runs in two processes: the one that owns the cluster is this test again, with a directory in its environment.
#[tokio::test]
async fn a_killed_owner_takes_its_server_along_and_loses_no_acknowledged_row() {
    if let Some(directory) = std::env::var_os(OWNER_VARIABLE) {
        own_until_killed(Path::new(&directory)).await;
    }
    let place = place();
    let mut owner = start_owner(place.path());
    let mut said = BufReader::new(owner.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut next = |word: &str| said.find_map(|line| line.strip_prefix(word).map(str::to_owned));
    let server: u32 = next("server ").unwrap().parse().unwrap();
    for expected in 0..200 {
        assert_eq!(next("kept ").unwrap(), expected.to_string());
    }
    owner.kill().unwrap();
    owner.wait().unwrap();
    let mut last: i64 = 199;
    while let Some(number) = next("kept ") {
        last = number.parse().unwrap();
    }
    eventually(LIMIT, "the server is gone", || is_gone(server));
    let cluster = Cluster::start(place.path()).unwrap();
    let kept = list_kept(&cluster).await;
    assert!(
        kept.starts_with(&(0..=last).collect::<Vec<_>>()),
        "{} of {last}",
        kept.len()
    );
}

fn start_owner(directory: &Path) -> Child {
    let name = "cluster::a_killed_owner_takes_its_server_along_and_loses_no_acknowledged_row";
    Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(OWNER_VARIABLE, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Inserts rows and says so after each, for ever.
async fn own_until_killed(directory: &Path) -> ! {
    let cluster = Cluster::start(directory).unwrap();
    let mut connection = make_table(&cluster).await;
    let mut say = std::io::stdout();
    writeln!(say, "\nserver {}", cluster.process_id()).unwrap();
    for number in 0.. {
        insert(&mut connection, number).await;
        // One write a line, so that a line is there whole or not at all.
        say.write_all(format!("kept {number}\n").as_bytes())
            .unwrap();
        say.flush().unwrap();
    }
    unreachable!("the numbers do not end")
}
