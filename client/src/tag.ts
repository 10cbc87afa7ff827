/** What the tag in the document says. */

export interface Tag {
  /** The folder that the script came from; the collector's addresses lie beside it. */
  base: string;
  /** What its attribute `data-<name>` says; null without it. */
  says(name: string): string | null;
  /** A changed fragment is a view. */
  hash: boolean;
}

/** The tag of the script that runs at this moment; undefined when that cannot be known. */
export function ownTag(): Tag | undefined {
  const script = document.currentScript as HTMLScriptElement | null;
  if (!script?.src) return undefined;
  const says = (name: string) => script.getAttribute("data-" + name);
  return {
    base: script.src.slice(0, script.src.lastIndexOf("/") + 1),
    says,
    hash: says("hash") != null,
  };
}

/** The page token, `SHARED`, or "" where nothing but a choice may be sent. */
export function pageToken(): string {
  return document.querySelector<HTMLMetaElement>("meta[name=track-page]")?.content || "";
}
