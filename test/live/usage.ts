export const liveUsage = `Usage: npm start -- --live [--posts-only]

Runs the product on this machine against the real Stream and OpenAI. AWS is played here: no AWS account, no tunnel. Calls of your
Stream app are joined by the agents as code, and by those that you POST for.

  --posts-only   the agents as code stay away; agents come only by POST
  --help         prints this

Three keys, as lines of the file .env in this folder, or in the environment, which goes before the file:

  STREAM_API_KEY=…
  STREAM_API_SECRET=…
  OPENAI_API_KEY=…

  CALL_TYPES            types of calls about which the agents as code are asked, with commas; default: default
  STREAM_BASE_URL, OPENAI_BASE_URL, NODE_EXTRA_CA_CERTS
                        other servers than Stream's and OpenAI's own, and an authority to trust them by

What differs from a deployment: the calls' events come over Stream's WebSocket and a look at its REST API every two seconds, and
reach the same webhook function, signed as Stream signs.
  - a new call is known after up to 2 s, and more when Stream limits requests; what was before that is told late, by the
    state in which REST shows the call: of call.created, "call" and "members" are as they are then, not as they were
  - ringing at a call's creation is not heard of: the agent does not wait until somebody has answered
  - what happens while the connection is lost is told by its outcome: a person who came and went is not told of
  - events of one call arrive in order and once; Stream promises neither
  - no more than 25 new calls in 2 s, 25 that go on, and 500 in all are followed
  - a call whose custom.agentStage names a stage is left to that stage
  - AGENTS_URL is on loopback and, like AGENTS_KEY, new with each start; claims and records are gone when it ends
  - your users see one more user in the app, stream-agent-bridge-live: it reads the calls' events and joins none
`;
