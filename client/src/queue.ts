/** Messages on their way to the collector: they wait in memory and leave it on its answer only. */

import { pause, post, type Verdict } from "./post";
import { BODY_LIMIT, MESSAGE_LIMIT, type Answer, type Message } from "./wire";

export interface Queue {
  put(message: Message): void;
  /** Sends what waits; `leaving`: now or never. */
  send(leaving?: boolean): void;
  clear(): void;
}

/** Milliseconds that a message waits for others to go with. */
const GATHERING = 30;
/** Messages kept while the collector cannot be reached; the oldest give way. */
const MOST = 500;

/** As it was put, so that a later change of the caller's objects changes nothing. */
interface Waiting {
  text: string;
  size: number;
}

/** The message as JSON; "" when it holds what JSON cannot say: that must not break the page. */
function written(message: Message): string {
  try {
    return JSON.stringify(message);
  } catch {
    return "";
  }
}

export function queue(address: string, answered: (answer: Answer) => void): Queue {
  let waiting: Waiting[] = [];
  let underWay = 0;
  let failures = 0;
  let timer = 0;
  let generation = 0;

  function put(message: Message): void {
    const text = written(message);
    const size = new Blob([text]).size + 1;
    if (!text || size > MESSAGE_LIMIT) return console.warn("track: cannot be sent", message.name);
    waiting = waiting.concat({ text, size }).slice(-MOST);
    wake(GATHERING);
  }

  function wake(milliseconds: number): void {
    if (!timer) timer = window.setTimeout(() => send(), milliseconds);
  }

  function fitting(): Waiting[] {
    let room = BODY_LIMIT - underWay;
    const most = waiting.findIndex((each) => (room -= each.size) < 0);
    return waiting.splice(0, most < 0 ? MOST : most);
  }

  async function send(leaving?: boolean): Promise<void> {
    clearTimeout(timer);
    timer = 0;
    if (underWay && !leaving) return;
    const batch = fitting();
    if (!batch.length) return;
    const size = batch.reduce((sum, each) => sum + each.size, 0);
    const events = batch.map((each) => each.text).join();
    const born = generation;
    underWay += size;
    const verdict = await post(address, `{"v":1,"sent":${Date.now()},"events":[${events}]}`, leaving);
    underWay -= size;
    settle(batch, born == generation ? verdict : { taken: {} });
  }

  function settle(batch: Waiting[], { taken, later }: Verdict): void {
    if (later !== undefined) {
      waiting = batch.concat(waiting).slice(-MOST);
      return wake(pause(later, failures++));
    }
    failures = 0;
    if (taken) answered(taken);
    if (waiting.length) wake(0);
  }

  function clear(): void {
    generation++;
    waiting = [];
  }

  return { put, send, clear };
}
