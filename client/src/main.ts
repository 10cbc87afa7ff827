/**
 * The browser's half of track-middleware, once for each document. While the page loads it sets up its
 * verbs and listens, and no more.
 */

// In the order in which the built file is smallest.
import { clicks } from "./clicks";
import { calmly } from "./calm";
import { AT_ONCE, LATER, ownTag, type Tag } from "./tag";
import { SEAM, type Seam } from "./seam";
import { queue } from "./queue";
import { view, type View } from "./view";
import { tidy } from "./crossing";
import { routes, type Routes } from "./routes";
import type { Choice, Properties } from "./wire";

type Globals = Record<string | symbol, any>;

interface Verbs {
  track(name: string, properties?: Properties, ours?: boolean): void;
  page(name?: string, properties?: Properties): void;
  identify(user?: string | number | Properties | null, traits?: Properties): void;
  consent(choice: Choice): Promise<unknown>;
}

/** Milliseconds that a page may load or be busy until it is told of. */
const PATIENCE = 1000;

const globals = window as unknown as Globals;
/** In a frame every verb is there and says nothing: the page around it is the view. */
const framed = top != window;
let opened: string;
let tag = ownTag(AT_ONCE);
let changes: Routes;
let page: View | undefined;
/** A page that is gone is hidden as well, and told of that afterwards. */
let gone = false;

const verbs: Verbs = {
  track(name, properties, ours) {
    settled().say("track", { name, properties }, ours);
  },
  page(name, properties) {
    changes.forget();
    awake().say("route", { name, properties });
  },
  identify(user, traits) {
    const nameless = typeof user == "object";
    awake().say("identify", nameless ? { traits: user || traits } : { userId: user?.toString(), traits });
  },
  consent: (choice) => awake().choose(choice),
};

function mute(): View {
  const nothing = async () => false;
  return { ready: nothing(), say: nothing, choose: nothing, leave: nothing, moved: nothing } as unknown as View;
}

function known(): Tag | undefined {
  return (tag ||= ownTag(LATER));
}

/** The page in view, from when it is idle or somebody asks for it. */
function awake(): View {
  return (page ||= looked());
}

function looked(): View {
  const found = !framed && known();
  if (!found) return mute();
  const waiting = queue(found.base + "q", (answer) => awake().heard(answer));
  addEventListener("freeze", turned, true);
  return view(found, waiting, opened, () => {
    globals[SEAM] = { ...found, ...awake(), ...waiting, tell: (name, properties) => settled().tell(name, properties) } as Seam;
    import(found.base + EXTRAS).catch(() => {});
  });
}

/** The same, once it has heard of a navigation that is still waited with. */
function settled(): View {
  changes.settle();
  return awake();
}

/** Looked at again, or hidden, or gone. */
function turned({ type }: Event): void {
  gone = type[0] != "v" || (gone && document.hidden);
  if (gone || document.hidden) settled().leave(true, gone);
}

/** Puts the verbs under the global name, unless that is taken by something but a command queue. */
function offer(name: string): void {
  const former = globals[name];
  const commands = former?.q;
  if (former !== undefined && !Array.isArray(commands)) return;
  const run = ([verb, ...given]: any[]): void =>
    verbs.hasOwnProperty(verb) ? (verbs as any)[verb](...given) : verbs.track(verb, ...given);
  const offered = Object.assign(verbs.track, verbs, { q: { push: run } });
  globals[name] = Object.defineProperty(offered, "ready", { get: () => awake().ready });
  for (const each of commands || []) run(each);
}

if (!globals[SEAM]) {
  globals[SEAM] = true;
  tidy(tag?.says("crossing"));
  opened = document.URL;
  changes = routes(() => known()?.hash, () => awake().moved());
  if (!framed) {
    addEventListener("pagehide", turned);
    addEventListener("visibilitychange", turned);
    clicks(verbs.track);
    calmly(awake);
    setTimeout(awake, PATIENCE);
  }
  offer(tag?.says("global") || "track");
}
