import { type Case, changeParameter, names } from "../breaking.ts";

/** OpenAI does not do what agents need. */
export const openAiCases: Case[] = [
  {
    broken: "OpenAI refuses the key",
    break: (cloud) => changeParameter(cloud, names.OPENAI_API_KEY, "sk-wrong"),
    check: "openai-key",
    says: /refuses the key/,
    mend: /sst secret set OpenAiApiKey/,
  },
  {
    broken: "the model is not for this key",
    break: (cloud) => {
      cloud.openai.settings.missingModels = ["gpt-realtime-2.1"];
      return () => {
        cloud.openai.settings.missingModels = [];
      };
    },
    check: "openai-models",
    says: /gpt-realtime-2\.1 does not exist/,
    mend: /choose another Realtime model/,
  },
  {
    broken: "the OpenAI account has no money left",
    break: (cloud) => {
      cloud.openai.settings.isOutOfMoney = true;
      return () => {
        cloud.openai.settings.isOutOfMoney = false;
      };
    },
    check: "openai-session",
    says: /lets this account do nothing more/,
    mend: /add credit/,
  },
];
