/** What the tag in the document says. */

export interface Tag {
  /** The folder that the script came from; the collector's addresses lie beside it. */
  base: string;
  /** Name of the global function. */
  name: string;
  /** A changed fragment is a view. */
  hash: boolean;
  /** All that it says. */
  flags: DOMStringMap;
}

/** The tag of the script that runs at this moment; undefined when that cannot be known. */
export function ownTag(): Tag | undefined {
  const script = document.currentScript as HTMLScriptElement | null;
  if (!script?.src) return undefined;
  return {
    base: new URL(".", script.src).href,
    name: script.dataset.global || "track",
    hash: "hash" in script.dataset,
    flags: script.dataset,
  };
}

/** The page token, `SHARED`, or "" where nothing but a choice may be sent. */
export function pageToken(): string {
  return document.querySelector<HTMLMetaElement>("meta[name=track-page]")?.content || "";
}
