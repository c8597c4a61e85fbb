/// <reference path="./.sst/platform/config.d.ts" />

// `npx sst deploy` reads this file. What is deployed stands in infra/, a file for each concern; what you choose in
// infra/settings.ts.
export default $config({
  async app({ stage }) {
    const { appName } = await import("./infra/operate/deployment.ts");
    return {
      name: appName,
      version: "4.17.1",
      home: "aws",
      // A production keeps its tables and refuses `sst remove`; every other stage goes without a trace.
      removal: stage === "production" ? "retain" : "remove",
      protect: stage === "production",
      providers: { random: "4.16.6" },
    };
  },
  async run() {
    const { deploy } = await import("./infra/index.ts");
    return deploy();
  },
});
