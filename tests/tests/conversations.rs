//! Every file below `conversations/` as one test for each host: `cargo test -p groupchat-tests --test conversations
//! -- prosody::native` plays the native ones on a real Prosody.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use groupchat_tests::theatre::Theatre;
use libtest_mimic::{Arguments, Failed, Trial};

/// Conversations mostly wait for somebody, so more can be played at once than there are processors.
const THREADS: usize = 4;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let theatre = Arc::new(Theatre::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations"))?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let trial = |what| {
        let (theatre, handle) = (theatre.clone(), runtime.handle().clone());
        Trial::test(theatre.name(what), move || {
            handle.block_on(theatre.play(what)).map_err(|error| Failed::from(format!("{error:#}")))
        })
    };
    let conclusion = libtest_mimic::run(&arguments, theatre.plays().into_iter().map(trial).collect());
    theatre.close();
    Ok(conclusion.exit_code())
}
