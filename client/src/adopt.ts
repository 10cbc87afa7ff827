/** Messages that other documents of this browser have left in its storage. */

import type { Seam } from "./seam";
import { KEY, type Message } from "./wire";

/** Milliseconds after which a document that has written nothing is gone: more than any pause. */
const GONE = 900_000;
/** Milliseconds after which the collector no longer knows whose a message is. */
const FORGOTTEN = 7 * 86_400_000;

/**
 * Two documents may take over the same at once, and one that was only frozen may come back: both
 * send it then, under the same ids.
 */
export function adopt(seam: Seam): void {
  const taken: string[] = [];
  for (const key of keys()) {
    const [written, lost, ...texts] = (localStorage.getItem(key) || "").split("\n");
    if (Math.abs(Date.now() - Number(written)) < GONE) continue;
    const messages = texts.map(read).filter((each): each is Message => each !== undefined);
    for (const each of messages) seam.put(each, true);
    seam.lose((Number(lost) || 0) + texts.length - messages.length);
    taken.push(key);
  }
  if (taken.length) seam.send(true);
  for (const key of taken) localStorage.removeItem(key);
}

/** Keys of ours; there may be no storage, or none that may be touched. */
function keys(): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(KEY));
  } catch {
    return [];
  }
}

/** What a line says; undefined where it is too old, or damaged. */
function read(text: string): Message | undefined {
  try {
    const message: Message = JSON.parse(text);
    if (Date.now() - message.at > FORGOTTEN) return undefined;
    return { ...message, late: true };
  } catch {
    return undefined;
  }
}
