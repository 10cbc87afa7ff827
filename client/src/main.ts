/**
 * The browser's half of track-middleware, once for each document. While the page loads it sets up its
 * verbs and listens, and no more.
 */

// In the order in which the built file is smallest.
import { calmly } from "./calm";
import { AT_ONCE, LATER, ownTag } from "./tag";
import { clicks } from "./clicks";
import { SEAM } from "./seam";
import { view, type View } from "./view";
import { tidy } from "./crossing";
import type { Choice, Properties } from "./wire";

type Globals = Record<string | symbol, any>;

/** Milliseconds that a page may load or be busy until it is told of. */
const PATIENCE = 1000;

const globals = window as unknown as Globals;
/** In a frame every verb is there and says nothing: the page around it is the view. */
const framed = top != window;
let opened: string;
let tag = ownTag(AT_ONCE);
let page: View | undefined;
/** A page that is gone is hidden as well, and told of that afterwards. */
let gone = false;

/**
 * The global, which carries every verb. They are put on it one by one, since to copy them from another
 * object costs a loading page several times as much.
 */
const track = (name: string, properties?: Properties, ours?: boolean): void =>
  awake().say("track", { name, properties }, ours);

track.track = track;
track.page = (name?: string, properties?: Properties): void => awake().say("route", { name, properties });
track.identify = (user?: string | number | Properties | null, traits?: Properties): void => {
  const nameless = typeof user == "object";
  awake().say("identify", nameless ? { traits: user || traits } : { userId: user?.toString(), traits });
};
track.consent = (choice: Choice): Promise<unknown> => awake().choose(choice);
/** One of the verbs by its name, or the event of that name. */
track.q = {
  push([verb, ...given]: any[]): void {
    const own = track.hasOwnProperty(verb) && (track as any)[verb];
    own.call ? own(...given) : track(verb, ...given);
  },
};

function mute(): View {
  const nothing = async () => false;
  return { ready: nothing(), say() {}, choose: nothing, leave: nothing } as unknown as View;
}

/** The page in view, from when it is idle or somebody asks for it. */
function awake(): View {
  return (page ||= looked());
}

function looked(): View {
  const found = !framed && (tag ||= ownTag(LATER));
  if (!found) return mute();
  addEventListener("freeze", turned, true);
  return view(found, opened, () => {
    globals[SEAM] = awake();
    import(found.base + EXTRAS).catch(() => {});
  });
}

/** Looked at again or hidden (`visibilitychange`), or gone (`freeze`, `pagehide`: before it in the alphabet). */
function turned({ type }: Event): void {
  gone = type < "v" || (gone && document.hidden);
  if (gone || document.hidden) awake().leave(true, gone);
}

/** Puts the verbs under the global name, unless that is taken by something but a command queue. */
function offer(name: string): void {
  const former = globals[name];
  const commands = former?.q;
  if (former !== undefined && !Array.isArray(commands)) return;
  globals[name] = Object.defineProperty(track, "ready", { get: () => awake().ready });
  commands?.forEach(track.q.push);
}

if (!globals[SEAM]) {
  globals[SEAM] = true;
  tidy(tag?.says("crossing"));
  opened = document.URL;
  if (!framed) {
    addEventListener("pagehide", turned);
    addEventListener("visibilitychange", turned);
    clicks(track);
    calmly(awake);
    setTimeout(awake, PATIENCE);
  }
  offer(tag?.says("global") || "track");
}
