/** What the page's server answers to a person who wants in. */
export interface Invitation {
  /** The URLs are missing where they are Stream's own. */
  stream: { apiKey: string; baseUrl?: string; locationHintUrl?: string };
  call: { type: string; id: string };
  user: { id: string; name: string; token: string };
  /** A typed line is spoken into the call, or asked by a custom event where no script has to be told its words. */
  typing: "speaks" | "asks";
  /** What happens in the local cloud from here on, as server-sent events. */
  eventsUrl: string;
}
