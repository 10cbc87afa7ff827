/** The page in view: its ids, whether it may be spoken of, and what is said of it. */

import { engagement } from "./engagement";
import { bits, uuid } from "./ids";
import { insist } from "./post";
import type { Queue } from "./queue";
import type { Seam } from "./seam";
import { pageToken, type Tag } from "./tag";
import { QUESTION, SHARED, type Answer, type Facts, type Message, type Properties } from "./wire";

type Said = Partial<Pick<Message, "name" | "properties" | "traits" | "userId">>;

export interface View {
  ready: Promise<boolean>;
  /** Whether anything may be sent; undefined while that is not known. */
  allowed(): boolean | undefined;
  say(type: "route" | "track" | "identify", said: Said): void;
  /** Says what the script has noticed by itself; nothing before it is known that it may. */
  tell(name: string, properties: Properties): void;
  /** `ends`: nobody looks any more, for now or for good. */
  leave(ends: boolean): void;
  /** The address has changed; the document, or only its route. */
  moved(): void;
  /** The document came back from the back/forward cache: a view of its own. */
  restored(): void;
  /** The collector's word on what may be sent. */
  heard(answer: Answer): void;
  choose(choice: Record<string, boolean>): Promise<Answer["consent"]>;
}

/** No more than the collector keeps, so that a message stays one that it takes. */
const URL_LENGTH = 8000;

/**
 * A phone's browser lays the page out to know its inner size (it depends on the page's scale), and
 * its window is the viewport; the first `Intl` of a process costs more than all of this script.
 */
function facts(): Facts {
  const page = window as any;
  const side = /Mobi/.test(navigator.userAgent) ? "outer" : "inner";
  return {
    viewport: page[side + "Width"] + "x" + page[side + "Height"],
    screen: `${screen.width}x${screen.height}`,
    timezone: page.Temporal?.Now.timeZoneId() || Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

function throughServiceWorker(): boolean | undefined {
  const [entry] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  return entry?.workerStart > 0 || undefined;
}

function shown(): Promise<unknown> | undefined {
  return (document as { prerendering?: boolean }).prerendering
    ? new Promise((resolve) => document.addEventListener("prerenderingchange", resolve))
    : undefined;
}

/** Calls when the document is loaded and has nothing to do. */
function calmly(call: () => void): void {
  const soon = () => (window.requestIdleCallback || setTimeout)(call, { timeout: 3000 } as any);
  if (document.readyState == "complete") soon();
  else addEventListener("load", soon);
}

export function view(tag: Tag, waiting: Queue, left: Seam["left"]): View {
  /** Undefined: not known yet; what is to be said is held until it is. */
  let allowed: boolean | undefined;
  let refused = false;
  let held: (() => void)[] = [];
  let resolve: (allowed: boolean) => void;
  let choices: Promise<unknown> = Promise.resolve();

  let meta = pageToken();
  let token = "";
  let load = "";
  let route: string | undefined;
  let count = 0;
  let url = address();
  let referrer = document.referrer;

  const engaged = engagement();
  const ready = new Promise<boolean>((known) => (resolve = known));

  function address(): string {
    return (tag.hash ? location.href : location.href.split("#")[0]).slice(0, URL_LENGTH);
  }

  /** The ids of what gives way first begin with a hyphen. */
  function put(type: Message["type"], said: Said | Partial<Message>, minor = ""): void {
    waiting.put({
      id: minor + ++count,
      type,
      load,
      token: token == SHARED ? undefined : token,
      page: route,
      at: Date.now(),
      url: address(),
      ...said,
    });
  }

  function seen(): Partial<Message> {
    return {
      referrer,
      title: document.title,
    };
  }

  function confirm(): void {
    put("view", { ...seen(), facts: facts(), sw: throughServiceWorker() });
  }

  function decide(verdict: boolean): void {
    const commands = held;
    held = [];
    allowed = verdict;
    if (verdict) {
      confirm();
      commands.forEach((command) => command());
    } else {
      waiting.clear();
    }
    resolve(verdict);
    calmly(settle);
  }

  /** What is not needed at once. */
  function settle(): void {
    if (allowed) import(tag.base + EXTRAS).catch(() => {});
  }

  /** A new load: of the document, of its successor, or of a page restored. */
  async function begin(said: string): Promise<void> {
    const mine = (load = bits());
    token = said;
    route = allowed = undefined;
    if (!said || refused) return decide(false);
    const pending = shown();
    if (pending) await pending;
    const answer = said == SHARED && load == mine && (await insist(tag.base + "q", QUESTION));
    if (load != mine) return;
    decide(said != SHARED || (!!answer && !answer.stop));
  }

  function say(type: "route" | "track" | "identify", said: Said): void {
    const speak = () => {
      if (type == "route") {
        turn();
        route = uuid();
      }
      put(type, type == "route" ? { ...seen(), ...said } : said);
    };
    if (allowed) speak();
    else if (allowed == undefined) held.push(speak);
  }

  function tell(name: string, properties: Properties): void {
    if (allowed) put("track", { name, properties, url }, "-");
  }

  function leave(ends?: boolean): void {
    const engagedMs = engaged.taken(ends);
    const properties = Object.assign({ engagedMs }, ...left.map((call) => call(ends)));
    if (allowed && engagedMs) put("leave", { properties, url }, "-");
  }

  /** Another view begins. */
  function turn(): void {
    leave();
    referrer = url;
    url = address();
  }

  function moved(): void {
    const said = pageToken();
    if (said != meta) {
      turn();
      begin((meta = said));
    } else if (allowed) say("route", {});
    else turn();
  }

  function restored(): void {
    if (allowed != false || token == SHARED) begin(token);
  }

  function heard(answer: Answer): void {
    if (answer.stop) decide(false);
  }

  /** One choice after the other, so that the last one holds. */
  function choose(choice: Record<string, boolean>): Promise<Answer["consent"]> {
    if ("analytics" in choice) refused = !choice.analytics;
    if (refused) decide(false);
    const made = choices.then(() => insist(tag.base + "c", JSON.stringify(choice))).then(taken);
    choices = made;
    return made;
  }

  function taken(answer: Answer | undefined): Answer["consent"] {
    const found = answer?.token || (answer && meta == SHARED && SHARED);
    if (found && !allowed) begin(found);
    return answer?.consent;
  }

  begin(meta);
  return { ready, allowed: () => allowed, say, tell, leave, moved, restored, heard, choose };
}
