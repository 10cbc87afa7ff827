/** What the script puts on `window` (under another name where `client_global` says so). */

type TrackProperties = Record<string, unknown>;

interface TrackConsent {
  analytics?: boolean;
  marketing?: boolean;
  /** Which text was agreed to, and who asked: kept with the choice. */
  version?: string;
  source?: string;
}

interface Track {
  /** Records that something happened; properties are JSON values. */
  (name: string, properties?: TrackProperties): void;
  /** Records a view that the address does not tell; changed addresses are recorded without it. */
  page(name?: string, properties?: TrackProperties): void;
  /** Says who this is; the user counts where the server says the same, traits are kept with it. */
  identify(userId: string | number | null, traits?: TrackProperties): void;
  identify(traits: TrackProperties): void;
  /** Stores a choice; a purpose that is left out stays as it was. Resolves with what holds now. */
  consent(choice: TrackConsent): Promise<Record<string, string> | undefined>;
  /** Resolves when it is known whether events may be sent; never rejects. */
  readonly ready: Promise<boolean>;
  /** Commands given before the script was there: `["track", name, properties]` and the like. */
  q?: ArrayLike<unknown>[];
}

interface Window {
  track: Track;
}

declare const track: Track;
