//! Which prefix means which namespace here (Namespaces in XML 1.0), forgiving the undeclared ones.

use rxml::{Namespace, NcName};

/// Most declarations in force at one place. Each lookup goes through them, and stanzas have about one per level.
const IN_FORCE_MAX: usize = 256;

const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Namespace declarations in force, innermost last.
#[derive(Default)]
pub(super) struct Scope(Vec<(Option<NcName>, Namespace<'static>)>);

impl Scope {
    /// The current place, for [`Self::leave`].
    pub(super) fn mark(&self) -> usize {
        self.0.len()
    }

    /// Forgets what was declared after `mark`.
    pub(super) fn leave(&mut self, mark: usize) {
        self.0.truncate(mark);
    }

    /// Declares a namespace for `prefix`, or the default one; `false` when there are too many already.
    pub(super) fn declare(&mut self, prefix: Option<NcName>, namespace: String) -> bool {
        // Reserved for declarations themselves: an element or attribute in it could not be written again.
        let namespace = if namespace == XMLNS { format!("urn:undeclared:{XMLNS}") } else { namespace };
        self.0.push((prefix, namespace.into()));
        self.0.len() <= IN_FORCE_MAX
    }

    /// Namespace of an element named with `prefix`, or with none.
    pub(super) fn of_element(&self, prefix: Option<&NcName>) -> Namespace<'static> {
        if let Some((_, namespace)) = self.0.iter().rev().find(|(declared, _)| declared.as_ref() == prefix) {
            return namespace.clone();
        }
        match prefix {
            None => Namespace::NONE,
            Some(prefix) if prefix.as_str() == "xml" => Namespace::XML,
            // COMPAT: ejabberd 23 passes `q:a='1'` on without the declaration of `q`.
            Some(prefix) => format!("urn:undeclared:{}", prefix.as_str()).into(),
        }
    }

    /// Namespace of an attribute: without a prefix it has none, whatever the default is.
    pub(super) fn of_attribute(&self, prefix: Option<&NcName>) -> Namespace<'static> {
        match prefix {
            None => Namespace::NONE,
            some => self.of_element(some),
        }
    }
}
