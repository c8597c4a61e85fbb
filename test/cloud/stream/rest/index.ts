import { Hono } from "hono";
import { cors } from "hono/cors";
import { ApiError, asApiError, notFound } from "../coordinator/api-error.ts";
import type { Coordinator } from "../coordinator/coordinator.ts";
import { callRoutes } from "./calls.ts";
import { answer, authenticate, type RestEnv } from "./context.ts";
import { moderationRoutes } from "./moderation.ts";
import { appRoutes, callTypeRoutes, userRoutes } from "./users.ts";

/** CloudFront's point of presence that every location hint of the local cloud names. */
const pointOfPresence = "AMS1-P2";

/**
 * REST of the coordinator: calls under /video (browser SDK) and /api/v2/video (servers), users and app under /api/v2.
 */
export const createRest = (coordinator: Coordinator): Hono<RestEnv> => {
  const app = new Hono<RestEnv>();
  app.use(cors({ origin: "*", exposeHeaders: ["x-amz-cf-pop"] }));
  app.use(async (c, next) => {
    c.set("startedAtMs", performance.now());
    const fault = coordinator.restFaults.find(({ pathEnd, count }) => count > 0 && c.req.path.endsWith(pathEnd));
    if (fault && c.req.method !== "OPTIONS") {
      fault.count -= 1;
      throw new ApiError(fault.status, fault.code, "a fault set by the test");
    }
    await next();
  });
  // Hono answers HEAD from the GET route.
  app.get("/hint", (c) => c.body("", 200, { "x-amz-cf-pop": pointOfPresence }));
  const video = new Hono<RestEnv>()
    // Telemetry of the browser SDK; its first ones carry no token.
    .post("/call_client_event", (c) => answer(c, {}))
    .use(authenticate(coordinator))
    .route("/", callTypeRoutes(coordinator))
    .route("/", callRoutes(coordinator))
    .route("/", moderationRoutes(coordinator));
  app.route("/video", video);
  app.route("/api/v2/video", video);
  const common = new Hono<RestEnv>()
    .use(authenticate(coordinator))
    .route("/", userRoutes(coordinator))
    .route("/", appRoutes(coordinator));
  app.route("/api/v2", common);
  app.onError((thrown, c) => {
    const error = asApiError(thrown);
    coordinator.log.record("stream", "rest.refused", {
      method: c.req.method,
      path: c.req.path,
      status: error.status,
      code: error.apiCode,
      message: error.message,
    });
    return c.json(error.body(performance.now() - c.get("startedAtMs")), error.status as 400);
  });
  app.notFound((c) => {
    coordinator.log.record("stream", "rest.unknown", { method: c.req.method, path: c.req.path });
    return c.json(notFound(`the local cloud has no ${c.req.method} ${c.req.path}`).body(), 404);
  });
  return app;
};
