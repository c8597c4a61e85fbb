// Runs in the page before its own scripts and leaves them alone: it records the sound of every remote track that any peer
// connection of the page receives, and hands the fake microphone through unprocessed, as noise suppression and gain control
// would take test signals for noise.
(() => {
  const sampleRate = 24_000;
  const recorder = `registerProcessor("recorder", class extends AudioWorkletProcessor {
    #block = new Int16Array(${sampleRate / 10});
    #filled = 0;
    process([[channel]]) {
      for (let at = 0; at < 128; at += 1) {
        const sample = Math.max(-1, Math.min(1, channel?.[at] ?? 0));
        this.#block[this.#filled++] = Math.round(sample * 32_767);
        if (this.#filled < this.#block.length) continue;
        this.port.postMessage(this.#block.slice());
        this.#filled = 0;
      }
      return true;
    }
  });`;
  let ready;

  const prepare = async () => {
    const context = new AudioContext({ sampleRate });
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([recorder], { type: "text/javascript" })));
    return context;
  };

  const toBase64 = (samples) => btoa(String.fromCharCode(...new Uint8Array(samples.buffer)));

  const record = async (track) => {
    const mediaStream = new MediaStream([track]);
    // Chrome decodes a remote stream only while a media element plays it.
    const element = new Audio();
    element.muted = true;
    element.srcObject = mediaStream;
    await element.play();
    ready ??= prepare();
    const context = await ready;
    const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => window.heardRemoteAudio(toBase64(data));
    new MediaStreamAudioSourceNode(context, { mediaStream }).connect(node);
  };

  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      this.addEventListener("track", ({ track }) => {
        if (track.kind === "audio") record(track).catch((error) => console.error("recording failed", error));
      });
    }
  };

  const { mediaDevices } = navigator;
  const getUserMedia = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = () =>
    getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
})();
