/** Something that went wrong, in words for the person in front of the page. */
export interface Problem {
  what: string;
  /** What they can do about it. */
  remedy: string;
}

const microphoneProblems: Record<string, Problem> = {
  NotAllowedError: {
    what: "The browser was not allowed to use the microphone.",
    remedy: "Allow it in the address bar's site settings and unmute, or type instead.",
  },
  NotFoundError: {
    what: "No microphone was found.",
    remedy: "Plug one in and unmute, or type instead.",
  },
  NotReadableError: {
    what: "The microphone is in use or cannot be opened.",
    remedy: "Close the program that uses it and unmute, or type instead.",
  },
};

const textOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** What getUserMedia's rejection means (names: Media Capture and Streams, §10). */
export const microphoneProblem = (thrown: unknown): Problem =>
  microphoneProblems[thrown instanceof Error ? thrown.name : ""] ?? {
    what: `The microphone could not be opened: ${textOf(thrown)}`,
    remedy: "Check the system's sound settings and unmute, or type instead.",
  };

export const microphoneLost: Problem = {
  what: "The microphone went away.",
  remedy: "Plug it in again and unmute, or type instead.",
};

export const joinProblem = (thrown: unknown): Problem => ({
  what: `The call could not be joined: ${textOf(thrown)}`,
  remedy: "See that npm start still runs in its terminal, then reload this page.",
});

export const lineProblem = (thrown: unknown): Problem => ({
  what: `That line was not said: ${textOf(thrown)}`,
  remedy: "Send it again; if it keeps failing, look at npm start's terminal.",
});

export const cloudLost: Problem = {
  what: "The local cloud does not answer.",
  remedy: "Start it again with npm start, then open the address that it prints.",
};
