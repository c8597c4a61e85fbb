import { inputError } from "./api-error.ts";
import { isJson, type Json } from "./fields.ts";

const at = (item: Json, path: string): unknown =>
  path.split(".").reduce<unknown>((value, key) => (isJson(value) ? value[key] : undefined), item);

const compare = (left: unknown, right: unknown): number => {
  const a = typeof left === "number" ? left : String(left ?? "");
  const b = typeof right === "number" ? right : String(right ?? "");
  return a < b ? -1 : a > b ? 1 : 0;
};

const operators: Record<string, (value: unknown, wanted: unknown) => boolean> = {
  $eq: (value, wanted) => (Array.isArray(value) ? value.includes(wanted) : value === wanted),
  $ne: (value, wanted) => value !== wanted,
  $in: (value, wanted) => Array.isArray(wanted) && [value].flat().some((one) => wanted.includes(one)),
  $nin: (value, wanted) => Array.isArray(wanted) && !wanted.includes(value),
  $exists: (value, wanted) => (value !== undefined && value !== null) === Boolean(wanted),
  $gt: (value, wanted) => compare(value, wanted) > 0,
  $gte: (value, wanted) => compare(value, wanted) >= 0,
  $lt: (value, wanted) => compare(value, wanted) < 0,
  $lte: (value, wanted) => compare(value, wanted) <= 0,
  $contains: (value, wanted) => Array.isArray(value) && value.includes(wanted),
  $autocomplete: (value, wanted) =>
    String(value ?? "")
      .toLowerCase()
      .startsWith(String(wanted).toLowerCase()),
};

const holds = (value: unknown, condition: unknown): boolean => {
  if (!isJson(condition)) return operators.$eq?.(value, condition) ?? false;
  return Object.entries(condition).every(([name, wanted]) => {
    const operator = operators[name];
    if (!operator) throw inputError(`filter operator ${name} is not supported by the local cloud`);
    return operator(value, wanted);
  });
};

/**
 * Stream's filter language over one item: `{ field: value | { $op: value } }`, `$and`, `$or`; custom fields by name
 * or as `custom.x`.
 */
export const matchesFilter = (item: Json, filter: Json): boolean =>
  Object.entries(filter).every(([name, condition]) => {
    if (name === "$and" || name === "$or") {
      const parts = (Array.isArray(condition) ? condition : []).filter(isJson);
      return name === "$and"
        ? parts.every((part) => matchesFilter(item, part))
        : parts.some((part) => matchesFilter(item, part));
    }
    return holds(at(item, name) ?? (isJson(item.custom) ? at(item.custom, name) : undefined), condition);
  });

/** Sorts by Stream's `[{ field, direction: 1 | -1 }]`. */
export const sortBy = <T extends Json>(items: readonly T[], sort: unknown): T[] => {
  const keys = (Array.isArray(sort) ? sort : []).filter(isJson);
  return [...items].sort((a, b) => {
    for (const { field, direction } of keys) {
      const order = compare(at(a, String(field)), at(b, String(field))) * (direction === -1 ? -1 : 1);
      if (order !== 0) return order;
    }
    return 0;
  });
};
