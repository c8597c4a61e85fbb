import { randomUUID } from "node:crypto";
import { accountId } from "./arns.ts";

const escapes: Readonly<Record<string, string>> = { "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;" };

/** Text as it stands in XML. */
export const xmlOf = (text: string): string => text.replace(/[<>&"]/g, (character) => escapes[character] ?? character);

const xmlResponse = (status: number, body: string): Response =>
  new Response(`<?xml version="1.0" encoding="UTF-8"?>\n${body}`, {
    status,
    headers: { "content-type": "text/xml", "x-amzn-requestid": randomUUID() },
  });

/** STS as SDKs speak to it: a form in, XML out. Everybody may ask who they are. */
export const answerSts = (form: string, accessKeyId: string): Response => {
  const action = new URLSearchParams(form).get("Action") ?? "";
  const namespace = `xmlns="https://sts.amazonaws.com/doc/2011-06-15/"`;
  const metadata = `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>`;
  if (action !== "GetCallerIdentity") {
    const error = `<Type>Sender</Type><Code>InvalidAction</Code><Message>The local cloud has no action ${xmlOf(action)}</Message>`;
    return xmlResponse(400, `<ErrorResponse ${namespace}><Error>${error}</Error></ErrorResponse>`);
  }
  const user = xmlOf(accessKeyId || "nobody");
  const result = `<Arn>arn:aws:iam::${accountId}:user/${user}</Arn><UserId>${user}</UserId><Account>${accountId}</Account>`;
  return xmlResponse(
    200,
    `<GetCallerIdentityResponse ${namespace}><GetCallerIdentityResult>${result}</GetCallerIdentityResult>${metadata}</GetCallerIdentityResponse>`,
  );
};
