// The parts of xmpp.js that are used here; it has no types of its own.

declare module "@xmpp/xml" {
  export type Attributes = Record<string, string | number | undefined>;
  export type Node = Element | string | undefined | false | Node[];

  export class Element {
    name: string;
    attrs: Record<string, string | undefined>;
    children: (Element | string)[];
    is(name: string, xmlns?: string): boolean;
    getNS(): string | undefined;
    getChild(name: string, xmlns?: string): Element | undefined;
    getChildren(name: string, xmlns?: string): Element[];
    getChildElements(): Element[];
    getChildText(name: string, xmlns?: string): string | null;
    getText(): string;
    toString(): string;
  }

  export class Parser {
    on(event: "start" | "element" | "end", listener: (element: Element) => void): void;
    on(event: "error", listener: (error: Error) => void): void;
    write(text: string): void;
  }

  export function xml(name: string, attrs?: Attributes, ...children: Node[]): Element;
  export default xml;
}

declare module "@xmpp/client" {
  import type { Element } from "@xmpp/xml";

  export interface Options {
    service: string;
    domain: string;
    resource: string;
    timeout: number;
    credentials: (
      authenticate: (credentials: { username: string; password: string }, mechanism: string) => Promise<void>,
      mechanisms: string[],
    ) => Promise<void>;
  }

  export interface Client {
    status: string;
    jid: { toString(): string } | null;
    timeout: number;
    reconnect: { delay: number; stop(): void; scheduleReconnect(): void };
    streamManagement: { id: string; outbound_q: unknown[]; on(event: "resumed", listener: () => void): void };
    iqCaller: { request(iq: Element, timeout?: number): Promise<Element> };
    on(event: "stanza", listener: (stanza: Element) => void): void;
    on(event: "online" | "offline", listener: () => void): void;
    on(event: "disconnect", listener: (how: { reason?: { code?: number } } | undefined) => void): void;
    on(event: "error", listener: (error: Error) => void): void;
    start(): Promise<unknown>;
    stop(): Promise<unknown>;
    disconnect(): Promise<unknown>;
    send(stanza: Element): Promise<void>;
  }

  export function client(options: Options): Client;
}
