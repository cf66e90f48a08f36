//! Forms for somebody to fill in. XEP-0004. Not here: what is in them.

use minidom::Element;
use xmpp_parsers::data_forms::DataForm;

/// A form, in which every field says what it is: a text of one line may be left unsaid (XEP-0004 §3.3), but some clients
/// then show such a field empty, and submit it so.
pub(crate) fn to_fill_in(form: DataForm) -> Element {
    let mut element = Element::from(form);
    for field in element.children_mut().filter(|child| child.name() == "field") {
        if field.attr("type").is_none() {
            groupchat_payloads::set(field, "type", "text-single");
        }
    }
    element
}
