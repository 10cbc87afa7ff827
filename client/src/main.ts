/** The browser's half of track-middleware: starts everything, once for each document. */

import { clicks } from "./clicks";
import { tidy } from "./crossing";
import { queue } from "./queue";
import { routes } from "./routes";
import { SEAM, type Seam } from "./seam";
import { ownTag, type Tag } from "./tag";
import { view } from "./view";
import type { Choice, Properties } from "./wire";

type Globals = Record<string | symbol, any>;

interface Given {
  verbs: Verbs;
  ready: Promise<boolean>;
}

interface Verbs {
  track(name: string, properties?: Properties, ours?: boolean): void;
  page(name?: string, properties?: Properties): void;
  identify(user?: string | number | Properties | null, traits?: Properties): void;
  consent(choice: Choice): Promise<unknown>;
}

/** In a frame every verb is there and says nothing: the page around it is the view. */
function mute(): Given {
  const nothing = async () => false;
  const verbs = { track: nothing, page: nothing, identify: nothing, consent: nothing };
  return { verbs, ready: nothing() };
}

function awake(tag: Tag): Given {
  const waiting = queue(tag.base + "q", (answer) => page.heard(answer));
  const page = view(tag, waiting, () => {
    globals[SEAM] = { ...tag, ...page, ...waiting, tell } as Seam;
    import(tag.base + EXTRAS).catch(() => {});
  });
  const changes = routes(tag.hash, page.moved);
  const verbs: Verbs = {
    track(name, properties, ours) {
      changes.settle();
      page.say("track", { name, properties }, ours);
    },
    page(name, properties) {
      changes.forget();
      page.say("route", { name, properties });
    },
    identify(user, traits) {
      const nameless = typeof user == "object";
      page.say("identify", nameless ? { traits: user || traits } : { userId: user?.toString(), traits });
    },
    consent: page.choose,
  };

  function tell(name: string, properties: Properties): void {
    changes.settle();
    page.tell(name, properties);
  }

  /** A page that is gone is hidden as well, and told of that afterwards. */
  let gone = false;
  function leave(event?: Event): void {
    if (event) gone = true;
    changes.settle();
    page.leave(true);
    waiting.send(true, gone);
  }

  addEventListener("pagehide", leave);
  addEventListener("freeze", leave, true);
  addEventListener("visibilitychange", () => {
    if (document.hidden) leave();
    else gone = false;
  });
  clicks(verbs.track);
  return { verbs, ready: page.ready };
}

/** Puts the verbs under the global name, unless that is taken by something but a command queue. */
function offer(globals: Globals, name: string, { verbs, ready }: Given): void {
  const former = globals[name];
  const commands = former?.q;
  if (former !== undefined && !Array.isArray(commands)) return;
  const run = ([verb, ...given]: any[]): void =>
    Object.keys(verbs).includes(verb) ? (verbs as any)[verb](...given) : verbs.track(verb, ...given);
  globals[name] = Object.assign(verbs.track, verbs, { ready, q: { push: run } });
  for (const each of commands || []) run(each);
}

const tag = ownTag();
const globals = window as unknown as Globals;
if (tag && !globals[SEAM]) {
  globals[SEAM] = true;
  tidy(tag.says("crossing"));
  offer(globals, tag.says("global") || "track", top == window ? awake(tag) : mute());
}
