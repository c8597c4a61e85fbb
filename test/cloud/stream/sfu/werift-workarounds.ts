import type { RTCPeerConnection } from "werift";

/** Defects of werift 0.25.2 that would show as the SFU's, and what is done about each. */

/**
 * It starts no checks for a restarted ICE generation while DTLS stays connected (`connect()` returns early), and its
 * media stops. Starting the transport by hand once the answer is applied brings it back.
 */
export const resumeAfterIceRestart = (peer: RTCPeerConnection): void => {
  for (const transport of peer.iceTransports) {
    transport.start().catch(() => {
      // The transport reports its own failure as the connection state "failed".
    });
  }
};

/**
 * A connection that is closed in the middle of its handshake sends it again for 27 s. The last flight of all is never
 * sent again.
 */
export const stopHandshake = (peer: RTCPeerConnection): void => {
  for (const { dtls } of peer.dtlsTransports) if (dtls) dtls.dtls.flight = Number.MAX_SAFE_INTEGER;
};
