//! The address for operators: is it free, or does the component run there already?

use tokio::net::TcpListener;

use super::finding::Finding;
use crate::commands::exit;
use crate::http::ask::ask;

const TOPIC: &str = "http";

/// Looks at it; and does the component run?
pub(super) async fn look(listen: &str) -> (Vec<Finding>, bool) {
    if listen.is_empty() {
        return (Vec::new(), false);
    }
    let Err(problem) = TcpListener::bind(listen).await else {
        return (vec![Finding::ok(TOPIC, format!("{listen} is free"))], false);
    };
    match ask(listen, "/live").await {
        Some((200, text)) if text == "alive\n" => {}
        _ => {
            let text =
                format!("cannot listen at {listen} ({problem}): there will be no metrics; set http.listen");
            return (vec![Finding::warning(TOPIC, text)], false);
        }
    }
    let finding = match ask(listen, "/ready").await {
        Some((200, text)) => Finding::ok("component", format!("runs and is ready: {}", one_line(&text))),
        Some((_, text)) => Finding::error(
            "component",
            format!("runs and is not ready: {}", one_line(&text)),
            exit::UNAVAILABLE,
        ),
        None => Finding::error("component", "runs and does not answer", exit::UNAVAILABLE),
    };
    (vec![finding], true)
}

fn one_line(text: &str) -> String {
    text.trim().replace('\n', ", ")
}
