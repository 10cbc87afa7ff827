/** What the first file leaves on the window for the second one, which comes when the page is idle. */

import type { Message, Properties } from "./wire";

/** Two tags in one document, or a router that runs it again, are still one script. */
export const SEAM = Symbol.for("track-page");

export interface Seam {
  /** The folder that our addresses lie in. */
  base: string;
  /** The tag's `data-` attributes. */
  flags: DOMStringMap;
  /** Whether anything may be sent at this moment. */
  allowed(): boolean | undefined;
  /** Puts an event of the script's own, while events may be sent: it gives way before the page's. */
  tell(name: string, properties: Properties): void;
  /** Sends what other documents have left, and how many they had dropped. */
  take(messages: Message[], lost: number): void;
  /**
   * Called when the page is hidden (`ends`) or another view follows, while it is still the one in
   * view; what is returned goes with its `Page Left`.
   */
  left: ((ends?: boolean) => Properties | void)[];
}
