/**
 * Messages on their way to the collector. They leave the queue on its answer only; what has to wait
 * for longer than a moment waits in the browser's storage too, under a key of this document's own.
 * Until it is opened, it holds them in memory and does neither.
 */

import { bits } from "./ids";
import { pause, post } from "./post";
import { BODY_LIMIT, KEY, MESSAGE_LIMIT, type Message } from "./wire";

export interface Queue {
  /** `ours`: nobody else holds its properties, which therefore need no copy. */
  put(message: Message, ours?: boolean): void;
  /** Another page begins: what is put now is held, and what was held is forgotten. */
  shut(): void;
  /** What is held may leave; `token`: of its page, which did not know one. */
  open(token?: string): void;
  /** Sends what waits; `leaving`: now or never; `gone`: other documents may take over what is left. */
  send(leaving?: boolean, gone?: boolean): void;
  /** So many more were dropped. */
  lose(count: number): void;
  /** Forgets what is stored; `permitted` is false: what is in memory as well. */
  clear(permitted?: false): void;
}

/**
 * Milliseconds that a message waits for others to go with. To set a timer costs a click as much as all
 * else that we do then.
 */
const GATHERING = 100;
/** Milliseconds without an answer after which what is under way is stored. */
const PATIENCE = 1000;
/** What is kept: messages, and bytes of them. */
const MOST = 500;
const ROOM = 262144;
/** Messages that are held, the first ones: the view is among them. */
const HELD = 100;

interface Waiting {
  text: string;
  size: number;
  minor: boolean;
  underWay?: boolean;
}

function total(messages: Waiting[]): number {
  return messages.reduce((sum, each) => sum + each.size, 0);
}

export function queue(address: string, stopped: () => void): Queue {
  let own: string | undefined;
  /** Messages come as objects, and are written when they are to leave the memory. */
  let fresh: Message[] = [];
  let waiting: Waiting[] = [];
  let closed = true;
  let dropped = 0;
  let failures = 0;
  let timer = 0;
  let keeper = 0;
  let stored = 0;
  let left: boolean | undefined;

  /** As it is put, so that a later change of the caller's objects changes nothing. */
  function put(message: Message, ours?: boolean): void {
    if (closed && fresh.length > HELD) dropped++;
    else
      try {
        fresh.push(ours ? message : JSON.parse(JSON.stringify(message)));
      } catch {
        console.warn("track: not JSON", message.name);
      }
    if (failures) keep(GATHERING);
    wake(GATHERING);
  }

  function write(): void {
    for (const message of fresh.splice(0)) {
      const text = JSON.stringify(message);
      const size = new TextEncoder().encode(text).length + 1;
      if (size > MESSAGE_LIMIT) dropped++;
      else waiting.push({ text, size, minor: message.id < "0" });
    }
    while (waiting.length > MOST || total(waiting) > ROOM) {
      const here = waiting.filter((each) => !each.underWay);
      waiting.splice(waiting.indexOf(here.find((each) => each.minor) || here[0]!), 1);
      dropped++;
    }
  }

  function shut(): void {
    if (!closed) write();
    closed = true;
    fresh = [];
  }

  function open(token?: string): void {
    closed = false;
    for (const each of fresh) each.token = each.token || token;
    wake(GATHERING);
  }

  function wake(milliseconds: number): void {
    timer = timer || setTimeout(send, milliseconds);
  }

  function keep(milliseconds: number): void {
    keeper = keeper || setTimeout(save, milliseconds);
  }

  function save(): void {
    clearTimeout(keeper);
    keeper = 0;
    if (closed) return;
    write();
    const any = waiting.length + dropped;
    try {
      own = own || KEY + bits();
      if (any) localStorage[own] = [left ? 0 : Date.now(), dropped, ...waiting.map((each) => each.text)].join("\n");
      else if (stored) delete localStorage[own];
      stored = any;
    } catch {}
  }

  async function send(leaving?: boolean, gone?: boolean): Promise<void> {
    clearTimeout(timer);
    timer = 0;
    left = gone;
    if (closed) return;
    write();
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
    if (taken?.stop && current) stopped();
    if (waiting.length) wake(0);
  }

  function lose(count: number): void {
    dropped += count;
  }

  function clear(permitted?: false): void {
    if (permitted == false) {
      fresh = [];
      waiting = [];
      dropped = 0;
    }
    try {
      for (const name in localStorage) if (name.startsWith(KEY)) delete localStorage[name];
    } catch {}
  }

  return { put, shut, open, send, lose, clear };
}
