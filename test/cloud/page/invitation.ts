/** What the page's server answers to a person who wants in. */
export interface Invitation {
  stream: { apiKey: string; baseUrl: string; locationHintUrl: string };
  call: { type: string; id: string };
  user: { id: string; name: string; token: string };
  /** What happens in the local cloud from here on, as server-sent events. */
  eventsUrl: string;
}
