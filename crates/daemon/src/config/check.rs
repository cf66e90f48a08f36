//! Whether the values of a configuration can work, beyond being of the right type.

use std::net::SocketAddr;

use groupchat_core::BareJid;
use secrecy::{ExposeSecret, SecretString};

use super::{Config, Problem, document, values_of};

/// What is wrong, by key. Takes the secret out of its file. Keys that have a problem already are not looked at again.
pub(super) fn check(config: &mut Config, known: &[Problem]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    domain(config, &mut found);
    secret(config, &mut found);
    if !is_host_and_port(&config.component.server) {
        found.push(("component.server".into(), "must be host:port, for example 127.0.0.1:5347".into()));
    }
    let url = &config.database.url;
    if !["sqlite:", "postgres:", "postgresql:", "mysql:"].iter().any(|scheme| url.starts_with(scheme)) {
        found.push(("database.url".into(), "must begin with sqlite://, postgres:// or mysql://".into()));
    }
    if config.service.name.trim().is_empty() || config.service.name.chars().any(char::is_control) {
        found.push(("service.name".into(), "must be a name that can be shown".into()));
    }
    if let Err(refusal) = config.service.defaults.for_rules(&config.limits.for_rules()) {
        found.push(("service.defaults".into(), refusal));
    }
    admins(config, &mut found);
    let contacts = &config.service;
    let contacts = [
        ("service.abuse_addresses", &contacts.abuse_addresses),
        ("service.admin_addresses", &contacts.admin_addresses),
        ("service.support_addresses", &contacts.support_addresses),
    ];
    for (key, addresses) in contacts {
        if addresses.iter().any(|address| !address.contains(':') || address.chars().any(char::is_control)) {
            found.push((
                key.into(),
                "must be URIs, for example xmpp:admin@example.org or mailto:admin@example.org".into(),
            ));
        }
    }
    let listen = &config.http.listen;
    if !listen.is_empty() && listen.parse::<SocketAddr>().is_err() {
        let text = "must be address:port, for example 127.0.0.1:5348, or empty";
        found.push(("http.listen".into(), text.into()));
    }
    ranges(config, &mut found);
    if tracing_subscriber::EnvFilter::try_new(&config.log.level).is_err() {
        found.push((
            "log.level".into(),
            "must be error, warn, info, debug or trace, or a filter by module".into(),
        ));
    }
    found.retain(|(key, _)| !known.iter().any(|problem| problem.key == *key));
    found
}

fn domain(config: &mut Config, found: &mut Vec<(String, String)>) {
    match BareJid::parse(&config.component.domain) {
        Ok(domain) if domain.local().is_none() => config.component.domain = domain.to_string(),
        _ if config.component.domain.is_empty() => {
            let text = "is missing: set the domain that the XMPP server has for this component, for example \
                        groupchat.example.org";
            found.push(("component.domain".into(), text.into()));
        }
        _ => found
            .push(("component.domain".into(), "must be a domain, for example groupchat.example.org".into())),
    }
}

/// Whoever is meant is meant in whatever way his address is written.
fn admins(config: &mut Config, found: &mut Vec<(String, String)>) {
    for admin in &mut config.service.admins {
        match BareJid::parse(admin) {
            Ok(jid) if jid.local().is_some() && !admin.contains('/') => *admin = jid.to_string(),
            _ => {
                let text = format!("`{admin}` is no account: it must look like admin@example.org");
                found.push(("service.admins".into(), text));
            }
        }
    }
}

fn secret(config: &mut Config, found: &mut Vec<(String, String)>) {
    let component = &mut config.component;
    let has_file = !component.secret_file.as_os_str().is_empty();
    let has_secret = !component.secret.expose_secret().is_empty();
    match (has_secret, has_file) {
        (true, true) => {
            let text = "is set as well as component.secret: keep one of them";
            found.push(("component.secret_file".into(), text.into()));
        }
        (false, false) => {
            let text = "is missing: set the secret that the XMPP server has for this component, or component.secret_file";
            found.push(("component.secret".into(), text.into()));
        }
        (true, false) => {}
        (false, true) => match std::fs::read_to_string(&component.secret_file) {
            Ok(text) if text.trim().is_empty() => {
                let text = format!("{} is empty", component.secret_file.display());
                found.push(("component.secret_file".into(), text));
            }
            Ok(text) => component.secret = SecretString::from(text.trim_end_matches(['\r', '\n'])),
            Err(error) => {
                let text = format!("{} cannot be read: {error}", component.secret_file.display());
                found.push(("component.secret_file".into(), text));
            }
        },
    }
}

/// Numbers are within what `sections.rs` allows. Names are stored in columns of that width; a stanza much larger than that
/// would close the link on some hosts.
fn ranges(config: &Config, found: &mut Vec<(String, String)>) {
    let values = values_of(config);
    for entry in document::entries() {
        let Some((min, max)) = entry.range else { continue };
        let value = values.iter().find(|(key, _)| *key == entry.key).and_then(|(_, value)| value.to_u128());
        if value.is_some_and(|value| value < u128::from(min) || value > u128::from(max)) {
            found.push((entry.key, format!("must be from {min} to {max}")));
        }
    }
}

fn is_host_and_port(server: &str) -> bool {
    server.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && !host.contains(char::is_whitespace)
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}
