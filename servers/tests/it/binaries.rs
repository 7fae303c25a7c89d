//! Finding programs, and the advice if one is missing.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process,
};

use servers::{Error, Hiding, Installing, Program, Settings, find};

/// Settings that name nothing and forbid installing.
fn settings() -> Settings {
    Settings {
        redis_url: None,
        database_url: None,
        redis_server: None,
        postgres_bin: None,
        faketime: None,
        nginx: None,
        install: Installing::Never,
        hide: Hiding::Off,
        path: std::env::var_os("PATH").unwrap_or_default(),
    }
}

/// A folder for one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("servers-{}-{name}", process::id()));
        fs::create_dir_all(&folder).expect("made");
        Self(folder)
    }

    /// A program that prints this line.
    fn program(&self, name: &str, says: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("made executable");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("removed");
    }
}

#[test]
fn hidden_binaries_that_may_not_be_installed_give_the_exact_command() {
    let hidden = Settings {
        hide: Hiding::ThisProcess,
        ..settings()
    };
    for (program, package, brewed) in [
        (Program::Redis, "redis-server", "brew install redis"),
        (
            Program::Postgres,
            "postgresql",
            "brew install postgresql@17",
        ),
        (Program::Faketime, "libfaketime", "brew install libfaketime"),
        (Program::Nginx, "nginx", "brew install nginx"),
    ] {
        // A token that no installation has used, so that other tests may install.
        let token = Hiding::Token(format!("test-{}", process::id()));
        let refused = find(
            program,
            &Settings {
                hide: token,
                ..hidden.clone()
            },
        );
        let error = refused.expect_err("refused");
        let Error::InstallForbidden { command, .. } = &error else {
            panic!("{error}")
        };
        if Path::new("/usr/bin/apt-get").exists() {
            let install = format!("apt-get install -y --no-install-recommends {package}");
            assert!(command.ends_with(&install), "{command}");
            assert!(command.contains("apt-get update && "), "{command}");
        } else if cfg!(target_os = "macos") {
            assert_eq!(command, brewed);
        }
        assert!(
            error.to_string().contains(command),
            "the message tells it: {error}"
        );
    }
}

#[test]
fn what_a_setting_names_is_used_even_when_binaries_are_hidden() {
    let folder = Folder::new("named");
    let server = folder.program("my-redis", "Redis server v=7.2.4 sha=0");
    folder.program("postgres", "postgres (PostgreSQL) 17.2");
    folder.program("initdb", "");
    let named = Settings {
        redis_server: Some(server.clone()),
        postgres_bin: Some(folder.0.clone()),
        hide: Hiding::ThisProcess,
        ..settings()
    };
    assert_eq!(find(Program::Redis, &named).expect("found"), server);
    let postgres = find(Program::Postgres, &named).expect("found");
    assert_eq!(
        postgres,
        folder.0.canonicalize().expect("exists").join("postgres")
    );
}

#[test]
fn a_setting_that_names_nothing_is_an_error_and_not_ignored() {
    let wrong = Settings {
        redis_server: Some("/nowhere/redis-server".into()),
        ..settings()
    };
    assert!(matches!(
        find(Program::Redis, &wrong),
        Err(Error::Unusable { .. })
    ));
    let wrong = Settings {
        postgres_bin: Some("/nowhere".into()),
        ..settings()
    };
    assert!(matches!(
        find(Program::Postgres, &wrong),
        Err(Error::Unusable { .. })
    ));
    let wrong = Settings {
        faketime: Some("/nowhere/libfaketime.so.1".into()),
        ..settings()
    };
    assert!(matches!(
        find(Program::Faketime, &wrong),
        Err(Error::Unusable { .. })
    ));
}

#[cfg(target_os = "linux")]
#[test]
fn a_library_by_which_no_process_goes_is_refused() {
    let folder = Folder::new("faketime");
    let wrong = Settings {
        faketime: Some(folder.program("libfaketime.so.1", "no library")),
        ..settings()
    };
    let said = find(Program::Faketime, &wrong)
        .expect_err("refused")
        .to_string();
    assert!(said.contains("cannot be used: by it, a date"), "{said}");
}

#[test]
fn servers_that_are_too_old_are_refused_by_name_and_version() {
    let folder = Folder::new("old");
    let old = Settings {
        redis_server: Some(folder.program("redis-server", "Redis server v=6.2.14 sha=0")),
        postgres_bin: Some(folder.0.clone()),
        ..settings()
    };
    folder.program("postgres", "postgres (PostgreSQL) 13.9");
    folder.program("initdb", "");
    let said = find(Program::Redis, &old).expect_err("refused").to_string();
    assert!(
        said.ends_with("is version 6.2, but 7.0 or newer is needed"),
        "{said}"
    );
    let said = find(Program::Postgres, &old)
        .expect_err("refused")
        .to_string();
    assert!(
        said.ends_with("is version 13.9, but 14.0 or newer is needed"),
        "{said}"
    );
}

#[test]
fn a_program_on_path_comes_first_and_links_are_followed_to_its_companions() {
    let folder = Folder::new("path");
    let real = Folder::new("path-real");
    let redis = folder.program("redis-server", "Redis server v=99.0.0 sha=0");
    let postgres = real.program("postgres", "postgres (PostgreSQL) 99.1");
    real.program("initdb", "");
    symlink(&postgres, folder.0.join("postgres")).expect("linked");

    let with_path = Settings {
        path: folder.0.clone().into_os_string(),
        ..settings()
    };
    assert_eq!(find(Program::Redis, &with_path).expect("found"), redis);
    let found = find(Program::Postgres, &with_path).expect("found");
    assert_eq!(found, postgres.canonicalize().expect("exists"));
}
