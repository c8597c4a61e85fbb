import type { RTCDtlsTransport, RTCPeerConnection } from "werift";

/** Defects of werift 0.25.2 that would show as the SFU's, and what is done about each. */

/**
 * It starts no checks for a restarted ICE generation while DTLS stays connected (`connect()` returns early), and its media stops.
 * Starting the transport by hand once the answer is applied brings it back.
 */
export const resumeAfterIceRestart = (peer: RTCPeerConnection): void => {
  for (const transport of peer.iceTransports) {
    transport.start().catch(() => {
      // The transport reports its own failure as the connection state "failed".
    });
  }
};

type DtlsConnection = NonNullable<RTCDtlsTransport["dtls"]>;
interface DtlsClient extends DtlsConnection {
  connect(): Promise<void>;
}

const isClient = (dtls: DtlsConnection | undefined): dtls is DtlsClient => dtls !== undefined && "connect" in dtls;

const prompted = new WeakSet<RTCDtlsTransport>();

/** As the DTLS client it sleeps for 100 ms before its first message; no SFU does. Here it begins at once, and the later beginning finds it done. */
export const connectPromptly = (peer: RTCPeerConnection): void => {
  for (const transport of peer.dtlsTransports) {
    if (prompted.has(transport)) continue;
    prompted.add(transport);
    transport.onStateChange.subscribe((state) => {
      if (state !== "connecting") return;
      // The connection is made right after the state was set, in the same turn.
      queueMicrotask(() => {
        const { dtls } = transport;
        if (!isClient(dtls)) return;
        const begun = dtls.connect();
        // Whoever calls connect() later gets the same promise, and with it the failure.
        begun.catch(() => undefined);
        dtls.connect = () => begun;
      });
    });
  }
};

/** A connection that is closed in the middle of its handshake sends it again for 27 s. The last flight of all is never sent again. */
export const stopHandshake = (peer: RTCPeerConnection): void => {
  for (const { dtls } of peer.dtlsTransports) if (dtls) dtls.dtls.flight = Number.MAX_SAFE_INTEGER;
};
