import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const texts = [
  "README.md",
  ...readdirSync(path.join(root, "docs")).map((name) => `docs/${name}`),
  "test/cloud/README.md",
].filter((name) => name.endsWith(".md"));

/** As GitHub makes the anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

const withoutCode = (markdown: string): string => markdown.replaceAll(/^```[\s\S]*?^```/gm, "");

const headingsOf = (file: string): string[] =>
  [...withoutCode(readFileSync(file, "utf8")).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading));

const isBroken = (text: string, link: string): boolean => {
  const [file = "", anchor] = link.split("#");
  const target = file === "" ? path.join(root, text) : path.resolve(root, path.dirname(text), decodeURI(file));
  if (!existsSync(target)) return true;
  return anchor !== undefined && target.endsWith(".md") && !headingsOf(target).includes(anchor);
};

test.each(texts)("every link of %s leads somewhere", (text) => {
  const links = [...withoutCode(readFileSync(path.join(root, text), "utf8")).matchAll(/\]\(([^)\s]+)\)/g)].map(
    ([, link = ""]) => link,
  );
  expect(links.filter((link) => !/^[a-z]+:/.test(link) && isBroken(text, link))).toEqual([]);
});
