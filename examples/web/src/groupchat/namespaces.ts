// The namespaces that the protocol of groups is made of.

/** The namespace of the protocol; payloads are in `GC#…`. */
export const GC = "http://jabber.org/protocol/groupchat";

/** Those of other specifications. */
export const NS = {
  carbons: "urn:xmpp:carbons:2",
  client: "jabber:client",
  correction: "urn:xmpp:message-correct:0",
  delay: "urn:xmpp:delay",
  discoInfo: "http://jabber.org/protocol/disco#info",
  discoItems: "http://jabber.org/protocol/disco#items",
  form: "jabber:x:data",
  forward: "urn:xmpp:forward:0",
  mam: "urn:xmpp:mam:2",
  markers: "urn:xmpp:chat-markers:0",
  ping: "urn:xmpp:ping",
  reference: "urn:xmpp:reference:0",
  retract: "urn:xmpp:message-retract:1",
  rsm: "http://jabber.org/protocol/rsm",
  stanzaId: "urn:xmpp:sid:0",
  states: "http://jabber.org/protocol/chatstates",
} as const;
