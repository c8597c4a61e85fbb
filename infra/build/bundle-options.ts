/** Some dependencies are CommonJS and call require() for Node's own modules, which an ES module has to bring along. */
export const requireBanner =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

/** What esbuild is told for every bundle. `module` before `main` halves what the AWS SDK weighs. */
export const sharedOptions = { mainFields: ["module", "main"], keepNames: true };

/**
 * A function's credentials are in its environment, where the AWS SDK looks first. The other places that it knows are loaded
 * when they are tried, which on Lambda is never; they weigh 140 kB.
 */
const otherCredentials = [
  "@aws-sdk/credential-provider-http",
  "@aws-sdk/credential-provider-ini",
  "@aws-sdk/credential-provider-process",
  "@aws-sdk/credential-provider-sso",
  "@aws-sdk/credential-provider-web-identity",
  "@smithy/credential-provider-imds",
];

/** What esbuild is told for a Lambda function's bundle, by our build and by SST's. */
export const functionOptions = { ...sharedOptions, external: otherCredentials };
