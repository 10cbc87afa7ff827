/** What goes over the wire between this script and the collector. */

export type Properties = Record<string, unknown>;

export interface Facts {
  viewport: string;
  screen: string;
  timezone: string;
}

/** One message. `id` is unique within its `load`; times are the browser's, in milliseconds. */
export interface Message {
  id: string;
  type: "view" | "route" | "track" | "identify" | "leave";
  load: string;
  at: number;
  url: string;
  token?: string;
  /** The route view it happened in; left out: the document's own view. */
  page?: string;
  name?: string;
  properties?: Properties;
  traits?: Properties;
  userId?: string;
  referrer?: string;
  title?: string;
  facts?: Facts;
  /** The document came through a service worker. */
  sw?: boolean;
  /** Another document sends it, perhaps for somebody else. */
  late?: boolean;
}

/** A choice; besides the purposes which text was agreed to, and who asked. */
export interface Choice {
  analytics?: boolean;
  marketing?: boolean;
  version?: string;
  source?: string;
}

/** What the collector answers; which keys there are depends on the question. */
export interface Answer {
  ok?: number;
  stop?: string;
  retry?: number;
  consent?: Record<string, string>;
  token?: string;
  /** Nothing had been chosen before: what was done meanwhile may be told of. */
  before?: string;
}

/** The meta's word on a response that a shared cache may store: ask before anything else. */
export const SHARED = "shared";
/** The empty question: may this browser's views be recorded? */
export const QUESTION = '{"v":1,"ask":true}';

/** The largest body that a page may have under way (WHATWG Fetch: 64 KiB), less some room. */
export const BODY_LIMIT = 64000;
/** The largest message that the collector takes. */
export const MESSAGE_LIMIT = 32768;

/**
 * What is stored under this and a document's id: lines of when it was last written (0: the document
 * is gone) and how many messages were dropped, then each message.
 */
export const KEY = "track-page:";
