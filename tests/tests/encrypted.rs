//! `groupchat-cli` over TLS, as people log in to a server that is not on their machine: to a Prosody and an ejabberd that
//! take nobody without.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use groupchat_tests::cli::Cli;
use groupchat_tests::real::{Account, Addresses, Certificate, Component, Domain, Ejabberd, Prosody, Site};

const DOMAIN: &str = "shakespeare.lit";
/// Another domain of the same server, for which it has no certificate.
const ELSEWHERE: &str = "verona.lit";
const PASSWORD: &str = "s3cret word";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_prosody() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (site, certificate) = site(folder.path())?;
    let host = Prosody::serve(&site)?;
    story(host.addresses, &certificate)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_ejabberd() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (site, certificate) = site(folder.path())?;
    let host = Ejabberd::serve(&site)?;
    story(host.addresses, &certificate)
}

fn domain() -> Domain {
    Domain { name: DOMAIN.into(), component_secret: "s3cret".into() }
}

fn site(folder: &Path) -> Result<(Site, Certificate)> {
    let account = |(user, domain): (&str, &str)| Account {
        domain: domain.into(),
        user: user.into(),
        password: PASSWORD.into(),
    };
    let accounts = [("alice", DOMAIN), ("bob", DOMAIN), ("alice", ELSEWHERE)].map(account);
    let certificate = Certificate::make(folder, DOMAIN)?;
    let site = Site::of(&[domain()], &accounts);
    Ok((Site { certificate: Some(certificate.clone()), ..site }, certificate))
}

fn story(host: Addresses, certificate: &Certificate) -> Result<()> {
    let component = Component::start(&domain(), &host, &[])?;
    let told = tokio::task::block_in_place(|| {
        let plain = Cli::build(DOMAIN, PASSWORD, host.clients)?;
        let encrypted = plain.clone().trusting(&certificate.certificate);
        encrypted.until_connected("alice")?;
        encrypted.one(
            "alice",
            &["create", "Tea", "--id", "tea", "--member", "bob@shakespeare.lit"],
            "created",
        )?;
        let mut bobs = encrypted.watch("bob")?;
        encrypted.one("alice", &["send", "tea", "nobody else hears this"], "stored")?;
        bobs.object("message", |message| message["text"] == "nobody else hears this")?;

        // The server insists, so that nothing of the above was plain.
        complains(&plain, "may not log in")?;
        // A certificate that nobody vouches for, and one that is another domain's.
        let system = Path::new("/etc/ssl/certs/ca-certificates.crt");
        complains(&plain.trusting(system), "UnknownIssuer")?;
        let elsewhere = Cli::build(ELSEWHERE, PASSWORD, host.clients)?;
        complains(&elsewhere.trusting(&certificate.certificate), "not valid for name")
    });
    told.with_context(|| format!("the end of the service's log:\n{}", component.log_tail()))
}

/// It does not log in, and says why.
fn complains(cli: &Cli, why: &str) -> Result<()> {
    let output = cli.command("alice").arg("groups").output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(3) && complaint.contains(why), "{}: {complaint}", output.status);
    Ok(())
}
