//! The step `receives`: the next stanzas of a device against their templates.

use super::{Play, Problem};
use crate::matching::{Receiver, matches};
use crate::script::{Device, Order, Template};
use crate::xml::pretty;

impl Play {
    pub(super) async fn receive(
        &mut self,
        device: &Device,
        templates: &[Template],
        order: Order,
    ) -> Result<(), Problem> {
        match order {
            Order::AsWritten => {
                for template in templates {
                    self.receive_one_of(device, &mut vec![template]).await?;
                }
            }
            Order::Any => {
                let mut open: Vec<&Template> = templates.iter().collect();
                while !open.is_empty() {
                    self.receive_one_of(device, &mut open).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes the next stanza and crosses out the first template that it matches.
    async fn receive_one_of(&mut self, device: &Device, open: &mut Vec<&Template>) -> Result<(), Problem> {
        let patience = self.stage.patience();
        let Some(received) = self.next(device, patience).await else {
            self.stage.check()?;
            return Err(report(device, open, &format!("received nothing within {patience:?}")));
        };
        let bare = device.bare();
        let receiver = Receiver { bare: &bare, domain: device.domain() };
        let mut reason = String::new();
        for (index, template) in open.iter().enumerate() {
            match matches(&template.stanza, &received.stanza, receiver, &self.bound) {
                Ok(bound) => {
                    self.bound = bound;
                    open.remove(index);
                    return Ok(());
                }
                Err(why) => reason = why,
            }
        }
        let but = format!("received\n{}\n\nThe difference: {reason}", pretty(&received.stanza, 2));
        let problem = report(device, open, &but);
        let bound: String =
            self.bound.iter().map(|(name, value)| format!("\n  {{{name}}} is '{value}'")).collect();
        Err(Problem { text: problem.text + &bound, ..problem })
    }
}

fn report(device: &Device, open: &[&Template], but: &str) -> Problem {
    let expected: Vec<String> = open.iter().map(|template| pretty(&template.stanza, 2)).collect();
    Problem {
        line: open.first().map(|template| template.line),
        text: format!("{device} should have received\n{}\n\nbut {but}", expected.join("\n  or\n")),
    }
}
