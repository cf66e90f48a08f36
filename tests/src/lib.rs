//! What the tests are made of: conversations as plain text (`script`, `matching`), the hosts that they are played on
//! (`host` simulated, `real` as installed), a world that goes wrong at random (`simulation`), trouble on real hosts
//! (`chaos`), a long load (`soak`), how fast it is beside what hosts have themselves (`bench`), inputs from a fuzzer (`fuzz`), programs
//! in JavaScript (`npm`), the chat page (`chat_page`), the programs of `examples` (`cli`), and a client for real servers. The tests themselves are in `tests/tests`.

pub mod bench;
pub mod chaos;
pub mod chat_page;
pub mod cli;
pub mod client;
pub mod component_link;
pub mod counting_host;
pub mod dashboard;
pub mod fuzz;
pub mod host;
pub mod matching;
pub mod npm;
pub mod page;
pub mod real;
pub mod run;
pub mod script;
mod settings;
pub mod simulation;
pub mod soak;
pub mod stage;
pub mod stored;
pub mod theatre;
pub mod transcript;
pub mod wire;
pub mod xml;
