//! The service on a database that has grown, in a short form that takes seconds (`cargo xtask bench --only scale` is the
//! long one): every answer is right, groups that nobody uses cost no memory, and on PostgreSQL no statement reads a large
//! part of a large table; what the same statements do on SQLite is looked at beside the store (`plans.rs`).

use anyhow::{Result, ensure};
use groupchat_tests::bench::scale::{Database, Figures, Plan, run, run_on};
use groupchat_tests::real::Postgres;

const PLAN: Plan = Plan::SHORT;
/// Of a table with so many rows, so many are read by one statement at most: a page, a group, what is counted in an index.
const SHARE: f64 = 1.0 / 8.0;
/// The tables that grow, with how many rows they have.
const LARGE: [(&str, u64); 4] = [
    ("tig_group", PLAN.groups),
    ("tig_group_member", PLAN.memberships),
    ("tig_group_message", PLAN.messages),
    ("tig_group_mention", PLAN.mentions()),
];
/// PostgreSQL writes the plan of every statement into its log, with the rows that were really read; and takes an index
/// where there is one, though these tables be small enough to read them whole.
const EXPLAIN: [&str; 5] = [
    "shared_preload_libraries=auto_explain",
    "auto_explain.log_min_duration=0",
    "auto_explain.log_analyze=on",
    "auto_explain.log_timing=off",
    "enable_seqscan=off",
];
/// A service with a hundred groups in use; what a debug build takes itself is the most of it.
const MEMORY_KIB_MAX: u64 = 100 * 1_024;

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() -> Result<()> {
    bears(&run(Database::Sqlite, &PLAN, |line| println!("{line}")).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_without_reading_tables() -> Result<()> {
    let server = tokio::task::block_in_place(|| Postgres::start_with(&EXPLAIN))?;
    bears(&run_on(&server.url(), &PLAN, |line| println!("{line}")).await?)?;
    let log = server.log_text();
    let mut found = Vec::new();
    let mut seen = [0; LARGE.len()];
    for plan in log.split("plan:\n").skip(1) {
        let plan = plan.split("\n20").next().unwrap_or_default();
        for (place, (table, rows)) in LARGE.iter().enumerate() {
            let read = rows_read(plan, table);
            seen[place] += usize::from(read.is_some());
            let is_whole = plan.contains(&format!("Seq Scan on {table} "));
            if is_whole || read.unwrap_or_default() > *rows as f64 * SHARE {
                found.push(format!("{read:?} rows of {table}: {plan}"));
            }
        }
    }
    ensure!(seen.iter().all(|plans| *plans > 3), "too few plans in the log: {seen:?}");
    ensure!(found.is_empty(), "{} statements read too much, the first:\n{}", found.len(), found[0]);
    Ok(())
}

fn bears(figures: &Figures) -> Result<()> {
    let grown = figures.active_kib.saturating_sub(figures.at_start_kib);
    ensure!(figures.at_end_kib < MEMORY_KIB_MAX, "{figures:?}");
    // A woken group has ten members, of some hundred bytes each; most of this is the database's own cache.
    ensure!(grown < 20 * 1_024, "{grown} KiB more for {} groups", PLAN.active);
    Ok(())
}

/// The rows of a table that a plan read, whether or not it wanted them; `None`: it read nothing of it.
fn rows_read(plan: &str, table: &str) -> Option<f64> {
    let mut total = None;
    let mut loops = None;
    for line in plan.lines() {
        let number = |name: &str| -> Option<f64> {
            let (_, rest) = line.split_once(name)?;
            rest.split(|c: char| !c.is_ascii_digit() && c != '.').next()?.parse().ok()
        };
        if line.contains("(actual ") || line.contains("(never executed)") {
            let is_of_table = line.contains("Scan") && line.contains(&format!(" on {table} "));
            loops = number("loops=").filter(|_| is_of_table);
            if let (Some(rows), Some(loops)) = (number("(actual rows="), loops) {
                *total.get_or_insert(0.0) += rows * loops;
            }
        } else if let (Some(removed), Some(loops)) = (number("Removed by Filter: "), loops) {
            *total.get_or_insert(0.0) += removed * loops;
        }
    }
    total
}

#[test]
fn plans_are_read() {
    let plan = "Nested Loop  (cost=0..9) (actual rows=2 loops=1)\n\
                \x20 ->  Index Scan using i on tig_group_member own  (cost=0..9 rows=1) (actual rows=3 loops=2)\n\
                \x20       Index Cond: (x = 1)\n\x20       Rows Removed by Filter: 4\n\
                \x20 ->  Index Scan using j on tig_group of  (cost=0..9 rows=1) (never executed)\n";
    assert_eq!(rows_read(plan, "tig_group_member"), Some(14.0));
    assert_eq!(rows_read(plan, "tig_group"), None);
}
