/**
 * Messages on their way to the collector. They leave the queue on its answer only; what has to wait
 * for longer than a moment waits in the browser's storage too, under a key of this document's own.
 */

import { bits } from "./ids";
import { pause, post } from "./post";
import { BODY_LIMIT, KEY, MESSAGE_LIMIT, type Answer, type Message } from "./wire";

export interface Queue {
  put(message: Message): void;
  /** Sends what waits; `leaving`: now or never; `gone`: other documents may take over what is left. */
  send(leaving?: boolean, gone?: boolean): void;
  /** Takes over what other documents have left, and how many they had dropped. */
  take(messages: Message[], lost: number): void;
  /** Forgets everything, the storage's too. */
  clear(): void;
}

/** Milliseconds that a message waits for others to go with. */
const GATHERING = 30;
/** Milliseconds without an answer after which what is under way is stored. */
const PATIENCE = 1000;
/** What is kept: messages, and bytes of them. */
const MOST = 500;
const ROOM = 262144;
/** As it was put, so that a later change of the caller's objects changes nothing. */
interface Waiting {
  text: string;
  size: number;
  minor: boolean;
  underWay?: boolean;
}

/** The message as it waits; undefined when it holds what JSON cannot say, or is too long. */
function written(message: Message): Waiting | undefined {
  try {
    const text = JSON.stringify(message);
    const size = new TextEncoder().encode(text).length + 1;
    if (size <= MESSAGE_LIMIT) return { text, size, minor: message.id < "0" };
  } catch {}
  return undefined;
}

function total(messages: Waiting[]): number {
  return messages.reduce((sum, each) => sum + each.size, 0);
}

export function queue(address: string, answered: (answer: Answer) => void): Queue {
  const own = KEY + bits();
  let waiting: Waiting[] = [];
  let dropped = 0;
  let failures = 0;
  let timer = 0;
  let keeper = 0;
  let stored = false;
  let left: boolean | undefined;

  function put(message: Message): void {
    const found = written(message);
    if (!found) return console.warn("track: cannot be sent", message.name);
    waiting.push(found);
    trim();
    if (failures) keep(GATHERING);
    wake(GATHERING);
  }

  function trim(): void {
    while (waiting.length > MOST || total(waiting) > ROOM) {
      const minor = waiting.findIndex((each) => each.minor && !each.underWay);
      waiting.splice(minor < 0 ? waiting.findIndex((each) => !each.underWay) : minor, 1);
      dropped++;
    }
  }

  function wake(milliseconds: number): void {
    timer = timer || window.setTimeout(() => send(), milliseconds);
  }

  function keep(milliseconds: number): void {
    keeper = keeper || window.setTimeout(() => save(), milliseconds);
  }

  function save(): void {
    clearTimeout(keeper);
    keeper = 0;
    const any = waiting.length + dropped > 0;
    try {
      if (any) localStorage[own] = [left ? 0 : Date.now(), dropped, ...waiting.map((each) => each.text)].join("\n");
      else if (stored) localStorage.removeItem(own);
      stored = any;
    } catch {}
  }

  async function send(leaving?: boolean, gone?: boolean): Promise<void> {
    clearTimeout(timer);
    timer = 0;
    left = gone;
    let room = BODY_LIMIT - total(waiting.filter((each) => each.underWay));
    if (room < BODY_LIMIT && !leaving) return;
    const batch = waiting.filter((each) => !each.underWay && (room -= each.size) > 0);
    for (const each of batch) each.underWay = true;
    if (leaving) save();
    if (!batch.length) return;
    keep(PATIENCE);
    const told = dropped;
    const events = batch.map((each) => each.text).join();
    const { taken, later } = await post(
      address,
      `{"v":1,"sent":${Date.now()},"dropped":${told},"events":[${events}]}`,
      leaving,
    );
    for (const each of batch) each.underWay = false;
    if (later !== undefined) {
      save();
      return wake(pause(later, failures++));
    }
    failures = 0;
    const current = waiting.includes(batch[0]!);
    waiting = waiting.filter((each) => !batch.includes(each));
    if (taken) dropped -= told;
    save();
    if (taken && current) answered(taken);
    if (waiting.length) wake(0);
  }

  function take(messages: Message[], lost: number): void {
    dropped += lost;
    waiting = (messages.map(written).filter(Boolean) as Waiting[]).concat(waiting);
    trim();
    save();
    wake(0);
  }

  function clear(): void {
    waiting = [];
    dropped = 0;
    try {
      for (const name of Object.keys(localStorage)) if (name.startsWith(KEY)) localStorage.removeItem(name);
    } catch {}
  }

  return { put, send, take, clear };
}
