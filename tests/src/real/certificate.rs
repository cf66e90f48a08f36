//! A certificate that a domain has signed itself, as sites have it that no authority knows.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::program;

/// Where a domain's certificate and its key are.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate, in the form of PEM.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Certificate {
    /// Makes one for this domain in a folder, with OpenSSL.
    pub fn make(folder: &Path, domain: &str) -> Result<Self> {
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        let config = folder.join("openssl.cnf");
        // An authority's certificate would not be taken for a server's.
        let text = format!(
            "[req]\ndistinguished_name = name\nx509_extensions = server\n[name]\n[server]\n\
             basicConstraints = critical, CA:FALSE\nsubjectAltName = DNS:{domain}\n"
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new(program("openssl")?);
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        command.args(["-days", "2", "-subj", &format!("/CN={domain}")]).arg("-config").arg(&config);
        command.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
        let output = command.output().context("cannot run openssl")?;
        if !output.status.success() {
            bail!("no certificate can be made: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(Self { certificate, key })
    }
}
