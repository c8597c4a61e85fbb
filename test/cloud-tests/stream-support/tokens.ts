import { StreamClient } from "@stream-io/node-sdk";

/** A user token as an app's server would make it. */
export const userToken = (apiKey: string, apiSecret: string, userId: string): string =>
  new StreamClient(apiKey, apiSecret).generateUserToken({ user_id: userId });
