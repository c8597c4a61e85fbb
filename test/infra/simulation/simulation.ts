import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Deployment } from "../../../infra/operate/deployment.ts";
import { deploymentParameter, parameterNames } from "../../../infra/operate/deployment.ts";
import { type AwsCloud, region, startAwsCloud } from "../../cloud/aws/index.ts";
import { createCertificates } from "../../cloud/certificate.ts";
import { startControl } from "../../cloud/control.ts";
import { type Provisioner, startProvisioner } from "../../cloud/engine/provisioner.ts";
import { EventLog } from "../../cloud/event-log.ts";
import type { Cloud } from "../../cloud/index.ts";
import { type OpenAiCloud, startOpenAiCloud } from "../../cloud/openai/index.ts";
import { type StreamCloud, startStreamCloud } from "../../cloud/stream/index.ts";
import { sharedBundles } from "../../support/bundles.ts";
import { copyProject, installDocker, installEngine } from "./project.ts";
import { runSst, type SstRun } from "./sst.ts";

/** Of whoever deploys: allowed everything. */
export const deployerAccessKeyId = "DEPLOYER";

/** An AWS account, a Stream app and an OpenAI project that are new, and a copy of this repository. */
export interface Simulation {
  log: EventLog;
  aws: AwsCloud;
  stream: StreamCloud;
  openai: OpenAiCloud;
  provisioner: Provisioner;
  keys: { streamApiKey: string; streamApiSecret: string; openAiApiKey: string };
  /** The copy, in which commands run. */
  folder: string;
  sst(...args: string[]): Promise<SstRun>;
  /** The same, where it asks for something. */
  sstAnswering(input: string, ...args: string[]): Promise<SstRun>;
  /** Starts or stops Docker on the machine that deploys. */
  setDocker(isRunning: boolean): Promise<void>;
  /** `sst secret set` for all three. */
  setSecrets(stage: string): Promise<void>;
  /** A deployed stage, as whole-call tests look at a cloud. */
  cloud(stage: string): Cloud;
  /** What the deploy left for whoever operates the stage. */
  deployment(stage: string): Deployment;
  /** The key of its HTTP API. */
  agentsKey(stage: string): string;
  /** Ends everything. Idempotent. */
  close(): Promise<void>;
}

const secret = (): string => randomBytes(24).toString("hex");

export const startSimulation = async (): Promise<Simulation> => {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const bridge = (await sharedBundles()).find(({ name }) => name === "bridge");
    if (bridge === undefined) throw new Error("the build makes no bridge");
    const scratch = await mkdtemp(path.join(os.tmpdir(), "deploy-simulation-"));
    closers.push(() => rm(scratch, { recursive: true, force: true }));
    const [folder, home, code] = ["project", "home", "code"].map((name) => path.join(scratch, name)) as [
      string,
      string,
      string,
    ];
    for (const made of [folder, home, code]) await mkdir(made);

    const log = new EventLog();
    const keys = { streamApiKey: "stream-key", streamApiSecret: secret(), openAiApiKey: `sk-${secret()}` };
    const certificates = await createCertificates();
    const caFile = path.join(scratch, "ca.pem");
    await writeFile(caFile, certificates.caPem);
    const stream = await startStreamCloud({ log, apiKey: keys.streamApiKey, apiSecret: keys.streamApiSecret });
    closers.push(() => stream.close());
    const openai = await startOpenAiCloud({
      log,
      apiKey: keys.openAiApiKey,
      tls: { key: certificates.keyPem, cert: certificates.certPem },
    });
    closers.push(() => openai.close());
    const aws = await startAwsCloud({ log });
    closers.push(() => aws.close());
    const provisioner = await startProvisioner({
      aws,
      deployerAccessKeyId,
      folder: code,
      taskCommand: [process.execPath, bridge.file],
      // Here alone what runs differs from what was deployed: Stream and OpenAI are elsewhere, known to an authority of
      // our own, and loopback addresses, which the deployed system refuses, are all that there is.
      environment: {
        STREAM_BASE_URL: stream.serverBaseUrl,
        OPENAI_BASE_URL: openai.baseUrl,
        NODE_EXTRA_CA_CERTS: caFile,
        LOOPBACK_URLS: "allowed",
      },
    });
    closers.push(() => provisioner.close());
    const control = await startControl({ log, stream, openai, aws });
    closers.push(() => control.close());
    await copyProject(folder);
    await installEngine(home, provisioner.url);
    const bin = path.join(scratch, "bin");
    await installDocker(bin, true);

    const place = { folder, home, bin, awsEndpointUrl: aws.endpointUrl, accessKeyId: deployerAccessKeyId, region };
    const sstAnswering = (input: string, ...args: string[]) => runSst({ ...place, input }, args);
    const sst = (...args: string[]) => sstAnswering("", ...args);
    const parameter = (name: string): string => {
      const found = aws.parameters.get(name);
      if (found === undefined) throw new Error(`the parameter ${name} is not there`);
      return found.value;
    };
    const deployment = (stage: string) => JSON.parse(parameter(deploymentParameter(stage))) as Deployment;
    const agentsKey = (stage: string): string => parameter(parameterNames(stage).AGENTS_API_KEY);
    const cloud = (stage: string): Cloud => {
      const deployed = deployment(stage);
      const info = {
        ...keys,
        streamBaseUrl: stream.baseUrl,
        streamServerBaseUrl: stream.serverBaseUrl,
        locationHintUrl: stream.locationHintUrl,
        openAiBaseUrl: openai.baseUrl,
        openAiWsUrl: openai.wsUrl,
        caFile,
        awsEndpointUrl: aws.endpointUrl,
        awsRegion: region,
        stage,
        dynamoDbUrl: aws.dynamoDbUrl,
        webhookUrl: `${deployed.agentsUrl}/webhooks/stream`,
        agentsUrl: deployed.agentsUrl,
        agentsKey: agentsKey(stage),
        controlUrl: control.url,
      };
      return { info, log, stream, openai, aws, deployment: deployed, control, close };
    };
    return {
      log,
      aws,
      stream,
      openai,
      provisioner,
      keys,
      folder,
      sst,
      sstAnswering,
      setDocker: (isRunning) => installDocker(bin, isRunning),
      setSecrets: async (stage) => {
        const values = {
          StreamApiKey: keys.streamApiKey,
          StreamApiSecret: keys.streamApiSecret,
          OpenAiApiKey: keys.openAiApiKey,
        };
        for (const [name, value] of Object.entries(values)) {
          const { exitCode, output } = await sst("secret", "set", name, value, "--stage", stage);
          if (exitCode !== 0) throw new Error(`sst secret set ${name} ended with ${exitCode}:\n${output}`);
        }
      },
      cloud,
      deployment,
      agentsKey,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};
