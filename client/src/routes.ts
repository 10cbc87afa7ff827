/** Notices that a page without a new document has become another page. */

export interface Routes {
  /** Reports a change that is still waited with, unless the document is busy. */
  settle(): void;
  /** Forgets it: somebody else has reported it. */
  forget(): void;
}

/** The Navigation API where there is one (html.spec.whatwg.org, section 7.2.6). */
interface EntryChange extends Event {
  navigationType: string | null;
}

/**
 * Milliseconds between a new address and its report: the title follows the address, a redirecting
 * router replaces it at once, and both are one navigation.
 */
const SETTLING = 50;

/**
 * Calls `moved` once for each navigation within the document: another path or query, or where
 * `hash` says so another fragment. A replaced query alone is housekeeping, not a navigation.
 */
export function routes(hash: () => boolean | undefined, moved: () => void): Routes {
  let url = document.URL;
  let timer = 0;
  const navigation = (window as { navigation?: EventTarget }).navigation;

  function changed(replaced: boolean): void {
    const former = url;
    url = document.URL;
    const ends = replaced ? /[?#]/ : hash() ? undefined : "#";
    if (former.split(ends!)[0] != url.split(ends!)[0]) wait();
  }

  function wait(): void {
    if (!timer) timer = setTimeout(report, SETTLING);
  }

  function forget(): void {
    clearTimeout(timer);
    timer = 0;
  }

  /** Turbo marks the document busy until the new page's head is in place. */
  function report(): void {
    forget();
    if (document.documentElement.ariaBusy == "true") return wait();
    moved();
  }

  function wrap(name: "pushState" | "replaceState"): void {
    const original = history[name];
    history[name] = function (...given) {
      original.apply(this, given);
      changed(name == "replaceState");
    };
  }

  if (navigation) {
    navigation.addEventListener("currententrychange", (event) =>
      changed((event as EntryChange).navigationType == "replace"),
    );
  } else {
    wrap("pushState");
    wrap("replaceState");
    addEventListener("popstate", () => changed(false));
  }
  return { settle: () => timer && report(), forget } as Routes;
}
