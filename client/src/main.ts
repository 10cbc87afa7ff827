/** The browser's half of track-middleware: starts everything, once for each document. */

import { clicks } from "./clicks";
import { queue } from "./queue";
import { routes } from "./routes";
import { ownTag, type Tag } from "./tag";
import { view } from "./view";
import type { Properties } from "./wire";

type Globals = Record<string | symbol, any>;

interface Verbs {
  track(name: string, properties?: Properties): void;
  page(name?: string, properties?: Properties): void;
  identify(user: unknown, traits?: Properties): void;
  consent(choice: Record<string, boolean>): Promise<unknown>;
}

/** Two tags in one document, or a router that runs it again, are still one script. */
const RUNNING = Symbol.for("track-page");

/** In a frame every verb is there and says nothing: the page around it is the view. */
function mute(): [Verbs, Promise<boolean>] {
  const nothing = () => {};
  const never = Promise.resolve(false);
  const consent = () => Promise.resolve(undefined);
  return [{ track: nothing, page: nothing, identify: nothing, consent }, never];
}

function awake(tag: Tag): [Verbs, Promise<boolean>] {
  const waiting = queue(tag.base + "q", (answer) => page.heard(answer));
  const page = view(tag, waiting);
  const changes = routes(tag.hash, page.moved);
  const verbs: Verbs = {
    track(name, properties) {
      changes.settle();
      page.say("track", { name, properties });
    },
    page(name, properties) {
      changes.forget();
      page.say("route", { name, properties });
    },
    identify(user, traits) {
      const nameless = user && typeof user == "object";
      if (nameless) traits = user as Properties;
      page.say("identify", { userId: nameless || user == null ? undefined : String(user), traits });
    },
    consent: page.choose,
  };

  function leave(): void {
    changes.settle();
    waiting.send(true);
  }

  addEventListener("pageshow", (event) => event.persisted && page.restored());
  addEventListener("pagehide", leave);
  addEventListener("online", () => waiting.send());
  document.addEventListener("visibilitychange", () => document.hidden && leave());
  clicks(verbs.track);
  return [verbs, page.ready];
}

/** Puts the verbs under the global name, unless that is taken by something but a command queue. */
function offer(globals: Globals, name: string, [verbs, ready]: [Verbs, Promise<boolean>]): void {
  const former = globals[name];
  const commands = former && former.q;
  if (former !== undefined && !Array.isArray(commands)) return;
  const run = ([verb, ...given]: any[]): void =>
    Object.keys(verbs).includes(verb) ? (verbs as any)[verb](...given) : verbs.track(verb, ...given);
  globals[name] = Object.assign(verbs.track, verbs, { ready, q: { push: run } });
  if (commands) Array.from(commands as ArrayLike<any>).forEach((each) => run(Array.from(each)));
}

const tag = ownTag();
const globals = window as unknown as Globals;
if (tag && !globals[RUNNING]) {
  globals[RUNNING] = true;
  offer(globals, tag.name, window.top === window ? awake(tag) : mute());
}
