//! Parser events in, whole top-level elements out. No input or output: every state is in [`Assembler`].
//!
//! Elements are built with a list of open elements, not by recursion, and a stanza that breaks a limit is thrown away
//! at once; from then on only its open elements are counted until it ends.

use minidom::Element;
use rxml::{NcName, RawEvent};

use super::ReadError;
use super::limits::{ReadLimits, SkipReason, Skipped, Used};
use super::scope::Scope;
use crate::error::STREAMS_NS;

/// Open elements that are still counted while skipping. The parser remembers a name for each (24 bytes), and a server
/// with a stanza limit of 512 KiB cannot send more than 175,000.
const OPEN_MAX: usize = 1_000_000;

/// What one event completed.
pub(super) enum Step {
    More,
    Stanza(Element),
    Skipped(Skipped),
    End,
}

/// The elements under construction.
pub(super) struct Assembler {
    limits: ReadLimits,
    scope: Scope,
    /// Declarations of the stream header, in force for ever; `None` until it has been read.
    root_scope: Option<usize>,
    header: Option<Element>,
    /// The start tag being read.
    head: Option<Head>,
    /// Open elements of the stanza being read, outermost first.
    open: Vec<Open>,
    used: Used,
    skipping: Option<Skipping>,
}

struct Head {
    prefix: Option<NcName>,
    name: NcName,
    attributes: Vec<(Option<NcName>, NcName, String)>,
}

struct Open {
    element: Element,
    scope_before: usize,
}

struct Skipping {
    skipped: Skipped,
    /// Elements of the stanza that are still open.
    open: usize,
    /// Still in the stanza's own start tag: its address may come yet.
    in_first_head: bool,
}

impl Assembler {
    pub(super) fn new(limits: ReadLimits) -> Self {
        Self {
            limits,
            scope: Scope::default(),
            root_scope: None,
            header: None,
            head: None,
            open: Vec::new(),
            used: Used::default(),
            skipping: None,
        }
    }

    /// Makes up the stream header; for a parser that has been shown one.
    pub(super) fn open_root(&mut self, default_ns: &str) -> Element {
        self.scope.declare(None, default_ns.to_owned());
        if let Ok(prefix) = NcName::try_from("stream") {
            self.scope.declare(Some(prefix), STREAMS_NS.to_owned());
        }
        self.root_scope = Some(self.scope.mark());
        Element::bare("stream", STREAMS_NS)
    }

    /// The stream header, once, after it has been read.
    pub(super) fn take_header(&mut self) -> Option<Element> {
        self.header.take()
    }

    pub(super) fn is_between_elements(&self) -> bool {
        self.root_scope.is_some() && self.head.is_none() && self.open.is_empty() && self.skipping.is_none()
    }

    pub(super) fn take(&mut self, event: RawEvent) -> Result<Step, ReadError> {
        match event {
            RawEvent::XmlDeclaration(..) => Ok(Step::More),
            RawEvent::ElementFoot(_) => Ok(self.foot()),
            event if self.skipping.is_some() => self.skip_event(&event),
            RawEvent::ElementHeadOpen(_, (prefix, name)) => self.head_open(prefix, name),
            RawEvent::Attribute(_, (prefix, name), value) => self.attribute(prefix, name, value),
            RawEvent::ElementHeadClose(_) => self.head_close(),
            RawEvent::Text(_, text) => self.text(text),
        }
    }

    fn head_open(&mut self, prefix: Option<NcName>, name: NcName) -> Result<Step, ReadError> {
        self.used.element(&name);
        self.head = Some(Head { prefix, name, attributes: Vec::new() });
        if self.open.len() >= self.limits.depth_max {
            return self.give_up(SkipReason::TooDeep);
        }
        self.check()
    }

    fn attribute(&mut self, prefix: Option<NcName>, name: NcName, value: String) -> Result<Step, ReadError> {
        self.used.attribute(&name, &value);
        if let Some(head) = &mut self.head {
            head.attributes.push((prefix, name, value));
        }
        self.check()
    }

    fn head_close(&mut self) -> Result<Step, ReadError> {
        let Some(head) = self.head.take() else { return Ok(Step::More) };
        let scope_before = self.scope.mark();
        if let Err(reason) = self.enter(&head) {
            self.head = Some(head);
            self.give_up(reason)?;
            // The start tag ends with this very event.
            if let Some(skipping) = &mut self.skipping {
                skipping.in_first_head = false;
            }
            return Ok(Step::More);
        }
        let element = self.build(head);
        if self.root_scope.is_none() {
            self.root_scope = Some(self.scope.mark());
            self.header = Some(element);
            self.used = Used::default();
        } else {
            self.open.push(Open { element, scope_before });
        }
        Ok(Step::More)
    }

