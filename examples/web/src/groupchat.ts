// The protocol of groups, for any client in JavaScript: makes the stanzas that a client sends, and reads those that it
// gets. It knows nothing of connections, of what was said before, or of a page; it takes and gives elements of
// `@xmpp/xml`. What is sent and read here is told in docs/protocol.md, whose sections are named.

export * from "./groupchat/addresses";
export * from "./groupchat/answers";
export * from "./groupchat/namespaces";
export * from "./groupchat/news";
export * from "./groupchat/requests";
export { legal } from "./groupchat/xml";
