/** What the first file leaves on the window for the second one, which comes when the page is idle. */

import type { Message, Properties } from "./wire";

/** Two tags in one document, or a router that runs it again, are still one script. */
export const SEAM = Symbol.for("track-page");

export interface Seam {
  /** The folder that our addresses lie in. */
  base: string;
  /** What the tag's attribute `data-<name>` says; null without it. */
  says(name: string): string | null;
  /** Whether anything may be sent at this moment. */
  allowed(): boolean | undefined;
  /** Puts an event of the script's own, while events may be sent: it gives way before the page's. */
  tell(name: string, properties: Properties): void;
  /** Puts a whole message, of another document. */
  put(message: Message, ours: boolean): void;
  /** So many were dropped besides. */
  lose(count: number): void;
  /** Sends what waits; `leaving`: it is stored meanwhile. */
  send(leaving: boolean): void;
  /**
   * Called when the page is hidden (`ends`) or another view follows, while it is still the one in
   * view; what is returned goes with its `Page Left`.
   */
  left: ((ends?: boolean) => Properties | void)[];
}
