import { notFound } from "./api-error.ts";
import { capabilitiesOfRole } from "./capabilities.ts";
import type { Json } from "./fields.ts";

const names = ["default", "development", "audio_room", "livestream"] as const;
const roles = ["user", "admin", "host", "speaker", "call_member", "guest"] as const;

const newType = (type: string): Map<string, string[]> =>
  new Map(roles.map((role) => [role, capabilitiesOfRole(type, role)]));

/** The app's call types and what each role may do there. They are told; what is changed here is not enforced in calls. */
export class CallTypes {
  readonly #grants = new Map<string, Map<string, string[]>>(names.map((name) => [name, newType(name)]));

  /** Throws the 404 of Stream. */
  grantsOf(type: string, role: string): string[] {
    const grants = this.#grants.get(type)?.get(role);
    if (!grants) throw notFound(`the call type ${type} has no role ${role}`);
    return grants;
  }

  setGrants(type: string, role: string, grants: string[]): void {
    const known = this.#grants.get(type) ?? newType(type);
    this.#grants.set(type, known.set(role, grants));
  }

  remove(type: string): void {
    this.#grants.delete(type);
  }

  /** `call_types` of GET /video/calltypes. */
  response(): Json {
    const at = new Date(0).toISOString();
    return Object.fromEntries(
      [...this.#grants].map(([name, grants]) => [
        name,
        {
          name,
          grants: Object.fromEntries(grants),
          settings: {},
          notification_settings: {},
          created_at: at,
          updated_at: at,
        },
      ]),
    );
  }
}
