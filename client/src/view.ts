/** The page in view: its ids, whether it may be spoken of, and what is said of it. */

import { calmly } from "./calm";
import { engagement } from "./engagement";
import { bits } from "./ids";
import { insist } from "./post";
import { queue } from "./queue";
import { routes } from "./routes";
import type { Seam } from "./seam";
import { pageToken, type Tag } from "./tag";
import { QUESTION, SHARED, type Answer, type Choice, type Facts, type Message, type Properties } from "./wire";

type Said = Partial<Pick<Message, "name" | "properties" | "traits" | "userId">>;

/** What the first file knows of the page in view; the second one gets it whole, and uses its seam. */
export interface View extends Seam {
  ready: Promise<boolean>;
  /** Whether anything may be sent; undefined while that is not known. */
  allowed(): boolean | undefined;
  /** `ours`: nobody else holds its properties. */
  say(type: "route" | "track" | "identify", said: Said, ours?: boolean): void;
  /** Says what the script has noticed by itself; nothing before it is known that it may. */
  tell(name: string, properties: Properties): void;
  /** Nobody looks any more, for now or, when the page is `gone`, for good. */
  leave(ends: true, gone: boolean): void;
  choose(choice: Choice): Promise<Answer["consent"]>;
  left: Seam["left"];
}

/** No more than the collector keeps, so that a message stays one that it takes. */
const URL_LENGTH = 8000;
const page = document as Document & { prerendering?: boolean };

/**
 * A phone's browser lays the page out to know its inner size: asked for when the page is idle, it
 * is laid out. The first `Intl` of a process costs more than all of this script.
 */
function facts(): Facts {
  return {
    viewport: innerWidth + "x" + innerHeight,
    screen: screen.width + "x" + screen.height,
    timezone: (window as any).Temporal?.Now.timeZoneId() || Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

function throughServiceWorker(): true | undefined {
  return (performance.getEntriesByType("navigation")[0] as any)?.workerStart > 0 || undefined;
}

/**
 * Looks at the page, whose address was `opened`: when it is idle, or has something to say before.
 * `more` brings what is not needed at once.
 */
export function view(tag: Tag, opened: string, more: () => void): View {
  const left: Seam["left"] = [];
  const waiting = queue(tag.base + "q", () => decide(false));
  /** Undefined: not known yet, or no choice was made; what is said waits until it is. */
  let allowed: boolean | undefined;
  /** What follows where nobody has permitted anything: a choice is waited for, or nothing is. */
  const unasked = tag.says("hold") == null ? false : undefined;
  /** A browser's refusal stands over any choice. */
  const gpc = tag.says("gpc") && (navigator as any).globalPrivacyControl;
  let refused = gpc;
  let resolve: (allowed: boolean) => void;
  let choices: Promise<unknown> = Promise.resolve();

  let meta = pageToken();
  let token = "";
  let load = "";
  let route: string | undefined;
  let uncut: string | undefined;
  let cut: string;
  let count = 0;
  let url = address(opened);
  let referrer = document.referrer;
  const engaged = engagement();
  const settle = routes(opened, tag.hash, moved);

  const ready = new Promise<boolean>((known) => (resolve = known));

  /** Cut once for each address: that is a tenth of what a click costs. */
  function address(whole = document.URL): string {
    if (whole != uncut) {
      uncut = whole;
      cut = (tag.hash ? whole : whole.split("#")[0]!).slice(0, URL_LENGTH);
    }
    return cut!;
  }

  /** The ids of what gives way first begin with a hyphen. */
  function put(type: Message["type"], said: Partial<Message>, ours?: boolean, minor = ""): void {
    if (allowed == false) return;
    waiting.put(
      {
        ...said,
        id: minor + ++count,
        type,
        load,
        token: token == SHARED ? "" : token,
        page: route,
        at: Date.now(),
        url: said.url || address(),
      },
      ours,
    );
  }

  function seen(): Partial<Message> {
    return {
      referrer,
      title: document.title,
    };
  }

  /** `given`: the token that what waits gets now. */
  function decide(verdict?: boolean, given?: string): void {
    allowed = verdict;
    if (verdict) waiting.open(given);
    else waiting.clear(verdict);
    resolve(!!verdict);
    calmly(() => allowed && more());
  }

  /** A new load: of the document, of its successor, or of a page restored. */
  async function begin(said: string): Promise<void> {
    const mine = (load = bits());
    token = said;
    route = allowed = undefined;
    waiting.shut();
    if (page.prerendering) await new Promise((shown) => page.addEventListener("prerenderingchange", shown));
    if (load != mine) return;
    if (refused || (!said && unasked != null)) return decide(false);
    put("view", { ...seen(), url, facts: facts(), sw: throughServiceWorker() }, true);
    const answer = said == SHARED && (await insist(tag.base + "q", QUESTION));
    if (load != mine) return;
    decide((said == SHARED ? answer && !answer.stop : !!said) || unasked);
  }

  function say(type: "route" | "track" | "identify", said: Said, ours?: boolean): void {
    settle(type == "route");
    if (type == "route") {
      turn();
      route = bits();
      said = { ...seen(), ...said };
    }
    put(type, said, ours);
  }

  function tell(name: string, properties: Properties): void {
    settle();
    put("track", { name, properties, url }, true, "-");
  }

  function leave(ends?: boolean, gone?: boolean): void {
    settle();
    const engagedMs = engaged(ends);
    const properties = Object.assign({ engagedMs }, ...left.map((call) => call(ends)));
    if (engagedMs) put("leave", { properties, url }, true, "-");
    if (ends) waiting.send(true, gone);
  }

  /** Another view begins. */
  function turn(): void {
    leave();
    referrer = url;
    url = address();
  }

  /** The address has changed; the document, or only its route. */
  function moved(): void {
    const said = pageToken();
    if (said == meta) return say("route", {});
    turn();
    begin((meta = said));
  }

  /** The document came back from the back/forward cache: a view of its own. */
  function restored(): void {
    if (allowed != false || token == SHARED) begin(token);
  }

  /** One choice after the other, so that the last one holds. */
  function choose(choice: Choice): Promise<Answer["consent"]> {
    if ("analytics" in choice) refused = gpc || !choice.analytics;
    if (refused) decide(false);
    const made = choices.then(() => insist(tag.base + "c", JSON.stringify(choice))).then(taken);
    choices = made;
    return made;
  }

  /** What was done before a choice goes with it; what was done after a refusal is not kept. */
  function taken(answer: Answer | undefined): Answer["consent"] {
    const found = answer?.token;
    if (found && !allowed) {
      if (allowed == undefined && answer!.before) decide(true, (token = found));
      else begin(found);
    }
    return answer?.consent;
  }

  addEventListener("online", waiting.send as () => void);
  addEventListener("pageshow", (event) => event.persisted && restored());
  begin(meta);
  return { ready, allowed: () => allowed, say, tell, leave, choose, left, ...tag, ...waiting };
}
