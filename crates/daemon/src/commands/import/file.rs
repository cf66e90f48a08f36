//! Groups from a file of the project's own format.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, bail};
use groupchat_store::portable::{End, FORMAT, FORMAT_VERSION, Header, Record, What};

use crate::commands::say;
use crate::transfer::intake::{Intake, told};
use crate::transfer::lines::Lines;

/// Imports every group of the file, each whole or not at all; how many there were.
pub(super) async fn import(intake: &Intake, file: &Path) -> anyhow::Result<usize> {
    let reading: Box<dyn BufRead> = if file.as_os_str() == "-" {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let opened = File::open(file).with_context(|| format!("reading {}", file.display()))?;
        Box::new(BufReader::new(opened))
    };
    let mut lines = Lines::new(reading);
    let mut groups = 0;
    while let Some(first) = lines.next()? {
        let imported = group(intake, &mut lines, first).await;
        let told =
            imported.with_context(|| format!("line {}; {groups} groups before it are done", lines.number));
        say(&told?);
        groups += 1;
    }
    if groups == 0 {
        bail!("there is nothing in it");
    }
    Ok(groups)
}

/// From a header to its end.
async fn group(intake: &Intake, lines: &mut Lines<impl BufRead>, first: Record) -> anyhow::Result<String> {
    const CUT: &str = "the file ends before its end: it was cut short";
    let Record::Header(header) = first else { bail!("an export begins with a header") };
    known(&header)?;
    let Some(Record::Group(group)) = lines.next()? else { bail!("the group itself comes first") };
    let id = group.id.clone();
    let mut import = intake.begin(*group).await?;
    let mut records = 1;
    loop {
        match lines.next()?.context(CUT)? {
            Record::End(End { records: expected }) if expected == records => break,
            Record::End(End { records: expected }) => {
                bail!("there should be {expected} records, and there are {records}")
            }
            record => intake.add(&mut import, record).await?,
        }
        records += 1;
    }
    Ok(told(&id, intake.finish(import).await?))
}

fn known(header: &Header) -> anyhow::Result<()> {
    let Header { format, version, what, .. } = header;
    if format != FORMAT {
        bail!("`{format}` is not the format of this program's exports");
    }
    if *version != FORMAT_VERSION {
        bail!("the export is of version {version} of the format, and this program knows {FORMAT_VERSION}");
    }
    if *what == What::User {
        bail!("what was exported of a user is for him; groups can be imported");
    }
    Ok(())
}