    /// Puts the declarations of a start tag in force and counts what the namespaces will cost, before they are copied:
    /// ten thousand children of `<x xmlns='200 kB'>` would else take two gigabytes.
    fn enter(&mut self, head: &Head) -> Result<(), SkipReason> {
        for (prefix, name, value) in &head.attributes {
            let declared = match declares(prefix.as_ref(), name) {
                Some(declared) => declared.cloned(),
                None => continue,
            };
            if !self.scope.declare(declared, value.clone()) {
                return Err(SkipReason::TooManyAttributes);
            }
        }
        self.used.bytes(self.scope.of_element(head.prefix.as_ref()).len());
        for (prefix, ..) in
            head.attributes.iter().filter(|(prefix, name, _)| declares(prefix.as_ref(), name).is_none())
        {
            self.used.bytes(self.scope.of_attribute(prefix.as_ref()).len());
        }
        self.used.check(&self.limits)
    }

    fn build(&self, head: Head) -> Element {
        let namespace = self.scope.of_element(head.prefix.as_ref());
        let mut element = Element::bare(head.name.as_str(), namespace.as_str());
        for (prefix, name, value) in head.attributes {
            if declares(prefix.as_ref(), &name).is_none() {
                element.attrs_mut().insert(self.scope.of_attribute(prefix.as_ref()), name, value);
            }
        }
        element
    }

    fn text(&mut self, text: String) -> Result<Step, ReadError> {
        // Loose text between stanzas is white space that keeps the connection alive, or nothing we know.
        let Some(parent) = self.open.last_mut() else { return Ok(Step::More) };
        self.used.bytes(text.len());
        parent.element.append_text(text);
        self.check()
    }

    fn foot(&mut self) -> Step {
        if let Some(skipping) = &mut self.skipping {
            skipping.open -= 1;
            if skipping.open > 0 {
                return Step::More;
            }
            return self.skipping.take().map_or(Step::More, |done| Step::Skipped(done.skipped));
        }
        let Some(Open { element, scope_before }) = self.open.pop() else { return Step::End };
        self.scope.leave(scope_before);
        if let Some(parent) = self.open.last_mut() {
            parent.element.append_child(element);
            return Step::More;
        }
        self.used = Used::default();
        Step::Stanza(element)
    }

    fn check(&mut self) -> Result<Step, ReadError> {
        match self.used.check(&self.limits) {
            Ok(()) => Ok(Step::More),
            Err(reason) => self.give_up(reason),
        }
    }

    /// Throws the stanza away, keeps its head, and counts from here.
    fn give_up(&mut self, reason: SkipReason) -> Result<Step, ReadError> {
        let Some(root_scope) = self.root_scope else { return Err(ReadError::Header(reason)) };
        let head = self.head.take();
        let skipped = match (self.open.first(), &head) {
            (Some(Open { element, .. }), _) => {
                let own = element.attrs().iter().filter(|((namespace, _), _)| namespace.is_none());
                Skipped::new(
                    element.name(),
                    own.map(|((_, name), value)| (name.as_str(), value.as_str())),
                    reason,
                )
            }
            (None, Some(Head { name, attributes, .. })) => {
                let own = attributes.iter().filter(|(prefix, ..)| prefix.is_none());
                Skipped::new(
                    name.as_str(),
                    own.map(|(_, name, value)| (name.as_str(), value.as_str())),
                    reason,
                )
            }
            (None, None) => return Ok(Step::More),
        };
        let in_first_head = self.open.is_empty();
        let open = self.open.len() + usize::from(head.is_some());
        self.skipping = Some(Skipping { skipped, open, in_first_head });
        self.open = Vec::new();
        self.scope.leave(root_scope);
        self.used = Used::default();
        Ok(Step::More)
    }

    fn skip_event(&mut self, event: &RawEvent) -> Result<Step, ReadError> {
        let Some(skipping) = &mut self.skipping else { return Ok(Step::More) };
        match event {
            RawEvent::ElementHeadOpen(..) => {
                skipping.open += 1;
                if skipping.open > OPEN_MAX {
                    return Err(ReadError::Bottomless(OPEN_MAX));
                }
            }
            RawEvent::ElementHeadClose(_) => skipping.in_first_head = false,
            RawEvent::Attribute(_, (None, name), value) if skipping.in_first_head => {
                skipping.skipped.note(name.as_str(), value);
            }
            RawEvent::Attribute(..)
            | RawEvent::Text(..)
            | RawEvent::XmlDeclaration(..)
            | RawEvent::ElementFoot(_) => {}
        }
        Ok(Step::More)
    }
}

/// The prefix that an attribute declares, `Some(None)` for the default namespace; `None` for any other attribute.
fn declares<'a>(prefix: Option<&NcName>, name: &'a NcName) -> Option<Option<&'a NcName>> {
    match prefix {
        None if name.as_str() == "xmlns" => Some(None),
        Some(prefix) if prefix.as_str() == "xmlns" => Some(Some(name)),
        _ => None,
    }
}
