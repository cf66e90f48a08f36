//! After the conversation: a look at it from a terminal; then the servers stay up, and it is explained how to use them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use groupchat_tests::cli::Cli;
use groupchat_tests::real::Domain;
use tokio::net::{TcpListener, TcpStream};

use crate::screen::{Screen, Tone};
use crate::story::GROUP;
use crate::{DOMAIN, PASSWORD, PEOPLE};

/// The port that clients try by themselves. RFC 6120 §14.7.
const USUAL_PORT: u16 = 5222;

/// Where clients find the server: at the usual port if nobody else has it, else where it really is. The server itself
/// is started as in the tests, on a free port; the usual one leads there.
pub(crate) async fn public_address(server: SocketAddr) -> SocketAddr {
    let usual = SocketAddr::new(server.ip(), USUAL_PORT);
    let Ok(listener) = TcpListener::bind(usual).await else { return server };
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(relay(client, server));
        }
    });
    usual
}

/// Ends when either side does; whatever the reason, both notice.
async fn relay(mut client: TcpStream, server: SocketAddr) {
    if let Ok(mut server) = TcpStream::connect(server).await {
        tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
    }
}

/// The groups of one of them, as the client for terminals shows them.
pub(crate) fn look(screen: &mut Screen, cli: &Cli) -> Result<()> {
    let output = cli.command(PEOPLE[1]).arg("groups").output().context("cannot run groupchat-cli")?;
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "groupchat-cli does not list the groups: {problem}");
    let shown = String::from_utf8(output.stdout)?;
    ensure!(shown.contains(GROUP), "groupchat-cli does not list `{GROUP}`: {shown}");
    screen.gap();
    screen.show(&[(Tone::Dim, &format!("$ groupchat-cli --jid {}@{DOMAIN} groups", PEOPLE[1]))]);
    shown.lines().for_each(|line| screen.show(&[(Tone::Plain, line)]));
    Ok(())
}

/// How to log in, and what to say.
pub(crate) fn explain(
    screen: &mut Screen,
    address: SocketAddr,
    domain: &Domain,
    cli: &Cli,
    page: &Result<String>,
) {
    let (service, group) = (domain.component(), format!("{GROUP}@{}", domain.component()));
    let accounts = PEOPLE.map(|user| format!("{user}@{DOMAIN}")).join(", ");
    let server = format!("{}, port {}, without encryption", address.ip(), address.port());
    let post = format!("<message to='{group}' type='groupchat' id='1'><body>Hello</body></message>");
    let (cli, bot) = (line(&cli.command("bob")), line(&cli.bot("alice")));
    screen.gap();
    screen.show(&[(Tone::Strong, "Now you. "), (Tone::Plain, "All of it stays up until you press Ctrl-C.")]);
    screen.gap();
    match page {
        Ok(page) => {
            screen.show(&[(Tone::Plain, "In the browser, in two windows or more:")]);
            screen.show(&[(Tone::Read, &format!("  {page}"))]);
        }
        Err(problem) => {
            let reason = problem.to_string();
            let reason = reason.lines().next().unwrap_or_default();
            let text = format!("The page for the browser is left out: {reason}");
            screen.show(&[(Tone::Dim, &text)]);
        }
    }
    screen.gap();
    for (label, value) in
        [("accounts", accounts.as_str()), ("password", PASSWORD), ("server", &server), ("group", &group)]
    {
        screen.show(&[(Tone::Dim, &format!("{label:<10}")), (Tone::Plain, value)]);
    }
    screen.gap();
    screen.show(&[(
        Tone::Plain,
        "Or log in with any client. In its XML console, tell the service that you are there:",
    )]);
    screen.show(&[(Tone::Read, &format!("  <presence to='{service}'/>"))]);
    screen.show(&[(Tone::Plain, "and say something to everybody in the group:")]);
    screen.show(&[(Tone::Read, &format!("  {post}"))]);
    screen.show(&[(
        Tone::Plain,
        "Or talk in another terminal; with `--help` for `chat tea` it tells what else there is:",
    )]);
    screen.show(&[(Tone::Read, &format!("  {cli} chat {GROUP}"))]);
    screen.show(&[(Tone::Plain, "Somebody to talk to, who repeats what mentions @alice:")]);
    screen.show(&[(Tone::Read, &format!("  {bot}"))]);
    screen.gap();
}

/// A command as it is typed at the root of the project.
fn line(command: &Command) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(|root| root.canonicalize().ok());
    let program = Path::new(command.get_program());
    let program = root
        .and_then(|root| program.strip_prefix(root).ok().map(Path::to_owned))
        .unwrap_or(program.to_owned());
    let variables = command.get_envs().filter(|(name, _)| name.to_string_lossy().starts_with("GROUPCHAT_"));
    let variables = variables.map(|(name, value)| {
        format!("{}={} ", name.to_string_lossy(), value.unwrap_or_default().to_string_lossy())
    });
    let arguments = command.get_args().map(|argument| format!(" {}", argument.to_string_lossy()));
    format!("{}{}{}", variables.collect::<String>(), program.display(), arguments.collect::<String>())
}
