// The official browser SDK, driven from a test through `window.page`. Bundled by browser.ts; runs only in a browser.
import { StreamVideoClient } from "@stream-io/video-client";

let client;
let call;
const bound = new Set();
const events = [];
const states = [];
const warnings = [];

/** Plays everybody else, as an app would: Chromium decodes only what is played. */
const playOthers = (participants) => {
  for (const { sessionId, isLocalParticipant } of participants) {
    if (isLocalParticipant || bound.has(sessionId)) continue;
    bound.add(sessionId);
    const element = document.createElement("audio");
    element.autoplay = true;
    document.body.append(element);
    call.bindAudioElement(element, sessionId);
  }
};

const received = async (peer) => {
  const tracks = [];
  for (const stats of (await peer?.getStats())?.values() ?? [])
    if (stats.type === "inbound-rtp")
      tracks.push({
        mid: stats.mid,
        ssrc: stats.ssrc,
        packetsReceived: stats.packetsReceived,
        packetsLost: stats.packetsLost,
        totalAudioEnergy: stats.totalAudioEnergy ?? 0,
      });
  return tracks;
};

window.page = {
  login({ apiKey, userId, token, baseUrl, locationHintUrl }) {
    client = new StreamVideoClient({
      apiKey,
      user: { id: userId, name: userId.toUpperCase() },
      token,
      options: {
        baseURL: baseUrl,
        locationHintUrl,
        logger: (level, message, ...rest) => warnings.push([level, message, ...rest.map(String)].join(" ")),
        logLevel: "warn",
      },
    });
  },
  async join(type, id) {
    call = client.call(type, id);
    call.on("all", (event) => events.push(event.type));
    call.state.callingState$.subscribe((state) => states.push(state));
    call.state.participants$.subscribe(playOthers);
    await call.join({ create: true });
    return call.state.localParticipant.sessionId;
  },
  events: () => events,
  states: () => states,
  warnings: () => warnings,
  microphone: (on) => (on ? call.microphone.enable() : call.microphone.disable()),
  participants: () =>
    call.state.participants.map((one) => ({
      userId: one.userId,
      name: one.name,
      sessionId: one.sessionId,
      publishedTracks: one.publishedTracks,
      isSpeaking: one.isSpeaking,
      audioLevel: one.audioLevel,
      isDominantSpeaker: one.isDominantSpeaker,
      isLocal: one.isLocalParticipant === true,
      hasAudio: one.audioStream !== undefined,
    })),
  heard: () => received(call.subscriber),
  session: () => call.state.session,
  endCall: () => call.endCall(),
  leave: () => call.leave(),
  quit: () => client.disconnectUser(),
};
